//! Opening a checkpoint and reading the first element of one tensor.

use std::hint::black_box;
use std::path::Path;

use anyhow::Result;
use varkeep::Checkpoint;

use crate::context::Context;
use crate::measure::{Cache, Contender, Samples, clock, in_turns_for};
use crate::peers::safetensors;
use crate::report::{Bar, Row, Unit};
use crate::state::{self, Held};

/// Opening is quick, and what is quick is measured more often.
const ROUNDS_FOR_EACH_REPEAT: usize = 5;

pub(crate) fn run(context: &Context) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (count, elements) in [(256, 64 << 10), (100_000, 256), (1_000_000, 16)] {
        let scaled = context.scaled(count, 256);
        let folder = context.path(&format!("open-{count}"));
        let (ours, theirs) = (folder.join("ours.varkeep"), folder.join("theirs.safetensors"));
        std::fs::create_dir_all(&folder)?;
        make(&ours, &theirs, scaled, elements)?;
        // Neither the first name nor the last.
        let name = state::name(scaled * 2 / 3);
        for cache in [Cache::Warm, Cache::Cold] {
            let [our_times, their_times] = measure(context, cache, &ours, &theirs, &name)?;
            let case = format!(
                "open a checkpoint and read its first tensor, {} tensors, {} page cache",
                thousands(count),
                cache.name()
            );
            let row = Row::new(case, Unit::Milliseconds, our_times);
            rows.push(match count {
                256 => row.against("safetensors, mapped", their_times).bar(Bar::AtMost(2.0)),
                100_000 => row.against("safetensors, mapped", their_times).bar(Bar::AtMost(0.1)),
                _ => row.figure("safetensors, mapped", Unit::Milliseconds, their_times.median()).bar(Bar::AtMost(20.0)),
            });
        }
        std::fs::remove_dir_all(&folder)?;
    }
    Ok(rows)
}

/// The same tensors in a store and in a safetensors file.
fn make(ours: &Path, theirs: &Path, count: u64, elements: u64) -> Result<()> {
    let store = state::open(ours)?;
    let variables = state::create(&store, count, elements)?;
    store.save("here")?;
    safetensors::write_durably(theirs, Held::of(&variables)?.tensors())
}

fn measure(context: &Context, cache: Cache, ours: &Path, theirs: &Path, name: &str) -> Result<[Samples; 2]> {
    let contenders = vec![
        Contender::new("varkeep", || {
            let open = || anyhow::Ok(Checkpoint::open(ours, "here")?.get(name)?.read::<f32>()?[0]);
            let (value, took) = clock(open)?;
            black_box(value);
            Ok(took)
        }),
        Contender::new("safetensors, mapped", || {
            let (value, took) = clock(|| safetensors::first_element(theirs, name))?;
            black_box(value);
            Ok(took)
        }),
    ];
    let samples = in_turns_for(context, cache, context.repeats * ROUNDS_FOR_EACH_REPEAT, contenders)?;
    Ok(samples.try_into().expect("as many as there are contenders"))
}

fn thousands(count: u64) -> String {
    crate::report::short(count as f64)
}
