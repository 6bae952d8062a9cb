//! A line that says how far a long command is, on a terminal's standard error.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use crate::render::units;
use crate::ui::Ui;

/// What is over sooner needs no progress.
const FIRST_AFTER: Duration = Duration::from_millis(250);

/// No eye follows more.
const EVERY: Duration = Duration::from_millis(33);

/// Clears the line.
const CLEAR: &str = "\r\x1b[K";

/// Counts bytes, and shows them if it takes long.
#[derive(Debug)]
pub(crate) struct Progress {
    what: &'static str,
    done: u64,
    total: u64,
    next: Option<Instant>,
    shown: bool,
}

impl Progress {
    pub(crate) fn new(ui: &Ui, what: &'static str, total: u64) -> Self {
        let next = ui.shows_progress().then(|| Instant::now() + FIRST_AFTER);
        Self { what, done: 0, total, next, shown: false }
    }

    pub(crate) fn advance(&mut self, bytes: u64) {
        self.set(self.done + bytes, self.total);
    }

    pub(crate) fn set(&mut self, done: u64, total: u64) {
        (self.done, self.total) = (done, total);
        let now = Instant::now();
        if self.next.is_none_or(|next| now < next) {
            return;
        }
        self.next = Some(now + EVERY);
        self.shown = true;
        let percent = if total == 0 { 100 } else { u128::from(done.min(total)) * 100 / u128::from(total) };
        let (done, total) = (units::bytes(done), units::bytes(total));
        let mut err = io::stderr();
        // Without a terminal that listens there is no progress to show.
        let _unseen = write!(err, "{CLEAR}{} {percent:3} %  {done} of {total}", self.what).and_then(|()| err.flush());
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown {
            let _unseen = write!(io::stderr(), "{CLEAR}");
        }
    }
}
