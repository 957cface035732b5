//! Promise: the common contract of all tools: help, exit codes, closed descriptors, JSON, modes of
//! files, what a child inherits, and which crate may name which.
#![allow(clippy::unwrap_used)]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use hasp_tests::{
    API_KEY, DB_URL, MANIFEST, Needle, Outcome, World, command, is_root, say, tools, wait_until,
};

const TOOLS: [&str; 9] = [
    "hasp-vault",
    "hasp-bind",
    "hasp-target",
    "hasp-consumer",
    "hasp-grant",
    "hasp-exec",
    "hasp-audit",
    "hasp-redact",
    "hasp-proxy",
];

#[test]
fn help_and_version_of_every_tool() {
    let world = World::bare();
    for tool in TOOLS {
        let help = world.sh(&format!("{tool} --help"));
        assert!(
            help.ok().contains("Examples:") && help.stdout.contains("Usage:"),
            "{tool}: {}",
            help.stdout
        );
        assert!(help.stdout.contains("--quiet") && help.stdout.contains("--json"), "{tool}");
        assert!(world.sh(&format!("{tool} -h")).ok().contains("Usage:"), "{tool}");
        assert!(
            world.sh(&format!("{tool} --version")).ok().starts_with(&format!("{tool} ")),
            "{tool}"
        );
        assert!(world.sh(&format!("{tool} -V")).ok().starts_with(tool), "{tool}");
    }
}

#[test]
fn wrong_usage_is_64_and_125_for_hasp_exec() {
    let world = World::bare();
    for tool in TOOLS {
        let status = if tool == "hasp-exec" { 125 } else { 64 };
        world.sh(&format!("{tool} --no-such-option")).refused_with_hint(status, "usage");
        world.sh(&format!("{tool} --no-such-option=hunter2 2>&1 | grep hunter2; test $? = 1")).ok();
        let json = world.sh(&format!("{tool} --json --no-such-option"));
        assert_eq!(json.status, status, "{tool}");
        let object: serde_json::Value = serde_json::from_str(json.stderr.trim_end()).unwrap();
        let error = &object["error"];
        assert!(
            error["kind"].is_string() && error["code"] == "usage" && error["hints"].is_array(),
            "{tool}: {object}"
        );
        assert!(error["message"].is_string());
        let bare = world.sh(tool);
        bare.civil();
        assert_ne!(bare.status, 2, "clap's own status never shows: {tool}");
    }
    world.sh("hasp-grant -x --no-such-option").refused_with_hint(125, "usage");
}

#[test]
fn closed_descriptors_do_no_harm() {
    let world = World::with_project();
    let vault = |w: &World| {
        w.files(&w.home())
            .into_iter()
            .map(|p| (std::fs::read(&p).unwrap_or_default(), p))
            .collect::<Vec<_>>()
    };
    for line in [
        "hasp-vault list",
        "hasp-vault show api/key",
        "hasp-vault --help",
        "hasp-bind list",
        "hasp-target list",
        "hasp-target check",
        "hasp-consumer whoami",
        "hasp-consumer list",
        "hasp-grant list",
        "hasp-grant -t test",
        "hasp-grant -x -t test",
        "hasp-exec -t test",
        "hasp-audit",
        "hasp-audit verify",
        "hasp-redact --values - ",
        "hasp-vault reveal --force api/key",
        "hasp-vault set x",
    ] {
        for closed in ["<&-", ">&-", "2>&-", "<&- >&- 2>&-", ">/dev/full", ">/dev/full 2>/dev/full"]
        {
            let input = if closed.contains('<') { "" } else { "</dev/null" };
            let outcome = world.sh(&format!("{line} {input} {closed}"));
            outcome.civil();
            assert!(outcome.status < 128, "{line} {closed}: {}", outcome.status);
        }
        let piped = world.sh(&format!(
            "{line} </dev/null 2>/dev/null | head -c 1 >/dev/null; echo ${{PIPESTATUS[0]}}"
        ));
        assert!(
            !piped.stdout.contains("101") && !piped.stdout.contains("70"),
            "{line}: {}",
            piped.stdout
        );
    }
    let (values, files) =
        ([Needle::new("api/key", API_KEY), Needle::new("db/url", DB_URL)], vault(&world));
    for (content, path) in files {
        assert!(values.iter().all(|v| !v.is_in(&content)), "a value is in {}", path.display());
    }
    world.verify_record();
}

