//! The rules: what a get means, decided from data alone. No bytes of files, no I/O, no clocks.
//!
//! A call to `get_variable` becomes a [`VariableRequest`] once the scope's settings are filled in
//! ([`CallArguments::resolve`]); custom getters may change it ([`GetterChain`]); then [`decide()`] says what it comes to,
//! given what exists. Whoever holds the variables carries the decision out.

pub mod collection;
mod counters;
pub mod decide;
pub mod getter;
pub mod initializer;
pub mod partitioner;
pub mod regularizer;
pub mod request;
mod settings;
mod tiles;

pub use collection::CollectionFilter;
pub use counters::{Counters, Entry};
pub use decide::{Decision, Existing, decide};
pub use getter::{CustomGetter, GetterChain, Next};
pub use partitioner::Partitioner;
pub use regularizer::{Regularizer, RegularizerRecord};
pub use request::{CachingDevice, CallArguments, Constraint, Reuse, VariableRequest};
pub use settings::{ScopeArguments, ScopeSettings, ScopeTarget};
pub use tiles::{Tile, Tiles, save_slice_info};
