//! The files that decide what a command does, as far as its words and its directory name them.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use crate::program::runners;

/// What parts a word into what could be paths: blanks and signs of a shell, `--file=path`, `a:b`.
const PARTS: &[u8] = b" \t\n=:,;|&()<>{}'\"`@";

/// Files that programs read unasked in the directory where they work.
const UNASKED: &[(&str, &[&str])] = &[
    ("make", &["GNUmakefile", "makefile", "Makefile"]),
    ("gmake", &["GNUmakefile", "makefile", "Makefile"]),
    ("bmake", &["BSDmakefile", "makefile", "Makefile"]),
    ("just", &["justfile", ".justfile", "Justfile"]),
    ("rake", &["rakefile", "Rakefile", "rakefile.rb", "Rakefile.rb"]),
    ("ninja", &["build.ninja"]),
    ("npm", &["package.json"]),
    ("yarn", &["package.json"]),
    ("pnpm", &["package.json"]),
    ("cargo", &["Cargo.toml", "build.rs"]),
];

/// The program, and what it interprets if it is an interpreter.
pub fn interpreted(program: &Path, argv: &[OsString], dir: &Path) -> Vec<PathBuf> {
    let mut files = vec![program.to_owned()];
    if runners::runs_its_words(program) {
        let words = argv.iter().skip(1).filter(|w| !w.as_bytes().starts_with(b"-"));
        files.extend(words.map(|w| dir.join(w)).find(|p| p.is_file()));
    }
    files
}

/// As `interpreted`, and all of the project that is named, whole or as a part of a word: which
/// option takes a script is for each program to know. The directory where it runs counts, and what
/// the programs named read there unasked.
pub fn named(program: &Path, argv: &[OsString], dir: &Path, project: &Path) -> Vec<PathBuf> {
    let mut files = interpreted(program, argv, dir);
    let parts: Vec<&OsStr> = argv.iter().skip(1).flat_map(|word| parts(word)).collect();
    let mut named: Vec<PathBuf> =
        parts.iter().filter_map(|part| existing(&dir.join(part))).collect();
    named.push(dir.to_owned());
    let tools =
        argv.iter().take(1).map(|w| w.as_os_str()).chain([program.as_os_str()]).chain(parts);
    for name in tools.filter_map(unasked).flatten() {
        let there: Vec<PathBuf> =
            named.iter().filter_map(|dir| existing(&dir.join(name))).collect();
        files.extend(there);
    }
    files.extend(named.into_iter().filter(|path| path.starts_with(project)));
    let mut seen = std::collections::BTreeSet::new();
    files.retain(|file| seen.insert(file.clone()));
    files
}

/// A word, and each piece of it; of an option `-fpath` what follows its letter too.
fn parts(word: &OsStr) -> impl Iterator<Item = &OsStr> {
    let pieces = word.as_bytes().split(|b| PARTS.contains(b));
    let pieces = std::iter::once(word.as_bytes()).chain(pieces);
    let with_short = pieces.flat_map(|piece| {
        let short = piece.strip_prefix(b"-").filter(|rest| rest.len() > 1).map(|rest| &rest[1..]);
        std::iter::once(piece).chain(short)
    });
    with_short.filter(|piece| !piece.is_empty()).map(OsStr::from_bytes)
}

/// The path if something is there; through its real directories where `..` could lead elsewhere.
fn existing(path: &Path) -> Option<PathBuf> {
    path.symlink_metadata().ok()?;
    let climbs = path.components().any(|c| c == Component::ParentDir);
    if climbs { path.canonicalize().ok() } else { Some(path.components().collect()) }
}

/// What a program of this name reads unasked.
fn unasked(program: &OsStr) -> Option<&'static [&'static str]> {
    let name = Path::new(program).file_name()?;
    UNASKED.iter().find(|(tool, _)| *tool == name).map(|(_, files)| *files)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn each_word_and_each_part_of_one_that_names_a_file_of_the_project_counts() {
        let project = tempfile::tempdir().unwrap();
        let root = project.path().canonicalize().unwrap();
        std::fs::create_dir(root.join("sub")).unwrap();
        for name in ["sub/x", "sub/Makefile", "GNUmakefile"] {
            std::fs::write(root.join(name), "").unwrap();
        }
        let found = |words: &[&str], dir: &str| {
            let argv: Vec<OsString> = words.iter().map(OsString::from).collect();
            let program = Path::new("/usr/bin").join(words[0]);
            named(&program, &argv, &root.join(dir), &root)
        };
        for words in [
            &["timeout", "5", "sub/x"][..],
            &["env", "-S", "sh sub/x"],
            &["sh", "-c", ". sub/x"],
            &["sh", "-c", "cd /;'./sub/x'|cat"],
            &["awk", "-f", "sub/x"],
            &["awk", "-fsub/x"],
            &["node", "--require=./sub/x"],
            &["curl", "-d@sub/x"],
            &["tool", "a:sub/../sub/x"],
        ] {
            assert!(found(words, "").contains(&root.join("sub/x")), "{words:?}");
        }
        assert!(found(&["sh", "../sub/x"], "sub").contains(&root.join("sub/x")));
        for words in [&["make"][..], &["nice", "make", "all"], &["sh", "-c", "make&&true"]] {
            assert!(found(words, "").contains(&root.join("GNUmakefile")), "{words:?}");
        }
        assert!(found(&["make", "-Csub"], "").contains(&root.join("sub/Makefile")));
        assert_eq!(
            found(&["ls", "/", "none", "", "-"], "sub"),
            [Path::new("/usr/bin/ls").to_owned(), root.join("sub")]
        );
    }
}
