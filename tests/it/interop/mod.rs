//! Checkpoints of other formats.

mod fixtures;
mod hostile;
