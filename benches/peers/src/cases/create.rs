//! Creating many variables.

use std::time::Instant;

use anyhow::{Result, ensure};
use varkeep::init;

use crate::context::Context;
use crate::measure::{Samples, clock};
use crate::peers::sled::{self, Records};
use crate::report::{Bar, Row, Unit};
use crate::state;

/// What one round came to, in seconds.
#[derive(Default)]
struct Times {
    acknowledged: Samples,
    creates_alone: Samples,
    catalog: Samples,
    sled: Samples,
}

pub(crate) fn run(context: &Context) -> Result<Vec<Row>> {
    let count = context.scaled(100_000, 100);
    let mut times = Times::default();
    for round in 0..context.repeats {
        context.settle()?;
        let path = context.path(&format!("{round}.varkeep"));
        let store = state::open(&path)?;
        let start = Instant::now();
        let root = store.root();
        for i in 0..count {
            root.get_variable(&state::name(i)).shape(16).initializer(init::zeros()).get()?;
        }
        times.creates_alone.0.push(start.elapsed().as_secs_f64());
        store.commit()?;
        times.acknowledged.0.push(start.elapsed().as_secs_f64());
        ensure!(store.wait_for_catalog(state::CATALOG_WAIT), "the catalog does not catch up");
        times.catalog.0.push(start.elapsed().as_secs_f64());
        drop(root);
        drop(store);

        let catalog = sled::catalog_of(&path)?;
        let (copy, filled) = (context.path("copy"), context.path("filled"));
        sled::copy(&catalog, &copy)?;
        let (open, _) = sled::open(&copy)?;
        let records = Records::of(&open)?;
        ensure!(records.len() as u64 == count, "the catalog has {} of {count} records", records.len());
        open.close(&copy)?;
        context.settle()?;
        let (open, took) = clock(|| records.fill(&filled))?;
        times.sled.0.push(took.as_secs_f64());
        open.close(&filled)?;
        for folder in [&copy, &filled, &path] {
            std::fs::remove_dir_all(folder)?;
        }
    }
    let count = count as f64;
    let acknowledged = times.acknowledged.rate(count);
    Ok(vec![
        Row::new("100,000 creates and one commit, to acknowledgement", Unit::PerSecond, acknowledged)
            .figure("creates alone", Unit::PerSecond, times.creates_alone.rate(count).median())
            .bar(Bar::AtLeast(1e5)),
        Row::new("the same, until the catalog has caught up", Unit::PerSecond, times.catalog.rate(count))
            .against("sled alone, in batches", times.sled.rate(count))
            .bar(Bar::AtLeast(0.7)),
    ])
}
