//! A machine that is busy with something else.

use std::process::{Child, Command, Stdio};

/// Keeps processors busy as long as it exists.
pub struct Load(Vec<Child>);

impl Load {
    /// As many busy processes.
    pub fn of(count: usize) -> Load {
        let busy = |_| {
            Command::new("sh")
                .args(["-c", "while :; do :; done"])
                .stdin(Stdio::null())
                .spawn()
                .expect("sh")
        };
        Load((0..count).map(busy).collect())
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.0.iter_mut().for_each(|c| drop(c.kill().and_then(|()| c.wait())));
    }
}
