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

mod file;
mod format;
mod region;
mod source;
mod stream;

mod numpy;
mod safetensors;
mod tensorflow;

pub use format::{Format, open, open_as};
pub use source::{Place, Refused, Source, SourcePiece, SourceVariable};
pub use stream::PieceStream;
