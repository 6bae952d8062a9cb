//! Through the public interface: one binary, one module per topic.

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod tiny;
#[cfg(test)]
mod verify;
