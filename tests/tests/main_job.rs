//! Promise: the whole path of a value works as the first screen of the README says.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};

use hasp_tests::{API_KEY, DB_URL, MANIFEST, Needle, World};

const PRINTS_FOUR_FORMS: &str = r#"#!/bin/sh
printf 'raw %s\n' "$API_KEY"
printf 'base64 %s\n' "$(printf %s "$API_KEY" | base64 -w0)"
printf 'basic %s\n' "$(printf 'user:%s' "$API_KEY" | base64 -w0)"
printf 'hex %s\n' "$(printf %s "$API_KEY" | od -An -v -tx1 | tr -d ' \n')"
printf 'url %s\n' "$DATABASE_URL" >&2
"#;

#[test]
fn store_bind_grant_run_redact_record() {
    let world = World::locked();
    let unlocked = |line: &str| format!("HASP_PASSPHRASE=fd:3 {line} 3<../passphrase");
    world.feed(&unlocked("hasp-vault set db/url"), format!("{DB_URL}\n")).ok();
    world.feed(&unlocked("hasp-vault set api/key"), format!("{API_KEY}\n")).ok();
    world.write("hasp.toml", MANIFEST);
    world.script("show", PRINTS_FOUR_FORMS);
    world.sh(&unlocked("hasp-bind --yes")).ok();

    let piped = world.sh(&format!("{} | hasp-exec", unlocked("hasp-grant -t test")));
    let shown: Vec<&str> = piped.ok().lines().collect();
    assert_eq!(shown.len(), 4, "{shown:?}");
    assert!(shown.iter().all(|line| line.matches("[hasp:api/key]").count() == 1), "{shown:?}");
    assert_eq!((shown[0], shown[3]), ("raw [hasp:api/key]", "hex [hasp:api/key]"));
    assert!(piped.stderr.contains("url [hasp:db/url]"), "{}", piped.stderr);
    let values = [Needle::new("api/key", API_KEY), Needle::new("db/url", DB_URL)];
    let unseen =
        |text: &str| values.iter().for_each(|v| assert!(!v.is_in(text), "{} was shown", v.name));
    unseen(&piped.stdout);
    unseen(&piped.stderr);

    let twice = unlocked("hasp-grant -q -t test -o ../token")
        + " && hasp-exec -g ../token && hasp-exec -g ../token";
    let twice = world.sh(&twice);
    twice.refused_with_hint(125, "spent");
    assert_eq!(twice.stdout.lines().count(), 4, "the first use went through");

    for (line, status) in [
        ("hasp-vault reveal --force api/key", 69),
        ("hasp-vault set api/key --from env:HOME", 69),
        ("hasp-grant -t test", 69),
        ("hasp-grant -x -t test", 125),
        ("hasp-exec -t test", 125),
        ("hasp-exec -g ../token", 125),
        ("hasp-exec -g kept", 125),
        ("sed 's/.$/A/' ../token | hasp-exec", 125),
        ("hasp-vault key audit --fd 1", 69),
    ] {
        let outcome = world.sh(line);
        assert_eq!(outcome.status, status, "{line}: {}", outcome.stderr);
        assert!(
            outcome.stdout.is_empty() && outcome.stderr.contains("hint: "),
            "{line}: {}",
            outcome.stderr
        );
        unseen(&outcome.stderr);
    }

    let log = world.sh("hasp-audit log");
    for word in ["grant.mint", "exec.start", "exec.end", "exec.deny", "spent", "api/key", "db/url"]
    {
        assert!(log.ok().contains(word), "no {word} in:\n{}", log.stdout);
    }
    let count = |event: &str| world.events(event).len();
    assert_eq!((count("exec.start"), count("exec.end"), count("grant.mint")), (2, 2, 2));
    assert!(count("exec.deny") >= 4);
    assert!(
        world
            .events("exec.end")
            .iter()
            .all(|e| e["status"] == 0 && e["redactions"].as_u64() >= Some(5))
    );
    world.sh(&unlocked("hasp-audit verify")).ok();
    let keyless = world.sh("hasp-audit verify");
    assert_ne!(keyless.status, 0, "without a key nothing reads as whole");
}

