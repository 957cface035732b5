//! Projects that another user owns or can change.

use super::*;

/// A user who is neither we nor root.
const MALLORY: u32 = 61_237;

/// A bound world of ours with a token for its target, and somebody who could change it.
fn threatened() -> Option<World> {
    if !is_root() {
        say("skipped: changing owners needs root");
        return None;
    }
    let world = World::new();
    world.store("k", DB_URL);
    world.script("show", "#!/bin/sh\necho \"ran ${K:+with}\"\n");
    world.write("t.in", "{{k}}\n");
    world.bind(
        "[refs]\nk = {}\n[target.t]\nrun = ['./show']\nenv = { K = 'k' }\n\
         [target.f]\nrun = ['/bin/cat', 't.in']\ntemplate = { F = 't.in' }\n",
    );
    world.sh("hasp-grant -q --consumer user --uses 99 --for 1h -t t -o ../t").ok();
    Some(world)
}

/// What makes a file or directory of the project another user's, and what puts it right again.
const CHANGES: &[(&str, &str, &str)] = &[
    ("hasp.toml", "chown 61237", "chown 0"),
    ("hasp.toml", "chmod 646", "chmod 644"),
    (".", "chown 61237", "chown 0"),
    (".", "chmod 777", "chmod 755"),
    (".", "chmod 1777", "chmod 755"),
];

#[test]
fn a_project_that_another_user_can_change_is_refused_by_every_tool_with_his_name() {
    let Some(world) = threatened() else { return };
    for (file, change, back) in CHANGES {
        world.sh(&format!("{change} {file}")).ok();
        for line in [
            "hasp-bind --yes",
            "hasp-bind list",
            "hasp-bind add x",
            "hasp-grant -t t",
            "hasp-grant -e K=k -- true",
        ] {
            let refused = world.sh(line);
            refused.refused_with_hint(77, "foreign-project");
            assert!(
                refused.stderr.contains("61237") || refused.stderr.contains("other users"),
                "{}",
                refused.stderr
            );
        }
        world.sh("hasp-exec -g ../t").refused_with_hint(125, "foreign-project");
        assert_eq!(world.sh("hasp-exec --doctor").status, 1);
        let listed = world.sh("hasp-target list");
        listed.ok();
        assert!(
            listed.stderr.contains("warning: ") && listed.stderr.contains("another user's wish"),
            "{}",
            listed.stderr
        );
        world.sh(&format!("{back} {file}")).ok();
        assert_eq!(world.sh("hasp-exec -g ../t").ok(), "ran with\n");
    }
}

#[test]
fn what_was_given_is_taken_back_whoever_can_change_the_project() {
    let Some(world) = threatened() else { return };
    world.sh(&format!("chown {MALLORY} . hasp.toml")).ok();
    assert!(world.sh("hasp-grant revoke --project").stderr.contains("1 grant revoked"));
    world.sh("hasp-bind drop").ok();
    assert_eq!(world.events("bind.drop").len(), 1);
}

#[test]
fn a_program_or_template_that_another_user_can_change_is_refused() {
    let Some(world) = threatened() else { return };
    world.sh("mkdir bin && cp show bin/").ok();
    let token = "hasp-grant -q --consumer user --uses 99 --for 1h -e K=k";
    world.sh(&format!("{token} -o ../bin -- bin/show; {token} -o ../sh -- sh ./show")).ok();
    world.sh("ln -s ../theirs/show link; mkdir ../theirs; cp show ../theirs/").ok();
    world.sh(&format!("{token} -o ../link -- ./link")).ok();
    for (file, mint, used) in [
        ("show", "-t t", "../t"),
        ("show", "-e K=k -- ./show", "../t"),
        ("show", "-e K=k -- sh ./show", "../sh"),
        ("bin", "-e K=k -- bin/show", "../bin"),
        ("bin/show", "-e K=k -- bin/show", "../bin"),
        ("../theirs", "-e K=k -- ./link", "../link"),
        ("../theirs/show", "-e K=k -- ./link", "../link"),
        ("t.in", "-t f", ""),
        ("t.in", "--template F=t.in -- true", ""),
    ] {
        for (change, back) in [("chown 61237", "chown 0"), ("chmod o+w", "chmod o-w")] {
            world.sh(&format!("{change} {file}")).ok();
            world.sh(&format!("hasp-grant {mint}")).refused_with_hint(77, "foreign-file");
            if !used.is_empty() {
                world.sh(&format!("hasp-exec -g {used}")).refused_with_hint(125, "foreign-file");
            }
            let consent = world
                .sh("touch hasp.toml; sed -i 's/^run/run /' hasp.toml; hasp-bind drop -q; \
                          hasp-bind --yes");
            let relevant = ["show", "t.in"].contains(&file);
            assert!(
                !relevant
                    || consent.stderr.contains("61237")
                    || consent.stderr.contains("other users"),
                "{}",
                consent.stderr
            );
            world.sh(&format!("{back} {file}")).ok();
            world.sh(&format!("hasp-grant -q -x --consumer user {mint}")).ok();
        }
    }
}

