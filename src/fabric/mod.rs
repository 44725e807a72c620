//! Ethernet: switches and links. They see frames and nothing above them.

mod link;
mod switch;

pub use link::{Bitrate, Cable, CableSettings};
pub use switch::{Advertisement, PortMode, Switch};
