//! The head of a request, taken only if it can be read in one way.

use hasp_target::route::{Path, is_of_the_connection, overrides_the_request};

use crate::head::{Field, Framing, MAX_FIELDS, framing, words};
use crate::refusal::Refusal;

/// What a client asks for.
#[derive(Debug, PartialEq, Eq)]
pub struct Request {
    /// The method.
    pub method: String,
    /// Path and query, as they were sent.
    pub target: String,
    /// The fields, in their order.
    pub fields: Vec<Field>,
    /// Where the body ends.
    pub framing: Framing,
    /// The host that it was meant for.
    pub host: Vec<u8>,
    /// Whether the client waits to be told that its body is wanted.
    pub waits: bool,
    /// Whether the client ends the connection after it.
    pub last: bool,
}

impl Request {
    /// Reads a whole head.
    ///
    /// # Errors
    /// Malformed, or another protocol.
    pub fn parse(head: &[u8]) -> Result<Request, Refusal> {
        let bad = |why| Err(Refusal::Malformed(why));
        let mut headers = [httparse::EMPTY_HEADER; MAX_FIELDS];
        let mut parsed = httparse::Request::new(&mut headers);
        match parsed.parse(head) {
            Ok(httparse::Status::Complete(length)) if length == head.len() => {}
            Err(httparse::Error::TooManyHeaders) => return bad("it has over 128 fields"),
            _ => return bad("its head is not HTTP"),
        }
        let (Some(method), Some(target), Some(1)) = (parsed.method, parsed.path, parsed.version)
        else {
            return bad("it is not HTTP/1.1");
        };
        let fields: Vec<Field> = parsed.headers.iter().map(Field::of).collect();
        let tunnel = matches!(method, "CONNECT" | "TRACE");
        if !tunnel && !is_origin_form(target) {
            return bad("its target is not a path");
        }
        let Some(framing) = framing(&fields) else {
            return bad("it says in two ways, or in none that is known, where its body ends");
        };
        let mut hosts = fields.iter().filter(|field| field.name == "host");
        let (Some(host), None) = (hosts.next(), hosts.next()) else {
            return bad("it has not one field Host");
        };
        if tunnel || fields.iter().any(|field| field.name == "upgrade") {
            return Err(Refusal::Upgrade);
        }
        let waits = words(&fields, "expect").any(|word| word == "100-continue");
        let last = words(&fields, "connection").any(|word| word == "close");
        Ok(Request {
            method: method.to_owned(),
            target: target.to_owned(),
            framing: framing.unwrap_or(Framing::None),
            host: host.value.clone(),
            waits,
            last,
            fields,
        })
    }

    /// The path as it was sent, without the query.
    pub fn raw_path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// The path, if it means one thing.
    pub fn path(&self) -> Option<Path> {
        Path::parse(self.raw_path())
    }

    /// The value of a field that is there once.
    pub fn only(&self, name: &str) -> Option<&[u8]> {
        let mut own = self.fields.iter().filter(|field| field.name == name);
        match (own.next(), own.next()) {
            (Some(field), None) => Some(&field.value),
            _ => None,
        }
    }

    /// The fields that an upstream gets as they are: nothing of the connection, nothing by which it
    /// would see another request, and not the credential's.
    pub fn passed<'a>(&'a self, credential: Option<&'a str>) -> impl Iterator<Item = &'a Field> {
        let named: Vec<String> = words(&self.fields, "connection").collect();
        self.fields.iter().filter(move |field| {
            !is_of_the_connection(&field.name)
                && !overrides_the_request(&field.name)
                && credential != Some(&field.name)
                && !named.contains(&field.name)
        })
    }
}

/// RFC 9112, section 3.2.1, without a fragment.
fn is_origin_form(target: &str) -> bool {
    target.starts_with('/') && target.bytes().all(|b| b.is_ascii_graphic() && b != b'#')
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::head::scan::{Scan, Seen};
    use proptest::prelude::*;

    const GOOD: &str = "POST /v1/a?b HTTP/1.1\r\nHost: 127.0.0.1:4000\r\nX: a, b\r\n\
                        Content-Length: 3\r\nConnection: x, close\r\n\r\n";

    #[test]
    fn a_head_is_read() {
        let request = Request::parse(GOOD.as_bytes()).unwrap();
        assert_eq!((request.method.as_str(), request.raw_path()), ("POST", "/v1/a"));
        assert_eq!((request.framing, request.last), (Framing::Length(3), true));
        let passed: Vec<&str> = request.passed(None).map(|f| f.name.as_str()).collect();
        assert_eq!(passed, Vec::<&str>::new(), "X is named by Connection");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        /// Bytes replaced, put in and taken away: a head is refused, or it has one host, one
        /// framing, and a path that begins with a slash.
        #[test]
        fn a_mutated_head_is_refused_or_means_one_thing(
            changes in proptest::collection::vec((0usize..120, 0u8..3, any::<u8>()), 0..6),
            more in "(Content-Length: 3\r\n|Transfer-Encoding: chunked\r\n|Host: a\r\n){0,2}"
        ) {
            let mut head = GOOD.replace("X: a", &format!("{more}X: a")).into_bytes();
            for (at, what, byte) in changes {
                let at = at.min(head.len() - 1);
                match what {
                    0 => head[at] = byte,
                    1 => head.insert(at, byte),
                    _ => { head.remove(at); }
                }
            }
            if let Seen::End(length) = Scan::default().look(&head)
                && let Ok(request) = Request::parse(&head[..length])
            {
                let count = |name| request.fields.iter().filter(|f| f.name == name).count();
                prop_assert_eq!(count("host"), 1);
                prop_assert!(count("content-length") + count("transfer-encoding") <= 1);
                prop_assert!(request.target.starts_with('/'));
                prop_assert!(request.fields.iter().all(|f| !f.value.contains(&b'\n')));
            }
        }
    }
}
