//! What a save needs besides the state itself.

use anyhow::Result;
use varkeep::{Save, init};

use crate::context::Context;
use crate::measure::Samples;
use crate::memory;
use crate::report::{Bar, Row, Unit};
use crate::state;

/// The first save of the process and those after it, all of which change everything.
pub(crate) fn save(context: &Context) -> Result<Vec<Row>> {
    let count = context.scaled(1024, 8);
    let store = state::open(&context.path("ours.varkeep"))?;
    let variables = state::create(&store, count, 1 << 20)?;
    let mut extra = Samples::default();
    for _ in 0..context.repeats.min(3) {
        state::step(&variables)?;
        let (_, bytes) = memory::extra(|| Ok(store.save(Save::tag("newest").replace())?))?;
        context.note(format_args!("{} MiB more", bytes >> 20));
        extra.0.push(bytes as f64);
        state::wait_until_tidy(&store)?;
    }
    let row = Row::new("extra memory of a full save of 4 GiB", Unit::Mebibytes, Samples::one(extra.max())).figure(
        "smallest of all rounds",
        Unit::Mebibytes,
        extra.min(),
    );
    Ok(vec![row.bar(Bar::AtMost(64.0))])
}

/// A state that is written variable by variable from one buffer, and never is in memory.
pub(crate) fn streamed(context: &Context) -> Result<Vec<Row>> {
    const ELEMENTS: usize = 1 << 20;
    let count = context.scaled(1024, 8);
    let store = state::open(&context.path("ours.varkeep"))?;
    let root = store.root();
    let mut buffer = vec![0.5_f32; ELEMENTS];
    let mut extra = Samples::default();
    for round in 0..context.repeats.min(2) {
        let (_, bytes) = memory::extra(|| {
            let mut commit = store.begin()?;
            for i in 0..count {
                let get = root.get_variable(&state::name(i + round as u64 * count)).shape(ELEMENTS);
                let variable = get.initializer(init::zeros()).get()?;
                buffer.fill_with(fastrand::f32);
                commit.put(&variable, bytemuck::cast_slice(&buffer))?;
            }
            Ok(commit.save(Save::tag("newest").replace())?)
        })?;
        extra.0.push(bytes as f64);
        state::wait_until_tidy(&store)?;
    }
    let row = Row::new(
        "extra memory of a commit of 4 GiB, streamed from one buffer of 4 MiB",
        Unit::Mebibytes,
        Samples::one(extra.max()),
    )
    .figure("smallest of all rounds", Unit::Mebibytes, extra.min());
    Ok(vec![row])
}
