//! Taking turns: contenders run one after another, round by round, so that what else the machine does hits all alike.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

use crate::context::Context;

/// What the page cache holds when the clock starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cache {
    /// Nothing of any file.
    Cold,
    /// Whatever the run before left: a first round is run and forgotten.
    Warm,
}

impl Cache {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Cold => "cold",
            Self::Warm => "warm",
        }
    }
}

/// Figures of one thing, one for each round, in one unit.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Samples(pub(crate) Vec<f64>);

impl Samples {
    pub(crate) fn one(value: f64) -> Self {
        Self(vec![value])
    }

    pub(crate) fn of_durations(durations: impl IntoIterator<Item = Duration>) -> Self {
        Self(durations.into_iter().map(|duration| duration.as_secs_f64()).collect())
    }

    pub(crate) fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    /// The smallest sample that at least this share of all samples does not exceed; of an even number the median is
    /// the mean of the two in the middle.
    pub(crate) fn quantile(&self, share: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let len = sorted.len();
        if len == 0 {
            return f64::NAN;
        }
        if share == 0.5 && len.is_multiple_of(2) {
            return f64::midpoint(sorted[len / 2 - 1], sorted[len / 2]);
        }
        let rank = (share * len as f64).ceil() as usize;
        sorted[rank.clamp(1, len) - 1]
    }

    pub(crate) fn min(&self) -> f64 {
        self.0.iter().copied().fold(f64::INFINITY, f64::min)
    }

    pub(crate) fn max(&self) -> f64 {
        self.0.iter().copied().fold(f64::NEG_INFINITY, f64::max)
    }

    pub(crate) fn map(&self, change: impl Fn(f64) -> f64) -> Self {
        Self(self.0.iter().copied().map(change).collect())
    }

    /// Seconds as a rate: so many of something each second.
    pub(crate) fn rate(&self, amount: f64) -> Self {
        self.map(|seconds| amount / seconds)
    }
}

/// Somebody who does the work once and says how long it took, whatever goes before and after left out.
pub(crate) struct Contender<'a> {
    name: &'static str,
    run: Box<dyn FnMut() -> Result<Duration> + 'a>,
}

impl<'a> Contender<'a> {
    pub(crate) fn new(name: &'static str, run: impl FnMut() -> Result<Duration> + 'a) -> Self {
        Self { name, run: Box::new(run) }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }
}

/// The seconds of each contender, in the order given.
pub(crate) fn in_turns(context: &Context, cache: Cache, contenders: Vec<Contender<'_>>) -> Result<Vec<Samples>> {
    in_turns_for(context, cache, context.repeats, contenders)
}

/// As [`in_turns`], for so many rounds. Each round begins with another contender.
pub(crate) fn in_turns_for(
    context: &Context,
    cache: Cache,
    rounds: usize,
    mut contenders: Vec<Contender<'_>>,
) -> Result<Vec<Samples>> {
    let mut samples = vec![Samples::default(); contenders.len()];
    let forgotten = usize::from(cache == Cache::Warm);
    for round in 0..rounds + forgotten {
        for turn in 0..contenders.len() {
            let i = (round + turn) % contenders.len();
            context.settle()?;
            if cache == Cache::Cold {
                context.empty_page_cache()?;
            }
            let Contender { name, run } = &mut contenders[i];
            let took = run().with_context(|| format!("{name} failed"))?;
            context.note(format_args!("{name}, {}, round {}: {took:.3?}", cache.name(), round + 1 - forgotten));
            if round >= forgotten {
                samples[i].0.push(took.as_secs_f64());
            }
        }
    }
    Ok(samples)
}

/// How long something takes.
pub(crate) fn clock<T, E>(work: impl FnOnce() -> Result<T, E>) -> Result<(T, Duration), E> {
    let start = Instant::now();
    let done = work()?;
    Ok((done, start.elapsed()))
}

#[cfg(test)]
mod tests {
    use super::Samples;

    #[test]
    fn quantiles_are_samples_and_the_median_of_an_even_number_lies_between() {
        let samples = Samples(vec![4.0, 1.0, 3.0, 2.0]);
        assert_eq!([samples.median(), samples.quantile(0.99), samples.quantile(0.25)], [2.5, 4.0, 1.0]);
        assert_eq!(Samples((1..=200).map(f64::from).collect()).quantile(0.99), 198.0);
        assert_eq!([samples.min(), samples.max()], [1.0, 4.0]);
    }
}
