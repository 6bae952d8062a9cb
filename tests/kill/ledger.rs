//! What a churning process was told, held against what its store holds after it was killed: what must be there, what may
//! be, and what must not.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use varkeep::{Checkpoint, CheckpointInfo, ErrorKind, ReadMode, Verification, Which, checkpoints, verify};

use crate::churn::{KEPT_EVERY, KEPT_LAST, LATEST};
use crate::plan::Plans;
use crate::state::{Clocks, State};

/// A save or commit that was begun.
#[derive(Clone, Debug)]
struct Begun {
    /// `-` for none.
    tag: String,
    at_least: Clocks,
    at_most: Option<Clocks>,
    /// The number of its commit, once it was acknowledged.
    number: Option<u64>,
    has_failed: bool,
}

impl Begun {
    fn allows(&self, clocks: &Clocks) -> bool {
        let not_before = self.at_least.iter().zip(clocks).all(|(bound, clock)| bound <= clock);
        let not_after =
            self.at_most.is_none_or(|at_most| at_most.iter().zip(clocks).all(|(bound, clock)| bound >= clock));
        not_before && not_after
    }

    /// Whether its outcome is not known: it was killed before it could tell.
    fn is_open(&self) -> bool {
        self.number.is_none() && !self.has_failed
    }
}

/// What one life said.
#[derive(Debug, Default)]
struct Said {
    opened: Option<Clocks>,
    begun: BTreeMap<String, Begun>,
    /// Tags that were to be deleted, and those that were.
    deleting: BTreeSet<String>,
    deleted: BTreeSet<String>,
}

impl Said {
    fn of(lines: &[String]) -> Self {
        let mut said = Self::default();
        for line in lines {
            let words: Vec<&str> = line.split(' ').collect();
            match words[..] {
                ["opened", clocks] => said.opened = Some(clocks_of(clocks)),
                ["save", id, tag, clocks] => {
                    let (tag, at_least) = (tag.to_owned(), clocks_of(clocks));
                    let begun = Begun { tag, at_least, at_most: None, number: None, has_failed: false };
                    said.begun.insert(id.to_owned(), begun);
                }
                ["begun", id, clocks] => said.get(id).at_most = Some(clocks_of(clocks)),
                ["saved", id, number] => said.get(id).number = Some(number.parse().unwrap()),
                ["failed", id] => said.get(id).has_failed = true,
                ["delete", tag] => _ = said.deleting.insert(tag.to_owned()),
                ["deleted", tag] => _ = said.deleted.insert(tag.to_owned()),
                _ => {}
            }
        }
        said
    }

    fn get(&mut self, id: &str) -> &mut Begun {
        self.begun.get_mut(id).expect("what ends was begun")
    }

    fn acknowledged(&self) -> impl Iterator<Item = (&Begun, u64)> {
        self.begun.values().filter_map(|begun| Some((begun, begun.number?)))
    }
}

fn clocks_of(text: &str) -> Clocks {
    let clocks: Vec<u64> = text.split(',').map(|clock| clock.parse().unwrap()).collect();
    clocks.try_into().expect("there is a clock for each actor")
}

/// What is known of a store from looking at it between lives.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    plans: Plans,
    head: Option<(u64, Clocks)>,
    /// The tags that were there at the last look, with numbers and clocks.
    kept: BTreeMap<String, (u64, Clocks)>,
    /// Those that were gone, or never came to be: none comes back.
    gone: BTreeSet<String>,
    pub(crate) acknowledged: usize,
    pub(crate) values: usize,
}

impl Ledger {
    /// Looks at the store after a life that said these lines.
    pub(crate) fn look(&mut self, path: &Path, lines: &[String], random: &mut ChaCha8Rng) {
        let said = Said::of(lines);
        self.acknowledged += said.acknowledged().count() + said.deleted.len();
        if let Some(opened) = said.opened {
            assert_eq!(opened, self.head.map(|(_, clocks)| clocks).unwrap_or_default(), "opened in another state");
        }
        let infos = match checkpoints(path) {
            Ok(infos) => infos,
            Err(error) => {
                let unborn = matches!(error.kind(), ErrorKind::StoreNotFound | ErrorKind::NotAStore);
                assert!(unborn && self.head.is_none() && said.acknowledged().count() == 0, "{error:?}");
                return;
            }
        };
        let report = verify(path, None, &mut |_| {}).expect("the store can be verified");
        assert!(report.is_sound(), "{:?}", report.damage);
        let mut found = BTreeMap::new();
        for (i, info) in infos.iter().enumerate() {
            let clocks = self.check_content(path, info, i == 0, random);
            if i == 0 {
                self.check_head(&said, info.number(), clocks);
            }
            match info.tag() {
                Some(tag) => _ = found.insert(tag.to_owned(), (info.number(), clocks)),
                None => assert_eq!(i, 0, "commit {} is kept without a tag", info.number()),
            }
        }
        for (tag, (number, clocks)) in &found {
            self.check_tag(&said, tag, *number, *clocks);
        }
        self.check_missing(&said, &found);
        let tags = said.begun.values().map(|begun| &begun.tag).chain(self.kept.keys());
        self.gone.extend(tags.filter(|tag| !found.contains_key(*tag) && *tag != LATEST).cloned());
        self.kept = found;
    }

