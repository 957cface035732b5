//! The tool over the library; nothing but the frame that all tools share.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    hasp_core::tool::main::<hasp_audit::cli::Cli>()
}
