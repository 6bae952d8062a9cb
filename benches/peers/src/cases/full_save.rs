//! Everything changed, everything is written.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use varkeep::{Save, Store, Variable};

use crate::context::Context;
use crate::measure::{Cache, Contender, Samples, clock, in_turns};
use crate::peers::{candle, raw, redb, safetensors};
use crate::report::{Bar, Row, Unit};
use crate::state::{self, Held};

/// 1 GiB in 256 tensors.
pub(crate) fn large(context: &Context) -> Result<Vec<Row>> {
    let elements = context.scaled(1 << 20, 1 << 10);
    let what = "full durable save, 1 GiB in 256 tensors";
    save(context, what, 256, elements, (0.90, Some(3.0)))
}

/// 20,000 tensors of 50 KiB.
pub(crate) fn small(context: &Context) -> Result<Vec<Row>> {
    let count = context.scaled(20_000, 20);
    let what = "full durable save, 20,000 tensors of 50 KiB";
    save(context, what, count, (50 << 10) / 4, (0.75, None))
}

/// The bars: a share of the raw writer's rate, and so many times that of safetensors, unless 0.9 of what the raw writer reaches
/// is less.
type Bars = (f64, Option<f64>);

fn save(context: &Context, what: &str, count: u64, elements: u64, (raw, most): Bars) -> Result<Vec<Row>> {
    let store = state::open(&context.path("ours.varkeep"))?;
    let variables = state::create(&store, count, elements)?;
    // A training run has saved before.
    save_replacing(&store, &variables)?;
    let var_map = candle::var_map(Held::of(&variables)?.tensors())?;
    let bytes = (count * elements * 4) as f64;
    let mut rows = Vec::new();
    for cache in [Cache::Cold, Cache::Warm] {
        let mut contenders = vec![
            Contender::new("varkeep", || save_replacing(&store, &variables)),
            peer("raw writer", context, &variables, |path, held| raw::write(path, &held.bytes(), context.threads)),
            peer("safetensors + fsync", context, &variables, |path, held| {
                safetensors::write_durably(path, held.tensors())
            }),
        ];
        if cache == Cache::Warm {
            contenders.extend([
                peer("safetensors, not durable", context, &variables, |path, held| {
                    safetensors::write(path, held.tensors())
                }),
                peer("candle VarMap, not durable", context, &variables, |path, _| candle::save(&var_map, path)),
                peer("redb, a value for each tensor", context, &variables, |path, held| {
                    redb::write(path, held.tensors())
                }),
            ]);
        }
        let peers: Vec<_> = contenders.iter().map(Contender::name).skip(1).collect();
        let rates: Vec<Samples> =
            in_turns(context, cache, contenders)?.iter().map(|seconds| seconds.rate(bytes)).collect();
        let limit = 0.9 * rates[1].median() / rates[2].median();
        let bars = [Some(raw), most.map(|most| limit.min(most)), None, None, None];
        for ((peer, theirs), bar) in peers.into_iter().zip(&rates[1..]).zip(bars) {
            let case = format!("{what}, {} page cache", cache.name());
            let row = Row::new(case, Unit::GigabytesPerSecond, rates[0].clone()).against(peer, theirs.clone());
            rows.push(if let Some(bar) = bar { row.bar(Bar::AtLeast(bar)) } else { row });
        }
    }
    Ok(rows)
}

/// Saves a state of which every element has changed, in the place of the checkpoint before.
fn save_replacing(store: &Store, variables: &[Variable]) -> Result<Duration> {
    state::step(variables)?;
    let (_, took) = clock(|| store.save(Save::tag("newest").replace()))?;
    state::wait_until_tidy(store)?;
    Ok(took)
}

/// Somebody who writes one new file.
fn peer<'a, T>(
    name: &'static str,
    context: &'a Context,
    variables: &'a [Variable],
    write: impl Fn(&Path, &Held) -> Result<T> + 'a,
) -> Contender<'a> {
    Contender::new(name, move || {
        let path = context.path("theirs");
        let held = Held::of(variables)?;
        let (written, took) = clock(|| write(&path, &held))?;
        drop(written);
        fs::remove_file(&path)?;
        Ok(took)
    })
}