    /// Reads a checkpoint: all of it, if it is the head or has not been read before, and now and then again. Gives its
    /// clocks.
    fn check_content(&mut self, path: &Path, info: &CheckpointInfo, is_head: bool, random: &mut ChaCha8Rng) -> Clocks {
        let mode = if random.random_bool(0.5) { ReadMode::Map } else { ReadMode::Memory };
        let checkpoint = Checkpoint::open_with(path, Which::Number(info.number()), mode, Verification::FirstTouch)
            .expect("what is listed can be opened");
        let mut state = State::of(&mut self.plans, &checkpoint).expect("clocks can be read");
        let is_known = info.tag().is_some_and(|tag| self.kept.get(tag).is_some_and(|kept| kept.0 == info.number()));
        if is_head || !is_known || random.random_bool(0.3) {
            let checked = state.check_all(&checkpoint);
            self.values += checked.unwrap_or_else(|what| panic!("commit {} ({:?}): {what}", info.number(), info.tag()));
        }
        state.clocks
    }

    /// The head is the last that was acknowledged, or a later one that was begun.
    fn check_head(&mut self, said: &Said, number: u64, clocks: Clocks) {
        let last = said.acknowledged().map(|(_, number)| number).max();
        let before = self.head.map(|(number, _)| number);
        assert!(Some(number) >= last.max(before), "the head is {number}; {last:?} was acknowledged, {before:?} seen");
        let is_last = |begun: &Begun| begun.number.is_some() && begun.number == last;
        let allowed = if said.acknowledged().any(|(_, acknowledged)| acknowledged == number) {
            said.acknowledged().filter(|(_, other)| *other == number).all(|(begun, _)| begun.allows(&clocks))
        } else {
            // A later one, or the same state with other tags.
            let is_open = said.begun.values().any(|begun| begun.is_open() && begun.allows(&clocks));
            let is_last = said.begun.values().any(|begun| is_last(begun) && begun.allows(&clocks));
            let is_before = last.is_none() && self.head.is_none_or(|(_, before)| before == clocks);
            is_open || is_last || is_before
        };
        assert!(allowed, "head {number} at {clocks:?}, before {:?}; last of {:#?}", self.head, said.begun);
        self.head = Some((number, clocks));
    }

    /// A tag that is there was given, and not taken back; and what it stands for is what was saved.
    fn check_tag(&self, said: &Said, tag: &str, number: u64, clocks: Clocks) {
        let is_back = tag != LATEST && (said.deleted.contains(tag) || self.gone.contains(tag));
        assert!(!is_back, "{tag} was deleted and is there");
        let begun: Vec<&Begun> = said.begun.values().filter(|begun| begun.tag == tag && !begun.has_failed).collect();
        let least = begun.iter().filter_map(|begun| begun.number).max();
        assert!(Some(number) >= least, "{tag} is commit {number}; {least:?} was acknowledged");
        let is_kept = self.kept.get(tag).is_some_and(|kept| *kept == (number, clocks));
        let mut fits = begun.iter().filter(|begun| begun.number.is_none_or(|known| known == number));
        let allowed = fits.any(|begun| begun.allows(&clocks));
        assert!(is_kept || allowed, "{tag} is commit {number} at {clocks:?}; {:?}, {begun:?}", self.kept.get(tag));
    }

    /// A tag that is not there was deleted, or no policy kept it.
    fn check_missing(&self, said: &Said, found: &BTreeMap<String, (u64, Clocks)>) {
        // Every tag that may have been given, with its newest number; without one if that is not known.
        let mut given: BTreeMap<&str, Option<u64>> = BTreeMap::new();
        given.extend(self.kept.iter().map(|(tag, (number, _))| (tag.as_str(), Some(*number))));
        let mut required: BTreeMap<&str, u64> =
            given.iter().filter_map(|(tag, number)| Some((*tag, (*number)?))).collect();
        for (begun, number) in said.acknowledged().filter(|(begun, _)| begun.tag != "-") {
            let newest = required.entry(&begun.tag).or_default();
            *newest = number.max(*newest);
            given.insert(&begun.tag, Some(*newest));
        }
        given.extend(said.begun.values().filter(|begun| begun.is_open()).map(|begun| (begun.tag.as_str(), None)));
        given.remove("-");
        for (tag, number) in required {
            let is_deleted = said.deleting.contains(tag) || said.deleted.contains(tag);
            let newer =
                given.iter().filter(|(other, newest)| **other != tag && newest.is_none_or(|newest| newest > number));
            let last = tag.rsplit('-').next().and_then(|number| number.parse::<u64>().ok());
            let is_nth = last.is_some_and(|last| last.is_multiple_of(KEPT_EVERY));
            let may_be_dropped = newer.count() >= KEPT_LAST && !is_nth;
            let is_there = found.contains_key(tag);
            assert!(is_there || is_deleted || may_be_dropped, "{tag}, commit {number}, is lost; there are {found:?}");
        }
    }
}
