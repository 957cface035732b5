//! The names of failures that hasp-exec alone has; those of finding, checking and opening a grant
//! come from the crates below.

hasp_core::codes! {
    CANNOT_EXECUTE = "cannot-execute", [NotExecutable], "the system cannot run the program";
    FD_SOURCE = "fd-source", [Usage], "a descriptor for the command is one that hasp-exec uses";
    MONITOR_LOST = "monitor-lost", [Io], "the process that leads the command's session was killed";
}
