//! The words of `rotate`. Structures only.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use crate::format::value_kind::ValueKind;

const EXAMPLES: &str = "\
Examples:
  hasp-vault rotate db/url                   the new value is asked for without echo
  hasp-vault rotate db/url --from new.txt --test ./can-log-in
  hasp-vault rotate db/url --run ./new-password --retire ./drop-password --overlap 24h
  hasp-vault rotate db/url --run ./new-password --rotate-every 30d
  hasp-vault rotate --due                    for cron: what is due and has a recipe
  hasp-vault rotate db/url --resume          after a crash, or a test that failed
  hasp-audit exposed --since 24h | hasp-vault rotate -

PROG gets a value on descriptor 3 and the name in ROTATE_NAME. --run gets the old
value and prints the new one, --test gets the new one, --retire the old one.";

/// `rotate`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct RotateArgs {
    /// Which secrets; - reads names, with @N for a version, from stdin, one a line
    #[arg(value_name = "NAME", required_unless_present = "due")]
    pub names: Vec<String>,
    /// Where the new value comes from: - (stdin), fd:N, env:VAR or a path
    #[arg(long, value_name = "SRC", conflicts_with_all = ["run", "kind"])]
    pub from: Option<OsString>,
    /// A program that gets the old value and prints the new one
    #[arg(long, value_name = "PROG", conflicts_with = "kind")]
    pub run: Option<PathBuf>,
    /// A fresh value, as generate makes it
    #[arg(long, value_enum)]
    pub kind: Option<ValueKind>,
    /// Its length, as for generate
    #[arg(long, value_name = "N", requires = "kind")]
    pub length: Option<usize>,
    /// Its characters, as for generate
    #[arg(long, value_name = "SET", requires = "kind")]
    pub alphabet: Option<String>,
    /// A program that must succeed with the new value before it counts
    #[arg(long, value_name = "PROG")]
    pub test: Option<PathBuf>,
    /// A program that takes the old value back at the provider
    #[arg(long, value_name = "PROG")]
    pub retire: Option<PathBuf>,
    /// Keep the old value for so long before it is retired
    #[arg(long, value_name = "DURATION")]
    pub overlap: Option<String>,
    /// Do the same again this often, by rotate --due; or never
    #[arg(long, value_name = "DURATION")]
    pub rotate_every: Option<String>,
    /// Keep the newline at the end of a new value
    #[arg(long)]
    pub keep_newline: bool,
    /// Go on with what was interrupted
    #[arg(long, conflicts_with_all = ["from", "run", "kind", "test", "retire", "overlap",
    "rotate_every", "abort"])]
    pub resume: bool,
    /// Give it up: the old value stays
    #[arg(long, conflicts_with_all = ["from", "run", "kind", "test", "retire", "overlap",
    "rotate_every"])]
    pub abort: bool,
    /// Rotate what is due and has a recipe, retire what waits; exit 1 if anything is left
    #[arg(long, conflicts_with_all = ["names", "from", "run", "kind", "test", "retire", "overlap",
    "rotate_every", "resume", "abort"])]
    pub due: bool,
}
