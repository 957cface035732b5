//! Each example runs as it stands, in the place that it is made for; and `make install` puts there
//! what `make uninstall` removes.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::Command;

use hasp_tests::{Outcome, World, is_root, peer, skip, tools};

const TOKEN: &str = "glpat-Heron7Velvet2Cask9";

fn example(name: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples")).join(name)
}

/// Copies the files of an example into the project.
fn copy(world: &World, name: &str) {
    for entry in std::fs::read_dir(example(name)).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, world.project().join(path.file_name().unwrap())).unwrap();
    }
}

/// Runs a line with this environment and the tools on PATH, in a session of its own without a
/// terminal.
fn bare(world: &World, vars: &[(&str, &str)], line: &str) -> Outcome {
    let mut command = Command::new("timeout");
    command.args(["60", "setsid", "--wait", "sh", "-c", &format!("{line}\nexit $?")]);
    command.env_clear().current_dir(world.base()).env("HOME", world.base());
    command
        .env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", tools().display()));
    Outcome::of(command.envs(vars.iter().copied()).output().unwrap())
}

#[test]
fn the_makefile_passes_its_own_check() {
    if !peer("make") {
        return;
    }
    let world = World::bare();
    let make = example("make").display().to_string();
    let outcome = bare(&world, &[], &format!("make -s -C {make} check"));
    assert_eq!(outcome.ok(), "whole\n", "{}", outcome.stderr);
}

/// A repository with a vault in it, and what its CI knows: the secret identity and the public key
/// of the vault.
fn repository(script: &str) -> (World, String, String) {
    let world = World::new();
    world.store("deploy/token", TOKEN);
    world.store("other", "not for the job");
    std::fs::create_dir(world.project().join("ci")).unwrap();
    std::fs::copy(example(script), world.project().join("ci/deploy")).unwrap();
    world.script(
        "release",
        "#!/bin/sh\necho \"releasing $* with ${DEPLOY_TOKEN:-nothing}\"\nenv | \
         grep -c -e HASP_[PIG] -e AGE-SECRET\nexit 0\n",
    );
    let status = world.sh("cp -R $HASP_HOME/vault secrets && hasp-vault status --json");
    let key = status.objects()[0]["public_key"].as_str().unwrap().to_owned();
    let identity = std::fs::read_to_string(world.home().join("identity")).unwrap();
    (world, identity, key)
}

