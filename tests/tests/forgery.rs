//! Promise: whoever knows only what is public, or holds a token and the files, cannot make hasp
//! deliver anything but what was approved.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use hasp_tests::{API_KEY, MANIFEST, Outcome, World, peer};

const FORGED: &str = "forged-value-0123456789";

/// Runs minting, using a token minted before, and revealing; each is refused with this code, and
/// nothing is delivered.
fn all_refused(world: &World, token: &Path, code: &str) {
    let runs = world.runs();
    let refused = |outcome: Outcome, status: i32| {
        outcome.refused(status, code);
        assert!(!outcome.stdout.contains(FORGED) && !outcome.stderr.contains(FORGED));
        assert!(!outcome.stdout.contains(API_KEY) && !outcome.stdout.contains("key="));
    };
    refused(world.sh("hasp-grant -t test"), 65);
    refused(world.sh(&format!("hasp-exec -g {}", token.display())), 125);
    refused(world.sh("hasp-grant -x -t test"), 125);
    assert_eq!(world.runs(), runs, "nothing ran");
}

fn encrypt_to_the_recipient(world: &World, to: &str) {
    let line = format!(
        "r=$(age-keygen -y ../home/identity) && printf {FORGED} | age -r \"$r\" >../forged && cp \
         ../forged {to}"
    );
    world.sh(&line).ok();
}

#[test]
fn a_replaced_value_file_is_refused() {
    if !peer("age") {
        return;
    }
    let world = World::with_project();
    let token = world.mint("-t test");
    let item = "../home/vault/items/api/key/1.age";
    world.sh(&format!("cp {item} ../good")).ok();
    encrypt_to_the_recipient(&world, item);
    let revealed = world.sh("hasp-vault reveal --force api/key");
    assert!(revealed.status == 65 && revealed.stdout.is_empty(), "{}", revealed.stderr);
    all_refused_after_the_spend(&world, &token);
    world.sh(&format!("cp ../good {item}; hasp-grant -x -t test")).ok();
}

/// The hash of a value file is checked when it is opened: that use is gone, and nothing is
/// delivered.
fn all_refused_after_the_spend(world: &World, token: &Path) {
    all_refused(world, token, "tampered");
}

#[test]
fn a_replaced_keys_file_is_refused() {
    if !peer("age") {
        return;
    }
    let world = World::with_project();
    world.sh("cp ../home/vault/keys.age ../keys").ok();
    encrypt_to_the_recipient(&world, "../home/vault/keys.age");
    let minted = world.sh("hasp-grant -t test");
    assert!(minted.status != 0 && minted.stdout.is_empty(), "{}", minted.stderr);
    // A root of the right form, encrypted by somebody who knows the recipient: it does not match
    // the pin.
    world
        .sh("age -d -i ../home/identity ../keys >../root; LC_ALL=C tr '\\000-\\377' \
             '\\001-\\377\\000' <../root >../other; \
             age -r \"$(age-keygen -y ../home/identity)\" <../other >../home/vault/keys.age")
        .ok();
    let minted = world.sh("hasp-grant -t test");
    assert!(
        minted.status != 0 && minted.stdout.is_empty() && !minted.code().is_empty(),
        "{}",
        minted.stderr
    );
    world.sh("hasp-vault set other --from env:HOME").civil();
    assert!(
        !world.home().join("vault/items/other/meta.toml").exists(),
        "nothing was stored under foreign keys"
    );
    world.sh("cp ../keys ../home/vault/keys.age && hasp-grant -x -t test").ok();
}

#[test]
fn an_added_recipient_is_refused() {
    if !peer("age") {
        return;
    }
    let world = World::with_project();
    let token = world.mint("-t test");
    world.sh("age-keygen -o ../mallory 2>/dev/null; cp ../home/vault/vault.toml ../good").ok();
    let line = "m=$(age-keygen -y ../mallory); sed -i \"s/^recipients = \\[/recipients = \
                [\\\"$m\\\", /\" ../home/vault/vault.toml; \
                ! cmp -s ../good ../home/vault/vault.toml";
    world.sh(line).ok();
    all_refused(&world, &token, "tampered");
    world.sh("hasp-vault set new --from env:HOME").refused(65, "tampered");
    world.sh("cp ../good ../home/vault/vault.toml; hasp-grant -x -t test").ok();
}

#[test]
fn swapped_items_are_refused() {
    let world = World::with_project();
    let token = world.mint("-t test");
    world.sh("cd ../home/vault/items && mv api/key k && mv db/url api/key && mv k db/url").ok();
    all_refused(&world, &token, "tampered");
}

