//! The command as a user has it: text, JSON, exit codes, beside a trainer, on damaged stores.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests too")]

mod behaviour;
mod documented;
mod interop;
mod json;
mod restore;
mod run;
mod sample;
mod text;
mod verify;
