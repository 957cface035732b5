//! Real process trees: who is admitted from where. The probe is this test program itself, run by
//! name inside the trees.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use hasp_consumer::{Caller, Consumer};
use hasp_core::Home;
use hasp_core::output::write_all;
use serde_json::Value;

/// The probe: with `PROBE_WORD`, writes what the word means there; with `PROBE_CLAIM`, whether that
/// consumer admits it.
#[test]
#[ignore = "run by the other tests inside their process trees"]
fn probe() {
    let Some(out) = std::env::var_os("PROBE_OUT").map(PathBuf::from) else { return };
    let caller = Caller::current().unwrap();
    let answer = match std::env::var("PROBE_WORD") {
        Ok(word) => {
            let (consumer, _) =
                Consumer::resolve(&word, &Home::at("/nonexistent"), &caller).unwrap();
            serde_json::to_string(&consumer).unwrap()
        }
        Err(_) => {
            let claim = fs::read(std::env::var_os("PROBE_CLAIM").unwrap()).unwrap();
            let consumer: Consumer = serde_json::from_slice(&claim).unwrap();
            consumer.admits(&caller).map_or_else(|e| e.to_string(), |()| "admitted".to_owned())
        }
    };
    let temp = out.with_extension("part");
    fs::write(&temp, answer).unwrap();
    fs::rename(&temp, &out).unwrap();
}

/// A directory in which a shell script runs probes: `probe NAME` asks about the claim and writes
/// NAME, `means WORD` makes the claim, `ended PID` waits for the end of a process.
struct Tree {
    dir: tempfile::TempDir,
    children: Vec<Child>,
}

impl Tree {
    fn new() -> Tree {
        let tree = Tree { dir: tempfile::tempdir().unwrap(), children: Vec::new() };
        let own = std::env::current_exe().unwrap();
        let run = format!("'{}' --ignored --exact probe >/dev/null 2>&1", own.display());
        let dir = tree.dir.path().display().to_string();
        tree.tool(
            "probe",
            &format!("PROBE_CLAIM='{dir}/claim' PROBE_OUT=\"{dir}/$1\" {run}; true"),
        );
        // Waited for by its parent or not.
        tree.tool(
            "ended",
            "while grep -q '^State:.[^ZX]' /proc/$1/status 2>/dev/null; do sleep 0.02; done",
        );
        tree.tool("means", &format!("PROBE_WORD=\"$1\" PROBE_OUT='{dir}/claim' {run}; true"));
        tree
    }

