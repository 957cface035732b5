//! `hasp-exec`: run one granted command with its secrets.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    hasp_core::tool::main::<hasp_exec::cli::Cli>()
}
