//! The hooks and the scan look at all that git sends, not at contents of files alone: messages, who
//! wrote them, names of files, directories, branches and tags, notes; and print none of them.
#![allow(clippy::unwrap_used)]

mod place;

use std::process::Output;

use place::{Place, VALUE};

/// A repository with the hooks, a first commit that is pushed, and a watched value.
fn world() -> Place {
    let place = Place::new().git();
    place.store("api/key", VALUE.as_bytes());
    place.sh("git config user.name n; git config user.email n@example.org");
    place.sh("git init -q --bare ../remote; git remote add origin ../remote; echo a >a; git add a");
    place.sh("git commit -qm first; git push -q origin main");
    place.install();
    place
}

/// Runs a line without the names that the place's environment gives to whoever commits.
fn run(place: &Place, line: &str) -> Output {
    let mut command = place.command("sh");
    for who in ["AUTHOR", "COMMITTER"] {
        command.env_remove(format!("GIT_{who}_NAME")).env_remove(format!("GIT_{who}_EMAIL"));
    }
    command.args(["-ec", line]).output().unwrap()
}

/// The line is stopped by a hook, which says where the value stands and does not print it.
fn stopped(place: &Place, line: &str, told: &str) {
    let before = place.sh("git rev-parse HEAD; git ls-remote origin");
    let out = run(place, line);
    let said = [out.stdout, out.stderr].map(|s| String::from_utf8_lossy(&s).into_owned()).concat();
    assert!(!out.status.success(), "{line}: {said}");
    assert!(said.contains(told) && said.contains("api/key version 1 (plain)"), "{line}: {said}");
    assert!(!said.contains(VALUE), "{line}: {said}");
    assert_eq!(place.sh("git rev-parse HEAD; git ls-remote origin"), before, "{line}");
    place.sh("git reset -q --hard; git clean -qfd");
}

#[test]
fn a_commit_with_the_value_beside_its_files() {
    let place = world();
    stopped(&place, &format!("git commit -q --allow-empty -m 'x {VALUE}'"), "the message, line 1");
    stopped(
        &place,
        &format!("git commit -q --allow-empty -m x -m 'Reviewed-by: {VALUE}'"),
        "the message, line 3",
    );
    stopped(&place, &format!("echo {VALUE} >m; git commit -q --allow-empty -F m"), "the message");
    let person = "the author or committer";
    let empty = "commit -q --allow-empty -m x";
    stopped(&place, &format!("git -c user.email={VALUE}@example.org {empty}"), person);
    stopped(&place, &format!("git -c user.name={VALUE} {empty}"), person);
    stopped(&place, &format!("git {empty} --author='{VALUE} <a@example.org>'"), person);
    stopped(&place, &format!("GIT_COMMITTER_NAME={VALUE} git {empty}"), person);
    let name = format!("echo x >{VALUE}.txt; git add .; git commit -qm x");
    stopped(&place, &name, "the name [hasp:api/key].txt");
    let name = format!("mkdir -p d/{VALUE}/e; echo x >d/{VALUE}/e/f; git add .; git commit -qm x");
    stopped(&place, &name, "the name d/[hasp:api/key]/e/f");
    // A merge with a message of its own.
    place.sh("git checkout -qb side; echo s >s; git add s; git commit -qm s; git checkout -q main");
    place.sh("echo m >m; git add m; git commit -qm m");
    stopped(&place, &format!("git merge -q --no-ff -m 'merge {VALUE}' side"), "the message");
    place.sh("git merge --abort 2>/dev/null || true");
}

#[test]
fn what_git_writes_into_a_message_is_not_committed() {
    let place = world();
    // Without the hooks, as a colleague without them did it.
    place.sh(&format!("echo 'k = {VALUE}' >leak; echo x >{VALUE}; git add ."));
    place.sh("git commit -q --no-verify -m leak; git rm -q leak; git rm -q ghp_*");
    let editor = "GIT_EDITOR='sed -i 1s/^/gone/' git commit -q -v";
    let out = run(&place, editor);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    // A comment of one's own may be kept.
    stopped(&place, &format!("git commit -q --allow-empty -m '# {VALUE}'"), "the message, line 1");
}

