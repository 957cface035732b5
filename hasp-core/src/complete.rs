//! What can stand where the cursor is, for the shells: verbs, options, words and names. The names
//! come from the tools' own lists, which ask for no passphrase; where there is no home, no vault or
//! no project there are none, and nothing is said.

use std::any::TypeId;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Stdio;

use clap::builder::PossibleValue;
use clap::{Arg, Command};
use clap_complete::Shell;

use crate::complete::line::Line;
use crate::complete::names::{Names, names_of};
use crate::sibling;

mod line;
mod names;

/// The word that a shell's script calls a tool with; the text up to the cursor follows it.
pub const FLAG: &str = "--complete-line";

/// What a shell reads once, to ask the tool from then on. Shells that have no script of ours know
/// verbs and options.
pub fn script(shell: Shell, command: &mut Command) -> Vec<u8> {
    let name = command.get_name().to_owned();
    let text = match shell {
        Shell::Bash => include_str!("complete/bash.sh"),
        Shell::Zsh => include_str!("complete/zsh.sh"),
        Shell::Fish => include_str!("complete/fish.sh"),
        other => {
            let mut script = Vec::new();
            clap_complete::generate(other, command, name, &mut script);
            return script;
        }
    };
    let function = name.replace('-', "_");
    text.replace("@TOOL@", &name).replace("@FUNCTION@", &function).into_bytes()
}

/// What a shell offers.
#[derive(Debug, PartialEq, Eq)]
enum Offer {
    /// These words, each with what it is for.
    Words(Vec<(String, String)>),
    /// What the shell itself knows of files.
    Files,
    /// The programs that there are.
    Programs,
}

/// What a shell's script reads: a line that says of which kind the offer is, then a word a line,
/// a tab and what it is for.
pub fn answer(command: Command, text: &str) -> String {
    let line = Line::read(text, command.get_name(), &|name| std::env::var(name).ok());
    match offer(command, &line) {
        Offer::Files => "files\n".to_owned(),
        Offer::Programs => "programs\n".to_owned(),
        Offer::Words(words) => words.iter().fold("words\n".to_owned(), |all, (word, about)| {
            all + word + "\t" + about.lines().next().unwrap_or_default() + "\n"
        }),
    }
}

/// Where a command line stands: the verb that it has come to, and what waits for its value.
struct Place<'a> {
    at: &'a Command,
    verb: String,
    /// How many words stood where no option did.
    words: usize,
    waits: Option<&'a Arg>,
    directory: Option<String>,
}

fn offer(mut command: Command, line: &Line) -> Offer {
    command.build();
    let tool = command.get_name().to_owned();
    let mut place =
        Place { at: &command, verb: String::new(), words: 0, waits: None, directory: None };
    for (number, word) in line.words.iter().enumerate() {
        if word == "--" && place.waits.is_none() {
            let first = number + 1 == line.words.len();
            return if first { Offer::Programs } else { Offer::Files };
        }
        place.step(word);
    }
    let Offer::Words(mut words) = place.offer(&tool, line) else { return Offer::Files };
    words.retain(|(word, _)| word.starts_with(&line.current));
    words.sort();
    words.dedup_by(|a, b| a.0 == b.0);
    Offer::Words(words)
}

impl<'a> Place<'a> {
    fn step(&mut self, word: &str) {
        if let Some(option) = self.waits.take() {
            if option.get_short() == Some('C') {
                self.directory = Some(word.to_owned());
            }
        } else if let Some(long) = word.strip_prefix("--") {
            let (name, value) = long.split_once('=').map_or((long, None), |(n, v)| (n, Some(v)));
            let option = self.at.get_arguments().find(|a| a.get_long() == Some(name));
            self.waits = option.filter(|a| takes_value(a) && value.is_none());
        } else if let Some(letters) = word.strip_prefix('-').filter(|l| !l.is_empty()) {
            self.short(letters);
        } else if let Some(verb) = self.at.find_subcommand(word).filter(|_| self.words == 0) {
            self.at = verb;
            self.verb = format!("{} {}", self.verb, verb.get_name()).trim_start().to_owned();
        } else {
            self.words += 1;
        }
    }

