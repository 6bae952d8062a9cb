//! Which checkpoints are kept when new ones come.

use std::fmt;
use std::time::Duration;

use crate::error::Result;
use crate::format;
use crate::store::Store;

/// Which checkpoints are kept. One stays if any of the rules keeps it, and the newest stays anyway; without a rule all
/// stay.
///
/// ```
/// use varkeep::Retention;
/// // The last five, every one of a thousandth step, and the three with the least loss.
/// let policy = Retention::keep_all().keep_last(5).keep_every(1000).keep_lowest("loss", 3);
/// assert_eq!(policy.to_string(), "last 5, every 1000 steps, lowest 3 by loss");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "it is put in force by `Store::set_retention`, or once by `Store::prune`"]
pub struct Retention {
    rules: format::Retention,
}

impl Retention {
    /// No rule: every checkpoint is kept until it is deleted.
    pub fn keep_all() -> Self {
        Self::default()
    }

    /// Keeps the newest `count`.
    pub fn keep_last(mut self, count: u64) -> Self {
        self.rules.keep_last = Some(count);
        self
    }

    /// Keeps those whose step is a multiple of `steps`. The step is the field `step` of the metadata; without one, the
    /// last number in the tag, such as 1000 in `step-1000`.
    pub fn keep_every(mut self, steps: u64) -> Self {
        self.rules.keep_every = Some(steps);
        self
    }

    /// Keeps the `count` with the lowest value of a metric in the metadata, where dots lead into fields:
    /// `eval.loss`. What lacks it, or holds NaN, is not among them.
    pub fn keep_lowest(self, metric: impl Into<String>, count: u64) -> Self {
        self.keep_best(metric.into(), count, true)
    }

    /// As [`Retention::keep_lowest`], with the highest values. It takes that rule's place.
    pub fn keep_highest(self, metric: impl Into<String>, count: u64) -> Self {
        self.keep_best(metric.into(), count, false)
    }

    fn keep_best(mut self, metric: String, count: u64, lower_is_better: bool) -> Self {
        self.rules.keep_best = Some(format::Best { metric, count, lower_is_better });
        self
    }

    /// Keeps those younger than this, by the clock of the machine that saves.
    pub fn keep_younger_than(mut self, age: Duration) -> Self {
        self.rules.keep_younger_than_millis = Some(u64::try_from(age.as_millis()).unwrap_or(u64::MAX));
        self
    }
}

impl fmt::Display for Retention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let format::Retention { keep_last, keep_every, keep_best, keep_younger_than_millis } = &self.rules;
        let mut rules = Vec::new();
        rules.extend(keep_last.map(|count| format!("last {count}")));
        rules.extend(keep_every.map(|steps| format!("every {steps} steps")));
        rules.extend(keep_best.as_ref().map(|best| {
            let which = if best.lower_is_better { "lowest" } else { "highest" };
            format!("{which} {} by {}", best.count, best.metric)
        }));
        rules
            .extend(keep_younger_than_millis.map(|millis| format!("younger than {:?}", Duration::from_millis(millis))));
        if rules.is_empty() { f.write_str("all") } else { f.write_str(&rules.join(", ")) }
    }
}

/// What a pruning did, or would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PruneReport {
    /// The tags of the checkpoints deleted, oldest first.
    pub deleted: Vec<String>,
    /// The tags of those that stay, oldest first.
    pub kept: Vec<String>,
}

impl Store {
    /// The policy in force: each save deletes what it does not keep.
    ///
    /// # Errors
    /// `store_latched`.
    pub fn retention(&self) -> Result<Retention> {
        self.publisher()?.call(|publisher| Ok(Retention { rules: publisher.retention() }))
    }

    /// Puts a policy in force, for this store whoever opens it: each save deletes what it does not keep, beginning with
    /// this call, which is a commit of its own. Nothing is deleted by itself unless this was called.
    ///
    /// # Errors
    /// `restore_no_checkpoint`, if there is no commit yet; as [`Store::commit`].
    pub fn set_retention(&self, policy: &Retention) -> Result<()> {
        let rules = policy.rules.clone();
        self.publisher()?.call(move |publisher| publisher.set_retention(rules))
    }

    /// Deletes, once, the checkpoints that a policy does not keep, in one commit; with `dry_run` it only says which.
    ///
    /// # Errors
    /// As [`Store::commit`].
    pub fn prune(&self, policy: &Retention, dry_run: bool) -> Result<PruneReport> {
        let rules = policy.rules.clone();
        self.publisher()?.call(move |publisher| {
            let (deleted, kept) = publisher.prune(&rules, dry_run)?;
            Ok(PruneReport { deleted, kept })
        })
    }
}