#[test]
fn swapped_value_files_are_refused() {
    let world = World::with_project();
    let token = world.mint("-t test");
    world
        .sh("cd ../home/vault/items && mv api/key/1.age k && mv db/url/1.age api/key/1.age && mv \
              k db/url/1.age")
        .ok();
    all_refused(&world, &token, "tampered");
}

#[test]
fn an_old_record_put_back_is_refused() {
    let world = World::with_project();
    let token = world.mint("-t test");
    world.sh("cp ../home/vault/items/api/key/meta.toml ../old").ok();
    world.store("api/key", "key_live_the_second_one_0001");
    world.sh("cp ../old ../home/vault/items/api/key/meta.toml").ok();
    all_refused(&world, &token, "rolled-back");
    let listed = world.sh("hasp-vault list --verify");
    assert_ne!(listed.status, 0, "{}", listed.stdout);
}

#[test]
fn a_binding_written_by_hand_is_refused() {
    let world = World::with_project();
    world.store("prod/key", "the-production-key-000");
    let token = world.mint("-t test");
    let binding = world.files(&world.home().join("bindings")).pop().unwrap();
    let good = std::fs::read_to_string(&binding).unwrap();
    let (_, body) = good.split_once('\n').unwrap();
    let forged = [
        good.replace("\"api/key\" = \"api/key\"", "\"api/key\" = \"prod/key\""),
        format!("signature = \"{}\"\n{body}", "A".repeat(86)),
        body.to_owned(),
        good.replacen("serial = ", "serial = 1", 1),
    ];
    for (number, text) in forged.iter().enumerate() {
        assert_ne!(*text, good, "forgery {number} changes something:\n{good}");
        std::fs::write(&binding, text).unwrap();
        all_refused(&world, &token, "tampered");
    }
    std::fs::write(&binding, good).unwrap();
    world.sh("hasp-grant -x -t test").ok();
}

#[test]
fn another_projects_binding_is_refused() {
    let world = World::with_project();
    let token = world.mint("-t test");
    let first = world.files(&world.home().join("bindings")).pop().unwrap();
    std::fs::create_dir_all(world.beside("second/.git")).unwrap();
    world.sh("cp hasp.toml show ../second/ && cd ../second && hasp-bind --yes --also").ok();
    let second =
        world.files(&world.home().join("bindings")).into_iter().find(|p| *p != first).unwrap();
    std::fs::copy(&second, &first).unwrap();
    all_refused(&world, &token, "tampered");
}

/// Presents each of these as a token, from stdin, in one shell; gives back the codes.
fn present(world: &World, tokens: &[String]) -> Vec<String> {
    let line = "while IFS= read -r t; do printf '%s\\n' \"$t\" | hasp-exec 2>&1 >>../delivered | \
                sed -n 's/.*: error: .*\\[\\(.*\\)\\]$/\\1/p' | head -1; echo \"status \
                ${PIPESTATUS[1]}\"; done";
    let outcome = world.feed(line, tokens.join("\n") + "\n");
    let lines: Vec<String> = outcome.ok().lines().map(str::to_owned).collect();
    assert_eq!(
        lines.len(),
        2 * tokens.len(),
        "each has a code: {:?}",
        &lines[..lines.len().min(20)]
    );
    assert!(lines.iter().skip(1).step_by(2).all(|l| l == "status 125"));
    lines.into_iter().step_by(2).collect()
}

