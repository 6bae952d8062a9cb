//! What each actor of a churning program does, as a function of how many steps it has made: so whoever finds its clock in a
//! checkpoint knows all that has to be there.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::rows::{COLUMNS_MIN, mix};

/// What actors there are; each has the names below its own, and a clock among them.
pub(crate) const ACTORS: [&str; 4] = ["first", "second", STREAM, ATTIC];

/// The one whose steps are commits that are written value by value.
pub(crate) const STREAM: &str = "stream";

/// The one with many small variables, each of which soon lies in a shard of its own: stragglers, to be moved.
pub(crate) const ATTIC: &str = "attic";

/// The place of these two among the actors.
pub(crate) const STREAM_PLACE: usize = 2;

/// More than the head may refer to shards before some are moved.
const ATTIC_SIZE: u64 = 300;

/// So many variables a worker has at most.
const VARIABLES_MAX: usize = 7;

/// A variable, as its actor made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Made {
    /// Part of every element: one variable is never taken for another of the same name.
    pub(crate) id: u64,
    /// For each row, the step that wrote it last.
    pub(crate) rows: Vec<u64>,
    pub(crate) columns: usize,
    /// Into how many slices it is cut; 1 for none.
    pub(crate) slices: u64,
}

/// What is done to one variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Create(Made),
    Assign,
    Update,
    UpdateRows(Range<usize>),
    Scatter(Vec<usize>),
    Remove,
    Rename(Arc<str>),
}

/// An actor after so many steps.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    actor: &'static str,
    pub(crate) step: u64,
    pub(crate) made: BTreeMap<Arc<str>, Made>,
}

/// The name of an actor's clock.
pub(crate) fn clock(actor: &str) -> String {
    format!("{actor}/clock")
}

impl Plan {
    /// Before the first step.
    pub(crate) fn new(actor: &'static str) -> Self {
        Self { actor, step: 0, made: BTreeMap::new() }
    }

    /// Makes the next step. Gives what is to be done, in order: to each name, with the id of the variable.
    pub(crate) fn next(&mut self) -> Vec<(Arc<str>, u64, Act)> {
        self.step += 1;
        let mut random =
            ChaCha8Rng::seed_from_u64(mix(&[self.step, self.actor.len() as u64, self.actor.as_bytes()[0].into()]));
        let mut acts = Vec::new();
        let clock: Arc<str> = clock(self.actor).into();
        let ticks = if self.step == 1 { self.create(1, COLUMNS_MIN, 1, &clock) } else { Act::Assign };
        self.act(&clock, ticks, &mut acts);
        match self.actor {
            ATTIC => self.next_in_attic(&mut random, &mut acts),
            STREAM => self.next_of_stream(&mut random, &mut acts),
            _ => {
                for _ in 0..random.random_range(1..4) {
                    self.next_of_worker(&clock, &mut random, &mut acts);
                }
            }
        }
        acts
    }

    fn create(&self, rows: usize, columns: usize, slices: u64, name: &str) -> Act {
        let id = mix(&[self.step, mix(&name.bytes().map(u64::from).collect::<Vec<_>>())]);
        Act::Create(Made { id, rows: vec![self.step; rows], columns, slices })
    }

    /// Mostly one variable; now and then a third of all, so that manifests grow large enough to be merged.
    fn next_in_attic(&mut self, random: &mut ChaCha8Rng, acts: &mut Vec<(Arc<str>, u64, Act)>) {
        let name = |i: u64| -> Arc<str> { format!("{ATTIC}/{:016x}/{}", mix(&[i]), "cold".repeat(60)).into() };
        let first = random.random_range(0..ATTIC_SIZE);
        let count = match self.step {
            1 => ATTIC_SIZE,
            step if step % 24 == 0 => ATTIC_SIZE / 3,
            _ => 1,
        };
        for i in (first..first + count).map(|i| i % ATTIC_SIZE) {
            let act = if self.step == 1 { self.create(1, COLUMNS_MIN, 1, &name(i)) } else { Act::Assign };
            self.act(&name(i), act, acts);
        }
    }