#[test]
fn a_github_job_deploys_with_the_vault_of_its_repository() {
    if !peer("bash") {
        return;
    }
    let (world, identity, key) = repository("github/deploy");
    let runtime = world.runtime().parent().unwrap().display().to_string();
    let (workspace, temp) =
        (world.project().display().to_string(), world.base().display().to_string());
    let vars = [
        ("CI", "true"),
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_SHA", "4f2a"),
        ("GITHUB_WORKSPACE", &workspace),
        ("RUNNER_TEMP", &temp),
        ("XDG_RUNTIME_DIR", &runtime),
        ("HASP_KEY", &identity),
    ];
    let other = bare(
        &world,
        &[&vars[..], &[("VAULT_KEY", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")]].concat(),
        &format!("{workspace}/ci/deploy"),
    );
    other.refused(77, "other-key");
    let outcome = bare(
        &world,
        &[&vars[..], &[("VAULT_KEY", &key)]].concat(),
        &format!("{workspace}/ci/deploy"),
    );
    assert!(
        outcome.ok().starts_with("releasing 4f2a with [hasp:deploy/token]\n0\n"),
        "{}",
        outcome.stdout
    );
    assert!(outcome.stdout.contains("exec.end"), "{}", outcome.stdout);
    assert!(!format!("{outcome:?}").contains("Heron"));
}

#[test]
fn a_gitlab_job_deploys_with_the_vault_of_its_repository() {
    if !peer("bash") {
        return;
    }
    let (world, identity, key) = repository("gitlab/deploy");
    let runtime = world.runtime().parent().unwrap().display().to_string();
    let (project, builds) =
        (world.project().display().to_string(), world.base().display().to_string());
    let vars = [
        ("CI", "true"),
        ("GITLAB_CI", "true"),
        ("CI_JOB_ID", "17"),
        ("CI_COMMIT_SHA", "4f2a"),
        ("CI_PROJECT_DIR", &project),
        ("CI_BUILDS_DIR", &builds),
        ("XDG_RUNTIME_DIR", &runtime),
        ("VAULT_KEY", &key),
        ("HASP_KEY", &identity),
    ];
    world.sh("chmod -R a+w .").ok();
    let outcome = bare(&world, &vars, &format!("{project}/ci/deploy"));
    let expected = "releasing --check 4f2a with [hasp:deploy/token]\n0\nreleasing 4f2a with \
                    [hasp:deploy/token]\n0\n";
    assert_eq!(outcome.ok(), expected, "{}", outcome.stderr);
    assert!(!world.beside(".hasp-17").exists());
}

/// A project with the target `backup`, whose program says whether it was given its password.
fn backup(name: &str) -> World {
    let world = World::new();
    world.store("backup/password", TOKEN);
    copy(&world, name);
    world.script(
        "backup",
        "#!/bin/sh\necho \"backing up with ${RESTIC_PASSWORD:-nothing}\"; env | \
         grep -c HASP_[PIG]; exit 3\n",
    );
    world.sh("hasp-bind --yes").ok();
    world
}

#[test]
fn the_line_for_cron_runs_as_cron_runs_it() {
    let world = backup("cron");
    let table = std::fs::read_to_string(example("cron/crontab")).unwrap();
    let line = table.lines().find(|l| l.starts_with(|c: char| c.is_ascii_digit())).unwrap();
    let command = line
        .splitn(6, ' ')
        .last()
        .unwrap()
        .replace("/srv/backup", &world.project().display().to_string());
    let (home, runtime) =
        (world.home().display().to_string(), world.runtime().display().to_string());
    let vars = [
        ("SHELL", "/bin/sh"),
        ("LOGNAME", "backup"),
        ("HASP_HOME", &*home),
        ("HASP_RUNTIME", &*runtime),
    ];
    let outcome = bare(&world, &vars, &command);
    assert_eq!(
        (outcome.status, &*outcome.stdout),
        (3, "backing up with [hasp:backup/password]\n0\n"),
        "{}",
        outcome.stderr
    );
    assert_eq!(world.events("grant.mint")[0]["reason"], "nightly");
}

#[test]
fn the_unit_is_one_for_systemd_and_its_command_runs_with_the_credential() {
    let world = backup("systemd");
    let text = std::fs::read_to_string(example("systemd/backup.service")).unwrap();
    let text = text.replace("/usr/local/bin", &tools().display().to_string());
    let unit = world.write(
        "backup.service",
        text.replace("/srv/backup", &world.project().display().to_string()),
    );
    if peer("systemd-analyze") {
        let outcome =
            bare(&world, &[], &format!("systemd-analyze verify --man=no '{}'", unit.display()));
        assert_eq!(outcome.ok(), "");
        assert!(!outcome.stderr.contains("backup.service"), "{}", outcome.stderr);
    }
    // As the service manager would start it: the credential in a directory of its own, the identity
    // nowhere else.
    let credentials = world.beside("credentials");
    std::fs::create_dir(&credentials).unwrap();
    std::fs::rename(world.home().join("identity"), credentials.join("hasp-identity")).unwrap();
    let place = |value: &str| {
        let value = value.replace("%d", &credentials.display().to_string());
        let value = value.replace("/var/lib/hasp", &world.home().display().to_string());
        value.replace("/run/hasp", &world.runtime().display().to_string())
    };
    let words = |key: &str| {
        text.lines().filter_map(|l| l.strip_prefix(key).map(&place)).collect::<Vec<_>>()
    };
    let vars = words("Environment=");
    let vars: Vec<(&str, &str)> = vars.iter().map(|v| v.split_once('=').unwrap()).collect();
    let command = words("ExecStart=").remove(0);
    let line = format!("cd '{}' && exec {command}", world.project().display());
    let outcome = bare(&world, &vars, &line);
    assert_eq!(
        (outcome.status, &*outcome.stdout),
        (3, "backing up with [hasp:backup/password]\n0\n"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn the_entry_point_of_a_container_is_its_first_process() {
    if !peer("unshare") || !is_root() && !skip("making a pid namespace takes root") {
        return;
    }
    let world = World::new();
    world.store("api/key", TOKEN);
    copy(&world, "container");
    let serve = "#!/bin/sh\necho \"serving under $PPID with $(cat \"$API_KEY_FILE\")\"\n(sh -c \
                 'exec sleep 0.1' &)\ni=0; while pgrep -x sleep >/dev/null && [ $i -lt 200 ]; \
                 do sleep 0.05; i=$((i + 1)); done\n\
                 grep -l '^State:.Z' /proc/[0-9]*/status\ntrap 'echo draining; exit 0' \
                 TERM\ntouch ready\nwhile :; do sleep 0.05; done\n";
    world.script("serve", serve);
    world.sh("hasp-bind --yes").ok();
    let identity = world.beside("hasp_identity");
    std::fs::rename(world.home().join("identity"), &identity).unwrap();
    let (home, identity) = (world.home().display().to_string(), identity.display().to_string());
    let runtime = world.runtime().display().to_string();
    let vars = [("HASP_HOME", &*home), ("HASP_IDENTITY", &*identity), ("HASP_RUNTIME", &*runtime)];
    // The manager of containers asks the first process to end.
    let line = format!(
        "cd '{}'; unshare -fp --mount-proc ./entrypoint & while ! test -e ready; do sleep 0.02; \
         done; kill -TERM $(pgrep -P $!); wait $!",
        world.project().display()
    );
    let outcome = bare(&world, &vars, &line);
    assert_eq!(
        outcome.ok(),
        "serving under 1 with [hasp:api/key]\ndraining\n",
        "{}",
        outcome.stderr
    );
}

#[test]
fn installing_puts_everything_in_place_and_uninstalling_leaves_nothing() {
    if !peer("make") {
        return;
    }
    let world = World::bare();
    let make = |goal: &str| {
        // The tools are built already; the release profile has its own minutes.
        let line = format!(
            "make -s -C {}/.. {goal} CARGO=true RELEASE={} DESTDIR={}/dest PREFIX=/usr",
            env!("CARGO_MANIFEST_DIR"),
            tools().display(),
            world.base().display()
        );
        bare(&world, &[], &line).ok().to_owned()
    };
    make("install");
    let placed = |below: &str| world.files(&world.beside("dest/usr").join(below)).len();
    assert_eq!((placed("bin"), placed("share/man"), placed("share")), (8, 11, 11 + 3 * 8));
    for path in [
        "bash-completion/completions/hasp-exec",
        "zsh/site-functions/_hasp-exec",
        "fish/vendor_completions.d/hasp-exec.fish",
    ] {
        let script = std::fs::read_to_string(world.beside("dest/usr/share").join(path)).unwrap();
        assert!(script.contains("hasp-exec") && script.contains("--complete-line"), "{path}");
    }
    let version = bare(&world, &[], "dest/usr/bin/hasp-exec --version");
    assert!(version.ok().starts_with("hasp-exec "));
    make("uninstall");
    assert_eq!(world.files(&world.beside("dest")), Vec::<PathBuf>::new());
}
