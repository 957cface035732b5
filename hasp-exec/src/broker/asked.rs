//! The question that a policy asks before each use: what was granted, and whether it shall run now.

use hasp_core::layout::Block;
use hasp_core::terminal::Terminal;
use hasp_core::tool::Context;
use hasp_core::{Error, Kind, Result, Timestamp};
use hasp_grant::{HANG, VerifiedGrant, asks_at_use, terms_lines};

use crate::broker::Broker;

/// Asks on the terminal, where the policy wants that; nothing is spent before the answer.
///
/// # Errors
/// `[no-terminal]`; `[refused]`; `[expired]`, if the answer took too long.
pub(crate) fn confirmed(grant: &VerifiedGrant, broker: &Broker, context: &Context) -> Result<()> {
    let terms = grant.terms();
    if !asks_at_use(terms, &broker.vault)? {
        return Ok(());
    }
    let mut terminal = Terminal::open().ok_or_else(|| {
        let message = "policy.toml lets this run only when a person says yes on a terminal";
        Error::new(Kind::Locked, hasp_core::code::NO_TERMINAL, message)
            .hint("start it from a terminal; what holds is shown by: hasp-grant policy show")
    })?;
    let mut block = Block::default();
    block.line("hasp-exec: about to use a grant", HANG);
    terms_lines(terms).into_iter().for_each(|line| block.line(line, HANG));
    terminal.show_block(&block, &context.env)?;
    if !terminal.confirm("Run it?")? {
        return Err(Error::new(Kind::Denied, hasp_grant::code::NOT_GRANTED, "not run"));
    }
    if Timestamp::now() < terms.exp {
        return Ok(());
    }
    let message = format!("grant {} expired while it waited for an answer", terms.jti.short());
    Err(Error::new(Kind::Denied, hasp_grant::code::EXPIRED, message))
}
