//! How a value reaches the child: by environment variable, file, descriptor or standard input, and
//! the words for that on a command line, where a value typed in place of a reference must not be
//! echoed.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use hasp_core::{Error, Kind, Result, SecretName};

use crate::code;
use crate::manifest::suspicion::suspicion;
use crate::manifest::variable::check_variable;

/// Makes the channels, their words and the list of them from one row each, so that none can stand
/// in one and be missing in another.
macro_rules! channels {
    ($($(#[$doc:meta])+ $name:ident = $word:literal;)+) => {
        /// The way of a value into the child.
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        pub enum Channel {
            $($(#[$doc])+ #[serde(rename = $word)] $name,)+
        }

        impl Channel {
            /// Every channel, in the order in which they are listed.
            pub const ALL: &[Channel] = &[$(Channel::$name),+];

            /// The word of `hasp.toml`, JSON and the record.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Channel::$name => $word,)+
                }
            }
        }
    };
}

channels! {
    /// The variable holds the value.
    Env = "env";
    /// The variable holds the path of a file with the value.
    File = "file";
    /// The variable holds the number of a descriptor that reads the value.
    Fd = "fd";
    /// Standard input is the value.
    Stdin = "stdin";
}

impl Channel {
    /// Whether it fills a variable; standard input has none.
    pub fn has_variable(self) -> bool {
        match self {
            Channel::Env | Channel::File | Channel::Fd => true,
            Channel::Stdin => false,
        }
    }

    /// Whether all that the command starts gets the value too, without anybody's doing.
    pub fn is_inherited(self) -> bool {
        match self {
            Channel::Env => true,
            Channel::File | Channel::Fd | Channel::Stdin => false,
        }
    }

    /// Whether the value is read from a descriptor of the command.
    pub fn is_descriptor(self) -> bool {
        match self {
            Channel::Fd | Channel::Stdin => true,
            Channel::Env | Channel::File => false,
        }
    }
}

/// One value on its way: which reference, how, and in which variable.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delivery {
    /// How.
    pub channel: Channel,
    /// The variable; none for standard input.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub variable: Option<String>,
    /// What the project calls the secret.
    pub reference: SecretName,
}

impl Delivery {
    /// Reads a delivery from the command line: `VAR=REF`, or `REF` for standard input.
    ///
    /// # Errors
    /// `[bad-delivery]`, `[bad-variable]`, `[bad-reference]`; what stands in place of the reference
    /// is never shown.
    pub fn parse(channel: Channel, text: &str) -> Result<Delivery> {
        if !channel.has_variable() {
            return Ok(Delivery { channel, variable: None, reference: reference(text)? });
        }
        let Some((variable, named)) = text.split_once('=') else {
            return Err(bad_delivery(channel));
        };
        check_variable(variable)?;
        Ok(Delivery { channel, variable: Some(variable.to_owned()), reference: reference(named)? })
    }

    /// Refuses a delivery that did not come from [`Delivery::parse`] or a manifest: one from a
    /// record or a token.
    ///
    /// # Errors
    /// `[bad-variable]`, `[bad-delivery]`.
    pub fn check(&self) -> Result<()> {
        match (self.channel.has_variable(), &self.variable) {
            (false, None) => Ok(()),
            (false, Some(_)) | (true, None) => Err(bad_delivery(self.channel)),
            (true, Some(variable)) => check_variable(variable),
        }
    }
}

impl fmt::Display for Delivery {
    /// `env DATABASE_URL = db/url`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.variable {
            Some(variable) => {
                write!(f, "{} {variable} = {}", self.channel.as_str(), self.reference)
            }
            None => write!(f, "{} = {}", self.channel.as_str(), self.reference),
        }
    }
}

/// Refuses two values in one variable and two on standard input.
///
/// # Errors
/// `[duplicate-variable]`, `[two-stdins]`.
pub fn check_deliveries(deliveries: &[Delivery]) -> Result<()> {
    let mut taken = BTreeSet::new();
    match deliveries.iter().find(|d| !taken.insert(d.variable.as_deref())).map(|d| &d.variable) {
        None => Ok(()),
        Some(Some(variable)) => Err(Error::new(
            Kind::Usage,
            code::DUPLICATE_VARIABLE,
            format!("{variable} is delivered twice"),
        )
        .hint("give each value a variable of its own")),
        Some(None) => Err(Error::new(
            Kind::Usage,
            code::TWO_STDINS,
            "two values cannot both be standard input",
        )
        .hint("deliver one of them by --file or --fd")),
    }
}

