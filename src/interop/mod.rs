//! Checkpoints of other formats: brought in, taken out, or read where they lie.
//!
//! Everything here goes through one trait, [`Source`]: a list of variables, each in one or several pieces whose bytes can
//! be read by range. The three readers are sources, and so is a [`Checkpoint`](crate::Checkpoint) of a store; an import
//! reads any source into a store, an export writes any source as a file of a format.
//!
//! ```
//! # let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/safetensors/odd_order.safetensors");
//! let source = varkeep::interop::open(&path)?;
//! for variable in source.variables() {
//!     println!("{} {} {}", variable.name, variable.dtype, variable.shape);
//! }
//! let i = source.index_of("a").unwrap();
//! assert_eq!(source.tensor(i)?.elements::<f32>()?, [1.0, 1.0]);
//! # Ok::<(), varkeep::Error>(())
//! ```

#[cfg(feature = "candle")]
pub mod candle;
mod carried;
mod content;
mod export;
mod file;
mod format;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod import;
mod names;
mod output;
mod region;
mod report;
mod source;
mod stored;
mod stream;

mod numpy;
mod safetensors;
mod tensorflow;

pub use export::{Export, ExportReport};
pub use format::{Format, open, open_as};
pub use import::{Import, ImportReport};
pub use names::Names;
pub use report::Note;
pub use source::{Place, Refused, Source, SourcePiece, SourceVariable};
pub use stream::PieceStream;