#[test]
fn grants_with_x_ad_hoc_and_kept() {
    let world = World::with_project();
    let marked = "url=[hasp:db/url] key=[hasp:api/key]\n";
    assert_eq!(world.sh("hasp-grant -x -t test").ok(), marked);
    assert_eq!(world.sh("hasp-grant -x -t test -- further words").ok(), marked);

    let ad_hoc =
        world.sh("hasp-grant -x -e TOKEN=api/key -- sh -c 'echo \"$TOKEN\" $#' sh a 'b c'");
    assert_eq!(ad_hoc.ok(), "[hasp:api/key] 2\n");
    let stays = world.feed("hasp-grant -x -e TOKEN=api/key -- cat", "mine\n");
    assert_eq!(stays.ok(), "mine\n", "stdin stays with the command");

    let day = world
        .sh("hasp-grant -q -t test --for 8h --keep && hasp-exec -t test && hasp-exec -t test && \
             hasp-exec -g kept");
    assert_eq!(day.ok(), marked.repeat(3));
    let few = world.sh(
        "hasp-grant -t test --uses 2 -o ../two && for i in 1 2 3; do hasp-exec -g ../two; done",
    );
    few.refused_with_hint(125, "spent");
    assert_eq!(few.stdout, marked.repeat(2));

    for source in [
        "hasp-exec -g fd:5 5<../t",
        "HASP_GRANT=fd:5 hasp-exec 5<../t",
        "hasp-exec -g /dev/fd/5 5<../t",
    ] {
        assert_eq!(
            world.sh(&format!("hasp-grant -q -t test >../t && {source}")).ok(),
            marked,
            "{source}"
        );
    }
    let variable = world.sh("export T=$(hasp-grant -q -t test); HASP_GRANT=env:T hasp-exec");
    assert_eq!(variable.ok(), marked);
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(world.beside("two")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "-o makes a private file");
    world.verify_record();
}

/// The filter as a target: the example is read from its page.
#[test]
fn the_filter_runs_as_the_target_that_its_page_shows() {
    let world = World::with_project();
    let page =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../man/hasp-redact.1"))
            .unwrap();
    let (_, from) = page.split_once("[target.redact]").unwrap();
    let (target, _) = from.split_once("\n.Ed").unwrap();
    world
        .bind(&format!("{MANIFEST}\n[target.redact]{}\n", target.replace("openai/key", "api/key")));
    world.sh("hasp-grant -q -t redact --for 1h --keep --consumer user").ok();
    let log = format!("key={API_KEY}\nurl={DB_URL}\n");
    let filtered = world.feed("cat 2>&1 | hasp-exec -t redact", &log);
    assert_eq!(filtered.ok(), format!("key=[hasp:API_KEY]\nurl={DB_URL}\n"), "of one value only");
}

#[test]
fn the_newest_kept_grant_that_passes_is_used() {
    let world = World::with_project();
    world.bind(&format!(
        "{MANIFEST}\n[target.other]\nrun = [\"/bin/true\"]\nenv = {{ K = \"api/key\" }}\n"
    ));
    world.sh("hasp-grant -q -t test --for 1h --keep --consumer user").ok();
    world.sh("hasp-grant -q -t other --for 1h --keep --consumer user").ok();
    world
        .sh("sleep 60 & hasp-grant -q -t test --for 1h --keep --consumer pid:$!; kill $!; wait")
        .ok();
    world.sh("hasp-exec -t test").ok();
    world.sh("hasp-exec -t other").ok();
    world.sh("hasp-exec -g kept").ok();
    assert_eq!(world.runs(), 1, "-g kept took the newest that passes: the target other");
    world.sh("hasp-grant -q revoke --all").ok();
    world.sh("hasp-exec -t test").refused_with_hint(125, "no-grant");
}

