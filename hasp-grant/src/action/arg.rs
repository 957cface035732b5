//! A word of a command line or a path inside a token: any bytes, since the approved command must be
//! the one that runs, but readable JSON wherever it is UTF-8.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use data_encoding::BASE64;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes without NUL: a JSON string if they are UTF-8, else `{"base64": ".."}`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Arg(OsString);

impl Arg {
    /// As the system takes it.
    pub fn as_os(&self) -> &OsStr {
        &self.0
    }

    /// As a path.
    pub fn as_path(&self) -> &Path {
        Path::new(&self.0)
    }
}

impl<T: AsRef<OsStr> + ?Sized> From<&T> for Arg {
    fn from(text: &T) -> Arg {
        Arg(text.as_ref().to_owned())
    }
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Spelling {
    Text(String),
    Bytes(Encoded),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Encoded {
    base64: String,
}

impl Serialize for Arg {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let spelling = match self.0.to_str() {
            Some(text) => Spelling::Text(text.to_owned()),
            None => Spelling::Bytes(Encoded { base64: BASE64.encode(self.0.as_bytes()) }),
        };
        spelling.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Arg {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Arg, D::Error> {
        let bytes = match Spelling::deserialize(deserializer)? {
            Spelling::Text(text) => text.into_bytes(),
            Spelling::Bytes(encoded) => {
                BASE64.decode(encoded.base64.as_bytes()).map_err(D::Error::custom)?
            }
        };
        if bytes.contains(&0) {
            return Err(D::Error::custom("a word holds a NUL byte"));
        }
        Ok(Arg(OsString::from_vec(bytes)))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_stays_readable() {
        assert_eq!(serde_json::to_string(&Arg::from("a b")).unwrap(), r#""a b""#);
        assert_eq!(
            serde_json::to_string(&Arg::from(OsStr::from_bytes(b"\xff"))).unwrap(),
            r#"{"base64":"/w=="}"#
        );
        assert!(serde_json::from_str::<Arg>(r#""a\u0000b""#).is_err());
    }

    proptest! {
        #[test]
        fn every_byte_string_survives(bytes in proptest::collection::vec(1u8.., 0..40)) {
            let word = Arg::from(OsStr::from_bytes(&bytes));
            let text = serde_json::to_string(&word).unwrap();
            prop_assert_eq!(serde_json::from_str::<Arg>(&text).unwrap(), word);
        }
    }
}
