//! The manifest as strangers write it: what is taken, and everything that is refused, each with its
//! code, place and speed.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::time::{Duration, Instant};

use hasp_core::{Error, Kind, Result};
use hasp_target::{Channel, MAX_SIZE, Manifest, Target};
use proptest::prelude::*;

/// The example of CLI.md, with the references that its target uses.
const EXAMPLE: &str = r#"# what this project needs; holds no values, grants nothing
[project]
name = "api"

[refs]
"db/url"     = { about = "Postgres, app role", class = "high" }
"openai/key" = { about = "embeddings", required = false }
"gcp/sa" = {}
"db/password" = {}
"registry/token" = {}

[target.test]
about = "integration tests"
run   = ["pytest", "..."]                      # exact; a last "..." stands for further words
dir   = "apps/server"
env   = { DATABASE_URL = "db/url" }
file  = { GOOGLE_APPLICATION_CREDENTIALS = "gcp/sa" }
fd    = { PGPASS_FD = "db/password" }
stdin = "registry/token"
clean-env = true
pass-env  = ["PATH", "HOME", "TERM"]
keep-env = ["LD_LIBRARY_PATH"]
"#;

fn parse(text: impl AsRef<[u8]>) -> Result<Manifest> {
    Manifest::parse(text.as_ref(), Path::new("hasp.toml"))
}

fn refuse(text: impl AsRef<[u8]>) -> Error {
    let error = parse(text).unwrap_err();
    assert_eq!(error.kind(), Kind::Config, "{error}");
    error
}

fn target(rest: &str) -> Result<Target> {
    parse(format!("[refs]\n\"a/b\" = {{}}\n[target.t]\n{rest}\n"))
        .map(|m| m.target("t").unwrap().clone())
}

#[test]
fn the_documented_example_is_read() {
    let manifest = parse(EXAMPLE).unwrap();
    assert_eq!(manifest.project.as_deref(), Some("api"));
    assert_eq!(manifest.refs.len(), 5);
    let optional = &manifest.refs[&"openai/key".parse().unwrap()];
    assert_eq!((optional.about.as_deref(), optional.required), (Some("embeddings"), false));
    let test = manifest.target("test").unwrap();
    assert_eq!(test.run.as_ref().unwrap(), &["pytest", "..."]);
    assert_eq!(test.dir.as_deref(), Some(Path::new("apps/server")));
    let channels: Vec<Channel> = test.deliveries.iter().map(|d| d.channel).collect();
    assert_eq!(channels, [Channel::Env, Channel::File, Channel::Fd, Channel::Stdin]);
    assert_eq!(test.pass_env, ["HOME", "PATH", "TERM"]);
    assert_eq!(test.classes[&"db/url".parse().unwrap()], hasp_core::Class::High);
}

#[test]
fn an_error_has_file_line_column_caret_and_code() {
    let error = refuse("[refs]\n\"a/b\" = {}\n\n[target.test]\nevn = { A = \"a/b\" }\n");
    let expected = "hasp.toml:5:1: there is no key 'evn' in [target.test]\n  |\n5 | evn = { A = \
                    ... }\n  | ^^^ [manifest-unknown-key]";
    assert_eq!(error.to_string(), expected);
    assert_eq!(error.hints()[0], "did you mean 'env'?");
}

/// What is no manifest, by the code that it is refused with.
const NO_MANIFEST: &[(&str, &str)] = &[
    ("manifest-bom", "\u{feff}[refs]"),
    ("manifest-nul", "a = 1\0"),
    ("manifest-control", "# \x1b[2J"),
    ("manifest-control", "# \u{202e}"),
    ("manifest-control", "a\r= 1"),
    ("manifest-syntax", "[target."),
    ("manifest-syntax", "PASSWORD=hunter2"),
    ("manifest-duplicate", "[target.t]\n[target.t]\n"),
    ("manifest-unknown-key", "[targets.t]\n"),
    ("manifest-unknown-key", "[project]\nversion = 1\n"),
    ("manifest-unknown-key", "[refs]\na = { value = 'x' }\n"),
    ("manifest-type", "refs = 1"),
    ("manifest-type", "[refs]\na = 'x'\n"),
    ("manifest-bad-name", "[refs]\n\"../x\" = {}\n"),
    ("manifest-bad-name", "[target.\"a/b\"]\n"),
    ("manifest-bad-name", "[target.\"\"]\n"),
    ("manifest-bad-name", "[project]\nname = 'a b'\n"),
    ("manifest-bad-class", "[refs]\na = { class = 'hihg' }\n"),
    ("manifest-secret", "[refs]\n\"c2f1a09b3d4e5f60718293a4b5c6d7e8\" = {}\n"),
];

