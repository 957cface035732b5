//! The command line that was approved is the one that runs: nothing in the environment of whoever
//! uses a grant chooses its code.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)]

mod classes;

use hasp_tests::{DB_URL, World, peer};

/// A bound project with `db/url`, and beside it a directory `evil` with code for each loader: all
/// of it prints `planted`.
fn world() -> World {
    let world = World::new();
    world.store("db/url", DB_URL);
    world
        .sh("hasp-bind -q add db/url; mkdir -p ../evil/bin ../evil/RubyGems ../evil/.config/git")
        .ok();
    let plant =
        |name: &str, text: &str| std::fs::write(world.beside("evil").join(name), text).unwrap();
    plant("sitecustomize.py", "print('planted')\n");
    plant("usercustomize.py", "print('planted')\n");
    plant("planted.py", "print('planted')\n");
    plant("Planted.pm", "print \"planted\\n\"; 1;\n");
    plant("planted.rb", "puts 'planted'\n");
    plant("planted.js", "console.log('planted')\n");
    plant("planted.sh", "echo planted\n");
    plant("planted.lua", "print('planted')\n");
    plant("planted.mk", "$(info planted)\n");
    plant("../rm.mk", "all:\n\t@$(RM) none.o\n\t@$(LINK.o) 2>/dev/null || :\n");
    plant(".gitconfig", "[alias]\n\tapproved = !echo planted\n");
    plant(".config/git/config", "[alias]\n\tapproved = !echo planted\n");
    world
        .sh("printf '#!/bin/sh\\necho planted\\n' >../evil/bin/date; chmod 755 ../evil/bin/date")
        .ok();
    world
}

/// Interpreter, what is approved, and what whoever uses the grant sets to make it run other code.
const LOADERS: &[(&str, &str, &str)] = &[
    ("python3", "python3 -c 'print(1)'", "PYTHONPATH=$E"),
    ("python3", "python3 -c 'print(1)'", "PYTHONWARNINGS=error::planted.X PYTHONPATH=$E"),
    ("python3", "python3 -c 'print(1)'", "HOME=$E/home"),
    ("perl", "perl -e 'print 1'", "PERL5LIB=$E PERL5OPT=-MPlanted"),
    ("ruby", "ruby -e 'puts 1'", "RUBYLIB=$E RUBYOPT=-rplanted"),
    ("node", "node -e 'console.log(1)'", "NODE_OPTIONS=--require=$E/planted.js"),
    ("java", "java -version", "JAVA_TOOL_OPTIONS=-Dplanted=1"),
    ("java", "java -version", "_JAVA_OPTIONS=-Dplanted=1"),
    ("less", "less ../rm.mk", "'LESSOPEN=|echo planted %s'"),
    ("lua", "lua -e 'print(1)'", "LUA_INIT=@$E/planted.lua"),
    ("bash", "bash -c 'echo 1'", "BASH_ENV=$E/planted.sh"),
    ("bash", "bash -c 'ls /dev/null'", "BASH_FUNC_ls%%='() { echo planted; }'"),
    ("bash", "bash -xc 'echo 1'", "PS4='$(echo planted >&2)'"),
    ("sh", "sh -c date", "PATH=$E/bin:$PATH"),
    ("sh", "sh -c 'cd /; date'", "PATH=$E/bin"),
    ("git", "git approved", "HOME=$E"),
    ("git", "git approved", "XDG_CONFIG_HOME=$E/.config"),
    (
        "git",
        "git approved",
        "GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=alias.approved 'GIT_CONFIG_VALUE_0=!echo planted'",
    ),
    ("git", "git approved", "GIT_CONFIG_GLOBAL=$E/.gitconfig"),
    ("git", "git approved", "\"GIT_CONFIG_PARAMETERS='alias.approved=!echo planted'\""),
    ("git", "git var GIT_EDITOR", "GIT_EDITOR=planted EDITOR=planted VISUAL=planted TERM=vt100"),
    ("git", "git var GIT_PAGER", "GIT_PAGER=planted PAGER=planted"),
    ("make", "make -f /dev/null -n", "MAKEFILES=$E/planted.mk"),
    ("make", "make -f /dev/null -n", "MAKEFLAGS='--eval=$(info planted)'"),
    ("make", "make -f ../rm.mk", "RM='echo planted'"),
    ("make", "make -f ../rm.mk", "'LINK.o=echo planted;'"),
    ("make", "make -f /dev/null -n", "GNUMAKEFLAGS='--eval=$(info planted)'"),
];

