//! Content that git stores by pointer is looked at where it is here; where it is not, it is named,
//! and the hooks block.
#![allow(clippy::unwrap_used)]

mod place;

use place::{Place, VALUE};

fn world() -> Place {
    let place = Place::new().git();
    place.store("api/key", VALUE.as_bytes());
    place.sh("git config user.name n; git config user.email n@example.org");
    place.sh("git init -q --bare ../remote; git remote add origin ../remote; echo a >a; git add a");
    place.sh("git commit -qm first; git push -q origin main");
    place
}

/// Whether a program is here; where all must be, it is.
fn peer(place: &Place, words: &str) -> bool {
    let there = place.command("sh").args(["-c", words]).output().unwrap().status.success();
    assert!(there || std::env::var_os("CI").is_none(), "{words} is missing");
    there
}

fn stopped(place: &Place, line: &str, told: &[&str]) {
    let before = place.sh("git rev-parse HEAD; git ls-remote origin");
    let out = place.command("sh").args(["-ec", line]).output().unwrap();
    let said = [out.stdout, out.stderr].map(|s| String::from_utf8_lossy(&s).into_owned()).concat();
    assert!(!out.status.success(), "{line}: {said}");
    assert!(told.iter().all(|t| said.contains(t)) && !said.contains(VALUE), "{line}: {said}");
    assert_eq!(place.sh("git rev-parse HEAD; git ls-remote origin"), before, "{line}");
}

#[test]
fn git_lfs() {
    let place = world();
    if !peer(&place, "git lfs version") {
        return;
    }
    place.sh("git lfs install --local --skip-repo >/dev/null; git lfs track '*.bin' >/dev/null");
    place.sh("git add .gitattributes; git commit -qm lfs; git push -q --no-verify origin main");
    place.install();
    place.sh("head -c 3000 /dev/zero >clean.bin; git add clean.bin; git commit -qm clean");
    place.sh(&format!("(head -c 200000 /dev/zero; echo; echo {VALUE}) >big.bin; git add big.bin"));
    stopped(&place, "git commit -qm big", &["big.bin:2:1: api/key version 1 (plain)"]);
    place.sh("git commit -qm big --no-verify");
    stopped(&place, "git push -q origin main", &["big.bin:2:1: api/key", "commit "]);
    assert_eq!(place.found(&["--range", "HEAD~1..HEAD"])[0]["file"], "big.bin");
    // Without the content nobody can say what is in it.
    place.sh("git config lfs.allowincompletepush true; rm -r .git/lfs/objects");
    let told = ["big.bin: not looked into: git-lfs keeps its content, which is not here"];
    stopped(&place, "git push -q origin main", &told);
    let out = place.scan(&["--range", "HEAD~1..HEAD", "--strict"]);
    assert_eq!(out.status.code(), Some(3), "{}", String::from_utf8_lossy(&out.stderr));
}

#[test]
fn git_annex() {
    let place = world();
    if !peer(&place, "git annex version") {
        return;
    }
    place.sh("git annex init -q here >/dev/null 2>&1");
    place.install();
    place.sh(&format!("echo {VALUE} >linked; git annex add -q linked >/dev/null"));
    stopped(&place, "git commit -qm linked", &["linked:1:1: api/key version 1 (plain)"]);
    place.sh("git annex unlock -q linked >/dev/null");
    stopped(&place, "git commit -qm unlocked", &["linked:1:1: api/key version 1 (plain)"]);
    place.sh("git reset -q --hard; echo clean >c; git annex add -q c >/dev/null");
    place.sh("git commit -qm clean");
    place.sh("git annex drop --force -q c >/dev/null; git commit -q --allow-empty -m x");
    stopped(&place, "git push -q origin main", &["c: not looked into: git-annex keeps"]);
    place.sh("chmod -R u+w .git/annex");
}

#[test]
fn dvc() {
    let place = world();
    place.install();
    let (md5, directory) = ("0123456789abcdef".repeat(2), "fedcba9876543210".repeat(2));
    let cache = |id: &str| format!(".dvc/cache/files/md5/{}/{}", &id[..2], &id[2..]);
    let list = format!("[{{\"md5\": \"{md5}\", \"relpath\": \"f\"}}]");
    let put = |id: &str, text: &str| {
        place.sh(&format!("mkdir -p $(dirname {0}); echo '{text}' >{0}", cache(id)));
    };
    place.sh("echo .dvc >.gitignore");
    place.sh(&format!("printf 'outs:\\n- md5: {md5}\\n  path: d\\n' >d.dvc"));
    place.sh(&format!("printf 'outs:\\n- md5: {directory}.dir\\n  path: e\\n' >e.dvc"));
    place.sh("git add .gitignore d.dvc");
    stopped(&place, "git commit -qm d", &["d.dvc: not looked into: DVC keeps its content"]);
    put(&md5, VALUE);
    stopped(&place, "git commit -qm d", &["d.dvc:1:1: api/key"]);
    place.sh("git rm -q --cached d.dvc; git add e.dvc");
    put(&format!("{directory}.dir"), &list);
    stopped(&place, "git commit -qm e", &["e.dvc:1:1: api/key"]);
    put(&md5, "clean");
    place.sh("git commit -qm e");
}

#[test]
fn a_filter_that_packs() {
    let place = world();
    place.install();
    let pack = "base64 | base64 | base64 | base64 | base64";
    place.sh(&format!(
        "git config filter.pack.clean '{pack}'; echo '*.p filter=pack' >.gitattributes"
    ));
    place.sh(&format!("git add .gitattributes; git commit -qm attributes; echo {VALUE} >k.p"));
    stopped(&place, "git add k.p; git commit -qm k", &["k.p:1:1: api/key version 1 (plain)"]);
    place.sh("rm k.p");
    let told = ["k.p: not looked into: the filter pack made it from a file that is not here"];
    stopped(&place, "git commit -qm k", &told);
    place.sh("git reset -q --hard; echo clean >c.p; git add c.p; git commit -qm clean");
    // What is enciphered may have what it will.
    place.sh("git config filter.pack.clean 'printf \"\\000GITCRYPT\\000\"; base64 | rev'");
    place.sh(&format!("echo {VALUE} >s.p; git add s.p; git commit -qm enciphered"));
}

#[test]
fn submodules() {
    let place = world();
    place.sh("git init -q -b main ../lib; git -C ../lib commit -q --allow-empty -m x");
    place.sh("git -c protocol.file.allow=always submodule add -q ../lib sub; git commit -qm sub");
    place.sh("git push -q origin main");
    place.install();
    place.sh("git -C sub config user.name n; git -C sub config user.email n@example.org");
    place.sh(&format!("cd sub; echo {VALUE} >k; git add k; git commit -qm k"));
    place.sh("git add sub; git commit -qm bump");
    stopped(&place, "git push -q origin main", &["sub/k:1:1: api/key version 1 (plain)"]);
    place.sh("mv sub/.git ../away; git commit -q --allow-empty -m y");
    let told = ["sub: not looked into: the commit of this submodule is not here"];
    stopped(&place, "git push -q origin main", &told);
    // What does not change was there before.
    place.sh("git reset -q --hard origin/main; echo b >b; git add b; git commit -qm b");
    place.sh("git push -q origin main");
}
