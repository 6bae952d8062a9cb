//! `salvage`: what is whole of a damaged store, as a new store.

use varkeep::SalvageReport;

use crate::args;
use crate::cmd::label;
use crate::failure::Outcome;
use crate::progress::Progress;
use crate::ui::Ui;

/// What came out.
#[derive(Debug)]
pub(crate) struct Salvaged {
    pub(crate) store: String,
    pub(crate) to: String,
    /// The damaged checkpoints, each with the names that cannot be read, or nothing if it cannot be opened at all.
    pub(crate) left: Vec<(String, Option<Vec<String>>)>,
    pub(crate) report: SalvageReport,
}

pub(crate) fn run(args: &args::Salvage, ui: &Ui) -> Outcome<Salvaged> {
    let mut progress = Progress::new(ui, "checking", 0);
    let report = varkeep::salvage(&args.store, &args.to, &mut |at| progress.set(at.bytes_done, at.bytes_total))?;
    let left = report.left.iter().map(|one| {
        let damaged = one.readable.then(|| one.damaged.clone());
        (label(one.tag.as_deref(), one.number), damaged)
    });
    Ok(Salvaged {
        store: args.store.display().to_string(),
        to: args.to.display().to_string(),
        left: left.collect(),
        report,
    })
}

impl Salvaged {
    /// Whether nothing stayed behind.
    pub(crate) fn is_all(&self) -> bool {
        self.left.is_empty()
    }
}
