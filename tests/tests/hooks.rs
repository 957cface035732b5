//! Promise: with the hooks installed no value of the vault is committed or pushed, with the vault
//! locked, whatever way git is called; what was there before keeps working and comes back.
#![allow(clippy::unwrap_used)]

use hasp_tests::{API_KEY, Outcome, World, peer, say};

/// A locked vault with a watched value, and a repository with the hooks.
fn world() -> World {
    let world = World::locked();
    world.feed("HASP_PASSPHRASE=fd:3 hasp-vault set api/key 3<../passphrase", API_KEY).ok();
    repository(&world);
    world.sh("hasp-redact hooks install").ok();
    world
}

fn repository(world: &World) {
    world
        .sh("git init -q -b main . && git config user.name n && git config user.email \
              n@example.org && echo a >a && git add a && git commit -qm first")
        .ok();
}

/// What a hook says: git gives its standard output to ours on the one stream or the other.
fn said(outcome: &Outcome) -> String {
    format!("{}{}", outcome.stdout, outcome.stderr)
}

/// How many commits the branch has.
fn commits(world: &World) -> usize {
    world.sh("git rev-list --count HEAD").ok().trim().parse().unwrap()
}

#[test]
fn a_commit_is_stopped_and_says_what_to_do() {
    let world = world();
    world.write("config", format!("token: {API_KEY}\n"));
    let stopped = world.sh("git add config && git commit -qm leak");
    assert_eq!(stopped.status, 1, "{}", stopped.stderr);
    assert_eq!(commits(&world), 1);
    let said = said(&stopped);
    for part in [
        "config:1:8: api/key version 1 (plain)",
        "git restore --staged config",
        "hasp-vault rotate api/key",
        "HASP_SKIP_SCAN=reason git commit",
    ] {
        assert!(said.contains(part), "no '{part}' in: {said}");
    }
    assert!(!said.contains(API_KEY));
    let leak = &world.events("scan.leak")[0];
    assert_eq!(
        (leak["secrets"][0].as_str(), leak["place"].as_str()),
        (Some("api/key"), Some("staged"))
    );
    world.sh("git restore --staged config && echo b >b && git add b && git commit -qm clean").ok();
    // In the work tree only it does no harm.
    assert_eq!(commits(&world), 2);
    let skipped = world.sh("git add config && HASP_SKIP_SCAN='a test value' git commit -qm leak");
    skipped.ok();
    assert_eq!(world.events("scan.skip")[0]["reason"], "a test value");
}

#[test]
fn every_way_to_commit() {
    let world = world();
    let stopped = |line: &str| {
        let before = world.sh("git rev-parse HEAD").ok().to_owned();
        let outcome = world.sh(line);
        assert_ne!(outcome.status, 0, "{line}: {}{}", outcome.stdout, outcome.stderr);
        assert!(said(&outcome).contains("api/key"), "{line}: {}{}", outcome.stdout, outcome.stderr);
        assert_eq!(world.sh("git rev-parse HEAD").ok(), before, "{line}");
        world
            .sh("git merge --abort; git rebase --abort; git cherry-pick --abort; git reset -q \
                  --hard; git clean -qfd; true")
            .ok();
    };
    let leak = format!("echo {API_KEY} >>a");
    stopped(&format!("{leak}; git commit -qam x"));
    stopped(&format!("{leak}; git commit -qm x a"));
    stopped(&format!("{leak}; git add a; git commit -q --amend --no-edit"));
    stopped(&format!("echo {API_KEY} | base64 >n; git add n; git commit -qm x"));
    stopped(&format!("mkdir -p d/e; cd d/e; echo {API_KEY} >n; git add n; git commit -qm x"));
    // A conflict in a merge, a rebase, a cherry-pick, solved with the value in it.
    world
        .sh("git checkout -qb side; echo side >a; git commit -qam side; git checkout -q main; \
              echo main >a; git commit -qam main")
        .ok();
    stopped(&format!("git merge -q side; echo {API_KEY} >a; git add a; git commit -qm merged"));
    stopped(&format!(
        "git cherry-pick side; echo {API_KEY} >a; git add a; GIT_EDITOR=true git cherry-pick \
         --continue"
    ));
    stopped(&format!(
        "git worktree add -q ../tree; cd ../tree; echo {API_KEY} >w; git add w; git commit -qm x"
    ));
    assert_ne!(world.sh("git -C ../tree log -1 --format=%s").ok().trim(), "x");
}

