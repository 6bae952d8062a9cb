//! The cases: each group makes a state, lets varkeep and the peers take turns at it, and gives rows of the table.

mod background;
mod cold_read;
mod commits;
mod create;
mod full_save;
mod get;
mod incremental;
mod interop;
mod memory;
mod open;
mod restore;
mod store_open;

use anyhow::Result;

use crate::context::Context;
use crate::report::Row;

/// Cases that share a state and a run.
pub(crate) struct Group {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// Bytes on the disk at full scale, at the most.
    pub(crate) disk_bytes: u64,
    pub(crate) run: fn(&Context) -> Result<Vec<Row>>,
}

pub(crate) const GIB: u64 = 1 << 30;

pub(crate) const GROUPS: &[Group] = &[
    Group {
        name: "full-save",
        about: "a full durable save of 1 GiB in 256 tensors",
        disk_bytes: 5 * GIB,
        run: full_save::large,
    },
    Group {
        name: "many-small",
        about: "a full durable save of 20,000 tensors of 50 KiB",
        disk_bytes: 5 * GIB,
        run: full_save::small,
    },
    Group {
        name: "reassigned",
        about: "everything re-assigned, 1 % of chunks different",
        disk_bytes: 3 * GIB,
        run: incremental::reassigned,
    },
    Group {
        name: "embedding",
        about: "1 % of rows of a 1 GiB embedding touched at random",
        disk_bytes: 3 * GIB,
        run: incremental::embedding,
    },
    Group {
        name: "one-touched",
        about: "one of 1,000 tensors touched, 1 GiB",
        disk_bytes: 3 * GIB,
        run: incremental::one_touched,
    },
    Group {
        name: "ten-of-many",
        about: "10 of 1,000,000 variables touched, and 10 of 1,000",
        disk_bytes: 4 * GIB,
        run: commits::ten_of_many,
    },
    Group { name: "memory-save", about: "extra memory of a save of 4 GiB", disk_bytes: 10 * GIB, run: memory::save },
    Group {
        name: "memory-streamed",
        about: "extra memory of a commit of 4 GiB that is streamed",
        disk_bytes: 10 * GIB,
        run: memory::streamed,
    },
    Group {
        name: "memory-background",
        about: "extra memory of a background save of 4 GiB",
        disk_bytes: 10 * GIB,
        run: background::extra_memory,
    },
    Group {
        name: "stall",
        about: "the stall of save_in_background, 1 GiB dirty",
        disk_bytes: 4 * GIB,
        run: background::stall,
    },
    Group {
        name: "beside",
        about: "training steps beside a background save",
        disk_bytes: 4 * GIB,
        run: background::beside,
    },
    Group {
        name: "open-checkpoint",
        about: "opening a checkpoint and reading its first tensor",
        disk_bytes: 4 * GIB,
        run: open::run,
    },
    Group {
        name: "open-store",
        about: "opening a store of 1,000,000 variables",
        disk_bytes: 4 * GIB,
        run: store_open::run,
    },
    Group { name: "restore", about: "restoring another checkpoint of 1 GiB", disk_bytes: 5 * GIB, run: restore::run },
    Group { name: "get", about: "getting a live variable by name", disk_bytes: GIB, run: get::run },
    Group { name: "create", about: "100,000 creates and one commit", disk_bytes: GIB, run: create::run },
    Group { name: "cold-read", about: "reading everything, checksummed", disk_bytes: 3 * GIB, run: cold_read::run },
    Group {
        name: "formats",
        about: "import and export of 1 GiB in other formats",
        disk_bytes: 9 * GIB,
        run: interop::formats,
    },
    Group { name: "candle", about: "a candle model of 1 GiB", disk_bytes: 5 * GIB, run: interop::var_map },
];
