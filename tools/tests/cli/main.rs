//! The command as a user has it: text, JSON, exit codes, beside a trainer, on damaged stores.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests too")]

mod behaviour;
mod browser;
mod documented;
mod foreign;
mod hostile;
mod interop;
mod json;
mod readme;
mod restore;
mod run;
mod sample;
mod schema;
mod snapshots;
mod text;
mod values;
mod verify;
