//! Promise: what is given a value or asked for a passphrase is the program that was looked at,
//! whoever else turns names meanwhile.
#![allow(clippy::unwrap_used)]

use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::process::{Child, Command, Stdio};

use hasp_tests::{Outcome, PASSPHRASE, World, is_root, say};

const ANN: u32 = 61_236;
const MALLORY: u32 = 61_237;
/// Of the plugin that the plugins' own tests use.
const RECIPIENT: &str = "age1hasptest1dahx2gr0vcs8g6r9yp4k27tnyyymp4f8";

/// A world of ann's, and in it a directory of mallory's whose link `turn` leads to /bin/true and to
/// `evil` by turns.
struct Turning {
    world: World,
    turner: Child,
}

impl Drop for Turning {
    fn drop(&mut self) {
        let _ = self.turner.kill();
        let _ = self.turner.wait();
    }
}

fn turning(world: World) -> Turning {
    let (dir, ran) = (world.beside("hers"), world.beside("evil-ran"));
    std::fs::create_dir(&dir).unwrap();
    let evil = dir.join("evil");
    std::fs::write(&evil, format!("#!/bin/sh\nid -u >>'{}'\n", ran.display())).unwrap();
    for path in [&dir, &evil] {
        std::fs::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
    }
    world.sh("chown -R 61236:61236 .. $(dirname $HASP_RUNTIME)").ok();
    chown(&dir, Some(MALLORY), Some(MALLORY)).unwrap();
    chown(&evil, Some(MALLORY), Some(MALLORY)).unwrap();
    symlink("/bin/true", dir.join("turn")).unwrap();
    let line = "while :; do ln -sfn /bin/true turn; ln -sfn evil turn; done";
    let mut turner = as_user(MALLORY, line);
    let turner =
        turner.current_dir(&dir).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    Turning { world, turner }
}

fn as_user(user: u32, line: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args([
        &format!("--reuid={user}"),
        &format!("--regid={user}"),
        "--clear-groups",
        "bash",
        "-c",
        line,
    ]);
    command.stdin(Stdio::null());
    command
}

impl Turning {
    /// Runs a line as ann, so often; each time it is to be refused with this code.
    #[track_caller]
    fn never_runs(&self, line: &str, tries: usize, code: &str) {
        let again = format!("for i in $(seq {tries}); do {line} && echo done; done; true");
        let outcome: Outcome = self.ann(&again);
        assert_eq!(
            outcome.stderr.matches(&format!("[{code}]")).count(),
            tries,
            "{line}: {}",
            outcome.stderr
        );
        assert_eq!(outcome.stdout, "", "{line}");
        assert!(
            !self.world.beside("evil-ran").exists(),
            "{line}: the program of another user was run"
        );
    }

    fn ann(&self, line: &str) -> Outcome {
        self.world.write("line", line);
        self.world.sh(&format!("exec setpriv --reuid={ANN} --regid={ANN} --clear-groups bash line"))
    }
}

#[test]
fn a_link_that_another_user_turns_is_never_run() {
    if !is_root() {
        return say("skipped: changing users needs root");
    }
    let world = World::new();
    world.store("k", "old-value-0123");
    world
        .sh("mkdir ../home/plugins && ln -s ../../hers/turn ../home/plugins/age-plugin-hasptest")
        .ok();
    let turning = turning(world);
    let rotate = "hasp-vault rotate k";
    turning.never_runs(&format!("{rotate} --run ../hers/turn"), 60, "program-untrusted");
    turning.never_runs(
        &format!("{rotate} --kind hex --test $PWD/../hers/turn"),
        10,
        "program-untrusted",
    );
    turning.never_runs(
        &format!("{rotate} --kind hex --retire ../hers/evil"),
        1,
        "program-untrusted",
    );
    turning.never_runs(&format!("hasp-vault recipients add {RECIPIENT}"), 60, "plugin-untrusted");
    assert!(turning.ann("hasp-vault reveal --force k").ok().starts_with("old-value-0123"));
}

#[test]
fn an_askpass_program_is_not_turned_either() {
    if !is_root() {
        return say("skipped: changing users needs root");
    }
    let turning = turning(World::locked());
    let mine = turning.world.beside("mine");
    symlink(turning.world.beside("hers/turn"), &mine).unwrap();
    std::os::unix::fs::lchown(&mine, Some(ANN), Some(ANN)).unwrap();
    let ask = "hasp-vault key fp --from env:HOME --fd 1";
    turning.never_runs(&format!("HASP_ASKPASS=$HOME/hers/turn {ask}"), 60, "askpass-untrusted");
    turning.never_runs(&format!("HASP_ASKPASS=$HOME/mine {ask}"), 20, "askpass-untrusted");
    turning.never_runs(&format!("HASP_ASKPASS=$HOME/hers/evil {ask}"), 1, "askpass-untrusted");
    // A link of her own to a program of her own is as good as the program.
    let own =
        format!("printf '#!/bin/sh\\necho {PASSPHRASE}\\n' >own; chmod 700 own; ln -s own link");
    let fp = turning.ann(&format!("{own}; HASP_ASKPASS=$PWD/link {ask}"));
    assert_eq!(fp.ok().trim().len(), 32);
}
