//! What a registered program may be granted at most, whatever the classes would allow, and the
//! program itself by the digest of its file.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use hasp_core::text::printable_path;
use hasp_core::time::duration_text;
use hasp_core::{Class, Error, Kind, Result};

use crate::code;

/// The most that a registered program may be granted; what is absent limits nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ceiling {
    /// The longest window, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_window: Option<u64>,
    /// The most uses of one grant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_uses: Option<u32>,
    /// The classes of which it may be granted a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classes: Option<BTreeSet<Class>>,
    /// Whether each grant says what it is for.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub require_reason: bool,
}

/// What a grant for a registered program asks for.
#[derive(Debug)]
pub struct Asked<'a> {
    /// Its window.
    pub window: Duration,
    /// How often; `None` for as often as the window allows.
    pub uses: Option<u32>,
    /// The classes of what it opens.
    pub classes: &'a BTreeSet<Class>,
    /// What it is for.
    pub reason: Option<&'a str>,
}

impl Ceiling {
    /// Refuses more than this program, called so, may be granted.
    ///
    /// # Errors
    /// `[consumer-ceiling]`, `[consumer-class]`, `[consumer-reason]`.
    pub fn check(&self, name: &str, asked: &Asked<'_>) -> Result<()> {
        let refuse = |code, text: String| Error::new(Kind::Denied, code, format!("{name} {text}"));
        if let Some(most) = self.max_window.map(Duration::from_secs).filter(|m| asked.window > *m) {
            let most = duration_text(most);
            return Err(refuse(
                code::CONSUMER_CEILING,
                format!("is granted at most {most} at a time"),
            )
            .hint(format!("--for {most}"))
            .hint(format!("or raise it: hasp-consumer edit {name} --max-window D")));
        }
        if let Some(most) = self.max_uses.filter(|m| asked.uses.is_none_or(|uses| uses > *m)) {
            return Err(refuse(
                code::CONSUMER_CEILING,
                format!("is granted at most {most} uses at a time"),
            )
            .hint(format!("--uses {most}"))
            .hint(format!("or raise it: hasp-consumer edit {name} --max-uses N")));
        }
        let admitted = |class: &&Class| self.classes.as_ref().is_some_and(|c| !c.contains(*class));
        if let Some(class) = asked.classes.iter().find(admitted) {
            return Err(refuse(
                code::CONSUMER_CLASS,
                format!("is granted no secret of class {class}"),
            )
            .hint(format!("see what it may have: hasp-consumer show {name}")));
        }
        let said = asked.reason.is_some_and(|text| !text.trim().is_empty());
        if self.require_reason && !said {
            return Err(refuse(
                code::CONSUMER_REASON,
                "is granted a secret for a reason only".into(),
            )
            .hint("say what it is for, without any value: --reason 'nightly run'"));
        }
        Ok(())
    }

    /// `at most 30m, at most 5 uses, classes low medium, with a reason`; empty without limits.
    pub fn text(&self) -> String {
        let window = self.max_window.map(|s| duration_text(Duration::from_secs(s)));
        let classes = self.classes.as_ref().map(|classes| {
            let names: Vec<&str> = classes.iter().map(|c| c.as_str()).collect();
            format!("classes {}", names.join(" "))
        });
        let parts = [
            window.map(|w| format!("at most {w}")),
            self.max_uses.map(|n| format!("at most {n} uses")),
            classes,
            self.require_reason.then(|| "with a reason".to_owned()),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

/// The SHA-256 of a program's file, 64 hexadecimal digits.
///
/// # Errors
/// `Kind::Io` where it cannot be read.
pub(crate) fn digest(path: &Path) -> Result<String> {
    let failed = |e| Error::io("read", path, e);
    let mut file = File::open(path).map_err(failed)?;
    let (mut hasher, mut buffer) = (Sha256::new(), vec![0; 128 * 1024]);
    loop {
        match file.read(&mut buffer).map_err(failed)? {
            0 => return Ok(HEXLOWER.encode(&hasher.finalize())),
            read => hasher.update(&buffer[..read]),
        }
    }
}

/// Whether the file is still the one that was pinned.
///
/// # Errors
/// `[program-changed]`, with both digests.
pub(crate) fn check_pin(name: &str, path: &Path, pin: Option<&str>) -> Result<()> {
    let Some(pin) = pin else { return Ok(()) };
    let now = digest(path)?;
    if now == pin {
        return Ok(());
    }
    let shown = printable_path(path);
    let message = format!("{name} is pinned to sha256 {pin}, and {shown} is sha256 {now}");
    Err(Error::new(Kind::Denied, code::PROGRAM_CHANGED, message)
        .hint(format!("if that is an upgrade that you made: hasp-consumer edit {name} --pin"))
        .hint("then mint a new grant: hasp-grant -t TARGET"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_refuses_what_is_more_and_nothing_else() {
        let classes = BTreeSet::from([Class::Low, Class::Medium]);
        let ceiling = Ceiling {
            max_window: Some(1800),
            max_uses: Some(5),
            classes: Some(classes.clone()),
            require_reason: true,
        };
        let high = BTreeSet::from([Class::Low, Class::High]);
        let good = |classes| Asked {
            window: Duration::from_secs(1800),
            uses: Some(5),
            classes,
            reason: Some("nightly"),
        };
        let code_of = |ceiling: &Ceiling, asked: &Asked<'_>| {
            ceiling.check("bot", asked).map_err(|e| e.code())
        };
        assert_eq!(code_of(&ceiling, &good(&classes)), Ok(()));
        let longer = Asked { window: Duration::from_secs(1801), ..good(&classes) };
        assert_eq!(code_of(&ceiling, &longer), Err(code::CONSUMER_CEILING));
        for uses in [Some(6), None] {
            let more = Asked { uses, ..good(&classes) };
            assert_eq!(code_of(&ceiling, &more), Err(code::CONSUMER_CEILING));
        }
        assert_eq!(code_of(&ceiling, &good(&high)), Err(code::CONSUMER_CLASS));
        for reason in [None, Some(" ")] {
            let silent = Asked { reason, ..good(&classes) };
            assert_eq!(code_of(&ceiling, &silent), Err(code::CONSUMER_REASON));
        }
        let all = Asked { window: Duration::MAX, uses: None, reason: None, classes: &high };
        assert_eq!(code_of(&Ceiling::default(), &all), Ok(()));
        assert_eq!(
            ceiling.text(),
            "at most 30m, at most 5 uses, classes low medium, with a reason"
        );
    }

    #[test]
    fn a_file_that_changed_is_not_the_one_that_was_pinned() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tool");
        std::fs::write(&path, "one").unwrap();
        let pin = digest(&path).unwrap();
        assert_eq!(check_pin("tool", &path, Some(&pin)), Ok(()));
        std::fs::write(&path, "two").unwrap();
        let error = check_pin("tool", &path, Some(&pin)).unwrap_err();
        assert_eq!(error.code(), code::PROGRAM_CHANGED);
        assert!(
            error.message().contains(&pin) && error.message().contains(&digest(&path).unwrap())
        );
        assert_eq!(check_pin("tool", &path, None), Ok(()));
    }
}
