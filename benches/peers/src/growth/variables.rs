//! States of ever more variables, of which a save touches ten and a reader wants one.

use std::fs;
use std::hint::black_box;

use anyhow::{Result, ensure};
use varkeep::Checkpoint;

use super::Growth;
use crate::context::Context;
use crate::measure::{Samples, clock};
use crate::peers::safetensors;
use crate::state::{self, Held};

/// Rounds for each repeat: these operations are short.
const ROUNDS: usize = 10;

/// Commits that are not counted.
const WARM_UP: usize = 50;

pub(super) fn run(context: &Context) -> Result<Growth> {
    let lines = [
        "commit, 10 variables touched",
        "Checkpoint::open and one tensor",
        "safetensors mapped and one tensor",
        "Store::open",
    ];
    let mut growth = Growth::new("Ever more variables of 64 bytes", "variables", &lines);
    for full in [1_000, 10_000, 100_000, 1_000_000] {
        let count = context.scaled(full, full / 100);
        let (path, theirs) = (context.path("ours.varkeep"), context.path("theirs.safetensors"));
        let store = state::open(&path)?;
        let variables = state::create(&store, count, 16)?;
        store.save("here")?;
        let has_peer = full < safetensors::TENSORS_MAX;
        if has_peer {
            safetensors::write_durably(&theirs, Held::of(&variables)?.tensors())?;
        }
        ensure!(store.wait_for_catalog(state::CATALOG_WAIT), "the catalog does not catch up");
        state::wait_until_tidy(&store)?;
        let rounds = context.repeats * ROUNDS;
        let [mut commit, mut open, mut peer, mut reopen] = <[Samples; 4]>::default();
        // The first ones pay for what creating so many variables left the allocator to put in order.
        for round in 0..rounds + WARM_UP {
            state::step_ten(&variables, round)?;
            let took = clock(|| store.commit())?.1;
            if round >= WARM_UP {
                commit.0.push(took.as_secs_f64());
            }
        }
        // What a program frees beside is put in order by its next allocations, whoever makes them.
        drop(variables);
        drop(store);
        let name = state::name(count / 2);
        for _ in 0..rounds {
            let one = || anyhow::Ok(Checkpoint::open(&path, "here")?.get(&name)?.read::<f32>()?[0]);
            let (value, took) = clock(one)?;
            open.0.push(took.as_secs_f64());
            black_box(value);
            if has_peer {
                let (value, took) = clock(|| safetensors::first_element(&theirs, &name))?;
                peer.0.push(took.as_secs_f64());
                black_box(value);
            }
        }
        for _ in 0..context.repeats {
            let (store, took) = clock(|| state::open(&path))?;
            ensure!(store.wait_for_catalog(state::CATALOG_WAIT), "the catalog does not catch up");
            reopen.0.push(took.as_secs_f64());
        }
        growth.push(count as f64, &[commit, open, peer, reopen]);
        fs::remove_dir_all(&path)?;
        if has_peer {
            fs::remove_file(&theirs)?;
        }
    }
    Ok(growth)
}
