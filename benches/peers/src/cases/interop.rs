//! Other formats: what coming in and leaving costs beside a save of the same.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use candle_nn::VarMap;
use varkeep::interop::{self, Export, Format, Import, Source};
use varkeep::{Checkpoint, Save, Store};

use crate::context::Context;
use crate::measure::{Cache, Contender, Samples, clock, in_turns};
use crate::memory;
use crate::peers::candle;
use crate::report::{Bar, Row, Unit};
use crate::state::{self, Held};

const COUNT: u64 = 256;

/// Formats that hold many variables.
const FORMATS: [Format; 3] = [Format::SafeTensors, Format::TensorFlow, Format::Npz];

/// Exports of a checkpoint of 1 GiB as each format, and imports of the files into new stores.
pub(crate) fn formats(context: &Context) -> Result<Vec<Row>> {
    let elements = context.scaled(1 << 20, 1 << 10);
    let store = state::open(&context.path("ours.varkeep"))?;
    let variables = state::create(&store, COUNT, elements)?;
    store.save("kept")?;
    let kept: Arc<dyn Source> = Checkpoint::open(store.path(), "kept")?.to_source()?.into();
    let file = |format: Format| context.path(format.name()).join("kept");
    for format in FORMATS {
        fs::create_dir(context.path(format.name()))?;
        Export::new(format).run(&*kept, file(format))?;
    }
    let mut contenders = vec![Contender::new("full save", || {
        state::step(&variables)?;
        let (_, took) = clock(|| store.save(Save::tag("newest").replace()))?;
        state::wait_until_tidy(&store)?;
        Ok(took)
    })];
    for format in FORMATS {
        let (kept, folder) = (Arc::clone(&kept), context.path("exported"));
        contenders.push(Contender::new(format.name(), move || {
            fs::create_dir(&folder)?;
            let (_, took) = clock(|| Export::new(format).run(&*kept, folder.join("file")))?;
            fs::remove_dir_all(&folder)?;
            Ok(took)
        }));
        let (file, into) = (file(format), context.path("imported.varkeep"));
        contenders.push(Contender::new(format.name(), move || import(&file, format, &into)));
    }
    let bytes = (COUNT * elements * 4) as f64;
    let rates: Vec<Samples> =
        in_turns(context, Cache::Warm, contenders)?.iter().map(|seconds| seconds.rate(bytes)).collect();
    let mut rows = Vec::new();
    for (format, rates_of) in FORMATS.into_iter().zip(rates[1..].chunks_exact(2)) {
        let folder = context.path("exported");
        fs::create_dir(&folder)?;
        let (_, exporting) = memory::extra(|| Ok(Export::new(format).run(&*kept, folder.join("file"))?))?;
        fs::remove_dir_all(&folder)?;
        let file = file(format);
        let (_, importing) = memory::extra(|| import(&file, format, &context.path("imported.varkeep")))?;
        let sides = [("export as", exporting), ("import of", importing)];
        for ((side, extra), rate) in sides.into_iter().zip(rates_of) {
            let what = format!("{side} {}, 1 GiB in 256 tensors", format.name());
            let row = Row::new(&what, Unit::GigabytesPerSecond, rate.clone());
            rows.push(row.against("full save of the same", rates[0].clone()).bar(Bar::AtLeast(0.8)));
            let memory = Row::new(format!("{what}: extra memory"), Unit::Mebibytes, Samples::one(extra as f64));
            rows.push(memory.bar(Bar::AtMost(64.0)));
        }
    }
    Ok(rows)
}

fn import(file: &Path, format: Format, into: &Path) -> Result<Duration> {
    let (_, took) = clock(|| -> Result<_> { Ok(Import::tag("imported").run(interop::open_as(format, file)?, into)?) })?;
    fs::remove_dir_all(into)?;
    Ok(took)
}

/// A model of candle's, saved in a store and loaded from it, beside candle's own way.
pub(crate) fn var_map(context: &Context) -> Result<Vec<Row>> {
    let elements = context.scaled(1 << 20, 1 << 10);
    let values = {
        let store = state::open(&context.path("values.varkeep"))?;
        candle::var_map(Held::of(&state::create(&store, COUNT, elements)?)?.tensors())?
    };
    let store = state::open(&context.path("ours.varkeep"))?;
    let theirs = context.path("theirs.safetensors");
    interop::candle::save(&values, &store, "first")?;
    candle::save(&values, &theirs)?;
    let checkpoint = Checkpoint::open(store.path(), "first")?.to_source()?;
    let bytes = (COUNT * elements * 4) as f64;
    let contenders = vec![
        Contender::new("saved, every element changed", || {
            change(&values)?;
            save(&values, &store)
        }),
        Contender::new("saved, nothing changed", || save(&values, &store)),
        Contender::new("saved by candle, not durable", || Ok(clock(|| candle::save(&values, &theirs))?.1)),
        Contender::new("loaded", || Ok(clock(|| interop::candle::load(&values, &*checkpoint))?.1)),
        Contender::new("loaded by candle", || {
            let mut map = values.clone();
            Ok(clock(|| map.load(&theirs))?.1)
        }),
    ];
    let rates: Vec<Samples> =
        in_turns(context, Cache::Warm, contenders)?.iter().map(|seconds| seconds.rate(bytes)).collect();
    let [changed, same, their_save, loaded, their_load] = &rates[..] else { unreachable!("there are five contenders") };
    let what = "a candle VarMap of 1 GiB";
    let row = |case: &str, ours: &Samples| Row::new(format!("{what} {case}"), Unit::GigabytesPerSecond, ours.clone());
    Ok(vec![
        row("saved in a store, every element changed", changed)
            .against("candle's save, not durable", their_save.clone()),
        row("saved in a store, nothing changed", same).against("candle's save, not durable", their_save.clone()),
        row("loaded from a store, checksummed", loaded).against("candle's load", their_load.clone()),
    ])
}

fn save(values: &VarMap, store: &Store) -> Result<Duration> {
    let (_, took) = clock(|| interop::candle::save(values, store, Save::tag("newest").replace()))?;
    state::wait_until_tidy(store)?;
    Ok(took)
}

/// Makes every element another one.
fn change(values: &VarMap) -> Result<()> {
    let variables = values.all_vars();
    for variable in variables {
        let scaled = variable.as_tensor().affine(0.9 + 0.1 * fastrand::f64(), 0.0)?;
        variable.set(&scaled)?;
    }
    Ok(())
}
