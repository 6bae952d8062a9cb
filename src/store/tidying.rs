//! What goes on behind commits: merging manifests, finding what to move, letting go of what nothing needs.

use std::collections::HashSet;
use std::sync::Arc;

use crate::commit::Ledger;
use crate::error::Result;
use crate::manifest::to_merge;
use crate::shard::Stored;
use crate::store::merging::{Merged, Merging};
use crate::store::moving::{self, Move, Moves, Survey};
use crate::store::publish::{Publisher, Told};
use crate::store::remover::Doomed;
use crate::store::state::StoreState;
use crate::store::table::{Named, Slot};
use crate::variable::Object;

/// So many files of no further use wait for a moment without commits; more do not.
const BACKLOG_MAX: usize = 256;

impl Publisher {
    /// Counts the head in, and the commits out that it no longer keeps.
    pub(super) fn account(&mut self) {
        let (Some(head), Some(ledger)) = (&self.head, &mut self.ledger) else { return };
        let base = self.store.base();
        let files = if base.id() == Some(head.id) { base.stack().files() } else { &[] };
        ledger.keep(head, files);
        let kept: HashSet<u64> = head.tags.iter().map(|entry| entry.number).chain([head.number]).collect();
        if ledger.unlink_commits(&self.store.history, &kept).is_err() {
            // What is left over is found when it is looked for.
            self.ledger = None;
        }
    }

    /// Tells the variables whose values have moved where they lie now.
    pub(super) fn rehome(&mut self, moved: &[(Move, Arc<Stored>)]) {
        if self.moves.as_ref().is_some_and(Moves::is_empty) {
            self.moves = None;
        }
        let table = self.store.table();
        for (Move { entry, .. }, stored) in moved {
            if let Some(Slot::Live(Named::Object(Object::Single(single)))) = table.slots.get(&entry.name) {
                single.rehome(stored, self.store.reading.mode, self.store.reading.verification);
            }
        }
    }

    /// Begins a merge of manifests, or a survey of what to move, if one is due.
    pub(super) fn merge_if_due(&mut self) {
        if self.merging.is_some() {
            return;
        }
        let base = self.store.base();
        let sizes = base.stack().sizes();
        let extent = moving::Extent::of(&base);
        let needed = base.commit().map_or(0, |commit| commit.summary.bytes_total);
        let survey = if self.moves.is_none() { extent.due(needed, self.surveyed) } else { None };
        if survey.is_some() {
            self.surveyed = extent;
        }
        let count = if survey == Some(Survey::All) { sizes.len() } else { to_merge(&sizes) };
        if count > 0 || survey.is_some() {
            self.merging = Merging::start(&self.store, &base, count, survey);
        }
    }

    /// Puts a merged manifest in the place of those it was made from, if the merge is over.
    pub(super) fn take_up_merge(&mut self) {
        let Some(merging) = self.merging.take_if(|merging| merging.is_finished()) else { return };
        let from = merging.from.clone();
        // A merge that failed costs nothing: the manifests are still there, and one is due again.
        let Ok(Merged { file, moves }) = merging.finish() else { return };
        self.moves = moves.filter(|moves| !moves.is_empty()).or(self.moves.take());
        let Some(merged) = file else { return };
        let base = self.store.base();
        let view = base.stack().with_merged(&merged, &from);
        if let Some(view) = view.and_then(|stack| base.with_merged(stack, &self.store.shards).ok()) {
            drop(base);
            let before = self.store.adopt(view, self.removals_published);
            // Whoever lets go of a large manifest last waits until it is unmapped.
            self.remover.remove(Doomed::Unmerged(before, from));
        } else {
            // The state was replaced by another one meanwhile.
            self.ledger = None;
        }
    }

    /// Whether there is something to tidy up.
    pub(crate) fn has_backlog(&self) -> bool {
        self.reclaims
            && self.store.check_latch().is_ok()
            && self.ledger.as_ref().is_none_or(|ledger| ledger.backlog() > 0)
    }

    /// Tidies up behind a commit only if there is much to tidy: the next commit may be waiting.
    pub(crate) fn tidy_behind_commit(&mut self) {
        if let Some(Told { changes, names: Some(names) }) = self.published.take() {
            self.store.catalog_apply(changes.catalog(), names);
        }
        if self.tidies_at_once && self.has_backlog() {
            self.tidy();
        }
        if self.ledger.as_ref().is_some_and(|ledger| ledger.backlog() > BACKLOG_MAX) {
            self.tidy();
        }
    }

    /// Reclaims what nothing needs any more. A failure costs space, never a commit: the next time tries again.
    pub(crate) fn tidy(&mut self) {
        self.take_up_merge();
        if !self.reclaims || self.store.check_latch().is_err() || self.try_tidy().is_err() {
            self.ledger = None;
        }
    }

    fn try_tidy(&mut self) -> Result<()> {
        let StoreState { history, shards, reading, .. } = &*self.store;
        let base = self.store.base();
        let mut in_use: HashSet<_> = base.stack().files().iter().map(|file| file.id()).collect();
        let mut ledger = match self.ledger.take() {
            Some(ledger) => ledger,
            // What a merge is writing would look like an orphan.
            None if self.merging.is_some() => return Ok(()),
            None => {
                let mut ledger = Ledger::read(history, &history.kept()?, reading.mode)?;
                ledger.find_orphans(history)?;
                ledger
            }
        };
        in_use.extend(self.merging.iter().flat_map(|merging| &merging.from).map(|file| file.id()));
        let doomed = ledger.take_unnamed(history, &in_use, shards)?;
        if self.tidies_at_once {
            for (dir, name) in doomed {
                dir.unlink(&name)?;
            }
        } else {
            self.remover.remove(Doomed::Files(doomed));
        }
        self.ledger = Some(ledger);
        Ok(())
    }

    /// Tidies up for the last time.
    pub(crate) fn close(mut self) {
        if let Some(merging) = self.merging.take() {
            merging.cancel();
            self.ledger = None;
        }
        if self.has_backlog() {
            self.tidy();
        }
    }
}