#[test]
fn a_token_changed_anywhere_is_refused() {
    let world = World::with_project();
    let token =
        std::fs::read_to_string(world.mint("-t test --for 1h")).unwrap().trim_end().to_owned();
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut changed = Vec::new();
    // Every 8th position by a neighbour in the alphabet (one bit), every position near an edge and
    // a dot.
    let dots: Vec<usize> = token.match_indices('.').map(|(at, _)| at).collect();
    for (at, byte) in token.bytes().enumerate() {
        let edge = at < 14 || at + 4 > token.len() || dots.iter().any(|d| d.abs_diff(at) < 4);
        if !edge && at % 8 != 0 {
            continue;
        }
        let other = match alphabet.iter().position(|b| *b == byte) {
            Some(place) => alphabet[place ^ (1 << (at % 6))],
            None => b'A',
        };
        let mut bytes = token.clone().into_bytes();
        bytes[at] = other;
        changed.push(String::from_utf8(bytes).unwrap());
    }
    changed.extend((0..token.len()).step_by(37).skip(1).map(|n| token[..n].to_owned()));
    changed
        .extend(["A", "=", ".", ".e30", " ", "\t", "\u{e9}"].map(|tail| format!("{token}{tail}")));
    changed.extend([
        format!(" {token}"),
        token.replace("v4.public", "v4.local"),
        token.replace("v4.public", "v3.public"),
        token.replace('_', "/").replace('-', "+"),
        token[..token.rfind('.').unwrap()].to_owned(),
        format!("{}.e30", &token[..token.rfind('.').unwrap()]),
        token.repeat(2),
    ]);
    changed.retain(|t| *t != token);
    let codes = present(&world, &changed);
    assert!(codes.iter().all(|c| c.starts_with("token-")), "{codes:?}");
    assert_eq!(world.runs(), 0);
    assert!(std::fs::read(world.beside("delivered")).unwrap().is_empty());
    assert!(
        codes.iter().any(|c| c == "token-signature")
            && codes.iter().any(|c| c == "token-malformed")
    );
    world.feed("hasp-exec", format!("{token}\n")).ok();
}

#[test]
fn a_target_edited_after_consent_is_denied_with_a_diff() {
    let world = World::with_project();
    for (from, to, word) in [
        ("run = [\"./show\", \"...\"]", "run = [\"./evil\", \"...\"]", "evil"),
        ("API_KEY = \"api/key\" }", "API_KEY = \"api/key\", MORE = \"db/url\" }", "MORE"),
        ("about = \"shows both values\"", "dir = \"sub\"", "sub"),
        ("about = \"shows both values\"", "clean-env = true", "environment"),
    ] {
        let edited = MANIFEST.replace(from, to);
        assert_ne!(edited, MANIFEST);
        std::fs::create_dir_all(world.project().join("sub")).unwrap();
        world.script("evil", "#!/bin/sh\necho evil >>ran\n");
        world.write("hasp.toml", &edited);
        let denied = world.sh("hasp-grant -t test");
        denied.refused_with_hint(77, "target-changed");
        assert!(
            denied.stderr.contains(word) && denied.stderr.contains("hasp-bind"),
            "{}",
            denied.stderr
        );
    }
    world.write("hasp.toml", MANIFEST);
    world.sh("hasp-grant -x -t test").ok();
}

#[test]
fn edited_after_minting_what_was_approved_runs() {
    let world = World::with_project();
    let token = world.mint("-t test");
    world.script("evil", "#!/bin/sh\necho \"evil $API_KEY\"\n");
    world.write("hasp.toml", MANIFEST.replace("./show", "./evil"));
    let ran = world.sh(&format!("hasp-exec -g {}", token.display()));
    assert_eq!(ran.ok(), "url=[hasp:db/url] key=[hasp:api/key]\n");
    let token = world.beside("second");
    world.write("hasp.toml", MANIFEST);
    world.sh("hasp-grant -q --consumer user -t test -o ../second && rm hasp.toml").ok();
    world.sh(&format!("hasp-exec -g {}", token.display())).ok();
    let words = world.sh("git init -q 2>/dev/null; hasp-grant -q --consumer user -e K=api/key -o \
                          ../w -- ./show one; hasp-exec -g ../w -- ./evil");
    words.refused_with_hint(125, "other-command");
}

#[test]
fn a_project_is_its_real_path() {
    let world = World::with_project();
    let token = world.mint("-t test --for 1h").display().to_string();
    world.sh("cp -a . ../copy; mkdir -p sub/deeper ../other/.git; ln -s \"$PWD\" ../link").ok();
    world
        .sh(&format!("cd ../copy && hasp-exec -g {token}"))
        .refused_with_hint(125, "other-project");
    world
        .sh(&format!("cd ../other && hasp-exec -g {token}"))
        .refused_with_hint(125, "other-project");
    world.sh(&format!("cd / && hasp-exec -g {token}")).refused_with_hint(125, "no-project");
    let unbound = world.sh("cd ../copy && hasp-grant -t test");
    assert_eq!((unbound.status, unbound.code()), (77, "target-unconsented"));
    for place in ["sub/deeper", "../link", "../link/sub", "../copy/../project"] {
        world.sh(&format!("cd {place} && hasp-exec -g {token}")).ok();
    }
    world.sh(&format!("cd / && hasp-exec -C {}/sub -g {token}", world.project().display())).ok();
    assert_eq!(world.runs(), 5, "the command ran in the project each time");
}
