//! Ethernet: switches and links. They see frames and nothing above them.

mod impair;
mod link;
mod switch;

pub use impair::{Burst, Corruption, Impairment, Probability};
pub use link::{Bitrate, Cable, CableSettings};
pub use switch::{Advertisement, PortMode, Switch};
