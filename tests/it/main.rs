//! Tests of the whole, through the public interface: one module for each topic.

mod hostile;
mod tiny;
mod verify;
