//! Getting a variable that is there, by name.

use std::hint::black_box;
use std::sync::{Arc, Barrier, RwLock};
use std::time::{Duration, Instant};

use anyhow::Result;
use varkeep::Store;

use crate::context::Context;
use crate::measure::Samples;
use crate::report::{Bar, Row, Unit};
use crate::state;

const VARIABLES: usize = 1000;

pub(crate) fn run(context: &Context) -> Result<Vec<Row>> {
    let store = state::open(&context.path("ours.varkeep"))?;
    let _variables = state::create(&store, VARIABLES as u64, 16)?;
    store.commit()?;
    let at_least = Duration::from_millis(context.scaled(500, 20));
    // The least that a handle costs which several threads own, of a variable that others may change meanwhile.
    let bare: Vec<Arc<RwLock<u64>>> = (0..VARIABLES as u64).map(|i| Arc::new(RwLock::new(i))).collect();
    let names: Vec<String> = (0..VARIABLES as u64).map(state::name).collect();
    let get = |order: &[usize]| get_burst(&store, &names, order);
    let find = |order: &[usize]| find_burst(&store, &names, order);
    let share = |order: &[usize]| {
        share_burst(&bare, order);
        Ok(())
    };
    let [mut one, mut two, mut find_one, mut find_two, mut bare_gain] = <[Samples; 5]>::default();
    for _ in 0..context.repeats {
        one.0.push(rate(1, at_least, &get)?);
        two.0.push(rate(2, at_least, &get)?);
        find_one.0.push(rate(1, at_least, &find)?);
        find_two.0.push(rate(2, at_least, &find)?);
        bare_gain.0.push(rate(2, at_least, &share)? / rate(1, at_least, &share)?);
    }
    Ok(vec![
        Row::new("get of a live variable by name, one thread", Unit::PerSecond, one.clone())
            .figure("Store::find", Unit::PerSecond, find_one.median())
            .bar(Bar::AtLeast(3e6)),
        Row::new("get of a live variable by name, two threads", Unit::PerSecond, two)
            .against("one thread", one)
            .figure("Store::find", Unit::PerSecond, find_two.median())
            .figure("a bare lock and count, two threads to one, median", Unit::Times, bare_gain.median())
            .figure("smallest", Unit::Times, bare_gain.min())
            .figure("largest", Unit::Times, bare_gain.max())
            .bar(Bar::AtLeast(1.5)),
    ])
}

/// So often each second, by all threads together, `burst` does its work for one of the variables.
fn rate(threads: usize, at_least: Duration, burst: &(dyn Fn(&[usize]) -> Result<()> + Sync)) -> Result<f64> {
    let start = Barrier::new(threads);
    let work = |thread: usize| -> Result<f64> {
        // Each thread in another order.
        let mut order: Vec<usize> = (0..VARIABLES).collect();
        fastrand::Rng::with_seed(thread as u64).shuffle(&mut order);
        start.wait();
        let (begun, mut done) = (Instant::now(), 0);
        while begun.elapsed() < at_least {
            burst(&order)?;
            done += order.len();
        }
        Ok(done as f64 / begun.elapsed().as_secs_f64())
    };
    let work = &work;
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|thread| scope.spawn(move || work(thread))).collect();
        threads.into_iter().map(|thread| thread.join().expect("a burst does not panic")).sum()
    })
}

fn get_burst(store: &Store, names: &[String], order: &[usize]) -> Result<()> {
    // A thread has its scope at hand; making one for each burst costs next to nothing.
    let root = store.root();
    root.reuse_variables();
    for i in order {
        black_box(root.get_variable(black_box(&names[*i])).get()?);
    }
    Ok(())
}

fn find_burst(store: &Store, names: &[String], order: &[usize]) -> Result<()> {
    for i in order {
        black_box(store.find(black_box(&names[*i]))?);
    }
    Ok(())
}

fn share_burst(bare: &[Arc<RwLock<u64>>], order: &[usize]) {
    for i in order {
        black_box(*bare[*i].read().expect("nobody writes"));
        black_box(Arc::clone(&bare[*i]));
    }
}