    /// A script on the tree's PATH. Not exec'ed last, so that the script's shell is a hop of its
    /// own.
    fn tool(&self, name: &str, text: &str) {
        use std::os::unix::fs::PermissionsExt;
        let (path, draft) = (self.path(name), self.path("draft"));
        fs::write(&draft, format!("#!/bin/sh\n{text}\n")).unwrap();
        copy(&draft, &path);
        fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Starts a program in the tree, a shell script as its last word.
    fn start(&mut self, words: &[&str]) {
        let path = format!("{}:{}", self.dir.path().display(), std::env::var("PATH").unwrap());
        let child = Command::new(words[0])
            .args(&words[1..])
            .env("PATH", path)
            .env("D", self.dir.path())
            .stdin(Stdio::null())
            .spawn();
        self.children.push(child.unwrap());
    }

    /// What a probe wrote, as soon as it has.
    fn answer(&self, name: &str) -> String {
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            match fs::read_to_string(self.path(name)) {
                Ok(text) => return text,
                Err(_) => assert!(Instant::now() < until, "no answer from {name}"),
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        fs::write(self.path("end"), "").unwrap();
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Copies a program by another process: a descriptor open for writing here would be inherited by a
/// child that another test thread forks meanwhile, and the copy could not be executed (ETXTBSY).
fn copy(from: impl AsRef<Path>, to: &Path) {
    assert!(Command::new("cp").arg(from.as_ref()).arg(to).status().unwrap().success());
}

fn skip(why: &str) {
    let _ = write_all(rustix::stdio::stderr(), format!("skipped: {why}\n").as_bytes());
}

fn root() -> bool {
    rustix::process::geteuid().is_root()
}

fn whoami(words: &[&str]) -> Value {
    let tool = assert_cmd::cargo::cargo_bin("hasp-consumer");
    let words: Vec<&str> =
        words.iter().map(|w| if *w == "TOOL" { tool.to_str().unwrap() } else { w }).collect();
    let output = Command::new(words[0])
        .args(&words[1..])
        .env("TOOL", &tool)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
}

#[test]
fn a_session_is_its_members_and_what_descends_from_its_leader() {
    let mut tree = Tree::new();
    tree.start(&[
        "setsid",
        "sh",
        "-c",
        "means session; probe child; sh -c 'probe grandchild; true'; setsid -w probe apart
        sh -c \"sh -c 'ended \\$0; probe orphan; true' \\$\\$ &\"
        sh -c \"setsid sh -c 'ended \\$0; probe daemon; true' \\$\\$ &\"
        (sh -c 'while test -d $D && ! test -e $D/gone; do sleep 0.05; done; probe late; true' &)
        while test -d $D && ! test -e $D/go; do sleep 0.05; done",
    ]);
    let claim = tree.answer("claim");
    assert!(claim.starts_with("{\"kind\":\"session\""));
    for member in ["child", "grandchild", "apart", "orphan"] {
        assert_eq!(tree.answer(member), "admitted", "{member}");
    }
    assert!(tree.answer("daemon").contains("[other-session]"));
    tree.start(&["sh", "-c", "probe outside; true"]);
    assert!(tree.answer("outside").contains("[other-session]"));
    tree.start(&["setsid", "sh", "-c", "probe another; true"]);
    assert!(tree.answer("another").contains("[other-session]"));
    fs::write(tree.path("go"), "").unwrap();
    tree.children[0].wait().unwrap();
    fs::write(tree.path("gone"), "").unwrap();
    assert!(tree.answer("late").contains("has ended [other-session]"));
}

#[test]
fn a_process_is_itself_and_its_descendants() {
    let mut tree = Tree::new();
    tree.start(&[
        "sh",
        "-c",
        "means pid:$$; probe child; setsid -w sh -c 'probe apart; true'; sh -c \
         \"sh -c 'ended \\$0; probe orphan; true' \\$\\$ &\"; sleep 30; true",
    ]);
    for member in ["child", "apart"] {
        assert_eq!(tree.answer(member), "admitted", "{member}");
    }
    // Left by its parent, it descends from the first process only.
    assert!(tree.answer("orphan").contains("[other-process]"));
    tree.start(&["sh", "-c", "probe sibling; true"]);
    assert!(tree.answer("sibling").contains("[other-process]"));
    tree.children[0].kill().unwrap();
    tree.children[0].wait().unwrap();
    tree.start(&["sh", "-c", "probe late; true"]);
    assert!(tree.answer("late").contains("has ended [other-process]"));
}

#[test]
fn a_name_in_stat_forges_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let spoof = dir.path().join("x) R 1 1 1");
    copy("/bin/sh", &spoof);
    let seen = whoami(&[spoof.to_str().unwrap(), "-c", "$TOOL whoami --json; true"]);
    let first = &seen["chain"][0];
    assert_eq!(first["comm"], "x) R 1 1 1");
    assert_eq!(first["ppid"], std::process::id());
    assert_eq!(seen["chain"][1]["pid"], std::process::id());
}

#[test]
fn a_program_is_known_by_the_file_that_runs() {
    let mut tree = Tree::new();
    let agent = tree.path("agent");
    copy("/bin/sh", &agent);
    let agent = agent.canonicalize().unwrap();
    let claim = Consumer::Exe { path: agent.clone() };
    fs::write(tree.path("claim"), serde_json::to_string(&claim).unwrap()).unwrap();
    tree.start(&[
        agent.to_str().unwrap(),
        "-c",
        "probe inside; setsid -w probe apart; while test -d $D && ! test -e $D/go; do sleep 0.05; \
         done; probe replaced; true",
    ]);
    assert_eq!(
        (tree.answer("inside"), tree.answer("apart")),
        ("admitted".into(), "admitted".into())
    );
    tree.start(&["sh", "-c", "probe outside; true"]);
    assert!(tree.answer("outside").contains("[other-program]"));
    fs::remove_file(&agent).unwrap();
    copy("/bin/sh", &agent);
    fs::write(tree.path("go"), "").unwrap();
    assert!(tree.answer("replaced").contains("[other-program]"));
}

#[test]
fn a_reused_pid_is_another_process() {
    if !root() || !Path::new("/proc/sys/kernel/ns_last_pid").exists() {
        return skip("reusing a pid on purpose needs root and ns_last_pid");
    }
    let mut tree = Tree::new();
    tree.start(&[
        "unshare",
        "--pid",
        "--fork",
        "--mount-proc",
        "sh",
        "-c",
        "
        sleep 60 & old=$!
        means pid:$old
        kill $old; wait $old
        # Longer than a tick of the clock by which starts are told apart.
        sleep 0.1
        for try in 1 2 3 4 5 6 7 8 9; do
            echo $((old - 1)) > /proc/sys/kernel/ns_last_pid
            sh -c 'test $$ = $0 && probe reused; true' $old
            test -e $D/reused && exit
        done",
    ]);
    let claim: Value = serde_json::from_str(&tree.answer("claim")).unwrap();
    assert!(claim["process"]["start"].as_u64().unwrap() > 0);
    assert!(tree.answer("reused").contains("[other-process]"));
}

#[test]
fn a_container_has_no_session_to_name() {
    if !root() {
        return skip("a pid namespace needs root");
    }
    let alone = whoami(&["unshare", "--pid", "--fork", "--mount-proc", "TOOL", "whoami", "--json"]);
    assert_eq!(
        (&alone["consumer"], &alone["once"]["process"]["pid"]),
        (&Value::Null, &Value::from(1))
    );
    let shell = whoami(&[
        "unshare",
        "--pid",
        "--fork",
        "--mount-proc",
        "sh",
        "-c",
        "$TOOL whoami --json; true",
    ]);
    assert_eq!(
        (&shell["consumer"], &shell["once"]["process"]["pid"]),
        (&Value::Null, &Value::from(1))
    );
    assert!(shell["warnings"][0].as_str().unwrap().contains("cannot be seen from here"));
    assert!(shell["warnings"][1].as_str().unwrap().contains("ancestor of everything"));
    let inside = whoami(&[
        "unshare",
        "--pid",
        "--fork",
        "--mount-proc",
        "setsid",
        "-w",
        "sh",
        "-c",
        "$TOOL whoami --json; true",
    ]);
    assert_eq!(inside["consumer"]["kind"], "session");
}

#[test]
fn a_proc_of_another_namespace_recognises_nobody() {
    if !root() {
        return skip("a pid namespace needs root");
    }
    let tool = assert_cmd::cargo::cargo_bin("hasp-consumer");
    let output =
        Command::new("unshare").args(["--pid", "--fork"]).arg(tool).arg("whoami").output().unwrap();
    assert_eq!(output.status.code(), Some(77));
    assert!(String::from_utf8(output.stderr).unwrap().contains("[no-proc]"));
}

#[test]
fn a_claim_of_another_namespace_is_denied() {
    if !root() {
        return skip("a pid namespace needs root");
    }
    let mut tree = Tree::new();
    tree.start(&[
        "unshare",
        "--pid",
        "--fork",
        "--mount-proc",
        "setsid",
        "-w",
        "sh",
        "-c",
        "means session; probe inside; sleep 30; true",
    ]);
    assert_eq!(tree.answer("inside"), "admitted");
    tree.start(&["sh", "-c", "probe outside; true"]);
    assert!(tree.answer("outside").contains("another pid namespace [other-session]"));
}

#[test]
fn another_user_sees_itself_and_no_program_of_root() {
    if !root() || Command::new("setpriv").arg("--version").output().is_err() {
        return skip("becoming another user needs root and setpriv");
    }
    let dir = tempfile::Builder::new().prefix("hasp-").tempdir_in("/tmp").unwrap();
    let tool = dir.path().join("hasp-consumer");
    copy(assert_cmd::cargo::cargo_bin("hasp-consumer"), &tool);
    fs::set_permissions(dir.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let tool = tool.to_str().unwrap();
    let script = format!("{tool} whoami --json; true");
    let seen = whoami(&[
        "setpriv",
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
        "setsid",
        "-w",
        "sh",
        "-c",
        &script,
    ]);
    assert_eq!(seen["consumer"]["kind"], "session");
    assert!(seen["chain"][0]["exe"].is_string());
    assert_eq!(seen["chain"].as_array().unwrap().last().unwrap()["exe"], Value::Null);
}

#[test]
fn without_a_leader_a_grant_to_keep_needs_a_word() {
    let mut tree = Tree::new();
    let tool = assert_cmd::cargo::cargo_bin("hasp-consumer");
    let script = format!(
        "(sh -c 'ended $0; {} whoami --json > $D/part; mv $D/part $D/seen; true' $$ &) ; true",
        tool.display()
    );
    tree.start(&["setsid", "sh", "-c", &script]);
    let seen: Value = serde_json::from_str(&tree.answer("seen")).unwrap();
    assert_eq!(seen["consumer"], Value::Null);
    assert_eq!(seen["once"]["kind"], "process");
    assert!(seen["warnings"][0].as_str().unwrap().contains("has ended"));
}
