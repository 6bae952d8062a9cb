//! The commands, one per file: each does its work and returns plain data.

pub(crate) mod diff;
pub(crate) mod export;
pub(crate) mod import;
pub(crate) mod inspect;
pub(crate) mod log;
pub(crate) mod manual;
pub(crate) mod prune;
pub(crate) mod report;
pub(crate) mod restore;
pub(crate) mod salvage;
pub(crate) mod show;
pub(crate) mod stat;
pub(crate) mod tree;
pub(crate) mod verify;
pub(crate) mod watch;

use std::time::SystemTime;

use varkeep::CheckpointInfo;
use varkeep::interop::{Format, Source, SourceVariable};

use crate::address::Address;

/// A checkpoint that a command is about.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    /// As it was addressed.
    pub(crate) address: String,
    /// `varkeep`, or the format of a file of another kind, which has no number, no tag and no time.
    pub(crate) format: &'static str,
    pub(crate) number: Option<u64>,
    pub(crate) tag: Option<String>,
    pub(crate) time: Option<SystemTime>,
    pub(crate) variables: u64,
    pub(crate) bytes: u64,
}

impl Subject {
    pub(crate) fn of(address: &Address, info: &CheckpointInfo) -> Self {
        Self {
            address: address.to_string(),
            format: "varkeep",
            number: Some(info.number()),
            tag: info.tag().map(str::to_owned),
            time: Some(info.time()),
            variables: info.variables(),
            bytes: info.bytes_total(),
        }
    }

    pub(crate) fn of_source(address: &Address, source: &dyn Source) -> Self {
        let bytes = source.variables().iter().filter_map(SourceVariable::len_bytes).sum();
        Self {
            address: address.to_string(),
            format: source.format().map_or("varkeep", Format::name),
            number: None,
            tag: None,
            time: None,
            variables: source.variables().len() as u64,
            bytes,
        }
    }

    /// How the user would call it.
    pub(crate) fn label(&self) -> String {
        match self.number {
            Some(number) => label(self.tag.as_deref(), number),
            None => self.address.rsplit('/').next().unwrap_or_default().to_owned(),
        }
    }
}

/// How the user would call a commit: by its tag, or else by its number.
pub(crate) fn label(tag: Option<&str>, number: u64) -> String {
    tag.map_or_else(|| format!("commit:{number}"), str::to_owned)
}
