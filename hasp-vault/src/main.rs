//! hasp-vault(1): a thin frame over the library.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    hasp_core::tool::main::<hasp_vault::Cli>()
}
