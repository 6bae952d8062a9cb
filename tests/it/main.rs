//! Tests through the public interface, one module a topic.

mod contract;
