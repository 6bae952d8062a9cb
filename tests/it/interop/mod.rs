//! Checkpoints of other formats.

mod fixtures;
mod hostile;
mod round_trips;
