//! Who asks the vault, for the record: this process and its ancestors, as far as they can be seen.
//! A label and no barrier: what decides who may use a grant is `hasp-consumer`, above this crate.

use std::path::Path;

use hasp_core::platform;
use hasp_core::text::{printable, printable_path};
use serde_json::{Value, json};

/// How many processes go on record.
const RECORDED: usize = 8;

/// A list of `{pid, start, exe}`, the asking process first; `comm` stands beside a program that
/// calls itself otherwise.
pub fn asker() -> Value {
    let mut chain = Vec::new();
    let mut child = platform::process(std::process::id());
    while let Some(process) = child.filter(|_| chain.len() < RECORDED) {
        let exe = platform::program_name(process.pid);
        let comm = printable(&process.name);
        let file = exe.as_deref().and_then(Path::file_name).and_then(|name| name.to_str());
        let same = file.is_some_and(|file| file.starts_with(&comm));
        let mut entry = json!({
            "pid": process.pid, "start": process.start, "exe": exe.as_deref().map(printable_path),
        });
        if !same {
            entry["comm"] = comm.into();
        }
        chain.push(entry);
        // A pid may have been given away; nobody is younger than his child.
        let parent = platform::process(process.parent).filter(|_| process.parent > 0);
        child = parent.filter(|parent| parent.start <= process.start);
    }
    chain.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_asking_process_comes_first() {
        let chain = asker();
        assert_eq!(chain[0]["pid"], std::process::id());
        assert_eq!(chain[1]["pid"], std::os::unix::process::parent_id());
        assert!(chain[0]["exe"].is_string() && chain[0]["start"].is_u64(), "{chain}");
    }
}
