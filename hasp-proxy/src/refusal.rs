//! What is answered in place of an upstream: one of these, with its status and its code.

use hasp_core::{Error, Kind};

use crate::code;

/// Why a request was not served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It cannot be read, or could be read in two ways.
    Malformed(&'static str),
    /// Another protocol.
    Upgrade,
    /// Not the name under which the proxy listens.
    OtherHost,
    /// The grant was revoked.
    Revoked,
    /// Its window is over.
    Expired,
    /// The placeholder is missing, wrong, misplaced or there twice.
    NoPlaceholder,
    /// A path that could mean another.
    BadPath,
    /// Not among the rules.
    OtherRequest,
    /// Too many connections.
    Busy,
    /// The record cannot be written.
    NoRecord,
    /// The answer is compressed.
    Encoded,
    /// No upstream, or none that could be believed.
    Upstream(String),
}

impl Refusal {
    /// The status of the answer (RFC 9110, section 15).
    pub fn status(&self) -> (u16, &'static str) {
        match self {
            Refusal::Malformed(_) | Refusal::BadPath => (400, "Bad Request"),
            Refusal::Upgrade => (501, "Not Implemented"),
            Refusal::OtherHost => (421, "Misdirected Request"),
            Refusal::Revoked
            | Refusal::Expired
            | Refusal::NoPlaceholder
            | Refusal::OtherRequest => (403, "Forbidden"),
            Refusal::Busy | Refusal::NoRecord => (503, "Service Unavailable"),
            Refusal::Encoded | Refusal::Upstream(_) => (502, "Bad Gateway"),
        }
    }

    /// Whether the connection cannot be read on, since it is not known where a next request begins.
    pub fn closes(&self) -> bool {
        matches!(self, Refusal::Malformed(_) | Refusal::Busy)
    }

    /// The failure, as every tool of hasp has it.
    pub fn error(&self) -> Error {
        match self {
            Refusal::Malformed(why) => {
                let message = format!("the request is malformed: {why}");
                Error::new(Kind::Data, code::BAD_REQUEST, message)
                    .hint("the proxy takes HTTP/1.1 to its base URL: man hasp-proxy")
            }
            Refusal::Upgrade => Error::new(
                Kind::Usage,
                code::NO_UPGRADE,
                "neither tunnels nor other protocols are served",
            )
            .hint("use plain HTTP/1.1 requests: man hasp-proxy"),
            Refusal::OtherHost => Error::new(
                Kind::Denied,
                code::OTHER_HOST,
                "this is not the host that was asked for",
            )
            .hint("use the base URL from the environment as it is"),
            Refusal::BadPath => Error::new(
                Kind::Data,
                code::BAD_PATH,
                "the path has '.', '..', a backslash, a control character or a bad escape",
            )
            .hint("write the path as it is meant: man hasp-proxy"),
            Refusal::Encoded => Error::new(
                Kind::Io,
                code::ENCODED_RESPONSE,
                "the upstream compressed its answer, though it was asked not to",
            )
            .hint("ask the upstream for a form that is not compressed: man hasp-proxy"),
            Refusal::Upstream(why) => {
                Error::new(Kind::Io, code::UPSTREAM, format!("the upstream failed: {why}"))
                    .hint("see that it can be reached from here: curl -v URL")
            }
            other => other.of_the_grant(),
        }
    }

    fn of_the_grant(&self) -> Error {
        let again = hasp_core::hint("grant the command again: hasp-grant --help");
        match self {
            Refusal::Revoked => {
                Error::new(Kind::Denied, code::REVOKED, "the grant was revoked").hint(again)
            }
            Refusal::Expired => {
                Error::new(Kind::Denied, code::EXPIRED, "the window of the grant has ended")
                    .hint(again)
            }
            Refusal::OtherRequest => {
                let message = "the rules of this route leave the request out";
                Error::new(Kind::Denied, code::OTHER_REQUEST, message).hint(
                    "see what a route lets through, and how a rule is written: man hasp-proxy",
                )
            }
            Refusal::Busy => {
                let message = "there are 64 connections already";
                Error::new(Kind::Busy, code::BUSY, message).hint("close some, then try again")
            }
            Refusal::NoRecord => {
                let message = "the request cannot be recorded, so that it is not made";
                Error::new(Kind::Io, code::NO_RECORD, message)
                    .hint("see what is wrong with the record: hasp-exec --doctor")
            }
            _ => {
                let message = "the placeholder is not in the request, once, where it belongs";
                Error::new(Kind::Denied, code::NO_PLACEHOLDER, message)
                    .hint("send the key from the environment, as the client package does")
            }
        }
    }
}
