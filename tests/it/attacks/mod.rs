//! Attacks, one idea per file: stores whose checksums hold and whose contents are meant to do harm. Whatever is done with
//! them ends in an answer or an error that says damage, within the memory that the files justify.

mod container;
mod craft;
mod refused;

mod links;
mod manifests;
mod names;
mod numbers;
mod places;
mod shapes;
mod shared_bytes;
mod stacks;
