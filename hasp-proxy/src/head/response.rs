//! The head of an answer: what of it is believed, and what of it the client gets.

use hasp_target::route::Origin;

use crate::head::{Field, Framing, MAX_FIELDS, framing, words};
use crate::refusal::Refusal;

/// What the client does not get, since it is of the connection, or would lead it past the proxy.
const DROPPED: [&str; 13] = [
    "alt-svc",
    "connection",
    "content-length",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authentication-info",
    "proxy-connection",
    "set-cookie",
    "set-cookie2",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// What an upstream answered.
#[derive(Debug, PartialEq, Eq)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// Its words.
    pub reason: String,
    /// The fields, in their order.
    pub fields: Vec<Field>,
    /// Where the body ends.
    pub framing: Framing,
    /// The length that is told without a body, for HEAD.
    pub told: Option<u64>,
    /// Whether the connection can be used again.
    pub keeps: bool,
}

impl Response {
    /// Reads a head, if it is whole, and tells how many bytes it has.
    ///
    /// # Errors
    /// What makes it unbelievable.
    pub fn parse(bytes: &[u8], method: &str) -> Result<Option<(Response, usize)>, Refusal> {
        let bad = |why: &str| Err(Refusal::Upstream(why.to_owned()));
        let mut headers = [httparse::EMPTY_HEADER; MAX_FIELDS];
        let mut parsed = httparse::Response::new(&mut headers);
        let length = match parsed.parse(bytes) {
            Ok(httparse::Status::Complete(length)) => length,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(_) => return bad("its answer is not HTTP"),
        };
        let fields: Vec<Field> = parsed.headers.iter().map(Field::of).collect();
        let status = parsed.code.unwrap_or_default();
        if !(100..=599).contains(&status) || status == 101 {
            return bad("its answer has a status that was not asked for");
        }
        let Some(said) = framing(&fields) else {
            return bad("its answer says in two ways where it ends");
        };
        if words(&fields, "content-encoding").any(|word| !word.is_empty() && word != "identity") {
            return Err(Refusal::Encoded);
        }
        let bare = method == "HEAD" || status < 200 || matches!(status, 204 | 304);
        let told = match said {
            Some(Framing::Length(length)) => Some(length),
            _ => None,
        };
        let framing = if bare { Framing::None } else { said.unwrap_or(Framing::Close) };
        let closes = words(&fields, "connection").any(|word| word == "close");
        Ok(Some((
            Response {
                status,
                reason: parsed.reason.unwrap_or_default().to_owned(),
                keeps: parsed.version == Some(1) && !closes && framing != Framing::Close,
                told: told.filter(|_| method == "HEAD" && status >= 200),
                fields,
                framing,
            },
            length,
        )))
    }

    /// The lines that the client gets, without their ends: the status line first. A Location at the
    /// upstream leads back to the proxy.
    pub fn lines(&self, to: &Origin, port: u16) -> Vec<Vec<u8>> {
        let mut lines = vec![format!("HTTP/1.1 {} {}", self.status, self.reason).into_bytes()];
        let named: Vec<String> = words(&self.fields, "connection").collect();
        let passes = |field: &&Field| {
            !DROPPED.contains(&field.name.as_str()) && !named.contains(&field.name)
        };
        for field in self.fields.iter().filter(passes) {
            let value = match field.name.as_str() {
                "location" => location(&field.value, to, port),
                _ => field.value.clone(),
            };
            lines.push([field.written.as_bytes(), b": ", &value].concat());
        }
        lines
    }
}

fn location(value: &[u8], to: &Origin, port: u16) -> Vec<u8> {
    let text = std::str::from_utf8(value).ok();
    match text.and_then(|text| to.rest_of(text)) {
        Some(rest) => format!("http://127.0.0.1:{port}{rest}").into_bytes(),
        None => value.to_vec(),
    }
}
