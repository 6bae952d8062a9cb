//! `prune`: checkpoints that nobody needs any more are deleted.

use std::time::Duration;

use varkeep::{Retention, Store};

use crate::args;
use crate::cmd::restore::open_store;
use crate::failure::{Failure, Outcome};

/// What was deleted, or would be.
#[derive(Debug)]
pub(crate) struct Pruned {
    pub(crate) store: String,
    pub(crate) is_dry_run: bool,
    /// The policy, in words.
    pub(crate) policy: String,
    /// Whether it is in force from now on.
    pub(crate) is_kept: bool,
    /// Tags, oldest first.
    pub(crate) deleted: Vec<String>,
    pub(crate) kept: Vec<String>,
    /// Bytes of the store's files, before and after; the same in a dry run.
    pub(crate) bytes_before: u64,
    pub(crate) bytes_after: u64,
}

pub(crate) fn run(args: &args::Prune) -> Outcome<Pruned> {
    let policy = policy_of(args)?;
    if policy == Retention::keep_all() && !args.from_now_on {
        return Err(Failure::usage("nothing says which checkpoints are to be kept")
            .hint("for example `--keep-last 5 --keep-every 1000`; with `--dry-run` it only says what would go"));
    }
    let store = open_store(&args.store)?;
    let bytes_before = bytes_of(args)?;
    let report = store.prune(&policy, args.dry_run)?;
    if args.from_now_on && !args.dry_run {
        store.set_retention(&policy)?;
    }
    drop::<Store>(store);
    Ok(Pruned {
        store: args.store.display().to_string(),
        is_dry_run: args.dry_run,
        policy: policy.to_string(),
        is_kept: args.from_now_on,
        deleted: report.deleted,
        kept: report.kept,
        bytes_before,
        bytes_after: bytes_of(args)?,
    })
}

fn bytes_of(args: &args::Prune) -> Outcome<u64> {
    let files = super::stat::files(&args.store).map_err(|error| Failure::cannot_read(&args.store, &error))?;
    Ok(files.iter().map(|files| files.bytes).sum())
}

fn policy_of(args: &args::Prune) -> Outcome<Retention> {
    let mut policy = Retention::keep_all();
    if let Some(count) = args.keep_last {
        policy = policy.keep_last(count);
    }
    if let Some(steps) = args.keep_every {
        policy = policy.keep_every(steps);
    }
    if let Some(text) = &args.keep_lowest {
        let (metric, count) = metric_of(text)?;
        policy = policy.keep_lowest(metric, count);
    }
    if let Some(text) = &args.keep_highest {
        let (metric, count) = metric_of(text)?;
        policy = policy.keep_highest(metric, count);
    }
    if let Some(text) = &args.keep_younger_than {
        policy = policy.keep_younger_than(age_of(text)?);
    }
    Ok(policy)
}

/// `METRIC` or `METRIC=COUNT`.
fn metric_of(text: &str) -> Outcome<(&str, u64)> {
    let Some((metric, count)) = text.rsplit_once('=') else { return Ok((text, 1)) };
    let count = count.parse().map_err(|_| {
        Failure::usage(format!("{count:?} in {text:?} is no number")).hint("write METRIC=COUNT, for example `loss=3`")
    })?;
    Ok((metric, count))
}

/// `90m`, `36h`, `14d`: a number and its unit.
fn age_of(text: &str) -> Outcome<Duration> {
    let bad =
        || Failure::usage(format!("{text:?} is no age")).hint("write a number and s, m, h or d, for example `14d`");
    let unit = text.chars().last().ok_or_else(bad)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return Err(bad()),
    };
    let number: u64 = text[..text.len() - 1].parse().map_err(|_| bad())?;
    Ok(Duration::from_secs(number.checked_mul(seconds).ok_or_else(bad)?))
}

/// Reads a text as each of the options that have a grammar of their own.
#[cfg(fuzzing)]
pub(crate) fn parse_word(text: &str) {
    drop((metric_of(text).map(|_| ()), age_of(text)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_and_metrics_are_read_and_nonsense_is_refused() {
        assert_eq!(age_of("14d").unwrap(), Duration::from_secs(14 * 86_400));
        assert_eq!(age_of("90s").unwrap(), Duration::from_secs(90));
        for bad in ["", "d", "5", "5w", "-1h", "99999999999999999999d", "五日"] {
            assert_eq!(age_of(bad).unwrap_err().kind, "usage", "{bad}");
        }
        assert_eq!(metric_of("eval.loss=3").unwrap(), ("eval.loss", 3));
        assert_eq!(metric_of("loss").unwrap(), ("loss", 1));
        assert_eq!(metric_of("loss=x").unwrap_err().kind, "usage");
    }
}
