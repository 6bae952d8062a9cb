//! Opening a checkpoint and reading the first element of one tensor.

use std::fs;
use std::hint::black_box;

use anyhow::Result;
use varkeep::Checkpoint;

use crate::context::Context;
use crate::measure::{Cache, Contender, clock, in_turns_for};
use crate::peers::safetensors;
use crate::report::{Bar, Row, Unit, short};
use crate::state::{self, Held};

/// Opening is quick, and what is quick is measured more often.
const ROUNDS_FOR_EACH_REPEAT: usize = 5;

pub(crate) fn run(context: &Context) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (count, elements) in [(256, 64 << 10), (100_000, 256), (1_000_000, 16)] {
        let scaled = context.scaled(count, 256);
        let folder = context.path(&format!("open-{count}"));
        let (ours, theirs) = (folder.join("ours.varkeep"), folder.join("theirs.safetensors"));
        fs::create_dir_all(&folder)?;
        let store = state::open(&ours)?;
        let variables = state::create(&store, scaled, elements)?;
        store.save("here")?;
        if count < safetensors::TENSORS_MAX {
            safetensors::write_durably(&theirs, Held::of(&variables)?.tensors())?;
        }
        drop(variables);
        drop(store);
        // Neither the first name nor the last.
        let name = state::name(scaled * 2 / 3);
        for cache in [Cache::Warm, Cache::Cold] {
            let mut contenders = vec![Contender::new("varkeep", || {
                let open = || anyhow::Ok(Checkpoint::open(&ours, "here")?.get(&name)?.read::<f32>()?[0]);
                let (value, took) = clock(open)?;
                black_box(value);
                Ok(took)
            })];
            if count < safetensors::TENSORS_MAX {
                contenders.push(Contender::new("safetensors, mapped", || {
                    let (value, took) = clock(|| safetensors::first_element(&theirs, &name))?;
                    black_box(value);
                    Ok(took)
                }));
            }
            let rounds = context.repeats * ROUNDS_FOR_EACH_REPEAT;
            let samples = in_turns_for(context, cache, rounds, contenders)?;
            let (count, cache) = (short(count as f64), cache.name());
            let case = format!("open a checkpoint and read its first tensor, {count} tensors, {cache} page cache");
            let row = Row::new(case, Unit::Milliseconds, samples[0].clone());
            rows.push(match samples.get(1) {
                Some(theirs) => row
                    .against("safetensors, mapped", theirs.clone())
                    .bar(Bar::AtMost(if elements > 256 { 2.0 } else { 0.1 })),
                None => row.bar(Bar::AtMost(20.0)),
            });
        }
        fs::remove_dir_all(&folder)?;
    }
    Ok(rows)
}
