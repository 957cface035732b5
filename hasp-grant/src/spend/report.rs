//! The checks of a token, a line each, for whoever asks why.

use hasp_core::output::without_tokens;
use hasp_core::tool::Context;
use hasp_core::{Error, Result};

use crate::spend::check::Check;

/// Those that passed are marked, the one that did not has its reason, those behind it have a dash.
pub fn print_checks(passed: &[Check], error: Option<&Error>, context: &mut Context) -> Result<()> {
    for (position, check) in Check::ALL.into_iter().enumerate() {
        let ended = passed.len();
        let mark = if position < ended { "ok" } else { "-" };
        print_check(check.label(), mark, error.filter(|_| position == ended), context)?;
    }
    Ok(())
}

/// One line: a failed check has its reason in the place of the mark.
pub fn print_check(
    label: &str,
    mark: &str,
    error: Option<&Error>,
    context: &mut Context,
) -> Result<()> {
    let mark = if error.is_some() { "no" } else { mark };
    if context.out.json {
        let code = error.map(Error::code);
        let object = serde_json::json!({"v": 1, "check": label, "result": mark, "code": code});
        return context.out.object(&object);
    }
    let why = error.map(|error| format!(": {error}")).unwrap_or_default();
    context.out.folded(&without_tokens(&format!("{mark:<3} {label}{why}")), 4)
}
