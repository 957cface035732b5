//! Which module of a crate names which: read from the sources, so that a test can say that no two
//! modules need each other. It knows just as much of Rust as our own code uses.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// A module's path inside its crate, without `crate`; the crate's root is empty.
pub type Module = Vec<String>;

/// For each module of a crate the modules that it names.
pub struct Modules {
    names: BTreeMap<Module, BTreeSet<Module>>,
}

impl Modules {
    /// Reads the sources below `src`; unit tests do not count.
    ///
    /// # Panics
    /// Where the sources cannot be read.
    pub fn of(src: &Path) -> Modules {
        let mut texts = BTreeMap::new();
        collect(src, &mut Vec::new(), &mut texts);
        let known: BTreeSet<Module> = texts.keys().cloned().collect();
        let names =
            texts.iter().map(|(module, text)| (module.clone(), named(module, text, &known)));
        Modules { names: names.collect() }
    }

    /// The sets of modules that need each other. A parent that lists or re-exports its children
    /// does not need them; a child that uses its parent's items does.
    pub fn circles(&self) -> Vec<Vec<String>> {
        let graph = self.names.iter().map(|(from, to)| {
            let to = to.iter().filter(|to| !to.is_empty() && !to.starts_with(from));
            (from.join("::"), to.map(|t| t.join("::")).collect())
        });
        circles(&graph.collect())
    }

    /// As [`Modules::circles`], between the parts of the crate: a folder is one of them.
    pub fn circles_of_parts(&self) -> Vec<Vec<String>> {
        let mut graph: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (from, to) in self.names.iter().filter(|(from, _)| !from.is_empty()) {
            let to = to.iter().filter_map(|to| to.first()).filter(|to| **to != from[0]);
            graph.entry(from[0].clone()).or_default().extend(to.cloned());
        }
        circles(&graph)
    }
}

/// Every source below `dir` with its module, without comments, texts and unit tests.
fn collect(dir: &Path, module: &mut Module, texts: &mut BTreeMap<Module, String>) {
    for entry in std::fs::read_dir(dir).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        let stem = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
        if path.is_dir() {
            module.push(stem);
            collect(&path, module, texts);
            module.pop();
        } else if stem != "tests" && stem != "main" {
            let own = stem != "mod" && stem != "lib";
            let text = plain(&std::fs::read_to_string(&path).expect("a source"));
            let name = module.iter().cloned().chain(own.then_some(stem)).collect();
            texts.insert(name, text);
        }
    }
}

/// The text without comments, without what stands in quotes and without its unit tests.
fn plain(text: &str) -> String {
    let text = text.split("\nmod tests {").next().unwrap_or_default();
    let mut kept = String::new();
    for line in text.lines() {
        let mut quoted = false;
        let mut before = ' ';
        let mut rest = line.chars().peekable();
        while let Some(c) = rest.next() {
            match c {
                '\\' if quoted => {
                    rest.next();
                }
                '"' if before != '\'' => quoted = !quoted,
                '/' if !quoted && rest.peek() == Some(&'/') => break,
                c if !quoted => kept.push(c),
                _ => {}
            }
            before = c;
        }
        kept.push('\n');
    }
    kept
}

/// The modules that `text`, of `module`, names in its `use` lines and in paths.
fn named(module: &Module, text: &str, known: &BTreeSet<Module>) -> BTreeSet<Module> {
    let mut paths = Vec::new();
    for used in text.split("use ").skip(1) {
        let used = used.split(';').next().unwrap_or_default();
        expand("", used, &mut paths);
    }
    for start in ["crate::", "super::"] {
        let behind = text.match_indices(start).map(|(at, _)| &text[at..]);
        paths.extend(behind.map(|t| t.split(not_in_a_path).next().unwrap_or_default().to_owned()));
    }
    let resolved = paths.iter().filter_map(|path| resolve(module, path, known));
    resolved.filter(|found| found != module).collect()
}

fn not_in_a_path(c: char) -> bool {
    !(c.is_alphanumeric() || c == '_' || c == ':')
}

