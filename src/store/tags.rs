//! The table of tags: deleting checkpoints, one by one and by a policy.

use crate::commit::{Candidate, dropped, tag_not_found};
use crate::error::{Error, ErrorKind, Result};
use crate::format::{CommitRecord, Retention, Summary, TagEntry};
use crate::id::{AttemptId, CommitId};
use crate::io;
use crate::shard::Progress;
use crate::store::publish::{Publisher, Unsynced};

impl Publisher {
    /// Publishes a commit of the state of the head that differs in its tags or its policy.
    fn publish_again(&mut self, head: CommitRecord, tags: Vec<TagEntry>, retention: Retention) -> Result<()> {
        let base = self.store.base();
        let is_base = base.id() == Some(head.id);
        let record = CommitRecord {
            id: CommitId::from_bytes(io::random_128()?),
            number: self.next_number,
            parent: Some(head.id),
            attempt: AttemptId::from_bytes(io::random_128()?),
            unix_millis: io::unix_millis_now(),
            tag: None,
            tags,
            retention,
            summary: Summary { bytes_new: 0, ..head.summary },
            ..head
        };
        let ledger = self.ledger.take();
        let record = self.publish(record, Unsynced::default(), &Progress::default())?;
        self.ledger = ledger;
        if is_base {
            drop(self.store.adopt(base.with_commit(record.clone()), self.removals_published));
        }
        self.head = Some(record);
        self.account();
        Ok(())
    }

    /// Deletes a checkpoint: a commit that no longer lists its tag, then, behind the answer, its files.
    pub(crate) fn delete_tag(&mut self, tag: &str) -> Result<()> {
        self.store.check_latch()?;
        let Some(head) = self.head.clone() else { return Err(tag_not_found(tag, std::iter::empty(), self.path())) };
        if !head.tags.iter().any(|entry| entry.tag == tag) {
            return Err(tag_not_found(tag, head.tags.iter().map(|entry| entry.tag.as_str()), self.path()));
        }
        let tags = head.tags.iter().filter(|entry| entry.tag != tag).cloned().collect();
        let retention = head.retention.clone();
        self.publish_again(head, tags, retention)
    }

    /// The policy that each save applies.
    pub(crate) fn retention(&self) -> Retention {
        self.head.as_ref().map(|head| head.retention.clone()).unwrap_or_default()
    }

    /// Makes this the policy that each save applies, this commit first.
    ///
    /// # Errors
    /// `restore_no_checkpoint`, if there is no commit yet that could hold it; those of publishing.
    pub(crate) fn set_retention(&mut self, retention: Retention) -> Result<()> {
        self.store.check_latch()?;
        let Some(head) = self.head.clone() else {
            return Err(Error::new(
                ErrorKind::RestoreNoCheckpoint,
                "the store has no commit yet that could hold a policy",
            )
            .in_file(self.path())
            .advise("commit or save first"));
        };
        let tags = head.tags.clone();
        self.publish_again(head, tags, retention)
    }

    /// Deletes the checkpoints that a policy does not keep, unless this is a dry run. Gives their tags, and those of the
    /// others, oldest first.
    pub(crate) fn prune(&mut self, policy: &Retention, dry_run: bool) -> Result<(Vec<String>, Vec<String>)> {
        self.store.check_latch()?;
        let Some(head) = self.head.clone() else { return Ok((Vec::new(), Vec::new())) };
        let mut gone = dropped(policy, &self.candidates(&head.tags, policy, None), io::unix_millis_now());
        gone.reverse();
        let mut kept: Vec<TagEntry> = head.tags.iter().filter(|entry| !gone.contains(&entry.tag)).cloned().collect();
        kept.sort_by_key(|entry| entry.number);
        let tags = kept.iter().map(|entry| entry.tag.clone()).collect();
        if !dry_run && !gone.is_empty() {
            let retention = head.retention.clone();
            self.publish_again(head, kept, retention)?;
        }
        Ok((gone, tags))
    }

    /// Takes the tags out of a commit about to be published that its policy does not keep.
    pub(super) fn apply_retention(&mut self, record: &mut CommitRecord) {
        if record.retention == Retention::default() {
            return;
        }
        let policy = record.retention.clone();
        let candidates = self.candidates(&record.tags, &policy, Some(record));
        let gone = dropped(&policy, &candidates, record.unix_millis);
        record.tags.retain(|entry| !gone.contains(&entry.tag));
    }

    fn candidates(&mut self, tags: &[TagEntry], policy: &Retention, newest: Option<&CommitRecord>) -> Vec<Candidate> {
        let metric = policy.keep_best.as_ref().map(|best| best.metric.as_str());
        self.facts.candidates(&self.store.history, tags, metric, newest)
    }
}
