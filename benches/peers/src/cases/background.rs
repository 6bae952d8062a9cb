//! A save in the background: what it costs the program that goes on.

use std::time::{Duration, Instant};

use anyhow::Result;
use ndarray::Array1;
use varkeep::{PendingSave, Save, Store, Variable};

use crate::context::Context;
use crate::measure::{Samples, clock};
use crate::memory;
use crate::peers::raw;
use crate::report::{Bar, Row, Unit};
use crate::state;

const VARIABLES: u64 = 1000;

/// What a background save may take in all, as the documentation of `Options::save_memory_bytes` states it.
const STATED_BYTES: u64 = 256 << 20;

/// Quiet steps are taken for at least so long before each save.
const QUIET: Duration = Duration::from_secs(2);

fn open(context: &Context) -> Result<Store> {
    state::open(&context.path("ours.varkeep"))
}

fn begin(store: &Store) -> Result<PendingSave> {
    Ok(store.save_in_background(Save::tag("newest").replace())?)
}

/// How long the call takes that begins a save.
pub(crate) fn stall(context: &Context) -> Result<Vec<Row>> {
    let store = open(context)?;
    let variables = state::create(&store, VARIABLES, context.scaled(268_435, 1 << 10))?;
    begin(&store)?.wait()?;
    let [mut stalls, mut durable] = <[Samples; 2]>::default();
    for _ in 0..context.repeats * 4 {
        state::wait_until_tidy(&store)?;
        context.settle()?;
        state::step(&variables)?;
        let start = Instant::now();
        let (pending, stall) = clock(|| begin(&store))?;
        stalls.0.push(stall.as_secs_f64());
        pending.wait()?;
        durable.0.push(start.elapsed().as_secs_f64());
    }
    let row = Row::new("stall of save_in_background, 1 GiB dirty, 1,000 variables", Unit::Milliseconds, stalls.clone())
        .figure("p99", Unit::Milliseconds, stalls.quantile(0.99))
        .figure("until it is durable", Unit::Milliseconds, durable.median())
        .bar(Bar::AtMost(1.0));
    Ok(vec![row])
}

/// Steps beside a save, and steps without one.
struct Steps {
    quiet: Samples,
    beside: Samples,
    durable: Samples,
}

/// Takes quiet steps, begins a save of a state that is dirty throughout, and takes steps until it is durable; again and again.
fn steps(
    context: &Context,
    store: &Store,
    variables: &[Variable],
    step: impl Fn(usize) -> Result<()>,
) -> Result<Steps> {
    begin(store)?.wait()?;
    let [mut quiet, mut beside, mut durable] = <[Samples; 3]>::default();
    let at_least = QUIET.mul_f64(context.scale.max(0.05));
    let mut round = 0;
    let mut timed = |samples: &mut Samples| -> Result<()> {
        round += 1;
        samples.0.push(clock(|| step(round))?.1.as_secs_f64());
        Ok(())
    };
    for _ in 0..context.repeats {
        state::wait_until_tidy(store)?;
        state::step(variables)?;
        context.settle()?;
        let start = Instant::now();
        while start.elapsed() < at_least {
            timed(&mut quiet)?;
        }
        let start = Instant::now();
        let mut pending = begin(store)?;
        loop {
            timed(&mut beside)?;
            match pending.try_wait() {
                Ok(saved) => {
                    saved?;
                    break;
                }
                Err(again) => pending = again,
            }
        }
        durable.0.push(start.elapsed().as_secs_f64());
    }
    Ok(Steps { quiet, beside, durable })
}

fn row(case: &str, steps: &Steps) -> Row {
    let Steps { quiet, beside, durable } = steps;
    let saves = durable.0.len() as f64;
    let longer = beside.0.iter().sum::<f64>() - beside.0.len() as f64 * quiet.median();
    Row::new(case, Unit::Milliseconds, beside.clone())
        .against("without a save", quiet.clone())
        .figure("p99", Unit::Milliseconds, beside.quantile(0.99))
        .figure("max", Unit::Milliseconds, beside.max())
        .figure("p99 without a save", Unit::Milliseconds, quiet.quantile(0.99))
        .figure("max without a save", Unit::Milliseconds, quiet.max())
        .figure("until it is durable", Unit::Milliseconds, durable.median())
        .figure("steps beside a save", Unit::Times, beside.0.len() as f64 / saves)
        .figure("all of them together, longer by", Unit::Milliseconds, longer / saves)
}

