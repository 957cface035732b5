//! What the child gets: descriptors, search, what makes it load code, the ends of its pipes.

use super::*;

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
