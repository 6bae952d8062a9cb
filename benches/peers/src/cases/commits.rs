//! Many small commits, one after another: what the slow ones cost, since some have merging to wait for.

use std::time::{Duration, Instant};

use anyhow::Result;
use varkeep::Store;

use crate::context::Context;
use crate::measure::{Samples, clock};
use crate::report::{Bar, Row, Unit};
use crate::state;

/// Long enough for manifests to be merged into larger ones several times.
const COMMITS: u64 = 300;

/// Not counted with the others.
const WARM_UP: usize = 64;

/// Waiting for rest takes longer than the commits.
const RESTED: usize = 100;

/// A store with slow commits gives fewer.
const ENOUGH: Duration = Duration::from_mins(1);

/// The times of small commits.
pub(crate) struct Times {
    /// The first ones after the variables were created.
    first: Samples,
    /// Without a pause, so that each may wait for what the one before left to be merged and tidied.
    hurried: Samples,
    /// With the store at rest before each.
    rested: Samples,
}

pub(crate) fn times(context: &Context, store: &Store, touch: impl Fn(usize) -> Result<()>) -> Result<Times> {
    state::wait_until_tidy(store)?;
    context.settle()?;
    let commits = context.scaled(COMMITS, 10) as usize;
    let commit = |round| -> Result<Duration> {
        touch(round)?;
        Ok(clock(|| store.commit())?.1)
    };
    // A million creations leave the allocator much to put in order: glibc's sorts what was freed a bit at a time, and joins what is
    // small all at once when it is first asked for something large, which is some forty commits later.
    let first = (0..commits.min(WARM_UP)).map(&commit).collect::<Result<Vec<_>>>()?;
    let mut hurried = Vec::new();
    let start = Instant::now();
    while hurried.len() < commits && start.elapsed() < ENOUGH {
        hurried.push(commit(hurried.len())?);
    }
    let mut rested = Vec::new();
    let start = Instant::now();
    while rested.len() < commits.min(RESTED) && start.elapsed() < ENOUGH {
        state::wait_until_tidy(store)?;
        rested.push(commit(commits + rested.len())?);
    }
    let first = Samples::of_durations(first);
    Ok(Times { first, hurried: Samples::of_durations(hurried), rested: Samples::of_durations(rested) })
}

pub(crate) fn row(case: &str, times: &Times) -> Row {
    let Times { first, hurried, rested } = times;
    Row::new(case, Unit::Milliseconds, Samples::one(hurried.quantile(0.99)))
        .figure(format!("p50 of {} without a pause", hurried.0.len()), Unit::Milliseconds, hurried.median())
        .figure("max", Unit::Milliseconds, hurried.max())
        .figure(format!("p50 of {} at rest", rested.0.len()), Unit::Milliseconds, rested.median())
        .figure("p99 at rest", Unit::Milliseconds, rested.quantile(0.99))
        .figure("max at rest", Unit::Milliseconds, rested.max())
        .figure(format!("max of the first {}", first.0.len()), Unit::Milliseconds, first.max())
}

/// Ten of a million variables are touched, and ten of a thousand.
pub(crate) fn ten_of_many(context: &Context) -> Result<Vec<Row>> {
    let few = times_with(context, "few.varkeep", context.scaled(1000, 20))?;
    let many = times_with(context, "many.varkeep", context.scaled(1_000_000, 100))?;
    let row = row("10 of 1,000,000 variables touched: commit, p99", &many)
        .against("10 of 1,000", Samples::one(few.hurried.quantile(0.99)))
        .figure("10 of 1,000: p50", Unit::Milliseconds, few.hurried.median())
        .figure("10 of 1,000: p99 at rest", Unit::Milliseconds, few.rested.quantile(0.99))
        .bar(Bar::AtMost(2.0));
    Ok(vec![row])
}

fn times_with(context: &Context, name: &str, count: u64) -> Result<Times> {
    let store = state::open(&context.path(name))?;
    let variables = state::create(&store, count, 16)?;
    store.commit()?;
    // sled's threads are not part of the question.
    store.wait_for_catalog(state::CATALOG_WAIT);
    times(context, &store, |round| state::step_ten(&variables, round))
}
