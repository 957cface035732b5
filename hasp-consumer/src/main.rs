//! hasp-consumer: who asks, and how that is recognised.
#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    hasp_core::tool::main::<hasp_consumer::cli::Cli>()
}