#[test]
fn the_first_line_is_the_token_and_the_rest_is_the_childs() {
    let world = World::with_project();
    let line = "{ hasp-grant -q -e K=api/key -- cat; printf 'a\\nb'; head -c 100000 /dev/zero; } \
                | hasp-exec | cksum";
    world.sh("hasp-bind add api/key").ok();
    let expected = world.sh("{ printf 'a\\nb'; head -c 100000 /dev/zero; } | cksum").stdout;
    assert_eq!(world.sh(line).ok(), expected);
    world.sh("echo | hasp-exec").refused_with_hint(125, "token-empty");
    world.sh("hasp-exec </dev/null").refused_with_hint(125, "token-empty");
    world.sh("hasp-grant -t nothing-like-it | hasp-exec").refused_with_hint(125, "token-empty");
}

#[test]
fn the_childs_status_and_signal_pass_through() {
    let world = World::with_project();
    world.script("end", "#!/bin/sh\nexit \"$1\"\n");
    world.script("fall", "#!/bin/sh\nkill -s \"$1\" $$\n");
    world.bind(&format!(
        "{MANIFEST}[target.end]\nrun = [\"./end\", \"...\"]\n[target.fall]\nrun = [\"./fall\", \
         \"...\"]\n"
    ));
    for target in ["end", "fall"] {
        world.sh(&format!("hasp-grant -q -t {target} --for 1h --keep --consumer user")).ok();
    }
    let all =
        "for n in $(seq 0 255); do hasp-exec -t end -- $n; [ $? = $n ] || echo wrong $n; done";
    assert_eq!(world.sh(all).ok(), "");
    for (name, number) in [
        ("HUP", 1),
        ("INT", 2),
        ("KILL", 9),
        ("USR1", 10),
        ("SEGV", 11),
        ("PIPE", 13),
        ("TERM", 15),
    ] {
        let mut command = world.command("hasp-exec");
        command.args(["-t", "fall", "--", name]).stdin(Stdio::null());
        let status = command.output().unwrap().status;
        assert_eq!(status.signal(), Some(number), "{name}: {status}");
    }
    assert!(
        world.events("exec.end").iter().any(|e| e["signal"].is_number() || e["signal"].is_string())
    );
}

#[test]
fn signals_reach_the_child() {
    let world = World::with_project();
    world.script(
        "wait",
        "#!/bin/sh\ntrap 'echo caught; exit 7' TERM INT HUP\necho ready\nwhile :; do sleep 0.05; \
         done\n",
    );
    world.bind(&format!(
        "{MANIFEST}[target.wait]\nrun = [\"./wait\"]\nenv = {{ K = \"api/key\" }}\n"
    ));
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        let token = world.mint("-t wait");
        let mut child =
            world.command("hasp-exec").arg("-g").arg(token).stdin(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert_eq!(lines.next().unwrap().unwrap(), "ready");
        kill_process(Pid::from_child(&child), signal).unwrap();
        assert_eq!(lines.next().unwrap().unwrap(), "caught", "{signal:?}");
        assert_eq!(child.wait().unwrap().code(), Some(7), "{signal:?}");
    }
}

#[test]
fn the_streams_stay_apart() {
    let world = World::with_project();
    let outcome =
        world.sh("hasp-grant -q -x -e K=api/key -- sh -c 'echo \"out $K\"; echo \"err $K\" >&2'");
    assert_eq!(outcome.ok(), "out [hasp:api/key]\n");
    assert_eq!(outcome.stderr, "err [hasp:api/key]\n");
    let raw = world.sh("hasp-grant -q -x --raw -e K=api/key -- sh -c 'printf %s \"$K\" | cksum'");
    assert_eq!(raw.ok(), world.feed("cksum", API_KEY).stdout);
    assert_eq!(
        world.sh("hasp-grant -q -x --raw -e K=api/key -- printenv K").ok().trim_end(),
        API_KEY
    );
}

/// Every byte value, in an order in which each has two different neighbours.
fn every_byte() -> Vec<u8> {
    (0..=255u8).chain((0..=255).rev()).collect()
}

