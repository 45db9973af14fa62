//! How far work has come, on the terminal.

use std::{
    io::IsTerminal,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use latentia::run::{Progress, Silent};

/// Work that is done within this time shows no bar.
const PATIENCE: Duration = Duration::from_secs(1);
/// Most redraws a second.
const REDRAWS: u8 = 10;

/// Bars on standard error, when someone is looking.
pub(crate) fn bars(quiet: bool) -> Box<dyn Progress> {
    match !quiet && std::io::stderr().is_terminal() {
        true => Box::new(Bars::default()),
        false => Box::new(Silent),
    }
}

#[derive(Default)]
struct Bars {
    what: String,
    total: u64,
    began: Option<Instant>,
    shown: Option<ProgressBar>,
}

impl Bars {
    fn show(&self) -> ProgressBar {
        let target = ProgressDrawTarget::stderr_with_hz(REDRAWS);
        let (length, template) = match self.total {
            0 => (None, "{prefix} {human_pos} {wide_msg}"),
            total => (Some(total), "{prefix} {percent:>3}% [{bar:30}] {eta_precise} left  {wide_msg}"),
        };
        let bar = ProgressBar::with_draw_target(length, target);
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_prefix(self.what.clone());
        bar
    }
}

impl Progress for Bars {
    fn begin(&mut self, what: &str, total: u64) {
        self.end();
        *self = Self { what: what.to_owned(), total, began: Some(Instant::now()), shown: None };
    }

    fn advance(&mut self, done: u64, note: &str) {
        let Some(began) = self.began else { return };
        if self.shown.is_none() && began.elapsed() > PATIENCE {
            self.shown = Some(self.show());
        }
        if let Some(bar) = &self.shown {
            bar.set_position(done);
            bar.set_message(note.to_owned());
        }
    }

    fn end(&mut self) {
        if let Some(bar) = self.shown.take() {
            bar.finish_and_clear();
        }
        self.began = None;
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        self.end();
    }
}
