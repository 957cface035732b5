//! What the proxy is told: the routes with their values, and the life of the grant. It comes on a
//! pipe from the tool that started it, and is read strictly all the same.

use std::sync::Arc;

use data_encoding::BASE64;
use hasp_core::{Error, Kind, Result, Secret, Timestamp};
use hasp_redact::{Pattern, Patterns};
use hasp_target::route::{Origin, Place, Rule, read_only};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::code;
use crate::credential::{Credential, MAX_VALUE};
use crate::upstream::{Peer, Roots, Trust};
use crate::window::Window;

/// The longest text that is read, in bytes.
pub const MAX_CONFIG: usize = 4 << 20;
/// The most routes.
const MOST_ROUTES: usize = 64;

/// One way of a value.
pub struct Route {
    /// What it lets through.
    pub rules: Vec<Rule>,
    /// Placeholder and value.
    pub credential: Credential,
    /// Where it leads.
    pub peer: Peer,
}

/// All that the proxy knows.
pub struct Config {
    /// The life of the grant.
    pub window: Window,
    /// The routes.
    pub routes: Vec<Route>,
    /// All values, to be found in answers.
    pub patterns: Arc<Patterns>,
    /// The system's roots.
    pub roots: Arc<Roots>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written<'a> {
    v: u8,
    expires: Timestamp,
    boot: u64,
    live: Option<i32>,
    #[serde(borrow)]
    routes: Vec<WrittenRoute<'a>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRoute<'a> {
    name: String,
    /// In base64; lent from the text, so that no copy is made.
    value: &'a str,
    placeholder: String,
    to: String,
    #[serde(rename = "as")]
    place: String,
    allow: Option<Vec<String>>,
    ca: Option<String>,
}

impl Config {
    /// Reads it.
    ///
    /// # Errors
    /// `[bad-config]`, which shows nothing of it.
    pub fn read(text: &[u8]) -> Result<Config> {
        let written: Written<'_> = serde_json::from_slice(text)
            .map_err(|e| bad(&format!("line {}, column {}", e.line(), e.column())))?;
        if written.v != 1 {
            return Err(bad("it is of another version"));
        }
        if !(1..=MOST_ROUTES).contains(&written.routes.len()) {
            return Err(bad("it has no route, or more than 64"));
        }
        let roots = Arc::new(Roots::default());
        let read = |route| read_route(route, &roots);
        let routes = written.routes.iter().map(read).collect::<Result<Vec<_>>>()?;
        let names = written.routes.iter().map(|route| route.name.as_str());
        let patterns = Arc::new(patterns(names.zip(&routes)));
        let window = Window::new(written.expires, written.boot, written.live)?;
        Ok(Config { window, routes, patterns, roots })
    }
}

fn read_route(route: &WrittenRoute<'_>, roots: &Arc<Roots>) -> Result<Route> {
    let wrong = |why: String| bad(&format!("the route of {}: {why}", route.name));
    let to = Origin::parse(&route.to).map_err(wrong)?;
    let place = Place::parse(&route.place).map_err(wrong)?;
    let rules = match &route.allow {
        Some(rules) => rules.iter().map(|rule| Rule::parse(rule)).collect(),
        None => Ok(read_only(&to)),
    };
    let trust = match &route.ca {
        Some(pem) => Trust::own(pem).map_err(wrong)?,
        None => Trust::system(Arc::clone(roots)),
    };
    let value = decoded(route.value).map_err(wrong)?;
    let credential = Credential::new(place, route.placeholder.clone(), value).map_err(wrong)?;
    Ok(Route { rules: rules.map_err(wrong)?, credential, peer: Peer::new(to, trust) })
}

fn decoded(text: &str) -> std::result::Result<Secret, String> {
    let malformed = "its value is malformed";
    if text.len() > 2 * MAX_VALUE {
        return Err("its value is too long for a request".to_owned());
    }
    let room = BASE64.decode_len(text.len()).map_err(|_| malformed)?;
    let mut bytes = Zeroizing::new(vec![0; room]);
    let length = BASE64.decode_mut(text.as_bytes(), &mut bytes).map_err(|_| malformed)?;
    Secret::copy_of(&bytes[..length]).map_err(|e| e.message().to_owned())
}

fn patterns<'a>(routes: impl Iterator<Item = (&'a str, &'a Route)>) -> Patterns {
    let texts: Vec<_> = routes
        .flat_map(|(name, route)| route.credential.texts().into_iter().map(move |t| (name, t)))
        .collect();
    let patterns: Vec<_> =
        texts.iter().map(|(name, value)| Pattern { name, value: value.as_slice() }).collect();
    Patterns::compile(&patterns)
}

fn bad(why: &str) -> Error {
    Error::new(Kind::Data, code::BAD_CONFIG, format!("the configuration is malformed: {why}")).hint(
        "hasp-proxy is started by hasp-exec, for a target with a table 'proxy': man hasp-exec",
    )
}
