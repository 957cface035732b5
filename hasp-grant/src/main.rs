//! `hasp-grant`: mint, list and revoke permissions.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    hasp_core::tool::main::<hasp_grant::cli::Cli>()
}