#[test]
fn every_delivery_is_exact() {
    let world = World::new();
    let bytes = every_byte();
    let no_nul: Vec<u8> = bytes.iter().copied().filter(|b| *b != 0).collect();
    let big: Vec<u8> = bytes.iter().copied().cycle().take(1 << 20).collect();
    let longest: Vec<u8> = no_nul.iter().copied().cycle().take(131_071 - 2).collect();
    for (name, value) in [("all", &bytes), ("text", &no_nul), ("big", &big), ("longest", &longest)]
    {
        world.store(name, value);
        world.sh(&format!("hasp-bind add {name}")).ok();
    }
    let sum = |value: &[u8]| world.feed("sha256sum | cut -c1-64", value).stdout;
    let env = "sh -c 'printenv V | head -c -1 | sha256sum | cut -c1-64'";
    let file = "sh -c 'sha256sum <\"$V\" | cut -c1-64; stat -c %a \"$V\" >&2; cmp \"$V\" \"$V\"'";
    let fd = "sh -c 'sha256sum <&\"$V\" | cut -c1-64'";
    let stdin = "sh -c 'sha256sum | cut -c1-64'";
    for (delivery, command, value) in [
        ("-e V=text", env, &no_nul),
        ("-e V=longest", env, &longest),
        ("--file V=all", file, &bytes),
        ("--file V=big", file, &big),
        ("--fd V=all", fd, &bytes),
        ("--fd V=big", fd, &big),
        ("--stdin all", stdin, &bytes),
        ("--stdin big", stdin, &big),
    ] {
        let outcome = world.sh(&format!("hasp-grant -q -x {delivery} -- {command}"));
        assert_eq!(outcome.ok(), sum(value), "{delivery}");
        assert!(!delivery.starts_with("--file") || outcome.stderr == "400\n", "{}", outcome.stderr);
    }
    let left = world.files(&world.runtime().join("files"));
    assert!(left.is_empty(), "no delivered file is left: {left:?}");
}

#[test]
fn values_are_stored_exactly() {
    let world = World::new();
    let reveal = |name: &str| {
        world
            .sh(&format!("hasp-vault reveal --force {name} | od -An -v -tx1 | tr -d ' \\n'"))
            .stdout
    };
    let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
    world.feed("hasp-vault set one", "x\n\n").ok();
    assert!(reveal("one") == hex(b"x\n"), "one newline is dropped, no more");
    world.feed("hasp-vault set --keep-newline kept", "x\n").ok();
    assert!(reveal("kept") == hex(b"x\n"));
    world.feed("hasp-vault set bytes --from /dev/stdin", every_byte()).ok();
    assert!(reveal("bytes") == hex(&every_byte()));
    world.feed("hasp-vault set empty", "").refused(65, "value-empty");
    world.feed("hasp-vault set empty", "\n").refused(65, "value-empty");
    world.feed("hasp-vault set large", vec![b'x'; (1 << 20) + 1]).refused(65, "value-too-large");
    world.feed("hasp-vault set full", vec![b'x'; 1 << 20]).ok();
    assert_eq!(world.sh("hasp-vault list --json").objects().len(), 4);
}

/// What hasp-bind remembered for a project is the vault of every tool there, of hasp-vault alone
/// too; elsewhere it is the home's own.
#[test]
fn the_vault_that_was_remembered_for_a_project_is_the_vault_there() {
    let world = World::new();
    let made = "export HASP_VAULT=$PWD/../team; hasp-vault init -q && echo 'a shared value' | \
                hasp-vault set -q shared";
    world.sh(made).ok();
    world.write("hasp.toml", "[refs]\nshared = {}\n");
    world.sh("hasp-bind -q --yes --vault ../team").ok();
    let listed = |dir: &str| {
        world.sh(&format!("mkdir -p sub && cd {dir} && hasp-vault list")).ok().contains("shared")
    };
    assert!(listed(".") && listed("sub") && !listed("/"));
}
