//! The commands, one per file: each does its work and returns plain data.

pub(crate) mod diff;
pub(crate) mod inspect;
pub(crate) mod log;
pub(crate) mod report;
pub(crate) mod restore;
pub(crate) mod show;
pub(crate) mod tree;
pub(crate) mod verify;

use std::time::SystemTime;

use varkeep::CheckpointInfo;

use crate::address::Address;

/// A checkpoint that a command is about.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    /// As it was addressed.
    pub(crate) address: String,
    pub(crate) number: u64,
    pub(crate) tag: Option<String>,
    pub(crate) time: SystemTime,
    pub(crate) variables: u64,
    pub(crate) bytes: u64,
}

impl Subject {
    pub(crate) fn of(address: &Address, info: &CheckpointInfo) -> Self {
        Self {
            address: address.to_string(),
            number: info.number(),
            tag: info.tag().map(str::to_owned),
            time: info.time(),
            variables: info.variables(),
            bytes: info.bytes_total(),
        }
    }

    /// How the user would call it.
    pub(crate) fn label(&self) -> String {
        label(self.tag.as_deref(), self.number)
    }
}

/// How the user would call a commit: by its tag, or else by its number.
pub(crate) fn label(tag: Option<&str>, number: u64) -> String {
    tag.map_or_else(|| format!("commit:{number}"), str::to_owned)
}