#[test]
fn modes_do_not_depend_on_the_umask() {
    let world = World::bare();
    world.script("w", "#!/bin/sh\numask\n");
    world
        .sh("umask 000; hasp-vault init -q --no-passphrase; printf 0123456789 | hasp-vault set -q \
             api/key; \
              hasp-bind -q add api/key; hasp-grant -q --keep --for 1h --consumer user -e \
              K=api/key -- ./w; \
              hasp-grant -q --consumer user -e K=api/key -o ../token -- ./w")
        .ok();
    let mut checked = 0;
    for root in [world.home(), world.runtime()] {
        let entries = world.sh(&format!("find {} -printf '%m %y %p\\n'", root.display())).stdout;
        for line in entries.lines() {
            let expected = if line.contains(" d ") { "700 " } else { "600 " };
            assert!(line.starts_with(expected), "{line}");
            checked += 1;
        }
    }
    assert!(checked > 20);
    assert_eq!(
        std::fs::metadata(world.beside("token")).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let masked = world.sh("umask 022; hasp-exec -g ../token; umask 077; hasp-exec -g kept");
    say(&format!("umask of the child: {}", masked.ok().replace('\n', " ")));
}

#[test]
fn what_makes_a_child_load_code_is_dropped() {
    let world = World::with_project();
    let line = "export LD_PRELOAD=/x LD_LIBRARY_PATH=/x DYLD_INSERT_LIBRARIES=/x BASH_ENV=/x \
                ENV=/x HASP_X=1 KEPT=yes; ls() { :; }; export -f ls; \
                hasp-grant -q -x -e K=api/key -- env";
    let shown = world.sh(line);
    let names: Vec<&str> =
        shown.ok().lines().filter_map(|l| l.split_once('=')).map(|(n, _)| n).collect();
    for name in [
        "LD_PRELOAD",
        "LD_LIBRARY_PATH",
        "DYLD_INSERT_LIBRARIES",
        "BASH_ENV",
        "ENV",
        "HASP_X",
        "HASP_GRANT",
        "BASH_FUNC_ls%%",
    ] {
        assert!(!names.contains(&name), "{name} reached the child");
    }
    for name in ["KEPT", "K", "PATH", "HASP_HOME", "HASP_RUNTIME"] {
        assert!(names.contains(&name), "{name} did not reach the child");
    }
    let source =
        world.sh("export T=$(hasp-grant -q -e K=api/key -- env); HASP_GRANT=env:T hasp-exec");
    assert!(!source.ok().contains("v4.public"), "the token's own variable is withheld");
    let clean = world.sh("A=1 hasp-grant -q -x --clean-env -e K=api/key -- /usr/bin/env");
    let names: Vec<&str> = clean.ok().lines().filter_map(|l| l.split('=').next()).collect();
    assert_eq!(names, ["HASP_HOME", "HASP_RUNTIME", "K"], "{}", clean.stdout);
}

#[test]
fn a_relative_path_is_not_searched() {
    let world = World::with_project();
    world.script("uname", "#!/bin/sh\necho planted\n");
    for path in [".:$PATH", ":$PATH", "$PATH:"] {
        let outcome = world.sh(&format!("PATH={path} hasp-grant -q -x -e K=api/key -- uname"));
        assert_eq!(outcome.ok(), "Linux\n", "{path}");
    }
    world
        .sh("PATH=.:$PATH; hash -p \"$(command -v hasp-grant)\" hasp-grant; mv uname only-here; \
              hasp-grant -e K=api/key -- only-here")
        .refused_with_hint(66, "program-missing");
}

#[test]
fn the_child_has_no_descriptor_that_is_not_its_own() {
    let world = World::with_project();
    let list = "/bin/ls /proc/self/fd";
    let plain =
        world.sh(&format!("exec 7</etc/passwd 8>../x; hasp-grant -q -x -e K=api/key -- {list}"));
    assert_eq!(plain.ok(), "0\n1\n2\n3\n", "0 to 2, and the directory that ls reads");
    let with_fd = world.sh(&format!("hasp-grant -q -x --fd K=api/key --file F=db/url -- {list}"));
    assert_eq!(with_fd.ok().lines().count(), 5, "one more, the delivery: {}", with_fd.stdout);
    let passed = world
        .sh("hasp-grant -q -e K=api/key -o ../t -- sh -c 'cat <&7'; exec 7<hasp.toml; hasp-exec \
             -g ../t --pass-fd 7");
    assert_eq!(passed.ok(), MANIFEST);
}

#[test]
fn ends_of_pipes() {
    let world = World::with_project();
    let endless = world
        .sh("hasp-grant -q -o ../t -e K=api/key -- yes; hasp-exec -g ../t | head -1; echo \
                  ${PIPESTATUS[0]}");
    assert_eq!(endless.ok(), "y\n141\n");
    assert!(!endless.stderr.contains("panicked"));
    let began = Instant::now();
    let closes = world
        .sh("hasp-grant -q -x -e K=api/key -- sh -c 'exec >&- 2>&-; sleep 1; exit 3'; s=$?; \
                  times; exit $s");
    assert_eq!(closes.status, 3);
    assert!(began.elapsed() < Duration::from_secs(5));
    let (minutes, seconds) = closes
        .stdout
        .lines()
        .nth(1)
        .unwrap()
        .split_whitespace()
        .next()
        .unwrap()
        .split_once('m')
        .unwrap();
    assert!(
        minutes == "0" && seconds.trim_end_matches('s').parse::<f64>().unwrap() < 1.0,
        "no spinning: {}",
        closes.stdout
    );
    let large = world.sh(
        "hasp-grant -q -x -e K=api/key -- sh -c 'head -c 30000000 /dev/zero; exit 5' | wc -c; \
         exit ${PIPESTATUS[0]}",
    );
    assert_eq!((large.status, large.stdout.trim()), (5, "30000000"));
}

#[test]
fn a_daemon_that_holds_the_output_does_not_hold_us() {
    let world = World::with_project();
    world
        .script("daemon", "#!/bin/sh\necho before\nsetsid sh -c 'sleep 20; echo late' &\nexit 4\n");
    let mut child = world
        .shell("hasp-grant -q -x -e K=api/key -- ./daemon")
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    let began = Instant::now();
    let mut status = None;
    wait_until(Duration::from_secs(10), || {
        status = child.try_wait().unwrap();
        status.is_some()
    });
    assert_eq!(status.and_then(|s| s.code()), Some(4));
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    let outcome = Outcome::of(child.wait_with_output().unwrap());
    assert_eq!(outcome.stdout, "before\n");
    let ends = world.events("exec.end");
    assert!(ends[0]["stragglers"].as_u64().is_some_and(|n| n > 0), "{}", ends[0]);
    world.sh("pkill -s $(pgrep -f 'sleep 20; echo late' | head -1) ; true").ok();
}

/// Runs a line as an unprivileged user without other groups.
fn as_user(world: &World, uid: u32, line: &str) -> Outcome {
    world.sh(&format!(
        "exec setpriv --reuid={uid} --regid={uid} --clear-groups bash -c '{line}\nexit $?'"
    ))
}

fn can_change_users() -> bool {
    let can = is_root()
        && World::bare().sh("setpriv --reuid=61235 --regid=61235 --clear-groups true").status == 0;
    if !can {
        say("skipped: changing users needs root");
    }
    can
}

#[test]
fn another_user_reads_nothing() {
    if !can_change_users() {
        return;
    }
    let world = World::with_project();
    world
        .sh("hasp-grant -q -t test --for 1h --keep --consumer user; hasp-grant -q -t test -o \
             ../token --consumer user")
        .ok();
    world.sh("chmod 755 .. . $HASP_RUNTIME/..; chmod 644 hasp.toml").ok();
    let reached = as_user(
        &world,
        61235,
        "find $HASP_HOME $HASP_RUNTIME ../token -type f -readable 2>/dev/null; cat hasp.toml \
         >/dev/null && echo project",
    );
    assert_eq!(reached.stdout, "project\n", "only the project can be read");
    for line in [
        "hasp-vault list",
        "hasp-vault reveal --force api/key",
        "hasp-grant -t test",
        "hasp-exec -t test",
        "hasp-exec -g ../token",
        "hasp-audit",
    ] {
        let outcome = as_user(&world, 61235, line);
        outcome.civil();
        assert!(
            outcome.status != 0 && !outcome.stdout.contains("api/key"),
            "{line}: {}",
            outcome.stdout
        );
        assert!(outcome.stderr.contains("hint: "), "{line}: {}", outcome.stderr);
    }
    assert_eq!(world.runs(), 0);
}

#[test]
fn a_running_broker_is_closed_to_its_own_user() {
    if !can_change_users() {
        return;
    }
    let world = World::with_project();
    world.script(
        "show",
        "#!/bin/sh\necho $PPID $$ >pid\nwhile [ ! -e stop ]; do sleep 0.05; done\n",
    );
    world.sh("mkdir -p -m 700 $HASP_RUNTIME; chown -R 61236:61236 .. $HASP_RUNTIME/..").ok();
    as_user(&world, 61236, "hasp-grant -q -t test --for 1h --keep --consumer user").ok();
    let line = "hasp-exec -t test & until [ -s pid ]; do sleep 0.02; done; read broker child <pid; \
                for p in $broker $child; do for f in environ mem maps fd/0 cwd/x exe; do (: \
                </proc/$p/$f) 2>/dev/null && echo $f; done; \
                grep \"Max core\" /proc/$p/limits; done; touch stop; wait";
    let outcome = as_user(&world, 61236, line);
    let lines: Vec<&str> = outcome.ok().lines().collect();
    // 1 is the one limit that a piped core_pattern obeys too; see core(5).
    let is_limit = |line: &&str| {
        line.starts_with("Max core file size") && line.split_whitespace().nth(4) == Some("1")
    };
    assert!(
        is_limit(&lines[0]),
        "of the broker nothing can be opened, and it dumps no core: {lines:?}"
    );
    assert!(
        lines.contains(&"environ") && lines.contains(&"mem"),
        "an ordinary process can be opened: {lines:?}"
    );
    assert!(lines.last().is_some_and(is_limit), "nor does the child dump core: {lines:?}");
}

#[test]
fn an_open_or_foreign_home_is_refused_with_what_mends_it() {
    let world = World::with_project();
    for (damage, path, mend) in [
        ("chmod 755 $HASP_HOME", world.home(), "chmod 700 $HASP_HOME"),
        (
            "chmod 644 $HASP_HOME/identity",
            world.home().join("identity"),
            "chmod 600 $HASP_HOME/identity",
        ),
        ("chmod 770 $HASP_RUNTIME", world.runtime(), "chmod 700 $HASP_RUNTIME"),
    ] {
        world.sh(damage).ok();
        let outcome = world.sh("hasp-grant -t test");
        outcome.refused_with_hint(77, "open-mode");
        assert!(outcome.stderr.contains(&format!("{}", path.display())), "{}", outcome.stderr);
        let hint = outcome
            .stderr
            .lines()
            .find_map(|l| l.split_once("hint: "))
            .map(|(_, h)| h.to_owned())
            .unwrap();
        world.sh(&hint).ok();
        world.sh("hasp-grant -t test").ok();
        world.sh(mend).ok();
    }
    world.sh("chmod o+w ..").ok();
    world.sh("hasp-grant -t test").refused_with_hint(77, "open-parent");
    world.sh("chmod o-w ..").ok();
    if is_root() {
        world.sh("chown 61237 $HASP_HOME").ok();
        world.sh("hasp-grant -t test").refused_with_hint(77, "foreign-owner");
    }
}

#[test]
fn json_is_one_object_a_line() {
    let world = World::with_project();
    world.sh("hasp-grant -q -t test --for 1h --keep --consumer user; hasp-exec -t test").ok();
    for line in [
        "hasp-vault list --json",
        "hasp-vault show --json api/key",
        "hasp-vault status --json",
        "hasp-bind list --json",
        "hasp-target list --json",
        "hasp-consumer whoami --json",
        "hasp-grant list --json",
        "hasp-audit --json",
        "hasp-audit verify --json",
        "hasp-exec -t test --explain --json",
        "hasp-vault --json list",
        "hasp-grant --json list",
    ] {
        let objects = world.sh(line).objects();
        assert!(!objects.is_empty(), "{line}");
        if !line.starts_with("hasp-audit --json") {
            assert!(objects.iter().all(|o| o["v"] == 1), "{line}: {}", objects[0]);
        }
    }
    for line in [
        "hasp-vault show --json no/such",
        "hasp-grant --json -t tset",
        "hasp-exec --json -t tset",
        "hasp-bind --json remove no/such",
    ] {
        let outcome = world.sh(line);
        let object: serde_json::Value =
            serde_json::from_str(outcome.stderr.trim_end()).expect("one object");
        assert!(
            object["error"]["code"].is_string() && object["error"]["hints"].is_array(),
            "{line}: {object}"
        );
    }
}

/// Which of our crates each crate may depend on, directly or not (DESIGN section 1).
const ALLOWED: [(&str, &[&str]); 10] = [
    ("hasp-core", &[]),
    ("hasp-redact", &["hasp-core"]),
    ("hasp-audit", &["hasp-core"]),
    ("hasp-target", &["hasp-core"]),
    ("hasp-proxy", &["hasp-core", "hasp-redact", "hasp-target"]),
    ("hasp-consumer", &["hasp-core", "hasp-audit"]),
    ("hasp-vault", &["hasp-core", "hasp-audit", "hasp-redact"]),
    ("hasp-bind", &["hasp-core", "hasp-audit", "hasp-redact", "hasp-vault", "hasp-target"]),
    (
        "hasp-grant",
        &[
            "hasp-core",
            "hasp-audit",
            "hasp-redact",
            "hasp-vault",
            "hasp-target",
            "hasp-bind",
            "hasp-consumer",
        ],
    ),
    (
        "hasp-exec",
        &[
            "hasp-core",
            "hasp-audit",
            "hasp-redact",
            "hasp-vault",
            "hasp-target",
            "hasp-bind",
            "hasp-consumer",
            "hasp-grant",
        ],
    ),
];

#[test]
fn dependencies_point_one_way() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    for (name, allowed) in ALLOWED {
        let mut tree = command(
            &cargo,
            &[
                "tree",
                "--offline",
                "--package",
                name,
                "--edges",
                "normal,build",
                "--no-dedupe",
                "--prefix",
                "none",
                "--format",
                "{lib}",
            ],
        );
        let outcome = Outcome::of(tree.current_dir(root).output().unwrap());
        let ours: Vec<String> = outcome
            .ok()
            .lines()
            .map(|l| l.replace('_', "-"))
            .filter(|l| l.starts_with("hasp-"))
            .collect();
        let has_tls = outcome.ok().lines().any(|l| l == "rustls" || l == "ring");
        assert_eq!(has_tls, name == "hasp-proxy", "only hasp-proxy has a network stack: {name}");
        for dependency in ours.iter().filter(|d| *d != name) {
            assert!(
                allowed.contains(&dependency.as_str()),
                "{name} must not depend on {dependency}"
            );
        }
        let manifest = std::fs::read_to_string(root.join(name).join("Cargo.toml")).unwrap();
        let names_age = manifest
            .lines()
            .any(|l| l.starts_with("age.") || l.starts_with("age ") || l.starts_with("age-core"));
        assert_eq!(names_age, name == "hasp-vault", "only hasp-vault names age: {name}");
    }
    assert!(tools().join("hasp-exec").exists());
}
