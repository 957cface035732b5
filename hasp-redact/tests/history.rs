//! Scanning what git has: the index, ranges and history, in real repositories of every shape,
//! hostile ones among them.
#![allow(clippy::unwrap_used)]

mod place;

use place::{Place, VALUE};

fn repository() -> Place {
    let place = Place::new().git();
    place.store("api/key", VALUE.as_bytes());
    place
}

fn files(found: &[serde_json::Value]) -> Vec<&str> {
    found.iter().map(|f| f["file"].as_str().unwrap()).collect()
}

#[test]
fn the_index_counts_not_the_work_tree() {
    let place = repository();
    place.file("a", VALUE.as_bytes());
    assert!(place.found(&["--staged"]).is_empty(), "not staged");
    place.sh("git add a; echo clean >a");
    assert_eq!(
        files(&place.found(&["--staged"])),
        ["a"],
        "staged, then overwritten; nothing was ever committed"
    );
    assert!(place.found(&["."]).is_empty());
    place.sh("git add a; git commit -qm clean");
    place.file("a", format!("clean\n{VALUE}\n").as_bytes());
    assert!(place.found(&["--staged"]).is_empty(), "in the work tree only");
    assert_eq!(files(&place.found(&[])), ["a"]);
}

#[test]
fn what_is_staged_in_part_renamed_deleted_linked_or_a_submodule() {
    let place = repository();
    let lines: String = (0..40).map(|n| format!("line {n}\n")).collect();
    place.file("part", lines.as_bytes());
    place.file("old", format!("key = {VALUE}\n").as_bytes());
    place.file("gone", VALUE.as_bytes());
    place.sh("git add .; git commit -qm before");
    place.file("part", format!("top {VALUE}\n{lines}bottom\n").as_bytes());
    place.sh("printf 'n\\ny\\n' | git add -p part >/dev/null 2>&1");
    assert!(place.found(&["--staged"]).is_empty(), "only the clean part is staged");
    place.sh("printf 'y\\n' | git add -p part >/dev/null 2>&1");
    assert_eq!(files(&place.found(&["--staged"])), ["part"]);
    place.sh("git reset -q; git mv old new; git rm -q --cached gone");
    assert_eq!(
        files(&place.found(&["--staged"])),
        ["new"],
        "a new name for it; a removal brings nothing"
    );
    place.sh("git reset -q --hard; ln -s gone link; ln -s /etc/passwd out; git add link out");
    assert!(place.found(&["--staged"]).is_empty(), "a link is not followed");
    place.sh("git reset -q --hard; rm -f link out; git init -q sub; git -C sub commit -q \
              --allow-empty -m x; git add sub 2>/dev/null");
    assert!(place.found(&["--staged"]).is_empty(), "a submodule is another repository");
}

#[test]
fn file_names_of_any_bytes() {
    let place = repository();
    use std::os::unix::ffi::OsStrExt;
    for name in [&b"new\nline"[..], b"quo\"te'", b"\xff\xfe", b" -x", b"a\tb"] {
        std::fs::write(place.tree().join(std::ffi::OsStr::from_bytes(name)), VALUE).unwrap();
    }
    place.sh("git add .");
    let mut wanted = vec!["new\\nline", "quo\"te'", "\\xff\\xfe", " -x", "a\\tb"];
    wanted.sort_unstable();
    for words in [&["--staged"][..], &["."]] {
        let found = place.found(words);
        let mut names = files(&found);
        names.sort_unstable();
        assert_eq!(names, wanted, "{words:?}");
    }
    place.sh("git commit -qm x");
    let found = place.found(&["--history"]);
    assert_eq!(found.len(), 1, "one blob, whatever it is called: {found:?}");
    assert_eq!(found[0]["commit"].as_str().unwrap(), place.sh("git rev-parse HEAD").trim());
}