    fn next_of_stream(&mut self, random: &mut ChaCha8Rng, acts: &mut Vec<(Arc<str>, u64, Act)>) {
        for i in 0..4_u64 {
            let name: Arc<str> = format!("{STREAM}/v{i}").into();
            if self.step == 1 {
                let act = self.create(12, 150, 1 + i % 2 * 2, &name);
                self.act(&name, act, acts);
            } else if random.random_bool(0.5) {
                self.act(&name, Act::Assign, acts);
            }
        }
    }

    fn next_of_worker(&mut self, clock: &str, random: &mut ChaCha8Rng, acts: &mut Vec<(Arc<str>, u64, Act)>) {
        let names: Vec<Arc<str>> = self.made.keys().filter(|name| &***name != clock).cloned().collect();
        // Names come back, and stand for other variables then.
        let free = |prefix: &str| -> Arc<str> {
            let name = |i: u64| -> Arc<str> { format!("{}/{prefix}{i}", self.actor).into() };
            (0..=u64::MAX).map(name).find(|name| !self.made.contains_key(name)).expect("numbers do not end")
        };
        let draw = random.random_range(0..16);
        if names.is_empty() || (draw < 4 && names.len() < VARIABLES_MAX) {
            let (name, rows) = (free("v"), random.random_range(1..48));
            let slices = if rows >= 8 && random.random_bool(0.3) { 3 } else { 1 };
            let act = self.create(rows, random.random_range(COLUMNS_MIN..120), slices, &name);
            return self.act(&name, act, acts);
        }
        let name = &names[random.random_range(0..names.len())];
        let rows = self.made[name].rows.len();
        let act = match draw {
            0..=5 => Act::Assign,
            6 | 7 => Act::Update,
            8..=10 => {
                let from = random.random_range(0..rows);
                Act::UpdateRows(from..random.random_range(from + 1..=rows))
            }
            11 | 12 => Act::Scatter((0..3).map(|_| random.random_range(0..rows)).collect()),
            13 if names.len() > 2 => Act::Remove,
            _ => Act::Rename(free("r")),
        };
        self.act(name, act, acts);
    }

    /// Does it here, and puts it on the list.
    fn act(&mut self, name: &Arc<str>, act: Act, acts: &mut Vec<(Arc<str>, u64, Act)>) {
        let step = self.step;
        let mut made = match &act {
            Act::Create(made) => made.clone(),
            _ => self.made.remove(name).expect("only what is there is changed"),
        };
        let id = made.id;
        match &act {
            Act::Create(_) | Act::Remove | Act::Rename(_) => {}
            Act::Assign | Act::Update => made.rows.fill(step),
            Act::UpdateRows(rows) => made.rows[rows.clone()].fill(step),
            Act::Scatter(rows) => rows.iter().for_each(|row| made.rows[*row] = step),
        }
        let name_now = match &act {
            Act::Remove => None,
            Act::Rename(to) => Some(to),
            _ => Some(name),
        };
        self.made.extend(name_now.map(|name| (Arc::clone(name), made)));
        acts.push((Arc::clone(name), id, act));
    }
}

/// Actors after any number of steps, computed once where that is possible.
#[derive(Debug, Default)]
pub(crate) struct Plans([BTreeMap<u64, Plan>; ACTORS.len()]);

impl Plans {
    /// An actor, by its place among them, after so many steps.
    pub(crate) fn at(&mut self, actor: usize, steps: u64) -> Plan {
        let known = &mut self.0[actor];
        let nearest = known.range(..=steps).next_back();
        let mut plan = nearest.map_or_else(|| Plan::new(ACTORS[actor]), |(_, plan)| plan.clone());
        while plan.step < steps {
            plan.next();
            if plan.step.is_multiple_of(256) {
                known.insert(plan.step, plan.clone());
            }
        }
        if known.len() > 64 {
            // They take memory: every other one does.
            let mut place = 0;
            known.retain(|_, _| {
                place += 1;
                place % 2 == 0
            });
        }
        plan
    }
}
