//! What is suggested covers what ran and no more, and reads back.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use hasp_target::Channel;

use super::*;

fn name(text: &str) -> SecretName {
    text.parse().unwrap()
}

fn run(target: Option<&str>, words: &[&str], reference: &str) -> Run {
    let name = name(reference);
    let delivery =
        Delivery { channel: Channel::Env, variable: Some("V".to_owned()), reference: name.clone() };
    Run {
        target: target.map(str::to_owned),
        argv: words.iter().map(ToString::to_string).collect(),
        whole: true,
        deliveries: [delivery].into(),
        secrets: [(name.clone(), name)].into(),
        ..Run::default()
    }
}

/// The suggested manifest, read back.
fn read(runs: &[Run], old: Option<&Manifest>) -> (String, Manifest) {
    let root = Path::new("/p");
    let text = text::manifest(&suggested(runs, old), &used_secrets(runs), (root, old)).unwrap();
    let manifest = Manifest::parse(text.as_bytes(), &root.join("hasp.toml")).unwrap();
    (text, manifest)
}

fn words(manifest: &Manifest, target: &str) -> Vec<String> {
    manifest.targets[target].run.clone().unwrap()
}

#[test]
fn a_command_is_itself_and_many_of_one_program_share_a_beginning() {
    let same =
        [run(None, &["./migrate", "up"], "db/url"), run(None, &["./migrate", "up"], "db/url")];
    let (text, found) = read(&same, None);
    assert_eq!(words(&found, "migrate"), ["./migrate", "up"]);
    assert!(text.contains("# ran 2 times"), "{text}");
    let two = [run(None, &["a", "x"], "s"), run(None, &["a", "y"], "s")];
    let (_, found) = read(&two, None);
    assert_eq!(
        (words(&found, "a"), words(&found, "a-2")),
        (vec!["a".into(), "x".into()], vec!["a".into(), "y".into()])
    );
    let many: Vec<Run> =
        ["1", "2", "3", "4"].iter().map(|n| run(None, &["a", "go", n], "s")).collect();
    let (_, found) = read(&many, None);
    assert_eq!(found.targets.len(), 1);
    assert_eq!(words(&found, "a"), ["a", "go", "..."]);
    // Other values, another target.
    let apart = [run(None, &["a", "x"], "s"), run(None, &["a", "x"], "t")];
    assert_eq!(read(&apart, None).1.targets.len(), 2);
}

#[test]
fn a_target_keeps_its_name_and_loses_what_was_not_used() {
    let old = br#"[project]
name = "api"
[refs]
db = { class = "high", about = "x" }
key = {}
[target.test]
about = "tests"
run = ["pytest", "..."]
dir = "sub"
clean-env = true
pass-env = ["HOME"]
env = { V = "db", K = "key" }
[target.idle]
run = ["true"]
"#;
    let old = Manifest::parse(old, Path::new("/p/hasp.toml")).unwrap();
    let runs = [run(Some("test"), &["pytest", "-q"], "db"), run(None, &["test"], "db")];
    let (text, found) = read(&runs, Some(&old));
    let test = &found.targets["test"];
    assert_eq!(test.run.as_deref().unwrap(), ["pytest", "-q"]);
    assert_eq!((test.deliveries.len(), test.clean_env, &test.dir), (1, true, &Some("sub".into())));
    assert_eq!(found.refs[&name("db")], old.refs[&name("db")]);
    assert!(!found.refs.contains_key(&name("key")) && found.project.as_deref() == Some("api"));
    assert!(text.contains("# its run was [\"pytest\", \"...\"]"), "{text}");
    assert!(text.contains("# key was not delivered"), "{text}");
    assert!(found.targets.contains_key("test-2"), "{text}");
    assert_eq!(unused_targets(&runs, &old), ["idle"]);
}

#[test]
fn what_cannot_be_told_or_written_is_said_in_a_comment() {
    let cut = Run { whole: false, ..run(None, &["curl", "-H"], "s") };
    let (text, found) = read(&[cut], None);
    assert_eq!(words(&found, "curl"), ["curl", "-H", "..."]);
    assert!(text.contains("does not hold all words"), "{text}");
    let odd = run(None, &["../up", "x\u{1b}[2J"], "s");
    let (text, found) = read(&[odd], None);
    assert!(found.targets.is_empty() && text.contains("# target up cannot be written: "), "{text}");
    assert!(!text.contains('\u{1b}'));
}
