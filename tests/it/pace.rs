//! Saves in the background are gentle while nobody waits for them.

use std::time::{Duration, Instant};

use ndarray::Array1;
use varkeep::{PendingSave, Save, Store, Variable};

use crate::support::folder;

const ELEMENTS: usize = 4 << 20;

/// What a gentle save of so much takes at the least: the last rests, of a few chunks, may be missing.
const GENTLE: Duration = Duration::from_millis(16 * 1000 / 128 - 10);

struct Saving {
    store: Store,
    variable: Variable,
    begun: usize,
}

impl Saving {
    fn of(store: Store) -> Self {
        let variable = store.root().get_variable("v").shape([ELEMENTS]).get().unwrap();
        Self { store, variable, begun: 0 }
    }

    /// Begins a save of 16 MiB, all of which changed.
    fn begin(&mut self) -> PendingSave {
        self.begun += 1;
        self.variable.assign(Array1::from_elem(ELEMENTS, self.begun as f32)).unwrap();
        self.store.save_in_background(Save::tag("newest").replace()).unwrap()
    }
}

/// Looks after a save until it is durable, without waiting for it.
fn poll(mut pending: PendingSave) {
    loop {
        match pending.try_wait() {
            Ok(saved) => return drop(saved.unwrap()),
            Err(again) => pending = again,
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Whether a save that has to hurry is ever faster than a gentle one can be: not always, on a machine that is busy.
fn hurries(mut save: impl FnMut()) -> bool {
    let one = |_| {
        let start = Instant::now();
        save();
        start.elapsed()
    };
    (0..50).map(one).any(|took| took < GENTLE)
}

#[test]
fn a_save_rests_while_nobody_waits_and_hurries_for_whoever_does() {
    let folder = folder();
    let mut saving = Saving::of(Store::open(folder.path().join("store")).unwrap());

    for _ in 0..3 {
        let start = Instant::now();
        poll(saving.begin());
        assert!(start.elapsed() >= GENTLE, "nobody waited, and it took {:?}", start.elapsed());
    }
    assert!(hurries(|| drop(saving.begin().wait().unwrap())), "for who waits for it");
    assert!(
        hurries(|| {
            let first = saving.begin();
            let _second = saving.begin();
            poll(first);
        }),
        "for the save behind it"
    );
    assert!(
        hurries(|| {
            let _begun = saving.begin();
            let _kept = saving.store.retention().unwrap();
        }),
        "for a call that comes after it"
    );
    drop(saving);
    let mut begun = 0;
    assert!(
        hurries(|| {
            begun += 1;
            let mut saving = Saving::of(Store::open(folder.path().join(format!("store-{begun}"))).unwrap());
            let _begun = saving.begin();
        }),
        "for who drops the store"
    );
}

#[test]
fn a_save_hurries_while_more_is_left_than_can_be_preserved() {
    let folder = folder();
    let store = Store::options().save_memory_bytes(1 << 20).open(folder.path().join("store")).unwrap();
    let mut saving = Saving::of(store);
    assert!(hurries(|| poll(saving.begin())), "a change might have to wait");
}
