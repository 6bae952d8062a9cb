//! Getting a variable that is there, by name.

use std::hint::black_box;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use anyhow::Result;
use varkeep::Store;

use crate::context::Context;
use crate::measure::Samples;
use crate::report::{Bar, Row, Unit};
use crate::state;

const VARIABLES: usize = 1000;

/// Gets between two looks at the clock.
const BURST: usize = 1000;

pub(crate) fn run(context: &Context) -> Result<Vec<Row>> {
    let store = state::open(&context.path("ours.varkeep"))?;
    let _variables = state::create(&store, VARIABLES as u64, 16)?;
    store.commit()?;
    let at_least = Duration::from_millis(context.scaled(500, 20));
    let [mut one, mut two, mut find_one, mut find_two] = <[Samples; 4]>::default();
    for _ in 0..context.repeats {
        one.0.push(rate(&store, 1, at_least, get_burst)?);
        two.0.push(rate(&store, 2, at_least, get_burst)?);
        find_one.0.push(rate(&store, 1, at_least, find_burst)?);
        find_two.0.push(rate(&store, 2, at_least, find_burst)?);
    }
    Ok(vec![
        Row::new("get of a live variable by name, one thread", Unit::PerSecond, one.clone())
            .figure("Store::find", Unit::PerSecond, find_one.median())
            .bar(Bar::AtLeast(3e6)),
        Row::new("get of a live variable by name, two threads", Unit::PerSecond, two)
            .against("one thread", one)
            .figure("Store::find", Unit::PerSecond, find_two.median())
            .bar(Bar::AtLeast(1.5)),
    ])
}

/// Gets each second, by all threads together.
fn rate(store: &Store, threads: usize, at_least: Duration, burst: fn(&Store, &[String]) -> Result<()>) -> Result<f64> {
    let start = Barrier::new(threads);
    let work = |thread: usize| -> Result<f64> {
        // Each thread in another order.
        let mut names: Vec<String> = (0..VARIABLES as u64).map(state::name).collect();
        fastrand::Rng::with_seed(thread as u64).shuffle(&mut names);
        start.wait();
        let (begun, mut gets) = (Instant::now(), 0);
        while begun.elapsed() < at_least {
            burst(store, &names)?;
            gets += BURST;
        }
        Ok(gets as f64 / begun.elapsed().as_secs_f64())
    };
    let work = &work;
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|thread| scope.spawn(move || work(thread))).collect();
        threads.into_iter().map(|thread| thread.join().expect("a get does not panic")).sum()
    })
}

fn get_burst(store: &Store, names: &[String]) -> Result<()> {
    // A thread has its scope at hand; making one for each burst costs next to nothing.
    let root = store.root();
    root.reuse_variables();
    for name in names.iter().cycle().take(BURST) {
        black_box(root.get_variable(black_box(name)).get()?);
    }
    Ok(())
}

fn find_burst(store: &Store, names: &[String]) -> Result<()> {
    for name in names.iter().cycle().take(BURST) {
        black_box(store.find(black_box(name))?);
    }
    Ok(())
}
