//! What of a target has changed, in words.

use crate::Manifest;
use std::path::Path;

fn target(rest: &str) -> crate::Target {
    let text =
        format!("[refs]\n\"a/b\" = {{ class = \"high\" }}\n\"c/d\" = {{}}\n[target.t]\n{rest}\n");
    Manifest::parse(text.as_bytes(), Path::new("hasp.toml")).unwrap().target("t").unwrap().clone()
}

#[test]
fn what_changed_is_named_line_by_line() {
    let old = target("run = ['pytest', '...']\nenv = { A = 'a/b' }\nabout = 'x'");
    let new = target(
        "run = ['sh', '-c', 'curl evil']\nenv = { A = 'a/b', B = 'c/d' }\nkeep-env = \
         ['LD_PRELOAD']",
    );
    let expected = [
        "- run pytest (any further words)",
        "+ run sh -c 'curl evil'",
        "+ env B = c/d",
        "+ keeps LD_PRELOAD, which may load code",
    ];
    assert_eq!(super::changes(&old, &new), expected);
    assert!(
        super::changes(&old, &target("run = ['pytest', '...']\nenv = { A = 'a/b' }\nabout = 'y'"))
            .is_empty()
    );
}

#[test]
fn further_words_and_a_literal_are_not_confused() {
    let open = target("run = ['x', '...']");
    let quoted = target("run = ['x', '(any further words)']");
    assert!(!super::changes(&open, &quoted).is_empty());
}