#[test]
fn exactly_what_is_pushed_is_looked_at() {
    let world = world();
    world
        .sh("git init -q --bare ../remote && git remote add origin ../remote && git push -q \
              origin main")
        .ok();
    let leak = format!("echo {API_KEY} >l && git add l && git commit -q --no-verify -m leak");
    let stopped = |line: &str| {
        let before = world.sh("git ls-remote origin").ok().to_owned();
        let outcome = world.sh(line);
        assert_ne!(outcome.status, 0, "{line}");
        assert!(said(&outcome).contains("api/key"), "{line}: {}{}", outcome.stdout, outcome.stderr);
        assert_eq!(world.sh("git ls-remote origin").ok(), before, "{line}");
    };
    world.sh(&format!("{leak} && git rm -q l && git commit -qm gone")).ok();
    stopped("git push -q origin main");
    stopped("git push -q origin main:new");
    stopped("git tag v1 HEAD~1 && git push -q origin v1");
    stopped("git tag -a -m note v2 HEAD~1 && git push -q origin v2");
    stopped("git push -q --all origin");
    world
        .sh("git tag -d v1 v2; git push -q origin HEAD~2:refs/heads/clean && git push -q origin \
              :clean")
        .ok();
    // The first push to an empty repository, and one to an address.
    world.sh("git init -q --bare ../empty && git remote add empty ../empty").ok();
    assert_ne!(world.sh("git push -q empty main").status, 0);
    assert_ne!(world.sh("git push -q ../empty main").status, 0);
    world.sh("git push -q empty HEAD~2:refs/heads/main").ok();
    // A forced push of another history; a rebase and a cherry-pick bring the value along.
    world
        .sh("git checkout -qb other HEAD~2 && echo o >o && git add o && git commit -qm other")
        .ok();
    world.sh("git push -q --force origin other:main").ok();
    world.sh("git cherry-pick main~1").ok();
    stopped("git push -q --force origin other:main");
    world.sh("git reset -q --hard HEAD~1 && git checkout -q main && git rebase -q other").ok();
    stopped("git push -q --force origin main");
    let skipped = world.sh("HASP_SKIP_SCAN='known, rotated' git push -q --force origin main");
    skipped.ok();
    assert_eq!(world.events("scan.skip")[0]["hook"], "pre-push");
    world.sh("echo more >m && git add m && git commit -qm more && git push -q origin main").ok();
}

#[test]
fn what_was_there_is_called_first_and_comes_back() {
    let world = World::new();
    world.store("api/key", API_KEY);
    repository(&world);
    let before = "#!/bin/sh\necho before >>before\ntest ! -e refuse\n";
    for hook in ["pre-commit", "pre-push"] {
        world.script(&format!(".git/hooks/{hook}"), before);
    }
    assert_eq!(world.sh("hasp-redact hooks status").status, 1);
    assert!(world.sh("hasp-redact hooks install").ok().contains("behind the hook that was there"));
    world.sh("hasp-redact hooks install").ok();
    world.sh("hasp-redact hooks status").ok();
    world.sh("echo b >b; git add b; git commit -qm b").ok();
    assert_eq!(std::fs::read_to_string(world.project().join("before")).unwrap(), "before\n");
    assert_ne!(
        world.sh("touch refuse; git commit -q --allow-empty -m c").status,
        0,
        "its refusal counts"
    );
    world.sh("rm refuse; git init -q --bare ../remote; git push -q ../remote main").ok();
    assert_eq!(std::fs::read_to_string(world.project().join("before")).unwrap().lines().count(), 3);
    assert_ne!(world.sh(&format!("echo {API_KEY} >k; git add k; git commit -qm k")).status, 0);
    world.sh("hasp-redact hooks remove").ok();
    for hook in ["pre-commit", "pre-push"] {
        assert_eq!(
            std::fs::read_to_string(world.project().join(".git/hooks").join(hook)).unwrap(),
            before
        );
    }
    world
        .sh("rm .git/hooks/pre-commit .git/hooks/pre-push; hasp-redact hooks install; \
              hasp-redact hooks remove")
        .ok();
    assert!(!world.project().join(".git/hooks/pre-commit").exists());
    world.sh("hasp-redact hooks remove").ok();
}

