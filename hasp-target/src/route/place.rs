//! Where in a request the credential stands.

use std::fmt;

/// The field of a token or of basic authentication.
const AUTHORIZATION: &str = "authorization";

/// The user that hosts of git repositories take a token's name for.
const GIT_USER: &str = "x-access-token";

/// Fields of a connection, or of how a message is framed: none of them is passed on, and none can
/// carry a credential.
const CONNECTION: [&str; 17] = [
    "accept-encoding",
    "connection",
    "content-length",
    "cookie",
    "expect",
    "host",
    "http2-settings",
    "if-range",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "range",
    "te",
    "trailer",
    "trailers",
    "transfer-encoding",
    "upgrade",
];

/// Fields by which some upstreams take another method or path than the request line's, which would
/// go past the rules.
const OVERRIDES: [&str; 7] = [
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-method",
    "x-original-uri",
    "x-original-url",
    "x-rewrite-url",
];

/// Whether a field, its name in lower case, is of the connection or the framing.
pub fn is_of_the_connection(name: &str) -> bool {
    name.starts_with("proxy-") || CONNECTION.contains(&name)
}

/// Whether a field, its name in lower case, would make an upstream see another request.
pub fn overrides_the_request(name: &str) -> bool {
    OVERRIDES.contains(&name)
}

/// `as` of a route.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// `Authorization: Bearer VALUE`.
    Bearer,
    /// `x-api-key: VALUE`.
    ApiKey,
    /// `Authorization: Basic` with this user and the value as password.
    Basic(String),
    /// `NAME: VALUE`; the name in lower case.
    Header(String),
    /// The value of this parameter of the query.
    Query(String),
    /// As basic, and git is told to use the route.
    Git,
}

impl Place {
    /// Reads the word of `as`.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn parse(text: &str) -> Result<Place, String> {
        match text.split_once(':').map_or((text, None), |(word, rest)| (word, Some(rest))) {
            ("bearer", None) => Ok(Place::Bearer),
            ("x-api-key", None) => Ok(Place::ApiKey),
            ("git", None) => Ok(Place::Git),
            ("basic", Some(user)) => basic(user),
            ("header", Some(name)) => header(name),
            ("query", Some(name)) => query(name),
            _ => {
                Err("'as' is bearer, x-api-key, basic:USER, header:NAME, query:NAME or git"
                    .to_owned())
            }
        }
    }

    /// The field that carries the credential, in lower case; none for a query.
    pub fn field(&self) -> Option<&str> {
        match self {
            Place::Bearer | Place::Basic(_) | Place::Git => Some(AUTHORIZATION),
            Place::ApiKey => Some("x-api-key"),
            Place::Header(name) => Some(name),
            Place::Query(_) => None,
        }
    }

    /// The user of basic authentication.
    pub fn user(&self) -> Option<&str> {
        match self {
            Place::Basic(user) => Some(user),
            Place::Git => Some(GIT_USER),
            _ => None,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Bearer => f.write_str("bearer"),
            Place::ApiKey => f.write_str("x-api-key"),
            Place::Basic(user) => write!(f, "basic:{user}"),
            Place::Header(name) => write!(f, "header:{name}"),
            Place::Query(name) => write!(f, "query:{name}"),
            Place::Git => f.write_str("git"),
        }
    }
}

fn basic(user: &str) -> Result<Place, String> {
    if user.len() > 128 || user.contains(':') || user.chars().any(char::is_control) {
        return Err("the user of basic: has at most 128 bytes, and no colon".to_owned());
    }
    Ok(Place::Basic(user.to_owned()))
}

fn header(name: &str) -> Result<Place, String> {
    let lower = name.to_ascii_lowercase();
    let sign = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if !(1..=64).contains(&name.len()) || !name.bytes().all(sign) {
        return Err("header: takes the name of a field, at most 64 bytes".to_owned());
    }
    // What is said of a body is the client's.
    let frames = lower.starts_with("content-");
    let routes = frames || lower.starts_with("x-forwarded-") || lower == "forwarded";
    if is_of_the_connection(&lower) || overrides_the_request(&lower) || routes {
        return Err(format!("a value cannot be in {name}, which frames or routes a request"));
    }
    Ok(Place::Header(lower))
}

fn query(name: &str) -> Result<Place, String> {
    let sign = |b: u8| b.is_ascii_alphanumeric() || b"_-.~".contains(&b);
    if !(1..=64).contains(&name.len()) || !name.bytes().all(sign) {
        return Err("query: takes the name of a parameter, of letters, digits, '_', '-', '.' \
                    and '~', at most 64"
            .to_owned());
    }
    Ok(Place::Query(name.to_owned()))
}
