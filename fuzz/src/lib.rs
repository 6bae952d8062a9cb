//! What the target `reuse` is made of: programs as data, the rules written down a second time as naively as possible,
//! and a run of both against each other.
//!
//! The model knows nothing of the library's own rules: it follows the text of the specification, on plain maps that are
//! copied whole wherever something may have to be taken back.

mod compare;
mod naive;
mod program;
mod real;
mod run;
mod value;
mod words;

pub use program::Program;
pub use run::run;
