//! What several threads did to variables of one store and saw of them, and whether some order of it explains all.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Debug;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use varkeep::{ErrorKind, Result, Store, Variable};

use crate::support::{set, value, variable_or_new};

/// The variables there are, by name.
pub(crate) type Values = BTreeMap<&'static str, f32>;

/// What a thread did.
#[derive(Clone, Debug)]
enum Did {
    Assigned(&'static str, f32),
    Read(&'static str, Option<f32>),
    /// Got it; with this value, if it was new.
    Got(&'static str, Option<f32>),
    /// Or found that it is not there.
    Removed(&'static str, bool),
    /// A save or a commit, and by which moment it takes its snapshot.
    Saved(Option<&'static str>, u64),
    /// Or found that there is no such tag.
    Restored(&'static str, bool),
    RolledBack,
    /// Or found that there is no such tag.
    Deleted(&'static str, bool),
}

/// Something done, and between which moments.
#[derive(Clone, Debug)]
struct Event {
    did: Did,
    from: u64,
    to: u64,
}

/// What was done so far to a store. The locks in here are no step of any schedule.
pub(crate) struct History<'s> {
    store: &'s Store,
    clock: AtomicU64,
    events: Mutex<Vec<Event>>,
}

/// Whether something was there, or why else it failed.
fn was_there<T: Debug>(result: Result<T>, absent: ErrorKind) -> Result<bool> {
    match result {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == absent => Ok(false),
        Err(error) => Err(error),
    }
}

impl<'s> History<'s> {
    pub(crate) fn of(store: &'s Store) -> Self {
        Self { store, clock: AtomicU64::new(0), events: Mutex::default() }
    }

    fn now(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::Relaxed)
    }

    fn note(&self, from: u64, did: Did) {
        let to = self.now();
        self.events.lock().unwrap().push(Event { did, from, to });
    }

    fn find(&self, name: &str) -> Option<Variable> {
        self.store.find(name).unwrap()
    }

    pub(crate) fn assign(&self, name: &'static str, value: f32) {
        let from = self.now();
        let Some(variable) = self.find(name) else { return self.note(from, Did::Read(name, None)) };
        match set(&variable, value) {
            Ok(()) => self.note(from, Did::Assigned(name, value)),
            // It went in between.
            Err(error) => assert_eq!(error.kind(), ErrorKind::VariableDetached, "{error}"),
        }
    }

    pub(crate) fn read(&self, name: &'static str) {
        let from = self.now();
        let Some(variable) = self.find(name) else { return self.note(from, Did::Read(name, None)) };
        match value(&variable) {
            Ok(value) => self.note(from, Did::Read(name, Some(value))),
            Err(error) => assert_eq!(error.kind(), ErrorKind::VariableDetached, "{error}"),
        }
    }

    pub(crate) fn get(&self, name: &'static str, value: f32) {
        let from = self.now();
        let is_new = variable_or_new(self.store, name, value).unwrap().is_new;
        self.note(from, Did::Got(name, is_new.then_some(value)));
    }

    pub(crate) fn remove(&self, name: &'static str) {
        let from = self.now();
        let was_there = was_there(self.store.remove(name), ErrorKind::VariableNotFound).unwrap();
        self.note(from, Did::Removed(name, was_there));
    }

    pub(crate) fn save(&self, tag: &'static str) {
        let from = self.now();
        let pending = self.store.save_in_background(tag).unwrap();
        let snapshot_by = self.now();
        pending.wait().unwrap();
        self.note(from, Did::Saved(Some(tag), snapshot_by));
    }

    pub(crate) fn commit(&self) {
        let from = self.now();
        self.store.commit().unwrap();
        self.note(from, Did::Saved(None, u64::MAX));
    }

    pub(crate) fn restore(&self, tag: &'static str) {
        let from = self.now();
        match was_there(self.store.restore(tag), ErrorKind::TagNotFound) {
            Ok(was_there) => self.note(from, Did::Restored(tag, was_there)),
            Err(error) => assert_in_the_making(&error),
        }
    }

    pub(crate) fn roll_back(&self) {
        let from = self.now();
        match self.store.rollback() {
            Ok(()) => self.note(from, Did::RolledBack),
            Err(error) => assert_in_the_making(&error),
        }
    }

    pub(crate) fn delete(&self, tag: &'static str) {
        let from = self.now();
        let was_there = was_there(self.store.delete(tag), ErrorKind::TagNotFound).unwrap();
        self.note(from, Did::Deleted(tag, was_there));
    }

    /// Checks that what was done can have happened in some order, in which nothing comes before what had ended when it
    /// began: from variables that are `before`, in a checkpoint of the tag `first` too, to those that are `live`, the
    /// checkpoints that are left holding what is `saved`.
    pub(crate) fn check(
        &self,
        first: &'static str,
        before: &Values,
        saved: &BTreeMap<&'static str, Values>,
        live: &Values,
    ) {
        let events = self.events.lock().unwrap().clone();
        assert!(
            is_explained(&events, first, before, saved, live),
            "no order explains {saved:?} and {live:?}: {events:#?}"
        );
    }
}

/// A state cannot be put in the place of another one while a variable of one of its names is being made.
fn assert_in_the_making(error: &varkeep::Error) {
    assert_eq!(error.kind(), ErrorKind::RestoreNameConflict, "{error}");
}

/// A store as the contract has it, after some steps.
#[derive(Clone, Debug, Default)]
struct State {
    live: Values,
    base: Values,
    tags: BTreeMap<&'static str, Values>,
    /// Snapshots that are not published yet, in order: of which event, and the values, unless they were given up.
    queue: Vec<(usize, Option<Values>)>,
    /// How many steps of each event have been taken.
    taken: Vec<u8>,
}

impl State {
    /// Takes the next step of an event, if the contract allows for it and comes to what was seen.
    fn take(&mut self, index: usize, did: &Did, saved: &BTreeMap<&'static str, Values>) -> bool {
        self.taken[index] += 1;
        match did {
            Did::Assigned(name, value) => self.live.insert(name, *value).is_some(),
            Did::Read(name, value) => self.live.get(name) == value.as_ref(),
            Did::Got(name, Some(value)) => self.live.insert(name, *value).is_none(),
            Did::Got(name, None) => self.live.contains_key(name),
            Did::Removed(name, was_there) => self.live.remove(name).is_some() == *was_there,
            Did::Saved(..) if self.taken[index] == 1 => {
                self.queue.push((index, Some(self.live.clone())));
                true
            }
            Did::Saved(tag, _) => {
                if self.queue.first().is_none_or(|(first, _)| *first != index) {
                    return false;
                }
                // What was given up for another state is given up in the queue as well.
                if let Some(values) = self.queue.remove(0).1 {
                    self.base = values;
                }
                let Some(tag) = tag else { return true };
                self.tags.insert(tag, self.base.clone());
                saved.get(tag).is_none_or(|saved| *saved == self.base)
            }
            Did::Restored(tag, was_there) => {
                let values = self.tags.get(tag).cloned();
                if let Some(values) = &values {
                    self.base.clone_from(values);
                    self.reset();
                }
                values.is_some() == *was_there
            }
            Did::RolledBack => {
                self.reset();
                true
            }
            Did::Deleted(tag, was_there) => self.tags.remove(tag).is_some() == *was_there,
        }
    }

    fn reset(&mut self) {
        self.live.clone_from(&self.base);
        self.queue.iter_mut().for_each(|(_, values)| *values = None);
    }
}

fn is_explained(
    events: &[Event],
    first: &'static str,
    before: &Values,
    saved: &BTreeMap<&'static str, Values>,
    live: &Values,
) -> bool {
    let tags = BTreeMap::from([(first, before.clone())]);
    let taken = vec![0; events.len()];
    let mut open = vec![State { live: before.clone(), base: before.clone(), tags, queue: Vec::new(), taken }];
    let mut seen = HashSet::new();
    while let Some(state) = open.pop() {
        let steps = |index: usize| if matches!(events[index].did, Did::Saved(..)) { 2 } else { 1 };
        let left: Vec<usize> = (0..events.len()).filter(|index| state.taken[*index] < steps(*index)).collect();
        if left.is_empty() && state.live == *live && state.tags.keys().eq(saved.keys()) {
            return true;
        }
        // By when the next step of each has been taken.
        let end = |index: &usize| match events[*index].did {
            Did::Saved(_, snapshot_by) if state.taken[*index] == 0 => snapshot_by.min(events[*index].to),
            _ => events[*index].to,
        };
        let first_end = left.iter().map(end).min().unwrap_or_default();
        for index in left {
            let mut next = state.clone();
            if events[index].from < first_end
                && next.take(index, &events[index].did, saved)
                && seen.insert(format!("{next:?}"))
            {
                open.push(next);
            }
        }
    }
    false
}

#[test]
fn histories_that_cannot_be_are_told() {
    let event = |did, from, to| Event { did, from, to };
    let v = |value: f32| Values::from([("v", value)]);
    let check = |events: &[Event], saved: f32, live: f32| {
        is_explained(events, "one", &v(1.0), &BTreeMap::from([("one", v(1.0)), ("two", v(saved))]), &v(live))
    };
    let save = |from, snapshot_by, to| event(Did::Saved(Some("two"), snapshot_by), from, to);
    let assigned = |from, to| event(Did::Assigned("v", 2.0), from, to);
    // After the assignment, beside it, before it.
    assert!(check(&[assigned(0, 1), save(2, 3, 4)], 2.0, 2.0));
    assert!(!check(&[assigned(0, 1), save(2, 3, 4)], 1.0, 2.0));
    assert!(check(&[assigned(2, 5), save(3, 4, 7)], 2.0, 2.0) && check(&[assigned(2, 5), save(3, 4, 7)], 1.0, 2.0));
    assert!(!check(&[assigned(5, 6), save(2, 4, 8)], 2.0, 2.0), "the snapshot came before");
    assert!(!check(&[assigned(0, 1), event(Did::Read("v", Some(1.0)), 2, 3), save(4, 5, 6)], 2.0, 2.0));
    // A step back forgets what is not saved.
    let restored = event(Did::Restored("one", true), 5, 6);
    assert!(check(&[assigned(0, 1), save(2, 3, 4), restored.clone()], 2.0, 1.0));
    assert!(!check(&[assigned(0, 1), save(2, 3, 4), restored], 2.0, 2.0));
    assert!(!check(&[assigned(0, 1), save(2, 3, 4), event(Did::RolledBack, 5, 6)], 2.0, 1.0));
    // What is gone is gone, and what is there is not made again.
    let removed = event(Did::Removed("v", true), 0, 1);
    assert!(check(&[removed.clone(), event(Did::Got("v", Some(2.0)), 2, 3), save(4, 5, 6)], 2.0, 2.0));
    assert!(!check(&[removed, event(Did::Got("v", None), 2, 3), save(4, 5, 6)], 1.0, 1.0));
}
