//! The TOML of a secret's record, field by field: what is not in this form is no record.

use hasp_core::time::{duration_text, parse_duration};
use hasp_core::{Class, Error, Result, SecretName, Timestamp};
use serde::{Deserialize, Serialize};

use super::allow::Allow;
use super::item::{Item, State};
use super::rotation::{Recipe, Rotation};
use super::version::Version;

impl Item {
    /// Reads a record's body.
    ///
    /// # Errors
    /// `None` for a body that is not in the form that [`Item::render`] writes.
    pub fn parse(name: &SecretName, body: &str) -> Option<Item> {
        let body: Body = toml::from_str(body).ok()?;
        body.into_item(name.clone()).filter(Item::sound)
    }

    /// The body as it is signed.
    pub fn render(&self) -> Result<String> {
        toml::to_string(&Body::of(self)).map_err(|e| Error::bug(format!("cannot write TOML: {e}")))
    }
}

/// The TOML of a record; plain values first, tables last.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    serial: u64,
    class: Class,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rotate_every: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    allow: Vec<Allow>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    forget: Option<Timestamp>,
    current: u32,
    next_file: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    revoked: Option<Revoked>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    destroyed: Option<Destroyed>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    recipe: Option<Recipe>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rotation: Option<Rotation>,
    #[serde(default, rename = "version", skip_serializing_if = "Vec::is_empty")]
    versions: Vec<Version>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Revoked {
    at: Timestamp,
    reason: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Destroyed {
    at: Timestamp,
}

impl Body {
    fn of(item: &Item) -> Body {
        let (revoked, destroyed) = match &item.state {
            State::Active => (None, None),
            State::Revoked { at, reason } => {
                (Some(Revoked { at: *at, reason: reason.clone() }), None)
            }
            State::Destroyed { at } => (None, Some(Destroyed { at: *at })),
        };
        Body {
            serial: item.serial,
            class: item.class,
            expires: item.expires,
            rotate_every: item.rotate_every.map(duration_text),
            allow: item.allow.clone(),
            note: item.note.clone(),
            forget: item.forget,
            current: item.current,
            next_file: item.next_file,
            revoked,
            destroyed,
            recipe: item.recipe.clone(),
            rotation: item.rotation.clone(),
            versions: item.versions.clone(),
        }
    }

    fn into_item(self, name: SecretName) -> Option<Item> {
        let state = match (self.revoked, self.destroyed) {
            (None, None) => State::Active,
            (Some(r), None) => State::Revoked { at: r.at, reason: r.reason },
            (None, Some(d)) => State::Destroyed { at: d.at },
            (Some(_), Some(_)) => return None,
        };
        let rotate_every = self.rotate_every.map(|t| parse_duration(&t)).transpose().ok()?;
        Some(Item {
            name,
            serial: self.serial,
            class: self.class,
            state,
            expires: self.expires,
            rotate_every,
            allow: self.allow,
            note: self.note,
            forget: self.forget,
            recipe: self.recipe,
            rotation: self.rotation,
            current: self.current,
            next_file: self.next_file,
            versions: self.versions,
        })
    }
}
