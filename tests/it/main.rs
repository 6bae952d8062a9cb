//! Through the public interface: one binary, one module per topic.

#[cfg(test)]
mod catalog;
#[cfg(test)]
mod contract;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tiny;
#[cfg(test)]
mod verify;