#[test]
fn the_search_ends_where_another_users_directories_begin() {
    let Some(world) = threatened() else { return };
    // In a directory that all may write, as /tmp, somebody else puts a manifest or a repository.
    for planted in ["hasp.toml", ".git"] {
        world.sh("rm -rf ../pub; mkdir -m 1777 ../pub; mkdir ../pub/ours").ok();
        let put = format!("setpriv --reuid={MALLORY} --regid={MALLORY} --clear-groups sh -c");
        let made = if planted == ".git" {
            "mkdir ../pub/.git".to_owned()
        } else {
            format!("echo '[refs]' >../pub/{planted}")
        };
        world.sh(&format!("chmod 755 .. ; {put} \"{made}\"")).ok();
        for line in ["hasp-bind --yes", "hasp-grant -e K=k -- true", "hasp-bind add k"] {
            at(&world, "pub/ours", line).refused_with_hint(77, "foreign-project");
        }
        at(&world, "pub/ours", "hasp-exec -g ../../t").refused(125, "foreign-project");
    }
    // Below a directory of somebody else the search does not go on at all.
    world
        .sh(&format!(
            "rm -rf ../pub; mkdir -p ../pub/theirs/ours; echo '[refs]' >../pub/hasp.toml; chown \
             {MALLORY} ../pub/theirs"
        ))
        .ok();
    for (line, status) in [
        ("hasp-bind --yes", 77),
        ("hasp-grant -e K=k -- true", 77),
        ("hasp-target list", 77),
        ("hasp-exec -g ../../../t", 125),
    ] {
        let refused = at(&world, "pub/theirs/ours", line);
        refused.refused_with_hint(status, "foreign-directory");
        assert!(refused.stderr.contains("theirs belongs to user 61237"), "{}", refused.stderr);
    }
    // A directory of our own there can be a project of its own.
    at(
        &world,
        "pub/theirs/ours",
        "hasp-bind add k && hasp-grant -q -x --consumer user -e K=k -- true",
    )
    .ok();
    // Who goes there means it, and is told whose it is.
    at(&world, "pub/theirs", "hasp-bind drop -q; hasp-bind --yes").ok();
}

#[test]
fn a_person_can_say_that_a_shared_project_is_meant() {
    let Some(world) = threatened() else { return };
    world
        .sh(&format!(
            "mkdir ../team; cp -a hasp.toml show t.in ../team/; mkdir -p ../team/sub; chown -R \
             {MALLORY} ../team"
        ))
        .ok();
    at(&world, "team", "hasp-bind --yes").refused(77, "foreign-project");
    let shared = at(&world, "team", "hasp-bind --yes --shared");
    shared.ok();
    assert!(
        shared.stderr.contains("look twice")
            && shared.stderr.contains("team belongs to user 61237"),
        "{}",
        shared.stderr
    );
    assert_eq!(world.events("bind.shared").len(), 1);
    let minted =
        at(&world, "team", "hasp-grant --consumer user --uses 9 --for 1h -t t -o ../team-token");
    minted.ok();
    assert!(minted.stderr.contains("team belongs to user 61237"), "{}", minted.stderr);
    assert_eq!(at(&world, "team", "hasp-exec -g ../team-token").ok(), "ran with\n");
    // Also from a directory of our own in it.
    at(&world, "team", "chown 0 sub; cd sub && hasp-exec -g ../../team-token").ok();
    // It is for that project alone, and gone with its consent.
    at(&world, "team", "hasp-bind drop").ok();
    at(&world, "team", "hasp-exec -g ../team-token").refused(125, "foreign-project");
    world.verify_record();
}

#[test]
fn for_a_user_who_is_not_root_the_same_holds() {
    let Some(world) = threatened() else { return };
    world
        .sh("chmod 755 ..; mkdir -m 1777 ../pub; mkdir ../pub/ann ../run; cp -a hasp.toml show \
              t.in ../pub/; chown -R 61236 ../pub/ann ../run; chmod 700 ../run; chmod 755 \
              ../pub")
        .ok();
    let ann = |line: &str| {
        let env = "export HASP_HOME=$PWD/../../run/home HASP_RUNTIME=/dev/shm/hasp-projects-61236";
        at(
            &world,
            "pub/ann",
            &format!(
                "exec setpriv --reuid=61236 --regid=61236 --clear-groups bash -c \"{env}; {line}\""
            ),
        )
    };
    ann("hasp-vault init -q --no-passphrase; echo value-of-ann-1 | hasp-vault set -q k").ok();
    // What root wrote is as good as our own.
    ann("hasp-bind -q --yes; hasp-grant -q -x --consumer user -t t").ok();
    world.sh("chmod 1777 ../pub").ok();
    ann("hasp-grant -q -x --consumer user -t t").refused_with_hint(125, "foreign-project");
    world.sh(&format!("chmod 755 ../pub; chown {MALLORY} ../pub/hasp.toml")).ok();
    ann("hasp-grant -q -x --consumer user -t t").refused_with_hint(125, "foreign-project");
    let named = ann("hasp-bind --yes");
    named.refused(77, "foreign-project");
    assert!(named.stderr.contains("belongs to user 61237"), "{}", named.stderr);
    world.sh("rm -rf /dev/shm/hasp-projects-61236").ok();
}

#[test]
fn a_group_of_ones_own_may_write() {
    let Some(world) = threatened() else { return };
    // As a umask of 002 leaves it, where each user has a group of his own.
    world.sh("chmod 664 hasp.toml; chmod 775 . show .git").ok();
    assert_eq!(world.sh("hasp-exec -g ../t").ok(), "ran with\n");
    world.sh("chgrp 61237 show").ok();
    world.sh("hasp-exec -g ../t").refused(125, "foreign-file");
}