#[test]
fn ranges_history_reflog_and_stash() {
    let place = repository();
    assert!(place.found(&["--history"]).is_empty(), "an empty repository");
    assert!(place.found(&["--staged"]).is_empty());
    place.sh("echo a >a; git add .; git commit -qm a; git tag start");
    place.file("b", format!("\n  x {VALUE}").as_bytes());
    place.sh("git add .; git commit -qm b; git rm -q b; git commit -qm c");
    let commit = place.sh("git rev-parse HEAD~1");
    let found = place.found(&["--range", "start..HEAD"]);
    assert_eq!(
        (files(&found), found[0]["commit"].as_str()),
        (vec!["b"], Some(commit.trim())),
        "taken out again, and still there"
    );
    assert_eq!((found[0]["line"].as_u64(), found[0]["column"].as_u64()), (Some(2), Some(5)));
    assert!(place.found(&["--range", "HEAD~1..HEAD"]).is_empty());
    assert_eq!(files(&place.found(&["--history"])), ["b"]);
    place.sh("git reset -q --hard start");
    assert!(place.found(&["--history"]).is_empty(), "no branch reaches it");
    assert_eq!(files(&place.found(&["--history", "--all"])), ["b"], "the reflog does");
    place.sh("git reflog expire --expire=now --all; git gc -q --prune=now");
    assert!(place.found(&["--history", "--all"]).is_empty(), "nothing does");
    place.file("a", VALUE.as_bytes());
    place.sh("git stash -q; echo 2 >a; git stash -q");
    assert_eq!(files(&place.found(&["--history", "--all"])), ["a"], "a stash under another");
    for bad in ["--all", "main", "-x..y", "none..HEAD"] {
        let out = place.scan(&["--range", bad]);
        assert_eq!(out.status.code(), Some(64), "{bad}: {}", String::from_utf8_lossy(&out.stderr));
    }
}

#[test]
fn merges_tags_of_blobs_shallow_clones_and_bare_repositories() {
    let place = repository();
    place.sh("echo a >a; git add .; git commit -qm a; git checkout -qb side; echo b >b; git add \
              .; git commit -qm b");
    place.sh("git checkout -q main; echo c >c; git add .; git commit -qm c; git merge -q \
              --no-commit side");
    place.file("evil", VALUE.as_bytes());
    place.sh("git add .; git commit -qm merge");
    assert_eq!(files(&place.found(&["--range", "HEAD^1..HEAD"])), ["evil"], "in the merge itself");
    place.sh(&format!(
        "git reset -q --hard HEAD^; git tag blob $(printf %s {VALUE} | git hash-object -w --stdin)"
    ));
    assert_eq!(place.found(&["--history"]).len(), 1, "a tag of a blob alone");
    place.sh("git clone -q --bare . ../bare; git clone -q --depth 1 file://$PWD ../shallow");
    assert_eq!(place.found(&["-C", "../bare", "--history"]).len(), 1);
    assert!(place.found(&["-C", "../bare", "--staged"]).is_empty());
    place.found(&["-C", "../shallow", "--history", "--all"]);
    place.sh(&format!("cd ../shallow; echo {VALUE} >d; git add d; git commit -qm d"));
    assert_eq!(files(&place.found(&["-C", "../shallow", "--range", "HEAD^..HEAD"])), ["d"]);
    place.sh("git worktree add -q ../tree2; echo x >../tree2/y");
    place.sh(&format!("cd ../tree2; echo {VALUE} >w; git add w"));
    assert_eq!(
        files(&place.found(&["-C", "../tree2", "--staged"])),
        ["w"],
        "the index of that work tree"
    );
    assert!(place.found(&["--staged"]).is_empty(), "not of this one");
}

#[test]
fn nothing_that_a_repository_names_is_run() {
    let place = repository();
    place
        .sh("mkdir hooks; for h in post-index-change pre-commit reference-transaction; do printf \
              '#!/bin/sh\\ntouch ran-hook\\n' >hooks/$h; chmod +x hooks/$h; done");
    for setting in [
        "core.hooksPath hooks",
        "core.fsmonitor 'touch ran-monitor; echo'",
        "core.pager 'touch ran-pager; cat'",
        "diff.external 'touch ran-diff; true'",
        "diff.x.command 'touch ran-driver; true'",
        "diff.x.textconv 'touch ran-textconv; cat'",
        "filter.x.clean 'touch ran-clean; cat'",
        "filter.x.smudge 'touch ran-smudge; cat'",
        "core.sshCommand 'touch ran-ssh; true'",
        "core.alternateRefsCommand 'touch ran-alternates; true'",
        "alias.ls-files '!touch ran-alias'",
    ] {
        place.sh(&format!("git config {setting}"));
    }
    place.sh("echo '* diff=x filter=x' >.gitattributes; git -c core.fsmonitor=false -c \
              core.hooksPath=/dev/null add .gitattributes; git -c core.hooksPath=/dev/null -c \
              core.fsmonitor=false commit -qm x");
    place.file("a", VALUE.as_bytes());
    place.sh("git -c core.fsmonitor=false -c core.hooksPath=/dev/null -c filter.x.clean=cat add \
              a; rm -f ran-*");
    assert_eq!(files(&place.found(&["--staged"])), ["a"]);
    assert_eq!(files(&place.found(&[])), ["a"]);
    place.found(&["--history", "--all"]);
    place.found(&["--range", "HEAD..HEAD"]);
    assert_eq!(place.sh("ls | grep ran- || true"), "");
}
