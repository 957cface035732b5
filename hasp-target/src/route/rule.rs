//! Which requests a route lets through: `METHOD PATH`, read as strictly as it is written.

use std::fmt;

use crate::route::minting::makes_credentials;
use crate::route::origin::Origin;
use crate::route::path::Path;

/// The longest text of a rule, in bytes.
const MAX: usize = 512;

/// One rule of `allow`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rule {
    text: String,
    /// Any, if none.
    method: Option<String>,
    segments: Vec<Segment>,
    /// Whether any number of segments may follow.
    open: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Segment {
    /// One that is not empty.
    Any,
    /// This one, decoded.
    Is(Vec<u8>),
}

impl Rule {
    /// Reads one.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn parse(text: &str) -> Result<Rule, String> {
        if text.len() > MAX {
            return Err(format!("a rule has at most {MAX} bytes"));
        }
        let example = "a rule is METHOD PATH, for example: POST /v1/chat/completions";
        let (method, path) = text.split_once(' ').ok_or(example)?;
        let word = |b: u8| b.is_ascii_uppercase() || b == b'-';
        let method = match method {
            "*" => None,
            "CONNECT" | "TRACE" => return Err(format!("{method} is not served")),
            _ if !method.is_empty() && method.bytes().all(word) => Some(method.to_owned()),
            _ => return Err("a rule begins with a method in capitals, or *".to_owned()),
        };
        let (path, open) = match path.strip_suffix("/**") {
            Some(before) => (before, true),
            None => (path, false),
        };
        // What is left of `/**` is the root, which has no segment before the open end.
        let segments = match path {
            "" if open => Vec::new(),
            _ => segments(path)?,
        };
        Ok(Rule { text: text.to_owned(), method, segments, open })
    }

    /// Whether it lets a request through.
    pub fn admits(&self, method: &str, path: &Path) -> bool {
        let named = self.method.as_deref().is_none_or(|own| own == method);
        let given = path.segments();
        let fits = match self.open {
            true => given.len() >= self.segments.len(),
            false => given.len() == self.segments.len(),
        };
        let same = |(rule, given): (&Segment, &Vec<u8>)| match rule {
            Segment::Any => !given.is_empty(),
            Segment::Is(text) => text == given,
        };
        named && fits && self.segments.iter().zip(given).all(same)
    }

    /// Whether it names one method and one path.
    pub fn is_exact(&self) -> bool {
        self.method.is_some() && !self.open && !self.segments.contains(&Segment::Any)
    }

    /// Whether all that it lets through lies below this path.
    pub fn is_below(&self, base: &str) -> bool {
        let Some(base) = Path::parse(base) else { return base.is_empty() };
        let base: Vec<_> = base.segments().iter().filter(|s| !s.is_empty()).collect();
        let same = |(own, base): (&Segment, &&Vec<u8>)| *own == Segment::Is(base.to_vec());
        self.segments.len() >= base.len() && self.segments.iter().zip(&base).all(same)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The rules of a route that names none: reading, below its path.
pub fn read_only(to: &Origin) -> Vec<Rule> {
    let base = to.path().trim_end_matches('/');
    let rule = |method: &str| Rule::parse(&format!("{method} {base}/**")).ok();
    ["GET", "HEAD"].into_iter().filter_map(rule).collect()
}

/// Whether some rule lets the request through; one that would make a new credential at a known host
/// needs a rule without wildcards.
pub fn admitted(rules: &[Rule], host: &str, method: &str, path: &Path) -> bool {
    let strict = makes_credentials(host, method, path);
    rules.iter().any(|rule| rule.admits(method, path) && (!strict || rule.is_exact()))
}

fn segments(path: &str) -> Result<Vec<Segment>, String> {
    if path.contains(['?', '#']) {
        return Err("a rule has no query and no fragment: they are not looked at".to_owned());
    }
    let bare = path.replace('*', "a");
    if Path::parse(&bare).is_none() {
        return Err(
            "the path of a rule begins with '/', and has no '.', '..' or bad escape".to_owned()
        );
    }
    let one = |raw: &str| match raw {
        "*" => Ok(Segment::Any),
        _ if raw.contains('*') => Err("'*' stands for a whole segment, '**' for any number \
                                       of them at the end"
            .to_owned()),
        _ => {
            let path = Path::parse(&format!("/{raw}"));
            let decoded = path.and_then(|p| p.segments().first().cloned());
            decoded.map(Segment::Is).ok_or_else(|| "a segment of a rule is malformed".to_owned())
        }
    };
    path[1..].split('/').map(one).collect()
}
