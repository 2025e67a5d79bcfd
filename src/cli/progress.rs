//! The bar of a long command on stderr; hidden where stderr is no terminal.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar of `length` units with rate and time left.
pub(super) fn bar(name: &'static str, length: u64, unit: &str) -> ProgressBar {
    let target = if std::io::stderr().is_terminal() {
        ProgressDrawTarget::stderr_with_hz(5)
    } else {
        ProgressDrawTarget::hidden()
    };
    let bar = ProgressBar::with_draw_target(Some(length), target);
    let style = format!("{{prefix}} {{bar:30}} {{pos}}/{{len}} {unit} · {{per_sec}} · {{eta}} left");
    if let Ok(style) = ProgressStyle::with_template(&style) {
        bar.set_style(style);
    }
    bar.set_prefix(name);
    bar.enable_steady_tick(Duration::from_millis(500));
    bar
}
