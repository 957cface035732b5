//! A change of recipients that is broken off, by whatever.

use super::*;

#[test]
fn a_damaged_vault_is_not_encrypted_anew() {
    let lab = Lab::in_memory();
    furnish(&lab);
    let public = age_key(&lab, "theirs").1;
    write_private(&lab.item("db/url").join("1.age"), b"damaged");
    let refused = lab.run(&["recipients", "add", &public]);
    assert_eq!(refused.refused(), (65, "tampered".into()));
    assert!(refused.stderr.contains("db/url/1.age") && lab.recipients().len() == 1);
    assert_eq!(std::fs::read_dir(lab.item("n")).unwrap().count(), 3, "new files are removed again");
    write_private(&lab.item("n").join("meta.toml"), b"damaged");
    assert_eq!(lab.run(&["recipients", "add", &public]).refused(), (65, "tampered".into()));
}

/// SIGKILL at every flush, rename, removal and write, and at openings in between: the next command
/// finds the old state or the new one, whole.
#[test]
fn a_kill_at_every_step_of_a_change_is_survived() {
    if !has("strace") {
        return common::skipped("strace");
    }
    let lab = Lab::in_memory();
    furnish(&lab);
    let (_, public) = age_key(&lab, "theirs");
    let parsed = || public.parse().unwrap();
    for verb in [&["recipients", "add", &public][..], &["recipients", "remove", &public, "--yes"]] {
        let (before, after) = if verb[1] == "add" { (1, 2) } else { (2, 1) };
        for (call, step) in [
            ("syncfs", 1),
            ("fsync", 1),
            ("rename", 1),
            ("unlink", 1),
            ("mkdir", 1),
            ("write", 5),
            ("openat", 31),
        ] {
            for when in (1..400).step_by(step) {
                if lab.recipients().len() != before {
                    reset(&lab, verb[1], parsed());
                }
                let ran =
                    lab.injected(verb, b"", &format!("inject={call}:signal=KILL:when={when}"));
                let what = format!("{} {call} {when}", verb[1]);
                let now = lab.recipients().len();
                // hasp-grant is not beside it here, which is said at the end of a removal.
                let done = ran.status == 0
                    || ran.refused().1 == "no-sibling"
                    || ran.refused().1 == "grants-not-ended";
                assert!(now == before || now == after, "{what}");
                assert!(now == after || !done, "{what}: acknowledged and lost");
                intact(&lab, &what);
                if done {
                    break;
                }
            }
        }
    }
}

/// Back to where a round of the test above begins.
fn reset(lab: &Lab, verb: &str, recipient: hasp_vault::Recipient) {
    let home = lab.home();
    let repinned = move |key: &ed25519_dalek::VerifyingKey| {
        let vault = Vault::open(&hasp_core::Home::at(&home), &home.join("vault"))?;
        let text = std::fs::read(home.join("identity")).unwrap();
        let identity = Identity::parse(Secret::copy_of(&text)?)?.repinned(*vault.id(), key)?;
        Ok(Some(("identity".to_owned(), identity.text().expose().to_vec())))
    };
    let change =
        if verb == "add" { Change::Remove(recipient, &repinned) } else { Change::Add(recipient) };
    lab.unlock().change_recipients(&change, Timestamp::now(), &|| ()).unwrap();
}

/// ENOSPC and EIO at each write and flush: reported, and the old state stays until the commit
/// point; after it the new one is finished.
#[test]
fn a_failing_disk_leaves_one_of_the_two_states() {
    if !has("strace") {
        return common::skipped("strace");
    }
    let lab = Lab::in_memory();
    furnish(&lab);
    let (_, public) = age_key(&lab, "theirs");
    for (call, errno, step) in [
        ("write", "ENOSPC", 2),
        ("fsync", "EIO", 1),
        ("syncfs", "EIO", 1),
        ("rename", "EIO", 1),
        ("pwrite64", "ENOSPC", 1),
        ("fdatasync", "EIO", 1),
    ] {
        for when in (1..200).step_by(step) {
            if lab.recipients().len() == 2 {
                reset(&lab, "add", public.parse().unwrap());
            }
            let ran = lab.injected(
                &["recipients", "add", &public],
                b"",
                &format!("inject={call}:error={errno}:when={when}"),
            );
            let what = format!("{call} {when}: {}", ran.stderr);
            assert!(!ran.stderr.contains("panicked"), "{what}");
            let now = lab.recipients().len();
            assert!(ran.status != 0 || now == 2, "{what}: acknowledged and lost");
            intact(&lab, &what);
            if ran.status == 0 {
                break;
            }
            assert!([74, 65].contains(&ran.status), "{what}");
        }
    }
}
