//! The engine: nodes, links between them, one event queue, and virtual time.

mod node;

pub use node::{Carried, Link, Node, PortId, Side, Transmit};