/// The same for what stands in a target.
const NO_TARGET: &[(&str, &str)] = &[
    ("manifest-control", "about = \"a\\u001b[2Jb\""),
    ("manifest-control", "about = \"a\\nb\""),
    ("manifest-control", "run = [\"sh\", \"-c\", \"\"\"\nx\n\"\"\"]"),
    ("manifest-duplicate", "about = 'x'\nabout = 'y'"),
    ("manifest-duplicate", "env = { A = 'a/b', A = 'a/b' }"),
    ("manifest-duplicate", "env = { A = 'a/b' }\nfile = { A = 'a/b' }"),
    ("manifest-unknown-key", "enviroment = {}"),
    ("manifest-type", "run = 'pytest'"),
    ("manifest-type", "run = [1]"),
    ("manifest-type", "clean-env = 'yes'"),
    ("manifest-type", "env = ['a/b']"),
    ("manifest-type", "stdin = ['a/b', 'a/b']"),
    ("manifest-bad-dir", "dir = '/etc'"),
    ("manifest-bad-dir", "dir = '..'"),
    ("manifest-bad-dir", "dir = 'a/../../b'"),
    ("manifest-bad-dir", "dir = ''"),
    ("manifest-bad-dir", "dir = '~/x'"),
    ("manifest-bad-run", "run = []"),
    ("manifest-bad-run", "run = ['']"),
    ("manifest-bad-run", "run = ['...']"),
    ("manifest-bad-run", "run = ['x', '...', 'y']"),
    ("manifest-bad-run", "run = ['x', '...', '...']"),
    ("manifest-bad-run", "run = ['../x']"),
    ("manifest-bad-reference", "env = { A = '../x' }"),
    ("manifest-bad-reference", "env = { A = '' }"),
    ("manifest-unlisted", "env = { A = 'c/d' }"),
    ("manifest-unlisted", "stdin = 'hunter2'"),
    ("bad-variable", "env = { LD_PRELOAD = 'a/b' }"),
    ("bad-variable", "file = { PATH = 'a/b' }"),
    ("bad-variable", "fd = { HASP_GRANT = 'a/b' }"),
    ("bad-variable", "env = { \"A=B\" = 'a/b' }"),
    ("bad-variable", "env = { \"\" = 'a/b' }"),
    ("bad-variable", "pass-env = ['LD_PRELOAD']"),
    ("bad-variable", "keep-env = ['TERM']"),
    ("bad-variable", "pass-env = ['PYTHONPATH']"),
    ("bad-variable", "env = { RUBYLIB = 'a/b' }"),
    ("bad-variable", "file = { EDITOR = 'a/b' }"),
    ("bad-variable", "fd = { Npm_Config_Cache = 'a/b' }"),
    ("bad-variable", "template = { GIT_CONFIG_GLOBAL = 't.in' }"),
    ("manifest-secret", "about = 'ghp_16C7e42F292c6912E7710c838347Ae178B4a'"),
    ("manifest-secret", "run = ['psql', 'postgres://app:hunter2@db/app']"),
    ("manifest-secret", "env = { A = 'sk-proj-a8Kd93jfLs02kfPq81mz' }"),
];