/// The core's error would show the beginning of the text, which may be a value.
fn reference(text: &str) -> Result<SecretName> {
    let parsed = text.parse::<SecretName>().ok().filter(|_| suspicion(text).is_none());
    parsed.ok_or_else(|| {
        let message =
            "where the name of a reference is expected, there is something else (not shown: it \
             may be a value)";
        Error::new(Kind::Usage, code::BAD_REFERENCE, message)
            .hint("store the value first: hasp-vault set db/url; then name it, for example: -e \
                   DATABASE_URL=db/url")
    })
}

fn bad_delivery(channel: Channel) -> Error {
    let (message, example) = match channel {
        Channel::Stdin => ("stdin takes REF, the name of a reference", "--stdin registry/token"),
        Channel::Env => ("env takes VAR=REF, a variable and a reference", "-e DATABASE_URL=db/url"),
        Channel::File => {
            ("file takes VAR=REF, a variable and a reference", "--file CREDENTIALS=gcp/sa")
        }
        Channel::Fd => {
            ("fd takes VAR=REF, a variable and a reference", "--fd PASSWORD_FD=db/password")
        }
    };
    Error::new(Kind::Usage, code::BAD_DELIVERY, message).hint(format!("for example: {example}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_of_the_command_line() {
        let parsed = Delivery::parse(Channel::Env, "DATABASE_URL=db/url").unwrap();
        assert_eq!(parsed.to_string(), "env DATABASE_URL = db/url");
        assert_eq!(Delivery::parse(Channel::Stdin, "db/url").unwrap().variable, None);
        let json = serde_json::to_string(&parsed).unwrap();
        assert_eq!(json, r#"{"channel":"env","variable":"DATABASE_URL","reference":"db/url"}"#);
        assert_eq!(serde_json::from_str::<Delivery>(&json).unwrap(), parsed);
    }

    #[test]
    fn a_value_typed_as_reference_is_not_echoed() {
        for typed in [
            "K=hunter2!secret",
            "K=postgres://u:hunter2@h/d",
            "K=",
            "K=ghp_hunter2hunter2hunter2hunter2hunter2abc1",
        ] {
            let error = Delivery::parse(Channel::Env, typed).unwrap_err();
            assert_eq!((error.code(), error.kind().status()), (code::BAD_REFERENCE, 64));
            assert!(!format!("{error:?}").contains("hunter2"));
        }
        let bare = Delivery::parse(Channel::File, "hunter2").unwrap_err();
        assert!(bare.code() == code::BAD_DELIVERY && !format!("{bare:?}").contains("hunter2"));
        assert_eq!(
            Delivery::parse(Channel::Fd, "LD_PRELOAD=a").unwrap_err().code(),
            code::BAD_VARIABLE
        );
        assert_eq!(Delivery::parse(Channel::Fd, "=a").unwrap_err().code(), code::BAD_VARIABLE);
    }

    #[test]
    fn one_variable_and_one_stdin_carry_one_value() {
        let parse = |list: &[(Channel, &str)]| -> Vec<Delivery> {
            list.iter().map(|(c, t)| Delivery::parse(*c, t).unwrap()).collect()
        };
        check_deliveries(&parse(&[
            (Channel::Env, "A=x"),
            (Channel::File, "B=x"),
            (Channel::Stdin, "x"),
        ]))
        .unwrap();
        let twice = parse(&[(Channel::Env, "A=x"), (Channel::File, "A=y")]);
        assert_eq!(check_deliveries(&twice).unwrap_err().code(), code::DUPLICATE_VARIABLE);
        let two = parse(&[(Channel::Stdin, "x"), (Channel::Stdin, "y")]);
        assert_eq!(check_deliveries(&two).unwrap_err().code(), code::TWO_STDINS);
    }

    #[test]
    fn a_delivery_from_a_record_is_checked() {
        let delivery = |channel, variable: Option<&str>| Delivery {
            channel,
            variable: variable.map(str::to_owned),
            reference: "a".parse().unwrap(),
        };
        delivery(Channel::Stdin, None).check().unwrap();
        assert_eq!(
            delivery(Channel::Stdin, Some("A")).check().unwrap_err().code(),
            code::BAD_DELIVERY
        );
        assert_eq!(delivery(Channel::Env, None).check().unwrap_err().code(), code::BAD_DELIVERY);
        assert_eq!(
            delivery(Channel::Env, Some("PATH")).check().unwrap_err().code(),
            code::BAD_VARIABLE
        );
    }

    proptest! {
        #[test]
        fn parsing_never_panics_and_what_passes_is_checked(
            text in "\\PC{0,40}|[A-Z_]{0,6}=[a-z/]{0,9}"
        ) {
            for channel in Channel::ALL {
                if let Ok(delivery) = Delivery::parse(*channel, &text) {
                    prop_assert!(delivery.check().is_ok());
                }
            }
        }
    }
}