    /// The rest behind a letter that takes a value is the value.
    fn short(&mut self, letters: &str) {
        for (at, letter) in letters.char_indices() {
            let option = self.at.get_arguments().find(|a| a.get_short() == Some(letter));
            if let Some(option) = option.filter(|a| takes_value(a)) {
                let rest = &letters[at + letter.len_utf8()..];
                self.waits = rest.is_empty().then_some(option);
                return;
            }
        }
    }

    fn offer(&self, tool: &str, line: &Line) -> Offer {
        let current = line.current.as_str();
        if let Some(option) = self.waits {
            return self.values(tool, option, "", line);
        }
        if let Some((name, _)) = current.strip_prefix("--").and_then(|long| long.split_once('=')) {
            let option = self.at.get_arguments().find(|a| a.get_long() == Some(name));
            let before = format!("--{name}=");
            return option.map_or(Offer::Words(Vec::new()), |option| {
                self.values(tool, option, &before, line)
            });
        }
        if current.starts_with('-') {
            return Offer::Words(self.options());
        }
        let verbs = self.at.get_subcommands().filter(|v| !v.is_hide_set() && self.words == 0);
        let mut words: Vec<_> =
            verbs.map(|v| (v.get_name().to_owned(), about(v.get_about()))).collect();
        match self.positional().map(|argument| self.values(tool, argument, "", line)) {
            Some(Offer::Words(more)) => words.extend(more),
            Some(other) if words.is_empty() => return other,
            _ => {}
        }
        Offer::Words(words)
    }

    /// The argument whose turn it is; the last one may come again.
    fn positional(&self) -> Option<&'a Arg> {
        let all: Vec<&Arg> = self.at.get_positionals().filter(|a| !a.is_last_set()).collect();
        let last = all.last().filter(|a| a.get_num_args().is_some_and(|n| n.max_values() > 1));
        all.get(self.words).or(last).copied()
    }

    fn options(&self) -> Vec<(String, String)> {
        let shown = self.at.get_arguments().filter(|a| !a.is_hide_set());
        shown.filter_map(|a| Some((format!("--{}", a.get_long()?), about(a.get_help())))).collect()
    }

    fn values(&self, tool: &str, argument: &Arg, before: &str, line: &Line) -> Offer {
        let listed: Vec<PossibleValue> = argument.get_possible_values();
        if !listed.is_empty() {
            let shown = listed.iter().filter(|v| !v.is_hide_set());
            let words = shown.map(|v| (format!("{before}{}", v.get_name()), about(v.get_help())));
            return Offer::Words(words.collect());
        }
        let shape = argument.get_value_names().and_then(|names| names.first());
        let shape = shape.map_or("", |name| name.as_str());
        let names = names_of(tool, &self.verb, shape);
        if names.is_empty() {
            let kind = argument.get_value_parser().type_id();
            let of_files = [TypeId::of::<PathBuf>(), TypeId::of::<OsString>()];
            let files = of_files.iter().any(|id| kind == *id);
            return if files { Offer::Files } else { Offer::Words(Vec::new()) };
        }
        // What a variable is to hold stands behind its name.
        let current = &line.current[before.len()..];
        let before = match (shape.starts_with("VAR="), current.split_once('=')) {
            (true, Some((variable, _))) => format!("{before}{variable}="),
            (true, None) => return Offer::Words(Vec::new()),
            (false, _) => before.to_owned(),
        };
        let found = names.iter().flat_map(|n| self.list(*n, line));
        Offer::Words(found.map(|name| (format!("{before}{name}"), String::new())).collect())
    }

    /// The names that a tool's own list has.
    fn list(&self, names: Names, line: &Line) -> Vec<String> {
        let (tool, verb) = match names {
            Names::Word(word) => return vec![word.to_owned()],
            Names::Of(tool, verb) => (tool, verb),
        };
        let Ok(mut command) = sibling::command(tool) else { return Vec::new() };
        command.args(self.directory.iter().flat_map(|dir| ["-C", dir]));
        command.args(verb).arg("--names").envs(line.assigned.iter().map(|(n, v)| (n, v)));
        let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output();
        let text = output.map(|o| String::from_utf8_lossy(&o.stdout).into_owned());
        text.unwrap_or_default().lines().map(str::to_owned).collect()
    }
}

fn takes_value(argument: &Arg) -> bool {
    argument.get_action().takes_values()
}

fn about(text: Option<&clap::builder::StyledStr>) -> String {
    text.map(ToString::to_string).unwrap_or_default()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
