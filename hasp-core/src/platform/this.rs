//! Which system this is: the one place where one is chosen.

#[cfg(target_os = "macos")]
pub use super::darwin::*;
#[cfg(all(target_os = "linux", not(hasp_portable)))]
pub use super::linux::*;
#[cfg(all(target_os = "linux", hasp_portable))]
pub use super::portable::*;

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
compile_error!(
    "hasp knows Linux and macOS: another system needs a file beside platform/darwin that has \
     what platform/linux has"
);
