//! Tests through the public interface, one module a topic.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod contract;