/// Each path of a tree of braces, `before` in front.
fn expand(before: &str, tree: &str, paths: &mut Vec<String>) {
    let tree = tree.trim();
    let Some((head, body)) = tree.split_once('{') else {
        let name = tree.split(" as ").next().unwrap_or_default();
        return paths.push(format!("{before}{}", name.trim()));
    };
    let body = body.trim_end().strip_suffix('}').unwrap_or(body);
    let head = format!("{before}{}", head.trim());
    let (mut depth, mut from) = (0, 0);
    for (at, c) in body.char_indices().chain([(body.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                expand(&head, &body[from..at], paths);
                from = body.len().min(at + 1);
            }
            _ => {}
        }
    }
}

/// The innermost known module on a path, seen from `module`; none for a path out of the crate.
fn resolve(module: &Module, path: &str, known: &BTreeSet<Module>) -> Option<Module> {
    let mut words = path.split("::").filter(|w| !w.is_empty()).peekable();
    let mut at: Module = match words.peek()? {
        &"crate" => {
            words.next();
            Vec::new()
        }
        &"self" | &"super" => module.clone(),
        first => {
            let child: Module = module.iter().cloned().chain([(*first).to_owned()]).collect();
            known.contains(&child).then(|| module.clone())?
        }
    };
    for word in words {
        match word {
            "self" => {}
            "super" => {
                at.pop();
            }
            word => {
                at.push(word.to_owned());
                if !known.contains(&at) {
                    at.pop();
                    break;
                }
            }
        }
    }
    Some(at)
}

/// The sets of nodes that reach each other.
fn circles(graph: &BTreeMap<String, BTreeSet<String>>) -> Vec<Vec<String>> {
    let reach: BTreeMap<&String, BTreeSet<&String>> =
        graph.keys().map(|node| (node, reached(graph, node))).collect();
    let mutual = |a: &String, b: &String| {
        reach.get(a).is_some_and(|r| r.contains(b)) && reach.get(b).is_some_and(|r| r.contains(a))
    };
    let mut found: Vec<Vec<String>> = Vec::new();
    for node in graph.keys().filter(|node| mutual(node, node)) {
        match found.iter_mut().find(|circle| mutual(&circle[0], node)) {
            Some(circle) => circle.push(node.clone()),
            None => found.push(vec![node.clone()]),
        }
    }
    found
}

/// Every node that can be reached from `start` in one step or more.
fn reached<'a>(
    graph: &'a BTreeMap<String, BTreeSet<String>>,
    start: &String,
) -> BTreeSet<&'a String> {
    let mut seen = BTreeSet::new();
    let mut open = vec![start];
    while let Some(node) = open.pop() {
        for next in graph.get(node).into_iter().flatten() {
            if seen.insert(next) {
                open.push(next);
            }
        }
    }
    seen
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn modules(files: &[(&str, &str)]) -> Modules {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Modules::of(dir.path())
    }

    #[test]
    fn two_files_that_need_each_other_are_a_circle_and_so_are_their_folders() {
        let found = modules(&[
            ("lib.rs", "mod a;\nmod b;\npub use a::x::X;"),
            ("a/mod.rs", "pub mod x;\npub mod y;"),
            ("a/x.rs", "use crate::{b::{Z as Q, self}, a::y::Y};"),
            ("a/y.rs", "// crate::a::x::X\nconst T: &str = \"crate::a::x::X\";"),
            ("b.rs", "fn f() { super::a::x::g() }\nmod tests { use crate::a::y; }"),
        ]);
        assert_eq!(found.circles(), [["a::x", "b"]]);
        assert_eq!(found.circles_of_parts(), [["a", "b"]]);
    }

    #[test]
    fn a_child_that_uses_its_parent_is_none_until_the_parent_uses_a_sibling_that_needs_it() {
        let files = [
            ("lib.rs", "mod a;"),
            ("a/mod.rs", "mod x;\npub use x::X;\npub struct A;"),
            ("a/x.rs", "use super::A;\npub struct X(A);"),
        ];
        assert!(modules(&files).circles().is_empty());
    }
}
