//! Values that say what they are: every row of every variable tells which step wrote it, and every element belongs to its
//! place.

use std::collections::BTreeMap;

use ndarray::{ArrayViewMutD, Axis};

/// What a row says first: the step that wrote it, and in which run of the program. The rest follows from these.
pub(crate) const COLUMNS_MIN: usize = 3;

/// Mixes numbers into one, by the finalizer of `SplitMix64`.
pub(crate) fn mix(numbers: &[u64]) -> u64 {
    numbers.iter().fold(0x9e37_79b9_7f4a_7c15, |hash: u64, number| {
        let mut z = (hash ^ number).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 30)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    })
}

/// Writes the rows of a variable that begin with row `first`, as a step of a run does.
pub(crate) fn fill(mut rows: ArrayViewMutD<'_, u64>, id: u64, step: u64, run: u64, first: usize) {
    for (row, mut elements) in (first..).zip(rows.axis_iter_mut(Axis(0))) {
        let key = mix(&[id, step, run, row as u64]);
        for (column, element) in elements.iter_mut().enumerate() {
            *element = element_of(key, step, run, column);
        }
    }
}

fn element_of(key: u64, step: u64, run: u64, column: usize) -> u64 {
    match column {
        0 => step,
        1 => run,
        // Cheap: there are many, and `key` is mixed already.
        _ => key.wrapping_mul(2 * column as u64 + 1).rotate_left(column as u32 % 64),
    }
}

/// In which run each step was made: one for all that the step wrote, and later steps in later runs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Runs(BTreeMap<u64, u64>);

impl Runs {
    fn add(&mut self, step: u64, run: u64) -> Result<(), String> {
        let before = self.0.range(..=step).next_back();
        let after = self.0.range(step..).next();
        let agrees = before.is_none_or(|(known, before)| if *known == step { *before == run } else { *before <= run })
            && after.is_none_or(|(_, after)| run <= *after);
        if !agrees {
            return Err(format!("step {step} is of run {run}, beside {before:?} and {after:?}"));
        }
        self.0.insert(step, run);
        Ok(())
    }
}

/// Checks that the elements of a variable are those that the given step wrote into each row.
pub(crate) fn check(id: u64, steps: &[u64], columns: usize, elements: &[u64], runs: &mut Runs) -> Result<(), String> {
    if elements.len() != steps.len() * columns {
        return Err(format!("{} elements instead of {} rows of {columns}", elements.len(), steps.len()));
    }
    for (row, (expected, elements)) in steps.iter().zip(elements.chunks_exact(columns)).enumerate() {
        let (step, run) = (elements[0], elements[1]);
        if step != *expected {
            return Err(format!("row {row} is of step {step} instead of {expected} (run {run:#x})"));
        }
        let key = mix(&[id, step, run, row as u64]);
        for (column, element) in elements.iter().enumerate() {
            if *element != element_of(key, step, run, column) {
                return Err(format!("element {column} of row {row} (step {step}, run {run:#x}) is {element:#x}"));
            }
        }
        runs.add(step, run).map_err(|what| format!("row {row}: {what}"))?;
    }
    Ok(())
}
