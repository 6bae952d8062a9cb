//! What the page of `report` shows: variables over checkpoints.
//!
//! [`series`] reads one variable in all its versions side by side, each block once; [`sketch`] keeps a fine histogram of each
//! version until the range of all is known; [`units`] looks at the units of a layer; [`flags`] says what is suspicious.

pub(crate) mod flags;
pub(crate) mod series;
mod sketch;
mod units;

/// Bins of a histogram on the page.
pub(crate) const BINS: usize = 48;
