//! A store that keeps ever more checkpoints.

use std::hint::black_box;

use anyhow::Result;
use varkeep::Checkpoint;

use super::Growth;
use crate::context::Context;
use crate::measure::{Samples, clock};
use crate::state;

const VARIABLES: u64 = 100;
const ROUNDS: usize = 4;

pub(super) fn run(context: &Context) -> Result<Growth> {
    let lines = ["save, 1 of 100 variables touched", "Checkpoint::open of the newest, and one tensor", "Store::open"];
    let mut growth = Growth::new("Ever more checkpoints that are kept", "checkpoints", &lines);
    let path = context.path("ours.varkeep");
    let mut store = state::open(&path)?;
    let mut variables = state::create(&store, VARIABLES, 1024)?;
    let mut kept = 0;
    let save = |store: &varkeep::Store, variables: &[varkeep::Variable], number: u64| {
        let at = (number % VARIABLES) as usize;
        state::step(&variables[at..=at])?;
        anyhow::Ok(clock(|| store.save(format!("step-{number}")))?.1.as_secs_f64())
    };
    for full in [10, 30, 100, 300, 1000, 3000] {
        let rounds = context.repeats * ROUNDS;
        let [mut saves, mut open, mut reopen] = <[Samples; 3]>::default();
        // The last saves before the mark are those that are shown.
        let mark = context.scaled(full, full / 10).max(kept + 1);
        while kept < mark {
            kept += 1;
            saves.0.push(save(&store, &variables, kept)?);
        }
        let shown = saves.0.len().saturating_sub(rounds);
        saves.0.drain(..shown);
        let newest = format!("step-{kept}");
        for _ in 0..rounds {
            let one = || anyhow::Ok(Checkpoint::open(&path, newest.as_str())?.get(&state::name(7))?.read::<f32>()?[0]);
            let (value, took) = clock(one)?;
            black_box(value);
            open.0.push(took.as_secs_f64());
        }
        for _ in 0..context.repeats {
            drop(variables);
            drop(store);
            let (opened, took) = clock(|| state::open(&path))?;
            reopen.0.push(took.as_secs_f64());
            store = opened;
            variables = (0..VARIABLES)
                .filter_map(|i| store.find(&state::name(i)).transpose())
                .collect::<varkeep::Result<_>>()?;
        }
        growth.push(kept as f64, &[saves, open, reopen]);
    }
    Ok(growth)
}