#[test]
fn whoever_uses_a_grant_does_not_choose_its_code() {
    let world = world();
    // Python looks below HOME for the packages of a user.
    world
        .sh("d=$(HOME=../evil/home python3 -c 'import site; print(site.getusersitepackages())' \
              2>/dev/null) && mkdir -p $d && cp ../evil/usercustomize.py $d; true")
        .ok();
    let mut effective = 0;
    for (program, approved, set) in LOADERS.iter().filter(|(program, ..)| program_is_there(program))
    {
        world
            .sh(&format!(
                "hasp-grant -q --consumer user --uses 9 --for 1h -e K=db/url -o ../t -- {approved}"
            ))
            .ok();
        let used = world.sh(&format!(
            "E=$(realpath ../evil); env {set} \"$(command -v hasp-exec)\" -g ../t 2>&1"
        ));
        assert!(!used.stdout.contains("planted"), "{program} {set}: {}", used.stdout);
        let clean = world.sh(&format!(
            "hasp-grant -q --consumer user --any-command --for 1h -e K=db/url -o ../any; \
             E=$(realpath ../evil); env {set} \"$(command -v hasp-exec)\" -g ../any -- {approved} \
             2>&1"
        ));
        assert!(
            !clean.stdout.contains("planted"),
            "{program} {set}, any command: {}",
            clean.stdout
        );
        let direct = world
            .sh(&format!("E=$(realpath ../evil); env {set} \"$(command -v env)\" {approved} 2>&1"));
        effective += usize::from(direct.stdout.contains("planted"));
    }
    assert!(effective > 8, "only {effective} of these load code here without hasp");
}

/// Not a peer that CI installs: whichever interpreters a machine has are tried.
fn program_is_there(program: &str) -> bool {
    World::bare().sh(&format!("command -v {program}")).status == 0
}

#[test]
fn a_name_that_is_kept_is_typed_shown_and_recorded() {
    let world = world();
    let minted =
        world.sh("hasp-grant --consumer user --keep-env PYTHONPATH -e K=db/url -o ../t -- env");
    minted.ok();
    assert!(minted.stderr.contains("keeps PYTHONPATH"), "{}", minted.stderr);
    assert_eq!(world.events("grant.mint")[0]["keep"][0], "PYTHONPATH");
    assert!(world.sh("hasp-grant show ../t").ok().contains("keeps      PYTHONPATH"));
    let used = world.sh("PYTHONPATH=/theirs PYTHONHOME=/theirs hasp-exec -g ../t");
    assert!(
        used.ok().contains("PYTHONPATH=/theirs") && !used.stdout.contains("PYTHONHOME"),
        "{}",
        used.stdout
    );
    world.sh("hasp-grant --keep-env TERM -e K=db/url -- env").refused_with_hint(64, "bad-variable");
    world.sh("hasp-grant --keep-env HASP_GRANT -e K=db/url -- env").refused(64, "bad-variable");
    world.sh("hasp-grant --keep-env EDITOR -t test").refused(64, "usage");
}

#[test]
fn what_is_pinned_is_shown_and_what_is_dropped_is_explained() {
    let world = world();
    world
        .sh("PATH=.:$PATH HOME=/pinned hasp-grant -q --consumer user --uses 9 --for 1h -e \
             K=db/url -o ../t -- env")
        .ok();
    let shown = world.sh("hasp-grant show ../t");
    assert!(
        shown.ok().contains("  PATH       /") && shown.stdout.contains("  pinned     HOME=/pinned"),
        "{}",
        shown.stdout
    );
    let used = world.sh("HOME=/other PAGER=less TERM=vt hasp-exec -g ../t");
    for (line, there) in
        [("HOME=/pinned", true), ("TERM=vt", true), ("PAGER=", false), ("PATH=.", false)]
    {
        assert_eq!(used.ok().lines().any(|l| l.starts_with(line)), there, "{line} {}", used.stdout);
    }
    let explained = world.sh("PAGER=less RUBYLIB=x hasp-exec -g ../t --explain");
    assert!(
        explained.ok().contains("PAGER") && explained.stdout.contains("RUBYLIB"),
        "{}",
        explained.stdout
    );
}

