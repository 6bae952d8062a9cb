//! Programs of three threads, made at random, on two variables: some order of what they did explains what came of it.

use std::collections::BTreeMap;
use std::path::Path;

use varkeep::testing::scope;
use varkeep::{Checkpoint, Store, checkpoints};

use crate::history::{History, Values};
use crate::schedules::explore;
use crate::support::{find_saved, one_of, options, reopen, value, variable};

const NAMES: [&str; 2] = ["v", "w"];
const TAGS: [&str; 3] = ["first", "second", "third"];

#[derive(Clone, Copy, Debug)]
enum Op {
    Assign,
    Read,
    Get,
    Remove,
    Save,
    Commit,
    Restore,
    RollBack,
    Delete,
}

/// The operations of one thread, each with a name, a tag to look back at and a number that no other has.
fn program(thread: usize, ops: &[Op]) -> Vec<(Op, &'static str, &'static str, usize)> {
    (0..4)
        .map(|k| (one_of(ops), one_of(&NAMES), one_of(&["start", "first", "second"]), 10 * (thread + 1) + k))
        .collect()
}

fn live(store: &Store) -> Values {
    let find = |name| Some((name, value(&store.find(name).unwrap()?).unwrap()));
    NAMES.into_iter().filter_map(find).collect()
}

fn saved(path: &Path) -> BTreeMap<&'static str, Values> {
    let kept: Vec<String> = checkpoints(path).unwrap().iter().filter_map(|c| c.tag().map(str::to_owned)).collect();
    let tags = TAGS.into_iter().chain(["start"]).filter(|tag| kept.iter().any(|kept| kept == tag));
    tags.map(|tag| {
        let checkpoint = Checkpoint::open(path, tag).unwrap();
        assert_eq!(find_saved(&checkpoint, "always"), Some(0.0));
        (tag, NAMES.into_iter().filter_map(|name| Some((name, find_saved(&checkpoint, name)?))).collect())
    })
    .collect()
}

/// Runs a program of these operations.
fn run(path: &Path, ops: &'static [Op]) {
    let store = options().tidies_at_once(one_of(&[false, true])).open(path).unwrap();
    // A store without variables refuses to be saved.
    variable(&store, "always", 0.0);
    for name in NAMES {
        variable(&store, name, 1.0);
    }
    store.save("start").unwrap();
    let before = live(&store);
    // What nobody has looked at since it was opened is found otherwise than what is live.
    let store = if one_of(&[false, true]) { reopen(store, path) } else { store };
    let history = &History::of(&store);
    scope(|scope| {
        for (thread, tag) in TAGS.into_iter().enumerate() {
            let program = program(thread, ops);
            let mut tag = Some(tag);
            scope.spawn(move || {
                for (op, name, back, number) in program {
                    match op {
                        Op::Assign => history.assign(name, number as f32),
                        Op::Read => history.read(name),
                        Op::Get => history.get(name, number as f32),
                        Op::Remove => history.remove(name),
                        // One tag for each thread, once.
                        Op::Save => tag.take().map_or_else(|| history.commit(), |tag| history.save(tag)),
                        Op::Commit => history.commit(),
                        Op::Restore => history.restore(back),
                        Op::RollBack => history.roll_back(),
                        Op::Delete => history.delete(back),
                    }
                }
            });
        }
    });
    let live_then = live(&store);
    history.check("start", &before, &saved(path), &live_then);
    // All of it reaches the disk, and comes back.
    store.commit().unwrap();
    let store = reopen(store, path);
    assert_eq!(live(&store), live_then);
    assert!(!store.commit().unwrap().is_new);
}

#[test]
fn values_saved_and_stepped_back_from() {
    use Op::{Assign, Commit, Read, Restore, RollBack, Save};
    explore(|path| run(path, &[Assign, Assign, Read, Save, Save, Commit, Restore, RollBack]));
}

#[test]
fn names_created_and_removed() {
    use Op::{Assign, Commit, Get, Read, Remove, Save};
    explore(|path| run(path, &[Assign, Read, Get, Get, Remove, Save, Save, Commit]));
}

#[test]
fn everything_at_once() {
    use Op::{Assign, Commit, Delete, Get, Read, Remove, Restore, RollBack, Save};
    explore(|path| run(path, &[Assign, Read, Get, Remove, Save, Save, Commit, Restore, RollBack, Delete]));
}
