//! The library under a scheduler: real stores in real files, in thousands of interleavings, each of which can be found again.
//!
//! `docs/decisions/models.md` says what is under the scheduler, what is not, and why.

extern crate varkeep_models as varkeep;

#[cfg(test)]
mod creation;
#[cfg(test)]
mod deletion;
#[cfg(test)]
mod failure;
#[cfg(test)]
mod history;
#[cfg(test)]
mod programs;
#[cfg(test)]
mod saves;
#[cfg(test)]
mod schedules;
#[cfg(test)]
mod support;
#[cfg(test)]
mod values;