#[test]
fn a_push_with_the_value_beside_its_files() {
    let place = world();
    let past = |line: &str| place.sh(&format!("git -c core.hooksPath=/dev/null {line}"));
    past(&format!("commit -q --allow-empty -m 'token {VALUE}'"));
    stopped(&place, "git push -q origin main:m", "the message, line 1");
    stopped(&place, "git tag t; git push -q origin t", "the message, line 1");
    place.sh("git tag -d t; git reset -q --hard origin/main");
    past(&format!("-c user.email=bot@{VALUE} commit -q --allow-empty -m y"));
    place.sh("git reset -q --hard origin/main");
    place.sh(&format!("GIT_AUTHOR_EMAIL=bot@{VALUE} git commit -q --no-verify --allow-empty -m y"));
    stopped(&place, "git push -q origin main:a", "the author or committer");
    place.sh("git reset -q --hard origin/main");
    place.sh("git commit -q --no-verify --allow-empty -m y");
    let header = format!(
        "git cat-file commit HEAD | sed '0,/^$/s/^$/encoding {VALUE}\\n/' >../raw; \
         git push -q origin $(git hash-object -t commit -w --literally ../raw):refs/heads/h"
    );
    stopped(&place, &header, "the head of the commit");
    place.sh(&format!("echo z >{VALUE}.txt; git add .; git commit -q --no-verify -m n"));
    place.sh("git mv a b; git commit -qm renamed --no-verify");
    stopped(&place, "git push -q origin main:n", "the name [hasp:api/key].txt");
    let commit = place.sh("git rev-parse --short=12 HEAD~1");
    stopped(&place, "git push -q origin main:n", &format!("commit {}", commit.trim()));
    place.sh("git reset -q --hard origin/main");
    stopped(
        &place,
        &format!("git tag -a t1 -m 'release {VALUE}'; git push -q origin t1"),
        "the tag t1, line",
    );
    stopped(
        &place,
        &format!("git tag -a v-{VALUE} -m x; git push -q origin v-{VALUE}"),
        "the tag v-[hasp:api/key]",
    );
    let branch = format!("git push -q origin origin/main:refs/heads/fix-{VALUE}");
    stopped(&place, &branch, "the reference refs/heads/fix-[hasp:api/key]");
    stopped(
        &place,
        &format!("git branch b-{VALUE}; git push -q origin b-{VALUE}:plain"),
        "the reference refs/heads/b-[hasp:api/key]",
    );
    place.sh(&format!("git notes add -m 'see {VALUE}'"));
    stopped(&place, "git push -q origin refs/notes/commits", ":1:5: api/key");
    place.sh("git -C ../remote config receive.advertisePushOptions true");
    place.sh("git commit -q --allow-empty -m o --no-verify");
    let option = format!("git -c push.pushOption=x={VALUE} push -q origin main:o");
    stopped(&place, &option, "an option of the push");
}

#[test]
fn what_is_taken_away_is_nothing_to_find() {
    let place = world();
    place.sh(&format!("git branch b-{VALUE}; git tag t-{VALUE}"));
    place.sh(&format!("git push -q --no-verify origin b-{VALUE} t-{VALUE}"));
    let line = format!("git push -q origin :b-{VALUE} :refs/tags/t-{VALUE}");
    let out = run(&place, &line);
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    place.sh(&format!("echo z >{VALUE}; git add .; git commit -q --no-verify -m n"));
    place.sh("git rm -q ghp_*");
    assert!(run(&place, "git commit -qm gone").status.success(), "taken out of the index");
}

/// A reference that somebody set by hand is no word of the remote's.
#[test]
fn what_a_remote_tracking_reference_hides_is_looked_at() {
    let place = world();
    place.sh(&format!("echo {VALUE} >f; git add f; git commit -q --no-verify -m x"));
    place.sh("git update-ref refs/remotes/origin/x HEAD");
    stopped(&place, "git push -q origin main", "f:1:1: ");
    place.sh("git update-ref -d refs/remotes/origin/x; git fetch -q . HEAD:refs/remotes/origin/y");
    stopped(&place, "git push -q origin main:new", "f:1:1: ");
    // What git heard of the remote counts: after a fetch it is not looked at again.
    place.sh("git push -q --no-verify origin main; git update-ref -d refs/remotes/origin/y");
    place.sh("git commit -q --allow-empty -m y; git push -q origin main:again");
    place.sh("git clone -q ../remote ../clone");
    let hasp = env!("CARGO_BIN_EXE_hasp-redact");
    place.sh(&format!(
        "cd ../clone; {hasp} hooks install -q >/dev/null; git commit -q \
                       --allow-empty -m z; git push -q origin HEAD:cloned"
    ));
}

#[test]
fn ranges_and_history_are_told_apart_by_part() {
    let place = Place::new().git();
    place.store("api/key", VALUE.as_bytes());
    place.sh("echo a >a; git add .; git commit -qm a; git tag start");
    place.sh(&format!("mkdir d; echo b >d/{VALUE}; git add .; git commit -qm 'b\n\nsee {VALUE}'"));
    place.sh(&format!("git tag -a v1 -m {VALUE}; git branch x/{VALUE}"));
    for words in [&["--range", "start..x/none"][..], &["--history"]] {
        let words: Vec<String> = words.iter().map(|w| w.replace("none", VALUE)).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let found = place.found(&words);
        let parts: Vec<_> = found.iter().map(|f| f["part"].as_str().unwrap()).collect();
        for part in ["message", "name", "reference"] {
            assert!(parts.contains(&part), "{words:?}: no {part} in {parts:?}");
        }
        assert_eq!(parts.contains(&"tag"), words[0] == "--history", "{words:?}");
        let message = found.iter().find(|f| f["part"] == "message").unwrap();
        assert_eq!(message["line"].as_u64(), Some(3));
        assert!(found.iter().all(|f| !f.to_string().contains(VALUE)), "{found:?}");
        let name = found.iter().find(|f| f["part"] == "name").unwrap();
        assert_eq!(name["file"].as_str(), Some("d/[hasp:api/key]"));
        assert_eq!(name["commit"].as_str(), Some(place.sh("git rev-parse HEAD").trim()));
    }
    assert!(place.found(&["--range", "HEAD..HEAD"]).is_empty());
}
