//! What was found, for a program that started the filter: one JSON object on stderr, after
//! everything else.

use serde_json::json;

use crate::filter::Filter;
use crate::filter::pump::Traffic;

/// Prints the object. It goes to stderr as it is: it was asked for, so `--quiet` does not silence
/// it.
pub(crate) fn report(filter: &Filter, traffic: Traffic) {
    let matches: Vec<_> = filter
        .tally()
        .iter()
        .map(|((name, form), count)| json!({"name": name, "form": form, "count": count}))
        .collect();
    let object = json!({
        "v": 1, "bytes_in": traffic.bytes_in, "bytes_out": traffic.bytes_out, "matches": matches,
    });
    // With stderr closed there is nobody to tell.
    let _ = hasp_core::output::write_all(rustix::stdio::stderr(), format!("{object}\n").as_bytes());
}
