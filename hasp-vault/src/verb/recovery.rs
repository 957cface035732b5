//! A recovery key: one more identity, for paper, that opens the vault when the home's own is lost
//! or its passphrase forgotten.

use age::secrecy::ExposeSecret;
use hasp_core::terminal::Terminal;
use hasp_core::{Error, Kind, Result};

use crate::code;
use crate::crypto::recipient::Recipient;

/// What no backup brings back, and what to do about it.
pub const ADVICE: &str = "a backup brings back neither your identity nor its passphrase nor \
                          the record: keep a recovery key on paper: hasp-vault recipients add \
                          --recovery";

/// Shows a new key once. The secret half goes to the terminal and nowhere else: a pipe or a file
/// would be a copy that nobody keeps an eye on.
///
/// # Errors
/// `[no-terminal]`, naming the `command` that takes a key which was made elsewhere.
pub fn make(command: &str) -> Result<Recipient> {
    let mut terminal = Terminal::open().ok_or_else(|| {
        Error::new(
            Kind::Locked,
            code::NO_TERMINAL,
            "a recovery key is shown on a terminal only, and there is none",
        )
        .hint(format!(
            "make one elsewhere with age-keygen, and give its public half: hasp-vault \
             {command} AGE1.."
        ))
    })?;
    let key = age::x25519::Identity::generate();
    terminal.show(
        "\nThis key opens every value without your passphrase. Write it on paper; it is shown \
         this once:\n\n  ",
    )?;
    terminal.show(key.to_string().expose_secret())?;
    terminal.show("\n\n")?;
    if !terminal.confirm("Is it written down?")? {
        return Err(Error::new(Kind::No, code::INTERRUPTED, "interrupted: nothing was changed"));
    }
    Ok(key.to_public().into())
}
