//! `whoami`: what a grant made here would be bound to, and why, with the processes that lead here.
//! The process of this tool itself ends at once, so it is left out.

use hasp_core::Result;
use hasp_core::text::printable_path;
use hasp_core::tool::{Context, Exit};
use serde_json::json;

use crate::consumer::Consumer;
use crate::process::Process;
use crate::process::caller::Caller;

pub(crate) fn run(cx: &mut Context) -> Result<Exit> {
    let caller = Caller::current()?;
    let kept = Consumer::default_for(&caller, false);
    let once = Consumer::default_for(&caller, true);
    if cx.out.json {
        cx.out.object(&json!({
            "v": 1, "consumer": kept.as_ref().ok().map(|(c, _)| c),
            "once": once.as_ref().ok().map(|(c, _)| c),
            "describe": kept.as_ref().or(once.as_ref()).ok().map(|(c, _)| c.describe()),
            "warnings": once.as_ref().map(|(_, w)| w.clone()).unwrap_or_default(),
            "chain": caller.chain().iter().skip(1).map(object).collect::<Vec<_>>(),
        }))?;
        return Ok(Exit::OK);
    }
    match (&kept, &once) {
        (Ok((consumer, _)), _) => {
            cx.out.line(&format!("a grant made here would be usable by {}", consumer.describe()))?
        }
        (Err(error), Ok((consumer, _))) => {
            cx.out.line(&format!(
                "a grant for one use made here would be usable by {}",
                consumer.describe()
            ))?;
            cx.out.line(&format!("a grant to keep needs a word: {}", error.message()))?;
        }
        (Err(error), Err(_)) => {
            cx.out.line(&format!("a grant made here needs a word: {}", error.message()))?
        }
    }
    cx.out.line("")?;
    cx.out.line("who asks, from here upwards:")?;
    caller.chain().iter().skip(1).try_for_each(|p| cx.out.line(&line(p)))?;
    kept.as_ref().err().iter().flat_map(|e| e.hints()).for_each(|h| cx.out.note(h));
    Ok(Exit::OK)
}

fn line(process: &Process) -> String {
    let program = process
        .exe
        .as_deref()
        .map_or_else(|| format!("({}, program not readable)", process.comm), printable_path);
    let tty =
        process.tty.as_deref().map(|t| format!("  {}", printable_path(t))).unwrap_or_default();
    let leader = if process.sid == process.id.pid { "  session leader" } else { "" };
    format!("  {:>8}  {program}{tty}{leader}", process.id.pid)
}

fn object(process: &Process) -> serde_json::Value {
    let Process { id, exe, comm, sid, ppid, tty } = process;
    let text = |path: &Option<std::path::PathBuf>| path.as_deref().map(printable_path);
    json!({
        "pid": id.pid, "start": id.start, "boot": id.boot, "pidns": id.pidns, "exe": text(exe),
        "comm": comm, "sid": sid,
        "ppid": ppid, "tty": text(tty),
    })
}
