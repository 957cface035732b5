//! hasp-target: the named workflows of a project's `hasp.toml`.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    hasp_core::tool::main::<hasp_target::cli::Cli>()
}
