//! Through the public interface: one binary, one module per topic.

#[cfg(test)]
mod support;

#[cfg(test)]
mod catalog;
