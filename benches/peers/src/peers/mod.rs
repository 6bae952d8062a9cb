//! What varkeep is measured against.

pub(crate) mod candle;
pub(crate) mod raw;
pub(crate) mod redb;
pub(crate) mod safetensors;
pub(crate) mod sled;
