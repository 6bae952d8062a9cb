//! Opening a store with very many variables, to go on training.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::context::Context;
use crate::measure::{Cache, Contender, Samples, clock, in_turns};
use crate::peers::sled::{self, Records};
use crate::report::{Bar, Row, Unit};
use crate::state;

/// Opens a store and waits for its catalog. Says how long the opening took; `catalog` gains the time until both were done.
fn open(path: &Path, catalog: &mut Samples) -> Result<Duration> {
    let start = Instant::now();
    let store = state::open(path)?;
    let returned = start.elapsed();
    ensure!(store.wait_for_catalog(state::CATALOG_WAIT), "the catalog does not catch up");
    catalog.0.push(start.elapsed().as_secs_f64());
    Ok(returned)
}

pub(crate) fn run(context: &Context) -> Result<Vec<Row>> {
    let path = context.path("ours.varkeep");
    let store = state::open(&path)?;
    drop(state::create(&store, context.scaled(1_000_000, 100), 1)?);
    store.commit()?;
    ensure!(store.wait_for_catalog(state::CATALOG_WAIT), "the catalog does not catch up");
    drop(store);
    let (copy, filled) = (context.path("copy"), context.path("filled"));
    sled::copy(&sled::catalog_of(&path)?, &copy)?;
    let (catalog, _) = sled::open(&copy)?;
    let records = Records::of(&catalog)?;
    catalog.close(&copy)?;

    let mut clean_catalog = Samples::default();
    let ours = Contender::new("varkeep, clean", || open(&path, &mut clean_catalog));
    let theirs = Contender::new("sled's own open", || {
        let (open, took) = sled::open(&copy)?;
        open.close(&copy)?;
        Ok(took)
    });
    let samples = in_turns(context, Cache::Warm, vec![ours, theirs])?;
    let [clean, sled_open] = samples.try_into().expect("as many as there are contenders");
    // The round that is run and forgotten.
    clean_catalog.0.remove(0);

    let mut lost_catalog = Samples::default();
    let ours = Contender::new("varkeep, catalog lost", || {
        fs::remove_dir_all(sled::catalog_of(&path)?)?;
        open(&path, &mut lost_catalog)
    });
    let theirs = Contender::new("sled's own fill", || {
        let (open, took) = clock(|| records.fill(&filled))?;
        open.close(&filled)?;
        fs::remove_dir_all(&filled)?;
        Ok(took)
    });
    let samples = in_turns(context, Cache::Warm, vec![ours, theirs])?;
    let [lost, sled_fill] = samples.try_into().expect("as many as there are contenders");
    lost_catalog.0.remove(0);

    let row = |what: &str, samples: Samples, peer: &str, theirs: &Samples| {
        Row::new(format!("Store::open, 1,000,000 variables, {what}"), Unit::Milliseconds, samples)
            .against(peer, theirs.clone())
            .bar(Bar::AtMost(1.3))
    };
    let (open, fill) = ("sled's own open", "sled's own batched fill");
    Ok(vec![
        row("clean", clean, open, &sled_open),
        row("clean, until the catalog is there", clean_catalog, open, &sled_open),
        row("catalog lost", lost, fill, &sled_fill),
        row("catalog lost, until it is there again", lost_catalog, fill, &sled_fill),
    ])
}