#[test]
fn a_hook_that_cannot_check_blocks() {
    let world = world();
    let cannot = |line: &str, code: &str| {
        let outcome = world.sh(&format!("{line} git commit -q --allow-empty -m x"));
        assert_ne!(outcome.status, 0, "{line}");
        assert!(
            outcome.stderr.contains(&format!("[{code}]"))
                && outcome.stderr.contains("HASP_SKIP_SCAN=reason git commit"),
            "{line}: {}",
            outcome.stderr
        );
        world.sh(&format!("{line} HASP_SKIP_SCAN=why git commit -q --allow-empty -m x")).ok();
    };
    cannot("HASP_HOME=/nowhere", "no-home");
    cannot("chmod 755 ../home;", "open-mode");
    world.sh("chmod 700 ../home; mv ../home/watch/key ../key").ok();
    cannot("", "no-watch");
    world.sh("mv ../key ../home/watch/key").ok();
    // No hasp at all.
    let hook = std::fs::read_to_string(world.project().join(".git/hooks/pre-commit")).unwrap();
    world.script(".git/hooks/pre-commit", &hook.replace("\nhasp=/", "\nhasp=/nowhere/"));
    world
        .sh("mkdir ../bin; ln -s $(command -v git) $(command -v bash) $(command -v sh) ../bin/")
        .ok();
    cannot("PATH=$PWD/../bin", "no-hasp");
    assert!(world.sh("hasp-redact hooks status").ok().contains("another version"));
}

#[test]
fn the_hooks_run_in_every_shell_and_please_shellcheck() {
    let world = world();
    let hooks = world.project().join(".git/hooks");
    if peer("shellcheck") {
        world.sh("shellcheck .git/hooks/pre-commit .git/hooks/commit-msg .git/hooks/pre-push").ok();
    }
    let old = "#!/bin/sh\necho \"$@\" >>called; cat >>called\n";
    for hook in ["pre-commit", "pre-push"] {
        world.script(&format!(".git/hooks/{hook}.before-hasp"), old);
    }
    world.write("k", API_KEY);
    for shell in ["dash", "bash", "bash --posix", "busybox sh", "zsh", "zsh --emulate sh"] {
        if !peer(shell.split(' ').next().unwrap()) {
            continue;
        }
        say(shell);
        let run = |hook: &str, input: &str| {
            world.feed(&format!("{shell} {}/{hook} origin ../remote", hooks.display()), input)
        };
        run("pre-commit", "").ok();
        world.sh("git add k").ok();
        let stopped = run("pre-commit", "");
        assert!(stopped.status == 1 && stopped.stdout.contains("api/key"), "{shell}: {stopped:?}");
        world.sh("git reset -q").ok();
        let head = world.sh("git rev-parse HEAD").ok().trim().to_owned();
        let zero = "0".repeat(40);
        let line = format!("refs/heads/main {head} refs/heads/main {zero}\n");
        run("pre-push", &line).ok();
        run("pre-push", "").ok();
        let leak =
            world.sh("git add k && git write-tree | xargs git commit-tree -m x; git reset -q");
        let line = format!("{line}refs/heads/l {} refs/heads/l {zero}\n", leak.ok().trim());
        let stopped = run("pre-push", &line);
        assert!(stopped.status == 1 && stopped.stdout.contains("api/key"), "{shell}: {stopped:?}");
        let called = std::fs::read_to_string(world.project().join("called")).unwrap();
        assert!(
            called.contains("origin ../remote\n") && called.ends_with(&line),
            "{shell}: {called}"
        );
        world.sh("rm called").ok();
    }
}

