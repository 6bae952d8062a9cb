//! What the larger targets are made of.
//!
//! [`damage`]: a good store, one file of it damaged, and everything that can be done with it then.
//!
//! The rest is `reuse`: programs as data, the rules written down a second time as naively as possible,
//! and a run of both against each other.
//!
//! The model knows nothing of the library's own rules: it follows the text of the specification, on plain maps that are
//! copied whole wherever something may have to be taken back.

mod compare;
pub mod damage;
mod naive;
mod program;
mod real;
mod run;
mod value;
mod words;

pub use program::Program;
pub use run::run;
