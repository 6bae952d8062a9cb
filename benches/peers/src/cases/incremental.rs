//! Little changed, little is written.

use std::collections::BTreeSet;

use anyhow::Result;
use ndarray::{Array1, Array2};
use varkeep::{DType, Save, Store, Variable, init};

use crate::cases::commits;
use crate::context::Context;
use crate::files::Files;
use crate::measure::{Samples, clock};
use crate::report::{Bar, Row, Unit};
use crate::state;

/// The default chunk size.
const CHUNK_BYTES: u64 = 256 << 10;

/// What one save cost.
struct Cost {
    seconds: f64,
    bytes: f64,
}

/// A save, by time to its return and by all bytes it has put into files.
fn save(store: &Store) -> Result<Cost> {
    state::wait_until_tidy(store)?;
    let files = Files::of(store.path())?;
    let (_, took) = clock(|| store.save(Save::tag("newest").replace()))?;
    let bytes = files.bytes_since()?;
    Ok(Cost { seconds: took.as_secs_f64(), bytes: bytes as f64 })
}

fn split(costs: &[Cost]) -> (Samples, Samples) {
    (Samples(costs.iter().map(|cost| cost.seconds).collect()), Samples(costs.iter().map(|cost| cost.bytes).collect()))
}

/// A full save and a small one in turns.
fn in_turns(
    context: &Context,
    mut full: impl FnMut() -> Result<Cost>,
    mut small: impl FnMut() -> Result<Cost>,
) -> Result<[Vec<Cost>; 2]> {
    let (mut fulls, mut smalls) = (Vec::new(), Vec::new());
    for _ in 0..context.repeats {
        context.settle()?;
        fulls.push(full()?);
        context.settle()?;
        smalls.push(small()?);
    }
    Ok([fulls, smalls])
}

/// Every variable is assigned anew, but only one chunk in a hundred has other bytes.
pub(crate) fn reassigned(context: &Context) -> Result<Vec<Row>> {
    let elements = context.scaled(1 << 20, 128 << 10);
    let count = context.scaled(256, 8);
    let store = state::open(&context.path("ours.varkeep"))?;
    let variables = state::create(&store, count, elements)?;
    save(&store)?;
    let chunks_each = elements * 4 / CHUNK_BYTES;
    let changed_chunks = (count * chunks_each).div_ceil(100);
    let full = || {
        state::step(&variables)?;
        save(&store)
    };
    let small = || {
        let changed = distinct(changed_chunks, count * chunks_each);
        for (i, variable) in (0..).zip(&variables) {
            let mut values: Array1<f32> = variable.read::<f32>()?.to_owned().into_dimensionality()?;
            for chunk in changed.range(i * chunks_each..(i + 1) * chunks_each) {
                let start = (chunk % chunks_each) * (CHUNK_BYTES / 4);
                values[start as usize + fastrand::usize(..CHUNK_BYTES as usize / 4)] += 1.0;
            }
            variable.assign(values)?;
        }
        save(&store)
    };
    let [fulls, smalls] = in_turns(context, full, small)?;
    let ((full_times, _), (times, bytes)) = (split(&fulls), split(&smalls));
    let changed = (changed_chunks * CHUNK_BYTES) as f64;
    let bar = 1.05 + f64::from(1 << 20) / changed;
    let what = "everything re-assigned, 1 % of chunks different";
    Ok(vec![
        Row::new(format!("{what}: bytes written"), Unit::Mebibytes, bytes)
            .against("bytes of the chunks", Samples::one(changed))
            .bar(Bar::AtMost(bar)),
        Row::new(format!("{what}: time"), Unit::Milliseconds, times)
            .against("full save of the same", full_times)
            .bar(Bar::AtMost(1.0 / 3.0)),
    ])
}

/// One per cent of the rows of an embedding, at random, small chunks.
pub(crate) fn embedding(context: &Context) -> Result<Vec<Row>> {
    const ROW: usize = 64;
    let rows = context.scaled(4 << 20, 4 << 10);
    let store = state::open(&context.path("ours.varkeep"))?;
    let root = store.root();
    let embedding = root.get_variable("embedding").shape([rows as usize, ROW]).dtype(DType::F32);
    let embedding = [embedding.chunk_bytes(4096).initializer(init::zeros()).get()?];
    state::fill(&embedding[0])?;
    save(&store)?;
    let full = || {
        state::step(&embedding)?;
        save(&store)
    };
    let small = || {
        let touched: Vec<usize> = distinct(rows.div_ceil(100), rows).into_iter().map(|row| row as usize).collect();
        let values = Array2::from_shape_simple_fn((touched.len(), ROW), fastrand::f32);
        embedding[0].scatter_update(&touched, &values)?;
        save(&store)
    };
    let [fulls, smalls] = in_turns(context, full, small)?;
    let ((full_times, full_bytes), (times, bytes)) = (split(&fulls), split(&smalls));
    let what = "1 % of rows of a 1 GiB embedding touched at random, chunks of 4 KiB";
    Ok(vec![
        Row::new(format!("{what}: bytes written"), Unit::Mebibytes, bytes)
            .against("full save of the same", full_bytes)
            .bar(Bar::AtMost(1.0 / 6.0)),
        Row::new(format!("{what}: time"), Unit::Milliseconds, times).against("full save of the same", full_times),
    ])
}

/// So many different numbers below `below`.
fn distinct(count: u64, below: u64) -> BTreeSet<u64> {
    let mut numbers = BTreeSet::new();
    while (numbers.len() as u64) < count.min(below) {
        numbers.insert(fastrand::u64(..below));
    }
    numbers
}

/// One of a thousand tensors is touched.
pub(crate) fn one_touched(context: &Context) -> Result<Vec<Row>> {
    let elements = context.scaled(268_435, 1 << 10);
    let store = state::open(&context.path("ours.varkeep"))?;
    let variables = state::create(&store, 1000, elements)?;
    save(&store)?;
    let mut fulls = Vec::new();
    for _ in 0..context.repeats {
        context.settle()?;
        state::step(&variables)?;
        fulls.push(save(&store)?);
    }
    let touch = |round: usize| -> Result<()> {
        let one: &[Variable] = std::slice::from_ref(&variables[(round * 7) % variables.len()]);
        state::step(one)
    };
    let times = commits::times(context, &store, touch)?;
    let row = commits::row("one of 1,000 tensors touched: commit, p99", &times)
        .against("full save of 1 GiB", split(&fulls).0)
        .bar(Bar::AtMost(1.0 / 50.0));
    Ok(vec![row])
}
