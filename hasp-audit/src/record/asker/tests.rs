//! Askers: what they are called, and which of them says something.

use super::*;

fn asker<'a>(exe: &'a str, comm: &'a str) -> Asker<'a> {
    Asker { pid: Some(7), exe, comm }
}

#[test]
fn a_name_is_found_with_and_without_its_version() {
    let words = asker("/usr/bin/python3.11", "").words();
    assert_eq!(words, ["pid:7", "exe:/usr/bin/python3.11", "python3.11", "python3", "python"]);
    assert_eq!(asker("/opt/x/claude", "").words(), ["pid:7", "exe:/opt/x/claude", "claude"]);
    let script = asker("/usr/bin/node", "agent.js").words();
    assert_eq!(script, ["pid:7", "exe:/usr/bin/node", "node", "agent.js"]);
    assert_eq!(asker("/bin/7", "").words(), ["pid:7", "exe:/bin/7", "7"]);
    assert_eq!(asker("", "").words(), ["pid:7"]);
}

#[test]
fn shells_say_nothing() {
    for name in ["bash", "-bash", "zsh-5.9", "sh", "timeout", "hasp-exec", "systemd", "ksh93"] {
        assert!(!asker(&format!("/bin/{name}"), "").says(), "{name}");
    }
    for name in ["make", "python3.11", "claude", "shfmt", "7"] {
        assert!(asker(&format!("/bin/{name}"), "").says(), "{name}");
    }
    let gone = serde_json::json!({"pid": 7, "exe": "/usr/bin/make (deleted)"});
    assert_eq!(Asker::read(&gone).name(), "make");
}

#[test]
fn the_nearest_that_says_something_comes_first() {
    let chain = ["hasp-exec", "bash", "make", "sh", "claude"].map(|n| asker(n, ""));
    let names = |chain: &[Asker<'static>]| -> Vec<&str> {
        told(chain.iter().copied()).iter().map(|asker| asker.name()).collect()
    };
    assert_eq!(names(&chain), ["make", "claude"]);
    assert_eq!(names(&chain[..2]), ["bash"]);
    assert!(names(&chain[..1]).is_empty());
}
