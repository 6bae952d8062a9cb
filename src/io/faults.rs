//! Taps for unit tests: one that writes down every operation and does as a plan says.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

use super::tap::{Op, Tap, Verdict};

type Plan = dyn Fn(usize, &Op<'_>) -> Verdict + Send + Sync;

/// Writes down each operation as `operation name-of-file ok|failed`; the plan is asked with the count of those before.
pub(crate) struct Faults {
    plan: Box<Plan>,
    begun: Mutex<usize>,
    done: Mutex<Vec<String>>,
}

impl Faults {
    pub(crate) fn new(plan: impl Fn(usize, &Op<'_>) -> Verdict + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { plan: Box::new(plan), begun: Mutex::default(), done: Mutex::default() })
    }

    /// Lets everything happen.
    pub(crate) fn none() -> Arc<Self> {
        Self::new(|_, _| Verdict::Go)
    }

    /// Fails the operation with this number (from 0, opening the folder), and only that.
    pub(crate) fn at(number: usize) -> Arc<Self> {
        Self::new(move |n, _| if n == number { Verdict::Fail(broken()) } else { Verdict::Go })
    }

    /// Fails every operation of this kind, told by the first word of its text.
    pub(crate) fn on(word: &'static str, error: fn() -> io::Error) -> Arc<Self> {
        Self::new(move |_, op| if is(op, word) { Verdict::Fail(error()) } else { Verdict::Go })
    }

    /// What was done, and forgets it.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.done.lock().unwrap())
    }
}

impl Tap for Faults {
    fn before(&self, op: &Op<'_>, _path: &Path) -> Verdict {
        let mut begun = self.begun.lock().unwrap();
        *begun += 1;
        (self.plan)(*begun - 1, op)
    }

    fn after(&self, op: &Op<'_>, path: &Path, ok: bool) {
        let text = format!("{op:?}");
        let word = text.split(' ').next().unwrap_or_default();
        // Operations that name a second path are told by their word: the path differs from run to run.
        let text = if matches!(op, Op::Rename { .. } | Op::Link { .. }) { word } else { &text };
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let name = name.split(".tmp-").next().unwrap_or_default();
        self.done.lock().unwrap().push(format!("{text} {name} {}", if ok { "ok" } else { "failed" }));
    }
}

/// Whether this is the operation the word says.
pub(crate) fn is(op: &Op<'_>, word: &str) -> bool {
    format!("{op:?}").split(' ').next() == Some(word)
}

/// What a broken disk says.
pub(crate) fn broken() -> io::Error {
    io::Error::other("the disk is broken")
}

/// Makes a named pipe; there is no portable call for it in the crates we use.
pub(crate) fn make_pipe(path: &Path) {
    assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
}
