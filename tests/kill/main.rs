//! Processes against one store: killed by SIGKILL at random instants, and reading beside one that writes.
//!
//! All child processes are this test binary, told by their environment what to be.
//!
//! - `VARKEEP_KILLS`: how many kills (20 of a training, 30 of a churning process, if absent).
//! - `VARKEEP_KILL_SEED`: the seed that a failed run printed, to draw the same instants again.
//! - `VARKEEP_READER_SECONDS`, `VARKEEP_READERS`: how long how many processes read (10 seconds, 4 processes).

#[cfg(test)]
mod churn;
#[cfg(test)]
mod ledger;
#[cfg(test)]
mod lives;
#[cfg(test)]
mod plan;
#[cfg(test)]
mod process;
#[cfg(test)]
mod reader;
#[cfg(test)]
mod readers;
#[cfg(test)]
mod rows;
#[cfg(test)]
mod state;
#[cfg(test)]
mod training;
