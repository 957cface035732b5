//! A bar for what takes its time: on a terminal only, gone when the work is done.

use std::io::IsTerminal;

use hasp_core::tool::Context;
use indicatif::{ProgressBar, ProgressStyle};

/// A bar over `total` of something; hidden where nobody watches.
pub fn bar(total: usize, unit: &str, cx: &Context) -> ProgressBar {
    if cx.out.quiet || cx.out.json || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(total as u64);
    if let Ok(style) =
        ProgressStyle::with_template(&format!("{{bar:40}} {{pos}} of {{len}} {unit}"))
    {
        bar.set_style(style);
    }
    bar
}
