//! The origin that a value may go to: scheme, host and port, and the path that the client's base
//! URL begins with.

use std::fmt;
use std::net::Ipv6Addr;

use crate::route::path::Path;

/// The port of https.
const HTTPS: u16 = 443;
/// The longest text, in bytes: it stands in grants.
const MAX: usize = 512;

/// `https://HOST[:PORT][/PATH]`, and no more than that.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    text: String,
    host: String,
    port: u16,
    path: String,
}

impl Origin {
    /// Reads one.
    ///
    /// # Errors
    /// What is wrong, in words; the text is not shown, since a password may stand in it.
    pub fn parse(text: &str) -> Result<Origin, String> {
        if text.len() > MAX || !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(format!("a URL is at most {MAX} letters, digits and signs of ASCII"));
        }
        let rest = text.strip_prefix("https://").ok_or("a value goes to https:// alone")?;
        if rest.contains(['?', '#', '\\']) {
            return Err("the URL has a query, a fragment or a backslash".to_owned());
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err("the URL names a user: 'as' says how the value is sent".to_owned());
        }
        if !path.is_empty() && Path::parse(path).is_none() {
            return Err("the URL's path has '.', '..' or a bad escape".to_owned());
        }
        let (host, port) = split(authority)?;
        Ok(Origin { text: text.to_owned(), host, port, path: path.to_owned() })
    }

    /// The name or the address, in lower case; an IPv6 address without its brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The path, perhaps empty.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What a Host field says: the port only where it is not that of https.
    pub fn authority(&self) -> String {
        match self.port {
            HTTPS => self.bracketed(),
            port => format!("{}:{port}", self.bracketed()),
        }
    }

    /// Host and port, for people and the record: `api.openai.com:443`.
    pub fn endpoint(&self) -> String {
        format!("{}:{}", self.bracketed(), self.port)
    }

    /// What the client is given in its place, where the proxy listens on this port.
    pub fn base(&self, port: u16) -> String {
        format!("http://127.0.0.1:{port}{}", self.path)
    }

    /// The rest of a URL of this origin: `/path?query`, or what it is without a path.
    pub fn rest_of<'a>(&self, url: &'a str) -> Option<&'a str> {
        let scheme = url.get(..8).filter(|s| s.eq_ignore_ascii_case("https://"))?;
        let rest = &url[scheme.len()..];
        let (authority, rest) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let (host, port) = split(authority).ok()?;
        ((host, port) == (self.host.clone(), self.port)).then_some(rest)
    }

    fn bracketed(&self) -> String {
        if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Host and port.
fn split(authority: &str) -> Result<(String, u16), String> {
    let bad = || "the URL's host is neither a name nor an address".to_owned();
    let (host, port) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, port)) => {
            let address = address.parse::<Ipv6Addr>().map_err(|_| bad())?;
            (address.to_string(), port)
        }
        None => {
            let (host, port) = authority.split_at(authority.find(':').unwrap_or(authority.len()));
            (host.to_ascii_lowercase(), port)
        }
    };
    let label = |l: &str| {
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
        (1..=63).contains(&l.len()) && l.bytes().all(plain) && !l.starts_with('-')
    };
    let named = host.len() <= 253 && host.split('.').all(label);
    if !host.contains(':') && !named {
        return Err(bad());
    }
    match port.strip_prefix(':') {
        None if port.is_empty() => Ok((host, HTTPS)),
        Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
            let port = digits.parse().ok().filter(|port| *port > 0);
            port.map(|port| (host, port)).ok_or_else(|| "the URL's port is none".to_owned())
        }
        _ => Err(bad()),
    }
}