#[test]
fn a_target_drops_pins_and_keeps_as_its_manifest_says() {
    let world = world();
    let manifest = |rest: &str| {
        format!(
            "[refs]\n\"db/url\" = {{}}\n[target.t]\nrun = ['env', '...']\nenv = {{ K = 'db/url' \
             }}\n{rest}"
        )
    };
    let used = |rest: &str| {
        world.bind(&manifest(rest));
        world.sh("hasp-grant -q --consumer user -t t -o ../t").ok();
        world
            .sh("PATH=/theirs:$PATH EDITOR=theirs RUBYLIB=theirs TERM=vt hasp-exec -g ../t")
            .ok()
            .to_owned()
    };
    let open = used("");
    assert!(!open.contains("theirs") && open.contains("TERM=vt"), "{open}");
    let kept = used("keep-env = ['EDITOR', 'PATH']");
    assert!(
        kept.contains("EDITOR=theirs")
            && kept.contains("PATH=/theirs:")
            && !kept.contains("RUBYLIB"),
        "{kept}"
    );
    let clean = used("clean-env = true\npass-env = ['PATH']");
    assert!(
        !clean.contains("theirs")
            && clean.contains("PATH=/")
            && !clean.contains("TERM")
            && !clean.contains("\nHOME="),
        "{clean}"
    );
    let bare = used("clean-env = true\nkeep-env = ['RUBYLIB']");
    assert!(bare.contains("RUBYLIB=theirs") && !bare.contains("PATH="), "{bare}");
    let explained = world.sh("hasp-target explain t").ok().to_owned();
    assert!(explained.contains("keeps RUBYLIB as whoever uses the grant has them"), "{explained}");
    world.write("hasp.toml", manifest("clean-env = true\npass-env = ['EDITOR']"));
    world.sh("hasp-bind --yes").refused_with_hint(78, "bad-variable");
}

#[test]
fn no_way_of_delivery_takes_a_name_that_loads_code() {
    let world = world();
    world.write("t.in", "{{db/url}}\n");
    for name in [
        "RUBYLIB",
        "NODE_PATH",
        "EDITOR",
        "GIT_CONFIG_COUNT",
        "npm_config_node_options",
        "NPM_CONFIG_CACHE",
        "MAKEFLAGS",
    ] {
        for way in [
            format!("-e {name}=db/url"),
            format!("--file {name}=db/url"),
            format!("--fd {name}=db/url"),
            format!("--template {name}=t.in"),
        ] {
            world
                .sh(&format!("rm -f hasp.toml; hasp-grant -q {way} -o ../t -- true"))
                .refused_with_hint(64, "bad-variable");
        }
        for table in ["env", "file", "fd", "template"] {
            let what = if table == "template" { "t.in" } else { "db/url" };
            world.write(
                "hasp.toml",
                format!(
                    "[refs]\n\"db/url\" = {{}}\n[target.t]\nrun = ['env']\n{table} = {{ \
                         {name} = '{what}' }}\n"
                ),
            );
            world.sh("hasp-bind --yes").refused(78, "bad-variable");
        }
    }
}

#[test]
fn make_below_the_broker_shares_the_jobs_of_make_above_it() {
    if !peer("make") {
        return;
    }
    let world = world();
    world
        .sh("hasp-grant -q --consumer user --uses 9 --for 1h -e K=db/url -o ../t -- sh -c 'echo \
             \"flags:$MAKEFLAGS\"'")
        .ok();
    world.write("Makefile", "all:\n\t+@hasp-exec -g ../t\n");
    let flags = world.sh("make -j3 -k 'X=planted'");
    assert!(
        flags.ok().contains("--jobserver-auth=") && !flags.stdout.contains("planted"),
        "{}",
        flags.stdout
    );
    let first = flags
        .stdout
        .lines()
        .find_map(|l| l.strip_prefix("flags:"))
        .unwrap()
        .split(' ')
        .next()
        .unwrap();
    assert!(first.contains('k'), "{}", flags.stdout);
}