#[test]
fn hooks_elsewhere() {
    let world = World::new();
    world.store("api/key", API_KEY);
    repository(&world);
    let leak = |dir: &str| {
        let outcome =
            world.sh(&format!("cd {dir} && echo {API_KEY} >k && git add k && git commit -qm k"));
        assert!(
            outcome.status != 0 && said(&outcome).contains("api/key"),
            "{dir}: {}{}",
            outcome.stdout,
            outcome.stderr
        );
        world.sh(&format!("cd {dir} && git reset -q && rm k")).ok();
    };
    // core.hooksPath, in the repository and shared.
    world
        .sh("git config core.hooksPath .githooks && hasp-redact hooks install && test -x \
              .githooks/pre-commit")
        .ok();
    leak(".");
    let shared =
        world.sh("git config core.hooksPath \"$PWD/../shared\" && hasp-redact hooks install");
    assert!(shared.stderr.contains("other repositories"), "{}", shared.stderr);
    leak(".");
    world
        .sh("git config core.hooksPath /dev/null; hasp-redact hooks install")
        .refused_with_hint(77, "hooks-off");
    world.sh("git config --unset core.hooksPath; rm -r .githooks").ok();
    // A work tree and a submodule.
    world.sh("git worktree add -q ../tree && cd ../tree && hasp-redact hooks install").ok();
    leak("../tree");
    leak(".");
    world
        .sh("git init -q ../lib && git -C ../lib -c user.name=n -c user.email=n commit -q \
              --allow-empty -m x && git -c protocol.file.allow=always submodule add -q ../lib \
              sub")
        .ok();
    world
        .sh("cd sub && git config user.name n && git config user.email n && hasp-redact hooks \
              install")
        .ok();
    assert!(world.project().join(".git/modules/sub/hooks/pre-commit").exists());
    leak("sub");
    // A bare repository commits nothing.
    let bare = world.sh("git init -q --bare ../bare && cd ../bare && hasp-redact hooks install");
    assert!(
        bare.ok().starts_with("pre-push") && !bare.stdout.contains("pre-commit"),
        "{}",
        bare.stdout
    );
    world.sh("cd .. && hasp-redact hooks install").refused_with_hint(66, "no-repository");
}

#[test]
fn husky_and_the_pre_commit_framework() {
    let world = World::new();
    world.store("api/key", API_KEY);
    repository(&world);
    // husky 9: what git calls is generated and calls the file of the same name one directory above.
    world
        .sh("mkdir -p .husky/_ && git config core.hooksPath .husky/_ && echo true \
              >.husky/pre-commit")
        .ok();
    world.script(".husky/_/pre-commit", "#!/usr/bin/env sh\nsh -e .husky/pre-commit \"$@\"\n");
    world.sh("hasp-redact hooks install").ok();
    world.sh("hasp-redact hooks status").ok();
    let stopped = world.sh(&format!("echo {API_KEY} >k && git add k && git commit -qm k"));
    assert!(
        stopped.status != 0 && said(&stopped).contains("api/key"),
        "{}{}",
        stopped.stdout,
        stopped.stderr
    );
    world
        .sh("git reset -q && rm k && hasp-redact hooks remove && test ! -e .husky/pre-push && \
              test \"$(cat .husky/pre-commit)\" = true")
        .ok();
    world.sh("git config --unset core.hooksPath").ok();
    // The framework runs the entry of our .pre-commit-hooks.yaml, and tells a push by two
    // variables.
    let hooks =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../.pre-commit-hooks.yaml"))
            .unwrap();
    let entries: Vec<&str> =
        hooks.lines().filter_map(|l| l.trim().strip_prefix("entry: ")).collect();
    let verbs = ["pre-commit", "commit-msg", "pre-push"];
    assert_eq!(entries, verbs.map(|hook| format!("hasp-redact hooks run {hook}")));
    world.sh(&format!("echo {API_KEY} >k && git add k")).ok();
    assert_eq!(world.sh(entries[0]).status, 1);
    // It gives the name of the file that has the message.
    world.sh(&format!("echo {API_KEY} >message")).ok();
    assert_eq!(world.sh(&format!("{} message", entries[1])).status, 1);
    world.sh("git commit -qm k").ok();
    assert_eq!(
        world
            .sh(&format!("PRE_COMMIT_FROM_REF=HEAD~1 PRE_COMMIT_TO_REF=HEAD {}", entries[2]))
            .status,
        1
    );
    world.sh(&format!("PRE_COMMIT_FROM_REF=HEAD PRE_COMMIT_TO_REF=HEAD {}", entries[2])).ok();
}

