//! Through the public interface: one binary, one module per topic.

#[cfg(test)]
mod attacks;
#[cfg(test)]
mod background;
#[cfg(test)]
mod branches;
#[cfg(test)]
mod catalog;
#[cfg(test)]
mod contract;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod dangling;
#[cfg(test)]
mod every_byte;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod gate;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod in_flight;
#[cfg(test)]
mod incremental;
#[cfg(test)]
mod interop;
#[cfg(test)]
mod layering;
#[cfg(test)]
mod lifecycle;
#[cfg(test)]
mod locals;
#[cfg(test)]
mod model;
#[cfg(test)]
mod pace;
#[cfg(test)]
mod reclaiming;
#[cfg(test)]
mod support;
#[cfg(test)]
mod syncs;
#[cfg(test)]
mod tiny;
#[cfg(test)]
mod verify;
#[cfg(test)]
mod workload;