/// Steps beside the raw writer, which writes so many bytes from memory of its own: what no save at the speed of the
/// disk can be gentler than.
fn beside_raw(context: &Context, bytes: u64, step: impl Fn(usize) -> Result<()>) -> Result<Samples> {
    let other = vec![1_u8; bytes as usize];
    let path = context.path("raw");
    let mut beside = Samples::default();
    for _ in 0..context.repeats {
        context.settle()?;
        std::thread::scope(|scope| -> Result<()> {
            let writing = scope.spawn(|| raw::write(&path, &[&other], context.threads));
            loop {
                let round = beside.0.len();
                beside.0.push(clock(|| step(round))?.1.as_secs_f64());
                if writing.is_finished() {
                    break;
                }
            }
            writing.join().expect("a writer does not panic")
        })?;
        std::fs::remove_file(&path)?;
    }
    Ok(beside)
}

/// Steps that touch every variable, and steps that touch one in twenty: in place, which is what the bars are for, and by
/// `update`, whose closure works on a copy.
pub(crate) fn beside(context: &Context) -> Result<Vec<Row>> {
    let store = open(context)?;
    let elements = context.scaled(268_435, 1 << 10);
    let variables = state::create(&store, VARIABLES, elements)?;
    let gradient = Array1::from_shape_simple_fn(elements as usize, || 1e-4 * (fastrand::f32() + 0.1));
    let in_place = |variables: &[Variable]| -> Result<()> {
        for variable in variables {
            variable.assign_sub(&gradient)?;
        }
        Ok(())
    };
    let few = variables.len() / 20;
    let some = |round: usize| {
        let first = round * few % variables.len();
        &variables[first..first + few]
    };
    let what = "a step beside a background save, 1 GiB";
    let few_in_place = steps(context, &store, &variables, |round| in_place(some(round)))?;
    let raw = beside_raw(context, VARIABLES * elements * 4, |round| in_place(some(round)))?;
    Ok(vec![
        row(
            &format!("{what}: every variable updated in place"),
            &steps(context, &store, &variables, |_| in_place(&variables))?,
        )
        .bar(Bar::AtMost(1.25)),
        row(&format!("{what}: 5 % of the variables updated in place"), &few_in_place)
            .figure("beside the raw writer", Unit::Milliseconds, raw.median())
            .bar(Bar::AtMost(1.035)),
        row(
            &format!("{what}: every variable, by `update`"),
            &steps(context, &store, &variables, |_| state::step(&variables))?,
        ),
        row(
            &format!("{what}: 5 % of the variables, by `update`"),
            &steps(context, &store, &variables, |round| state::step(some(round)))?,
        ),
    ])
}

/// What a background save needs besides the state, while everything is updated in place.
pub(crate) fn extra_memory(context: &Context) -> Result<Vec<Row>> {
    let store = open(context)?;
    let variables = state::create(&store, context.scaled(1024, 8), 1 << 20)?;
    let mut extra = Samples::default();
    for _ in 0..context.repeats.min(3) {
        state::step(&variables)?;
        let (_, bytes) = memory::extra(|| {
            let mut pending = begin(&store)?;
            loop {
                state::step(&variables)?;
                match pending.try_wait() {
                    Ok(report) => return Ok(report?),
                    Err(again) => pending = again,
                }
            }
        })?;
        extra.0.push(bytes as f64);
        state::wait_until_tidy(&store)?;
    }
    let row = Row::new(
        "extra memory of a background save of 4 GiB, everything updated meanwhile",
        Unit::Mebibytes,
        Samples::one(extra.max()),
    )
    .figure("smallest of all rounds", Unit::Mebibytes, extra.min())
    .figure("the stated budget", Unit::Mebibytes, STATED_BYTES as f64)
    .bar(Bar::AtMost((STATED_BYTES >> 20) as f64));
    Ok(vec![row])
}