#[test]
fn everything_that_is_no_manifest_is_refused_with_its_code() {
    let in_target = |rest: &str| format!("[refs]\n\"a/b\" = {{}}\n[target.t]\n{rest}\n");
    let whole = NO_MANIFEST.iter().map(|(code, text)| (*code, (*text).to_owned()));
    let targets = NO_TARGET.iter().map(|(code, rest)| (*code, in_target(rest)));
    for (code, text) in whole.chain(targets) {
        let error = refuse(&text);
        assert_eq!(error.code().as_str(), code, "{text:?}");
        let shown = format!("{error} {:?}", error.hints());
        assert!(!shown.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
        assert!(
            code == "manifest-bom"
                || error.message().contains("hasp.toml:") && error.message().contains('^'),
            "{text:?}"
        );
    }
    assert_eq!(refuse(b"# \xff\n").code().as_str(), "manifest-utf8");
}

#[test]
fn a_value_in_the_wrong_place_is_never_shown() {
    let t = |rest: &str| format!("[refs]\n\"a/b\" = {{}}\n[target.t]\n{rest}\n");
    let cases = [
        "PASSWORD=hunter2".to_owned(),
        "hunter2".to_owned(),
        "password = \"hunter2\"".to_owned(),
        "\"a\" = \"hunter2\" \"hunter2\"".to_owned(),
        t("env = { A = \"hunter2\" }"),
        t("env = { A = \"hunter2!\" }"),
        t("run = [\"x\", \"--password=hunter2\"]"),
        t("about = \"postgres://a:hunter2@b/\""),
        t("value = { x = 'hunter2' }"),
        t("stdin = 'hunter2' # hunter2"),
        "[refs]\n\"a\" = { value = \"hunter2\" }\n".to_owned(),
        "[refs]\n\"a\" = \"hunter2\"\n".to_owned(),
        "[target.t]\nrun = \"\"\"\nhunter2\n\"\"\"\n".to_owned(),
    ];
    for text in cases {
        let error = refuse(&text);
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{}", error.code());
    }
}

#[test]
fn limits_hold_to_the_byte_and_in_time() {
    let padded = |size: usize| format!("#{}\n", "x".repeat(size - 2));
    parse(padded(MAX_SIZE)).unwrap();
    assert_eq!(refuse(padded(MAX_SIZE + 1)).code().as_str(), "manifest-too-large");
    let half = MAX_SIZE / 2;
    let bombs = [
        format!("a = {}", "[".repeat(MAX_SIZE - 10)),
        format!("a = {}{}", "[".repeat(half - 10), "]".repeat(half - 10)),
        format!("a = {}", "{a=".repeat(MAX_SIZE / 3 - 10)),
        format!("{}a = 1", "a.".repeat(half - 10)),
        format!("[{}a]", "a.".repeat(half - 10)),
        format!("[[{}a]]", "a.".repeat(half - 10)),
        (0..MAX_SIZE / 14).map(|i| format!("[a.b{i}.c]\n")).collect::<String>(),
        (0..MAX_SIZE / 12).map(|i| format!("a{i} = 1\n")).collect::<String>(),
        format!("[target.t]\nrun = [{}]", "'a',".repeat(MAX_SIZE / 4 - 10)),
        format!("[target.t]\nabout = '{}'", "a1".repeat(half - 20)),
    ];
    for bomb in bombs {
        let start = Instant::now();
        let _ = parse(&bomb);
        assert!(
            start.elapsed() < Duration::from_secs(1),
            "{}... took {:?}",
            &bomb[..20],
            start.elapsed()
        );
    }
    for deep in [
        format!("a = {}1{}", "[".repeat(500), "]".repeat(500)),
        format!("{}a = 1", "a.".repeat(500)),
    ] {
        assert_eq!(refuse(&deep).code().as_str(), "manifest-too-deep");
    }
}

#[test]
fn the_digest_changes_with_everything_that_matters_and_with_nothing_else() {
    let base = target("run = ['x']\nenv = { A = 'a/b' }").unwrap();
    let same = [
        "about = 'other'\nrun = ['x']\nenv = { A = 'a/b' }",
        "env.A = 'a/b'\nrun = [\n  'x', # c\n]",
        "run = ['x']\nenv = { A = 'a/b' }\nclean-env = false\npass-env = []",
    ];
    for text in same {
        assert_eq!(target(text).unwrap().digest(), base.digest(), "{text}");
    }
    let others = [
        "run = ['x', '...']\nenv = { A = 'a/b' }",
        "run = ['x', '']\nenv = { A = 'a/b' }",
        "env = { A = 'a/b' }",
        "run = ['x']\nenv = { B = 'a/b' }",
        "run = ['x']\nfile = { A = 'a/b' }",
        "run = ['x']\nenv = { A = 'a/b' }\nstdin = 'a/b'",
        "run = ['x']\nenv = { A = 'a/b' }\ndir = 'd'",
        "run = ['x']\nenv = { A = 'a/b' }\nclean-env = true",
        "run = ['x']\nenv = { A = 'a/b' }\npass-env = ['HOME']",
        "run = ['x']\nenv = { A = 'a/b' }\nkeep-env = ['LD_PRELOAD']",
        "run = ['x']\nenv = { A = 'a/b' }\nno-new-privs = true",
    ];
    let mut digests: Vec<String> = others.iter().map(|t| target(t).unwrap().digest()).collect();
    digests.push(base.digest());
    let classed =
        parse("[refs]\n\"a/b\" = { class = 'high' }\n[target.t]\nrun = ['x']\nenv = { A = 'a/b' }")
            .unwrap();
    digests.push(classed.target("t").unwrap().digest());
    let count = digests.len();
    digests.sort();
    digests.dedup();
    assert_eq!(digests.len(), count);
}

#[test]
fn the_canonical_text_is_fixed() {
    let found = target("run = ['pytest', '...']\nenv = { A = 'a/b' }\ndir = './d/'").unwrap();
    let expected = concat!(
        r#"{"name":"t","run":["pytest","..."],"dir":"d","#,
        r#""deliveries":[{"channel":"env","variable":"A","reference":"a/b"}],"#,
        r#""clean_env":false,"pass_env":[],"keep_env":[],"no_new_privs":false,"classes":{}}"#
    );
    assert_eq!(found.canonical(), expected);
    assert_eq!(Target::from_canonical(expected).unwrap(), found);
    assert_eq!(found.digest(), "b74c1c83ba9e6c079a27aec9960991c31bfc9eb6bc1687ca9ca528de5b94d4aa");
}

#[test]
fn an_unknown_target_is_missing_with_a_suggestion() {
    let manifest = parse("[target.test]\n[target.deploy]\n").unwrap();
    let error = manifest.target("tset").unwrap_err();
    assert_eq!(error.to_string(), "target 'tset' is not in hasp.toml [target-unknown]");
    assert_eq!((error.kind().status(), error.hints()[0].as_str()), (66, "did you mean 'test'?"));
    assert!(manifest.target("\x1b[2Jx").unwrap_err().hints()[0].contains("hasp-target list"));
}

#[test]
fn files_are_read_with_care() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("hasp.toml");
    let code = |path: &Path| Manifest::load(path).unwrap_err().code().as_str();
    assert_eq!(code(&path), "no-manifest");
    std::fs::write(&path, "[target.t]\ndir = 'sub/dir'\n").unwrap();
    let manifest = Manifest::load(&path).unwrap();
    assert_eq!(
        manifest.targets["t"].resolve_dir(dir.path()).unwrap_err().code().as_str(),
        "no-dir"
    );
    std::fs::create_dir_all(dir.path().join("real/dir")).unwrap();
    std::os::unix::fs::symlink("real", dir.path().join("sub")).unwrap();
    assert_eq!(code(&path), "manifest-bad-dir");
    std::fs::remove_file(dir.path().join("sub")).unwrap();
    std::fs::rename(dir.path().join("real"), dir.path().join("sub")).unwrap();
    assert_eq!(
        Manifest::load(&path).unwrap().targets["t"].resolve_dir(dir.path()).unwrap(),
        dir.path().join("sub/dir")
    );
    let link = dir.path().join("link.toml");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    assert_eq!(code(&link), "manifest-symlink");
    assert_eq!(code(dir.path()), "manifest-not-a-file");
    std::fs::write(&path, vec![b'#'; 100 << 20]).unwrap();
    let start = Instant::now();
    assert_eq!(code(&path), "manifest-too-large");
    assert!(start.elapsed() < Duration::from_secs(1));
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>) {
        let _ = parse(&bytes);
    }

    #[test]
    fn any_text_like_a_manifest_is_read_without_a_panic(
        text in "(\\[(target|refs|project)(\\.[a-z\"/]{1,4})?\\]\n|[a-z\"-]{1,9} ?= \
                 ?(['\"{\\[][a-zA-Z0-9/=, .'\"]{0,12}[\\]}'\"]?|true|1)\n){0,12}"
    ) {
        if let Err(error) = parse(&text) {
            prop_assert_eq!(error.kind(), Kind::Config);
        }
    }

    #[test]
    fn one_changed_byte_of_a_good_manifest_is_read_without_a_panic(
        at in 0..EXAMPLE.len(),
        byte: u8
    ) {
        let mut bytes = EXAMPLE.as_bytes().to_vec();
        bytes[at] = byte;
        let _ = parse(&bytes);
    }
}
