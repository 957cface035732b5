//! Which names stand where: told by the word that the help and the pages have for them.

/// Names that can be typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    /// One word that means something by itself.
    Word(&'static str),
    /// What a tool's list prints.
    Of(&'static str, &'static [&'static str]),
}

const SECRETS: Names = Names::Of("hasp-vault", &["list"]);
const RECIPIENTS: Names = Names::Of("hasp-vault", &["recipients"]);
const DEPOSITS: Names = Names::Of("hasp-vault", &["inbox"]);
const REFERENCES: Names = Names::Of("hasp-bind", &["list"]);
const TARGETS: Names = Names::Of("hasp-target", &["list"]);
const CONSUMERS: Names = Names::Of("hasp-consumer", &["list"]);
const GRANTS: Names = Names::Of("hasp-grant", &["list"]);
const WHO: &[Names] =
    &[Names::Word("session"), Names::Word("parent"), Names::Word("user"), CONSUMERS];

/// The names that a verb's argument takes, by its word; none for what is no name of ours, and for
/// what is to be new.
pub(super) fn names_of(tool: &str, verb: &str, word: &str) -> &'static [Names] {
    match (tool, verb, word) {
        ("hasp-target", "add", "TARGET") | ("hasp-consumer", "add", "NAME") => &[],
        (_, _, "TARGET") => &[TARGETS],
        ("hasp-vault", "recipients add", _) => &[],
        ("hasp-vault", _, "AGE1..|SSH-..") => &[RECIPIENTS],
        ("hasp-vault", "accept" | "reject", "ID") => &[DEPOSITS],
        ("hasp-vault", _, "NAME" | "NAME[@N]" | "PREFIX") => &[SECRETS],
        ("hasp-audit", _, "NAME" | "NAME[@N]") | ("hasp-grant", _, "S") => &[SECRETS],
        // One that is not bound yet is asked about.
        (_, "", "VAR=REF" | "REF") | ("hasp-target", "add", "VAR=REF" | "REF") => {
            &[REFERENCES, SECRETS]
        }
        ("hasp-bind", "add", _) => &[SECRETS],
        (_, _, "REF") => &[REFERENCES],
        ("hasp-consumer", _, "NAME") => &[CONSUMERS],
        ("hasp-grant" | "hasp-audit", _, "C" | "WHO") => WHO,
        ("hasp-grant", _, "ID") | ("hasp-audit", "" | "log", "ID") => &[GRANTS],
        _ => &[],
    }
}
