//! The binary of `hasp-proxy`: everything is in the library.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    hasp_core::tool::main::<hasp_proxy::Cli>()
}
