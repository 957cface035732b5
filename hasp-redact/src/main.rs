//! The binary of `hasp-redact`: everything is in the library.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    hasp_core::tool::main::<hasp_redact::Cli>()
}
