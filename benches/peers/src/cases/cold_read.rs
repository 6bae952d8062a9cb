//! Reading everything from a cold page cache.

use std::fs;
use std::hint::black_box;
use std::path::Path;

use anyhow::Result;
use varkeep::Checkpoint;

use crate::context::Context;
use crate::mapped;
use crate::measure::{Cache, Contender, clock, in_turns};
use crate::peers::raw;
use crate::report::{Bar, Row, Unit};
use crate::state::{self, Held};

pub(crate) fn run(context: &Context) -> Result<Vec<Row>> {
    let count = context.scaled(256, 8);
    let elements = 1 << 20;
    let (ours, theirs) = (context.path("ours.varkeep"), context.path("theirs"));
    let store = state::open(&ours)?;
    let variables = state::create(&store, count, elements)?;
    store.save("here")?;
    raw::write(&theirs, &Held::of(&variables)?.bytes(), context.threads)?;
    drop(variables);
    drop(store);
    let bytes = (count * elements * 4) as f64;
    let mut rows = Vec::new();
    for cache in [Cache::Cold, Cache::Warm] {
        let contenders = vec![
            Contender::new("varkeep", || Ok(clock(|| read_checked(&ours))?.1)),
            Contender::new("raw mapped read", || Ok(clock(|| read_mapped(&theirs))?.1)),
            Contender::new("raw read", || Ok(clock(|| read_by_calls(&theirs))?.1)),
        ];
        let samples = in_turns(context, cache, contenders)?;
        let [ours, mapped, calls] = [0, 1, 2].map(|i| samples[i].rate(bytes));
        let case = format!("read of everything, 1 GiB, checksummed, {} page cache", cache.name());
        let row = Row::new(case, Unit::GigabytesPerSecond, ours).against("raw mapped read", mapped).figure(
            "raw read into one buffer",
            Unit::GigabytesPerSecond,
            calls.median(),
        );
        rows.push(if cache == Cache::Cold { row.bar(Bar::AtLeast(0.9)) } else { row });
    }
    Ok(rows)
}

/// Looks at every byte.
fn look_at(bytes: &[u8]) -> u64 {
    let (head, words, tail) = bytemuck::pod_align_to::<u8, u64>(bytes);
    let ends = head.iter().chain(tail).map(|byte| u64::from(*byte)).sum::<u64>();
    words.iter().fold(ends, |sum, word| sum.wrapping_add(*word))
}

fn read_checked(path: &Path) -> Result<()> {
    let checkpoint = Checkpoint::open(path, "here")?;
    for variable in checkpoint.variables("") {
        let values = variable?.read::<f32>()?;
        black_box(look_at(bytemuck::cast_slice(values.as_slice().expect("it is in one piece"))));
    }
    Ok(())
}

fn read_mapped(path: &Path) -> Result<()> {
    black_box(look_at(&mapped::map(path)?));
    Ok(())
}

fn read_by_calls(path: &Path) -> Result<()> {
    use std::io::Read as _;
    let mut file = fs::File::open(path)?;
    let mut buffer = vec![0; 1 << 20];
    loop {
        let len = file.read(&mut buffer)?;
        if len == 0 {
            return Ok(());
        }
        black_box(look_at(&buffer[..len]));
    }
}