#[test]
fn short_values_are_found_while_a_grant_is_kept() {
    let world = World::locked();
    let with = "HASP_PASSPHRASE=fd:3 ";
    world.feed(&format!("{with} hasp-vault set db/pw 3<../passphrase"), "hunter2").ok();
    repository(&world);
    world.write(
        "hasp.toml",
        "[project]\nname = \"p\"\n[refs]\n\"db/pw\" = { about = \"the database\" }\n\
         [target.hooks]\nabout = \"looks for it before a commit\"\n\
         run = [\"hasp-redact\", \"hooks\", \"run\", \"--env\", \"DB_PW\", \"...\"]\n\
         env = { DB_PW = \"db/pw\" }\n\
         [target.watch]\nrun = [\"hasp-redact\", \"hooks\", \"run\", \"--env\", \"DB_PW\", \
         \"...\"]\nenv = { DB_PW = \"db/pw\" }\n",
    );
    world.sh(&format!("{with} hasp-bind --yes 3<../passphrase")).ok();
    world.sh("git add hasp.toml && git commit -qm toml && hasp-redact hooks install").ok();
    let leak = "echo pw=hunter2 >f && git add f && git commit -qm x";
    let told = |outcome: &Outcome, told: &str| {
        assert!(said(outcome).contains(told), "no '{told}' in {}", said(outcome));
    };
    let outcome = world.sh(&format!("{leak} && git reset -q --hard HEAD~1"));
    outcome.ok();
    told(&outcome, "not watched, so not looked for: db/pw");
    // Under any name, if it runs the same.
    let keep = format!("{with} hasp-grant -q --keep --for 1h --consumer user -t");
    world.sh(&format!("{keep} watch 3<../passphrase")).ok();
    let outcome = world.sh(leak);
    assert_ne!(outcome.status, 0, "{}", said(&outcome));
    told(&outcome, "f:1:4: DB_PW (plain)");
    told(&outcome, "but those of the target watch: db/pw");
    world.sh("hasp-grant revoke --all; git reset -q --hard").ok();
    world.sh(&format!("{keep} hooks 3<../passphrase")).ok();
    let outcome = world.sh(leak);
    assert_ne!(outcome.status, 0, "{}", said(&outcome));
    told(&outcome, "f:1:4: DB_PW (plain)");
    told(&outcome, "not looked for, but those of the target hooks: db/pw");
    assert!(!said(&outcome).contains("hunter2"));
    let outcome = world.sh("git reset -q --hard && git commit -q --allow-empty -m 'pw hunter2'");
    assert_ne!(outcome.status, 0, "{}", said(&outcome));
    told(&outcome, "the message, line 1: DB_PW (plain)");
    world.sh("echo b >b && git add b && git commit -qm clean").ok();
    world.sh("git init -q --bare ../remote && git push -q ../remote main").ok();
    world.sh("git commit -q --no-verify --allow-empty -m 'pw hunter2'").ok();
    let outcome = world.sh("git push -q ../remote main");
    assert_ne!(outcome.status, 0, "{}", said(&outcome));
    told(&outcome, "the message, line 1: DB_PW (plain), commit ");
}

