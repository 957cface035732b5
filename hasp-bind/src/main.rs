//! hasp-bind: consent to what a project asks for.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    hasp_core::tool::main::<hasp_bind::cli::Cli>()
}
