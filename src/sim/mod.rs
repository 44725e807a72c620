//! The engine: nodes, links between them, one event queue, and time that its driver tells.

mod drive;
mod edge;
mod node;
mod queue;
mod world;

pub use drive::{
    Drive, EdgeId, Ended, Halt, Next, Program, ProgramEnd, ProgramId, Ready, drive_virtual,
};
pub use edge::Edge;
pub use node::{Carried, Did, Ear, Link, Mark, Node, PortId, Side, Touched, Transmit};
pub use world::{Counters, End, LinkId, NodeId, Observer, World};