/// A vault that opens without a question is asked, without a grant and without a word of it.
#[test]
fn short_values_are_found_where_the_vault_opens_by_itself() {
    let plain = World::new();
    plain.store("db/pw", "hunter2");
    plain.store("wifi", "correct horse battery staple");
    plain.store("url", "postgres://app:tiger-9@db/app");
    let locked = World::locked();
    let pass = "HASP_PASSPHRASE=../passphrase ";
    locked.feed(&format!("{pass} hasp-vault set db/pw"), "hunter2").ok();
    for (world, by) in [(&plain, ""), (&locked, pass)] {
        repository(world);
        world.sh("hasp-redact hooks install").ok();
        let stopped = |line: &str, told: &str| {
            let outcome = world.sh(&format!("export {by} X=; {line}"));
            let said = said(&outcome);
            assert!(outcome.status != 0 && said.contains(told), "{line}: {said}");
            assert!(!said.contains("hunter2") && !said.contains("not watched"), "{said}");
            world.sh("git reset -q --hard").ok();
        };
        stopped("echo pw=hunter2 >f; git add f; git commit -qm x", "f:1:4: db/pw (plain)");
        stopped("echo aHVudGVyMg== >f; git add f; git commit -qm x", "db/pw (base64)");
        stopped("git commit -q --allow-empty -m 'pw hunter2'", "the message, line 1: db/pw");
        world.sh("git init -q --bare ../remote; git remote add origin ../remote").ok();
        world.sh(&format!("export {by} X=; git push -q origin main")).ok();
        world.sh("git commit -q --no-verify --allow-empty -m 'pw hunter2'").ok();
        stopped("git push -q origin main", "the message, line 1: db/pw (plain), commit ");
        world.sh("git reset -q --hard HEAD~1").ok();
        let clean = world.sh(&format!("export {by} X=; echo b >b; git add b; git commit -qm b"));
        clean.ok();
        assert!(!said(&clean).contains("not "), "{}", said(&clean));
        let leak = &world.events("scan.leak")[0];
        assert_eq!(leak["secrets"][0], "db/pw");
    }
    let told = "not watched, looked for where the vault opens without a question, as it does here: \
                db/pw, url, wifi";
    let status = plain.sh("hasp-redact hooks status");
    assert!(said(&status).contains(told), "{}", said(&status));
    let stopped = plain.sh("echo tiger-9 >f; git add f; git commit -qm x");
    assert!(stopped.status != 0 && said(&stopped).contains("url (plain)"), "{}", said(&stopped));
    plain.sh("git reset -q --hard").ok();
    let stopped = plain.sh("echo 'correct horse battery staple' >f; git add f; git commit -qm x");
    assert!(stopped.status != 0 && said(&stopped).contains("wifi (plain)"), "{}", said(&stopped));
    // Locked, nobody is asked and nothing waits: neither by a terminal nor by a program.
    let askpass = locked.script("ask", "#!/bin/sh\ntouch ../asked\ncat ../passphrase\n");
    let line = format!("HASP_ASKPASS={} git commit -q --allow-empty -m x", askpass.display());
    let passed = locked.sh(&line);
    passed.ok();
    assert!(said(&passed).contains("not watched, so not looked for: db/pw"), "{}", said(&passed));
    let passed = locked.sh(&format!("{line}; echo hunter2 >f; git add f; {line}"));
    passed.ok();
    assert!(said(&passed).contains("not watched, so not looked for: db/pw"), "{}", said(&passed));
    assert!(!locked.beside("asked").exists());
    // A passphrase that is wrong opens nothing, and is no reason to stop.
    let passed = locked.sh("HASP_PASSPHRASE=hasp.toml git commit -q --allow-empty -m x");
    assert_eq!(passed.status, 0, "{}", said(&passed));
    assert!(locked.events("vault.deny").is_empty());
}
