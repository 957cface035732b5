//! Which environment variables a value may be delivered in: none that makes a program load code or that belongs to the shell,
//! to git or to hasp, since a manifest from a repository chooses the name (DESIGN section 6).

use hasp_core::{Error, Kind, Result};

use crate::suspicion::suspicion;

/// Variables that run or load code, or steer the shell.
const RESERVED: [&str; 6] = ["BASH_ENV", "ENV", "IFS", "NODE_OPTIONS", "PATH", "RUBYOPT"];
/// ... and whole families of them.
const RESERVED_PREFIXES: [&str; 7] = ["BASH_FUNC_", "DYLD_", "GIT_SSH", "HASP_", "LD_", "PERL5", "PYTHON"];
/// The longest name taken, in bytes.
const MAX_VARIABLE_NAME: usize = 128;

/// Refuses a name that cannot or must not carry a value.
///
/// # Errors
/// `[bad-variable]`, `Kind::Usage`.
pub fn check_variable(name: &str) -> Result<()> {
    match fault(name) {
        None => Ok(()),
        Some(fault) => Err(bad_variable(name, &fault)),
    }
}

/// Whether the broker drops this variable from the inherited environment, unless a target keeps it by name.
pub fn dropped_by_default(name: &str) -> bool {
    ["BASH_ENV", "ENV"].contains(&name) || ["LD_", "DYLD_", "BASH_FUNC_"].iter().any(|p| name.starts_with(p))
}

/// Refuses a name for `pass-env` that `pass-env` cannot pass.
///
/// # Errors
/// `[bad-variable]`, `Kind::Usage`.
pub fn check_passed(name: &str) -> Result<()> {
    let fault = match name {
        _ if name.starts_with("HASP_") => "it belongs to hasp and is never passed on",
        _ if dropped_by_default(name) => "it makes programs load code; to keep it, name it in keep-env",
        _ if !is_identifier(name) => "it is not a name of letters, digits and '_'",
        _ => return Ok(()),
    };
    Err(bad_variable(name, fault))
}

/// Refuses a name for `keep-env` that is not dropped in the first place, or never kept.
///
/// # Errors
/// `[bad-variable]`, `Kind::Usage`.
pub fn check_kept(name: &str) -> Result<()> {
    if dropped_by_default(name) && !name.contains(['=', '\0']) && name.len() <= MAX_VARIABLE_NAME {
        return Ok(());
    }
    Err(bad_variable(name, "keep-env is for what is dropped by default: LD_*, DYLD_*, BASH_ENV, ENV, BASH_FUNC_*"))
}

fn fault(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("it is empty".to_owned());
    }
    if !is_identifier(name) {
        return Some("it is not a name of letters, digits and '_'".to_owned());
    }
    let family = RESERVED_PREFIXES.iter().find(|p| name.starts_with(**p)).map(|p| format!("{p}*"));
    let reserved = family.or_else(|| RESERVED.contains(&name).then(|| name.to_owned()));
    reserved.map(|family| match family.as_str() {
        "HASP_*" => "HASP_* variables belong to hasp".to_owned(),
        _ => format!("{family} makes programs load code or belongs to others"),
    })
}

/// POSIX: a letter or '_', then letters, digits and '_'.
pub(crate) fn is_identifier(name: &str) -> bool {
    let bytes = name.as_bytes();
    let starts = bytes.first().is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_');
    starts && bytes.len() <= MAX_VARIABLE_NAME && bytes.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_')
}

/// Only what could be a variable is shown: `-e` with a value in place of `VAR=REF` is split at any '=' in it.
fn bad_variable(name: &str, fault: &str) -> Error {
    let plain = name.len() <= 40 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.%".contains(&b));
    let shown = match plain && suspicion(name).is_none() {
        true => format!("the variable '{name}'"),
        false => "what stands in place of a variable (not shown: it may be a value)".to_owned(),
    };
    Error::new(Kind::Usage, "bad-variable", format!("{shown} cannot be used: {fault}"))
        .hint("choose a name that the program reads, for example DATABASE_URL")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn code_loading_and_foreign_names_are_refused() {
        let bad = [
            "LD_PRELOAD",
            "LD_LIBRARY_PATH",
            "DYLD_INSERT_LIBRARIES",
            "BASH_ENV",
            "ENV",
            "BASH_FUNC_ls",
            "NODE_OPTIONS",
            "PYTHONPATH",
            "PYTHONSTARTUP",
            "PERL5LIB",
            "PERL5OPT",
            "RUBYOPT",
            "GIT_SSH",
            "GIT_SSH_COMMAND",
            "PATH",
            "IFS",
            "HASP_X",
            "HASP_GRANT",
            "A=B",
            "",
            "1A",
            "A B",
            "A-B",
            "A.B",
            "\u{c4}",
            "A\0",
            "A\n",
            "BASH_FUNC_ls%%",
        ];
        for name in bad {
            let error = check_variable(name).unwrap_err();
            assert_eq!((error.code(), error.kind()), ("bad-variable", Kind::Usage), "{name:?}");
            assert!(!error.message().chars().any(char::is_control));
        }
        let error = check_variable("postgres://u:hunter2@h/?x").unwrap_err();
        assert!(!format!("{error:?}").contains("hunter2"));
        assert_eq!(check_variable(&"A".repeat(129)).unwrap_err().code(), "bad-variable");
    }

    #[test]
    fn names_that_only_resemble_them_are_fine() {
        let good = [
            "DATABASE_URL",
            "_x",
            "a1",
            "LDAP_PASSWORD",
            "ENVIRONMENT",
            "MY_PATH",
            "PATH2",
            "GITHUB_TOKEN",
            "GIT_TOKEN",
            "NODE_OPTION",
            "PERL_X",
            "PYPI_TOKEN",
            "RUBYOPTS",
            "HASPX",
            "IFS2",
            "ld_preload",
        ];
        for name in good {
            check_variable(name).unwrap();
        }
    }

    #[test]
    fn passing_and_keeping_are_two_things() {
        for name in ["PATH", "HOME", "LC_ALL", "PYTHONPATH"] {
            check_passed(name).unwrap();
            assert!(check_kept(name).is_err());
        }
        for name in ["LD_LIBRARY_PATH", "ENV", "BASH_FUNC_ls%%"] {
            assert!(check_passed(name).is_err());
            check_kept(name).unwrap();
        }
        for name in ["HASP_GRANT", "", "A=B", "LD_A=B"] {
            assert!(check_passed(name).is_err() && check_kept(name).is_err(), "{name}");
        }
    }

    proptest! {
        #[test]
        fn what_passes_is_an_identifier(name: String) {
            if check_variable(&name).is_ok() {
                prop_assert!(is_identifier(&name) && !dropped_by_default(&name));
            }
        }
    }
}
