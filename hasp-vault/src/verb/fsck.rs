//! `fsck`: says everything it finds, mends what is safe to mend when told to, and exits 1 while
//! anything is left.

use hasp_core::Result;
use hasp_core::tool::{Context, Exit};

use crate::cli::FsckArgs;
use crate::fsck;
use crate::open::vault::Vault;
use crate::open::writer::Writer;

pub fn run(args: &FsckArgs, vault: &Vault, cx: &mut Context) -> Result<Exit> {
    if Writer::has_left_something(vault)? {
        cx.out.note("what an interrupted command has left is finished or swept first");
    }
    let findings = fsck::check(vault)?;
    let mut left = 0;
    for finding in &findings {
        let repaired = match &finding.repair {
            Some(repair) if args.repair => repair.apply().map(|()| true)?,
            _ => false,
        };
        left += usize::from(!repaired);
        let what = match (repaired, &finding.repair, &finding.advice) {
            (true, _, _) => "repaired",
            (false, Some(_), _) => "fsck --repair mends it",
            (false, None, Some(advice)) => advice,
            (false, None, None) if finding.code == hasp_audit::code::LOG_MISSING => {
                "put it back from a copy of the home, or: hasp-audit accept-loss"
            }
            (false, None, None) => "needs you: put it back from git or a backup, or destroy it",
        };
        if cx.out.json {
            cx.out.object(&serde_json::json!({
                "v": 1, "code": finding.code, "message": finding.message,
                "repairable": finding.repair.is_some(), "repaired": repaired,
                "advice": finding.advice,
            }))?;
        } else {
            cx.out.line(&format!("{} [{}]: {what}", finding.message, finding.code))?;
        }
    }
    if left == 0 {
        if cx.out.json && findings.is_empty() {
            cx.out.object(&serde_json::json!({"v": 1, "whole": true}))?;
        }
        cx.out.note("the vault is whole");
        return Ok(Exit::OK);
    }
    Ok(Exit::NO)
}
