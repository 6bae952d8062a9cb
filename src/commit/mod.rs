//! Commits: which there are, how one is published, and how what none of them needs is reclaimed.

mod history;
mod publish;
mod reclaim;
mod retention;

pub use history::Which;
pub(crate) use history::{Folders, History, tag_not_found};
pub(crate) use publish::{Published, publish, stage_commit};
pub(crate) use reclaim::Ledger;
pub(crate) use retention::{Candidate, dropped};
