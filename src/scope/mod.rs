//! The rules: what a get means, decided from data alone. No bytes of files, no I/O, no clocks.

pub mod initializer;
