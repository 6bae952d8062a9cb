//! `verify`: whether every byte of a store is what was written.

use varkeep::{VerifyReport, Which};

use crate::address::Address;
use crate::args;
use crate::failure::Outcome;
use crate::progress::Progress;
use crate::ui::Ui;

/// What was found.
#[derive(Debug)]
pub(crate) struct Health {
    /// As it was addressed.
    pub(crate) address: String,
    /// The store, as it was given.
    pub(crate) store: String,
    pub(crate) report: VerifyReport,
}

pub(crate) fn run(args: &args::Verify, ui: &Ui) -> Outcome<Health> {
    let address = Address::parse(&args.checkpoint)?;
    let which = Some(address.which.clone()).filter(|which| *which != Which::Head);
    let mut progress = Progress::new(ui, "checking", 0);
    let report = varkeep::verify(&address.path, which, &mut |at| progress.set(at.bytes_done, at.bytes_total))?;
    Ok(Health { address: address.to_string(), store: address.path.display().to_string(), report })
}
