//! What could not be carried from one side to the other.

use std::fmt;

/// Something that is otherwise on the other side, or not there.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Note {
    /// The variable concerned; `None` if it is several, or the whole.
    pub variable: Option<String>,
    /// What it is, in a sentence without a full stop.
    pub what: String,
}

impl Note {
    pub(crate) fn of(variable: &str, what: impl Into<String>) -> Self {
        Self { variable: Some(variable.to_owned()), what: what.into() }
    }

    pub(crate) fn general(what: impl Into<String>) -> Self {
        Self { variable: None, what: what.into() }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.variable {
            Some(variable) => write!(f, "{variable:?}: {}", self.what),
            None => f.write_str(&self.what),
        }
    }
}
