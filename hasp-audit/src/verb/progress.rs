//! A bar on a terminal for what may take more than a second; nothing anywhere else.

use std::io::IsTerminal;

use hasp_core::tool::Context;
use indicatif::{ProgressBar, ProgressStyle};

/// A bar of this length, in indicatif's template language.
pub fn bar(cx: &Context, length: u64, template: &str) -> ProgressBar {
    if cx.out.quiet || cx.out.json || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(length);
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}
