//! Going back to another checkpoint.

use anyhow::Result;

use crate::context::Context;
use crate::files::{bytes_from_disk, bytes_read};
use crate::measure::{Cache, Samples, clock};
use crate::report::{Bar, Row, Unit};
use crate::state;

pub(crate) fn run(context: &Context) -> Result<Vec<Row>> {
    let count = context.scaled(256, 8);
    let store = state::open(&context.path("ours.varkeep"))?;
    let variables = state::create(&store, count, 1 << 20)?;
    store.save("one")?;
    state::step(&variables)?;
    store.save("two")?;
    let mut usual_step = Samples::default();
    for _ in 0..context.repeats {
        usual_step.0.push(clock(|| state::step(&variables))?.1.as_secs_f64());
    }
    let mut rows = Vec::new();
    for cache in [Cache::Warm, Cache::Cold] {
        let [mut restore, mut asked, mut from_disk, mut next_step] = <[Samples; 4]>::default();
        for round in 0..context.repeats {
            state::wait_until_tidy(&store)?;
            context.settle()?;
            if cache == Cache::Cold {
                context.empty_page_cache()?;
            }
            let before = (bytes_read()?, bytes_from_disk()?);
            restore.0.push(clock(|| store.restore(["one", "two"][round % 2]))?.1.as_secs_f64());
            asked.0.push((bytes_read()? - before.0) as f64);
            from_disk.0.push((bytes_from_disk()? - before.1) as f64);
            next_step.0.push(clock(|| state::step(&variables))?.1.as_secs_f64());
        }
        let case = format!("restore of another checkpoint, 1 GiB, {} page cache", cache.name());
        let row = Row::new(case, Unit::Milliseconds, restore)
            .figure("read by calls", Unit::Mebibytes, asked.max())
            .figure("read from the disk", Unit::Mebibytes, from_disk.max())
            .figure("first step after it, every element changed", Unit::Milliseconds, next_step.median())
            .figure("a usual step", Unit::Milliseconds, usual_step.median());
        rows.push(row.bar(Bar::AtMost(10.0)));
    }
    Ok(rows)
}
