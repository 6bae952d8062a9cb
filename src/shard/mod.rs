//! Shards: where payload lies on disk, how it is read back, and how it is written.

mod file;
mod growing;
mod pace;
mod payload;
mod place;
mod progress;
mod stored;
mod value;
mod write;

pub use file::ReadMode;
pub(crate) use file::{ShardFile, Shards};
pub(crate) use pace::{Demand, Demanding, Pace};
#[cfg(feature = "interop")]
pub(crate) use payload::Elsewhere;
pub(crate) use payload::Payload;
pub(crate) use place::{Placer, Placing, SliceJob};
pub(crate) use progress::Progress;
pub use stored::Verification;
pub(crate) use stored::{Stored, check_can_be_held};
pub(crate) use value::{Lent, Value};
pub(crate) use write::{Written, write_slices};
