//! Counters of scope names: what makes a default name unique, the same way on every pass over the same code.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::name::SEPARATOR;

/// How often each scope name was entered, as far as it is still remembered.
///
/// Entering counts the full name. Leaving a scope entered by name forgets every name below it; leaving one entered by
/// its captured object puts all counters back to what they were just after its entry was counted.
#[derive(Clone, Debug, Default)]
pub struct Counters {
    // Shared with the snapshots of captured scopes that are open, copied when it then changes.
    counts: Arc<BTreeMap<String, Count>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    entered: u64,
    /// No number below this one (from 1) makes a free default name of this name.
    free_from: u64,
}

/// That a scope was entered; to be given back when it is left.
#[derive(Debug)]
#[must_use = "a scope that is never left keeps the names below it in use"]
pub struct Entry(How);

#[derive(Debug)]
enum How {
    Named(String),
    Captured(Counters),
}

impl Counters {
    /// Counts an entry by name.
    pub fn enter_named(&mut self, full_name: &str) -> Entry {
        self.count(full_name);
        Entry(How::Named(full_name.to_owned()))
    }

    /// Counts an entry by captured object.
    pub fn enter_captured(&mut self, full_name: &str) -> Entry {
        self.count(full_name);
        Entry(How::Captured(self.clone()))
    }

    /// The full name for a default name: itself if it is not in use, else the first of `_1`, `_2`, … that is not.
    pub fn unique(&mut self, full_name: &str) -> String {
        let Some(count) = self.counts.get(full_name) else { return full_name.to_owned() };
        let mut number = count.free_from.max(1);
        loop {
            let numbered = format!("{full_name}_{number}");
            if !self.counts.contains_key(&numbered) {
                if let Some(count) = Arc::make_mut(&mut self.counts).get_mut(full_name) {
                    count.free_from = number;
                }
                return numbered;
            }
            number += 1;
        }
    }

    /// Leaves a scope. Scopes are left in the reverse order of entering.
    pub fn leave(&mut self, entry: Entry) {
        match entry.0 {
            How::Captured(snapshot) => *self = snapshot,
            // The root entered by its empty name is no prefix of anything.
            How::Named(name) if name.is_empty() => {}
            How::Named(name) => self.forget_below(&name),
        }
    }

    /// How often a name counts as entered: in use if not 0.
    pub fn count_of(&self, full_name: &str) -> u64 {
        self.counts.get(full_name).map_or(0, |count| count.entered)
    }

    fn count(&mut self, full_name: &str) {
        Arc::make_mut(&mut self.counts).entry(full_name.to_owned()).or_default().entered += 1;
    }

    fn forget_below(&mut self, name: &str) {
        let prefix = format!("{name}{SEPARATOR}");
        let below: Vec<String> = self
            .counts
            .range(prefix.clone()..)
            .map(|(name, _)| name)
            .take_while(|name| name.starts_with(&prefix))
            .cloned()
            .collect();
        if below.is_empty() {
            return;
        }
        // A name and its numbered ones differ only behind their last slash, so they are forgotten together and
        // `free_from` stays true.
        let counts = Arc::make_mut(&mut self.counts);
        for name in below {
            counts.remove(&name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    #[derive(Clone, Debug)]
    enum Step {
        Enter(&'static str),
        Default(&'static str),
        Captured(usize),
        Leave,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            prop::sample::select(vec!["a", "b", "d", "d_1", "d_2", "a/b", ""]).prop_map(Step::Enter),
            prop::sample::select(vec!["d", "a", "a/b"]).prop_map(Step::Default),
            (0_usize..8).prop_map(Step::Captured),
            Just(Step::Leave),
        ]
    }

    /// The rule as the specification puts it, with a copy of everything at every turn.
    #[derive(Clone, Default)]
    struct Naive {
        counts: HashMap<String, u64>,
    }

    impl Naive {
        fn in_use(&self, name: &str) -> bool {
            self.counts.get(name).is_some_and(|count| *count > 0)
        }

        fn unique(&self, name: &str) -> String {
            if !self.in_use(name) {
                return name.to_owned();
            }
            (1..1000).map(|k| format!("{name}_{k}")).find(|name| !self.in_use(name)).unwrap()
        }
    }

    proptest! {
        #[test]
        fn counters_follow_the_naive_model(steps in prop::collection::vec(step(), 0..60)) {
            let mut counters = Counters::default();
            let mut naive = Naive::default();
            let mut open: Vec<(String, Entry, Option<Naive>)> = Vec::new();
            let mut captured = vec![String::new()];
            for step in steps {
                let current = open.last().map_or(String::new(), |(name, _, _)| name.clone());
                match step {
                    Step::Enter("") if !current.is_empty() => {}
                    Step::Enter(name) => {
                        let full = crate::name::join(&current, name);
                        *naive.counts.entry(full.clone()).or_default() += 1;
                        captured.push(full.clone());
                        open.push((full.clone(), counters.enter_named(&full), None));
                    }
                    Step::Default(name) => {
                        let full = counters.unique(&crate::name::join(&current, name));
                        prop_assert_eq!(&full, &naive.unique(&crate::name::join(&current, name)));
                        *naive.counts.entry(full.clone()).or_default() += 1;
                        captured.push(full.clone());
                        open.push((full.clone(), counters.enter_named(&full), None));
                    }
                    Step::Captured(which) => {
                        let full = captured[which % captured.len()].clone();
                        *naive.counts.entry(full.clone()).or_default() += 1;
                        open.push((full.clone(), counters.enter_captured(&full), Some(naive.clone())));
                    }
                    Step::Leave => {
                        let Some((name, entry, snapshot)) = open.pop() else { continue };
                        counters.leave(entry);
                        match snapshot {
                            Some(snapshot) => naive = snapshot,
                            None if name.is_empty() => {}
                            None => naive.counts.retain(|other, _| !other.starts_with(&format!("{name}/"))),
                        }
                    }
                }
                for (name, count) in &naive.counts {
                    prop_assert_eq!(counters.count_of(name), *count);
                }
                prop_assert_eq!(counters.counts.len(), naive.counts.len());
            }
        }
    }

    #[test]
    fn a_second_pass_gives_the_same_names() {
        let mut counters = Counters::default();
        for _ in 0..2 {
            let outer = counters.enter_named("net");
            for expected in ["net/d", "net/d_1", "net/d_2"] {
                let name = counters.unique("net/d");
                assert_eq!(name, expected);
                let inner = counters.enter_named(&name);
                counters.leave(inner);
            }
            counters.leave(outer);
        }
    }
}
