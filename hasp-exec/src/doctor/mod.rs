//! `--doctor`: what this machine gives and what is wrong with home, project and grants, in plain
//! words, each wrong thing with the command that mends it. It asks each question by itself, so that
//! one that cannot be answered hides no other.

mod machine;
mod project;
mod repair;
mod state;

use hasp_core::output::without_tokens;
use hasp_core::text::printable;
use hasp_core::tool::{Context, Exit};
use hasp_core::{Error, Result, layout, platform};

/// How things stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// As it should be.
    Good,
    /// It works, and could be better.
    Note,
    /// Something will be refused.
    Wrong,
}

/// One answer.
struct Finding {
    area: &'static str,
    topic: String,
    state: State,
    text: String,
    /// What to type.
    fix: Vec<String>,
}

/// The answers so far, and of which area the next ones are.
struct Findings {
    area: &'static str,
    list: Vec<Finding>,
}

/// Prints all findings, after mending what can be: 0 if nothing is wrong, else 1.
pub(crate) fn run(mend: bool, context: &mut Context) -> Result<Exit> {
    let mut findings = Findings { area: "repair", list: Vec::new() };
    if mend {
        repair::repair(context, &mut findings);
    }
    findings.area = "machine";
    machine::look(&context.env, &mut findings);
    findings.area = "home";
    let vault = state::home(&context.env, &mut findings);
    findings.area = "project";
    project::look(vault.as_ref(), context, &mut findings);
    findings.area = "grants";
    state::grants(&context.env, context.now, &mut findings);
    print(&findings.list, context)?;
    let wrong = findings.list.iter().filter(|f| f.state == State::Wrong).count();
    context.out.note(&match wrong {
        0 => "nothing is wrong".to_owned(),
        1 => "1 thing is wrong".to_owned(),
        _ => format!("{wrong} things are wrong"),
    });
    Ok(if wrong == 0 { Exit::OK } else { Exit::NO })
}

impl Findings {
    fn good(&mut self, topic: &str, text: impl Into<String>) {
        self.add(topic, State::Good, text.into(), Vec::new());
    }

    fn note(&mut self, topic: &str, text: impl Into<String>, fix: &[&str]) {
        self.add(topic, State::Note, text.into(), fix.iter().map(|f| (*f).to_owned()).collect());
    }

    fn of_system(&mut self, finding: platform::Finding) {
        let state = if finding.good { State::Good } else { State::Note };
        let text = printable(finding.text.as_bytes());
        self.add(finding.topic, state, text, finding.fix);
    }

    fn wrong(&mut self, topic: &str, error: &Error) {
        self.add(topic, State::Wrong, error.to_string(), error.hints().to_vec());
    }

    fn wrong_text(&mut self, topic: &str, text: impl Into<String>, fix: String) {
        self.add(topic, State::Wrong, text.into(), vec![fix]);
    }

    fn add(&mut self, topic: &str, state: State, text: String, fix: Vec<String>) {
        self.list.push(Finding { area: self.area, topic: topic.to_owned(), state, text, fix });
    }
}

impl State {
    fn as_str(self) -> &'static str {
        match self {
            State::Good => "ok",
            State::Note => "note",
            State::Wrong => "wrong",
        }
    }
}

/// What is to be typed can be copied from a narrow terminal too: a line that is broken ends as a
/// shell wants it.
fn typed(line: &str, columns: Option<usize>) -> String {
    let hang = line.len() - line.trim_start().len() + 3;
    columns.map_or_else(
        || line.to_owned(),
        |columns| layout::wrap(line, columns.saturating_sub(2), hang).replace('\n', " \\\n"),
    )
}

fn print(findings: &[Finding], context: &mut Context) -> Result<()> {
    let width = findings.iter().map(|f| f.topic.chars().count()).max().unwrap_or(0);
    let mut area = "";
    for Finding { area: of, topic, state, text, fix } in findings {
        if context.out.json {
            let (state, text) = (state.as_str(), without_tokens(text));
            context.out.object(&serde_json::json!({
                "v": 1, "area": of, "topic": topic, "state": state, "text": text, "fix": fix,
            }))?;
            continue;
        }
        if *of != area {
            area = of;
            context.out.line(of)?;
        }
        // Further lines of a message, such as what changed, stand below its first.
        let margin = " ".repeat(width + 10);
        let text = without_tokens(text).replace('\n', &format!("\n{margin}"));
        context.out.folded(
            format!("  {:<5} {topic:width$}  {text}", state.as_str()).trim_end(),
            margin.len(),
        )?;
        fix.iter().try_for_each(|f| {
            context.out.line(&typed(&format!("{margin}-> {f}"), context.out.columns()))
        })?;
    }
    Ok(())
}
