//! The engine: nodes, links between them, one event queue, and time that its driver tells.

mod drive;
mod edge;
mod node;
mod queue;
mod world;

pub use drive::{Drive, EdgeId, Ended, Next, Program, ProgramEnd, drive_virtual};
pub use edge::Edge;
pub use node::{Carried, Ear, Link, Node, PortId, Side, Transmit};
pub use world::{Counters, End, LinkId, NodeId, Observer, World};
