//! What varkeep is measured against.

pub(crate) mod raw;
pub(crate) mod safetensors;
