//! A full disk and a read-only one, for real: mounted in a namespace of their own.
#![allow(clippy::unwrap_used)]

mod common;

use std::process::Command;

use common::{Lab, Ran};

/// Runs a script in a mount namespace; `None` where that is not allowed.
fn mounted(lab: &Lab, script: &str) -> Option<Ran> {
    let can = Command::new("unshare").args(["-rm", "true"]).status().is_ok_and(|s| s.success());
    if !can {
        common::skipped("unshare with user namespaces");
        return None;
    }
    let mut command = Command::new("unshare");
    command
        .args(["-rm", "sh", "-c", script])
        .env_clear()
        .env("HASP_HOME", lab.home())
        .env("BIN", common::binary());
    command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").current_dir(lab.dir.path());
    Some(common::feed(command, b""))
}

#[test]
fn a_read_only_home_can_be_read_and_releases_nothing_unrecorded() {
    let lab = Lab::new();
    lab.set("n", b"the value");
    let prepare = "mount --bind \"$HASP_HOME\" \"$HASP_HOME\" && mount -o remount,ro,bind \
                   \"$HASP_HOME\" || exit 99; ";
    let asked = "for v in list status 'show n' 'history n' 'check n' 'show n --verify'; do \
                 $BIN $v >/dev/null || exit 1; done; echo the value | $BIN check n --from - || \
                 exit 2";
    let Some(ran) = mounted(&lab, &format!("{prepare}{asked}")) else { return };
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    for verb in ["reveal n --force", "get n", "set n"] {
        let ran = mounted(&lab, &format!("{prepare}echo another | $BIN {verb}")).unwrap();
        assert_eq!(ran.refused(), (74, "read-only".into()), "{verb}");
        assert!(ran.stdout.is_empty());
    }
}

#[test]
fn a_full_disk_keeps_every_acknowledged_value() {
    let lab = Lab::empty();
    // The first value file goes in the end, to make room for the record that a release needs.
    let script = "mkdir full && mount -t tmpfs -o size=1m,mode=700 tmpfs full && export \
                  HASP_HOME=$PWD/full/home || exit 99; $BIN init --no-passphrase -q || exit \
                  98; last=none; for n in 1 2 3 4 5 6 7 8 9 10 11 12; do head -c 100000 \
                  /dev/zero | tr '\\0' $n > v; if $BIN set n --from v -q 2>err; then cp v \
                  last; else failed=$?; grep -q disk-full err || exit 97; fi; done; [ -n \
                  \"$failed\" ] || exit 96; rm -f full/home/vault/items/n/1.age; $BIN show n \
                  --verify >/dev/null || exit 95; $BIN reveal n --force > got || exit 94; cmp \
                  got last || exit 93";
    let Some(ran) = mounted(&lab, script) else { return };
    assert_eq!(ran.status, 0, "{}", ran.stderr);
}
