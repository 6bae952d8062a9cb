//! A good store, one file of it damaged, and everything that can be done with it then.

mod edit;
mod sample;
mod uses;

use std::cell::RefCell;
use std::fs;

use arbitrary::Arbitrary;

use edit::Edit;
use sample::Sample;
use uses::Use;

/// What is done to a store, and with it.
#[derive(Arbitrary, Debug)]
pub struct Damage {
    file: u8,
    then: Use,
    edits: Vec<Edit>,
}

/// More would only be slower.
const EDITS_MAX: usize = 6;

thread_local! {
    /// Each process makes its store once.
    static SAMPLE: RefCell<Sample> = RefCell::new(Sample::new());
}

/// Damages the store, uses it, and mends it again.
pub fn try_everything(damage: &Damage) {
    SAMPLE.with_borrow_mut(|sample| {
        let which = usize::from(damage.file) % sample.files.len();
        let mut bytes = sample.files[which].1.clone();
        for edit in damage.edits.iter().take(EDITS_MAX) {
            edit.apply(&mut bytes, &sample.files);
        }
        let path = sample.path.join(&sample.files[which].0);
        fs::write(&path, bytes).expect("the folder of the fuzzer is written to");
        if damage.then.run(sample) {
            sample.write_all();
        } else {
            fs::write(&path, &sample.files[which].1).expect("the folder of the fuzzer is written to");
        }
    });
}
