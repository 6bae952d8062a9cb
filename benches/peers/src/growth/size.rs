//! A full durable save of states of many sizes.

use std::fs;

use anyhow::Result;
use varkeep::Save;

use super::Growth;
use crate::context::Context;
use crate::measure::{Cache, Contender, clock, in_turns};
use crate::peers::{raw, safetensors};
use crate::state::{self, Held};

const TENSORS: u64 = 256;

pub(super) fn run(context: &Context) -> Result<Growth> {
    let lines = ["varkeep", "raw writer", "safetensors + fsync"];
    let mut growth = Growth::new("A full durable save, 256 tensors", "MiB of state", &lines);
    for mebibytes in [1, 4, 16, 64, 256, 1024, 4096] {
        let elements = context.scaled(mebibytes << 20, mebibytes << 12) / TENSORS / 4;
        let path = context.path("ours.varkeep");
        let store = state::open(&path)?;
        let variables = state::create(&store, TENSORS, elements)?;
        store.save("newest")?;
        let theirs = context.path("theirs");
        let contenders = vec![
            Contender::new("varkeep", || {
                state::step(&variables)?;
                let (_, took) = clock(|| store.save(Save::tag("newest").replace()))?;
                state::wait_until_tidy(&store)?;
                Ok(took)
            }),
            Contender::new("raw writer", || {
                let held = Held::of(&variables)?;
                let ((), took) = clock(|| raw::write(&theirs, &held.bytes(), context.threads))?;
                fs::remove_file(&theirs)?;
                Ok(took)
            }),
            Contender::new("safetensors + fsync", || {
                let held = Held::of(&variables)?;
                let ((), took) = clock(|| safetensors::write_durably(&theirs, held.tensors()))?;
                fs::remove_file(&theirs)?;
                Ok(took)
            }),
        ];
        let samples = in_turns(context, Cache::Warm, contenders)?;
        growth.push((elements * TENSORS * 4) as f64 / f64::from(1 << 20), &samples);
        drop(variables);
        drop(store);
        fs::remove_dir_all(&path)?;
    }
    Ok(growth)
}
