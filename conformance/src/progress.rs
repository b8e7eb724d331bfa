//! Progress while a run goes on: a bar on a terminal, nothing elsewhere.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::sync::mpsc::UnboundedReceiver;

use crate::report::terminal::visible;
use crate::run::Event;

/// Shows events until their sender is gone.
pub async fn show(mut events: UnboundedReceiver<Event>) {
    let bar = ProgressBar::new(0);
    let target =
        if std::io::stderr().is_terminal() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    bar.set_draw_target(target);
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} exports, {eta} left  {wide_msg}") {
        bar.set_style(style);
    }
    while let Some(event) = events.recv().await {
        match event {
            Event::Started { exports } => bar.set_length(exports as u64),
            Event::Exporting { id } => bar.set_message(visible(&id)),
            Event::Exported { .. } => bar.inc(1),
        }
    }
    bar.finish_and_clear();
}
