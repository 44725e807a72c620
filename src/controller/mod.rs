//! The reference controller: one element of a cluster, as the rulebook says it must behave.
//!
//! ```text
//! forms         what an administrator programs; the DN ⇄ MAC database
//! cluster       a DN's element, in three look-ups (CL-2)
//! registration  the decision: one pure function of forms and request (RG-1 to RG-14)
//! element       the app: connections, answers, heartbeats
//! ```
//!
//! The controller speaks the registration protocol (`docs/registration-protocol.md`) through a host's IP
//! stack and nothing else, so that any other program can stand in its place.

mod cluster;
mod element;
mod forms;
mod registration;

pub use cluster::{REDIRECTS_MAX, resolve};
pub use element::{Element, ElementConfig};
pub use forms::{AccessCode, ClusterElement, FormError, Forms, IcpEntry, Trunk};
pub use registration::{Action, Request, Verdict, decide};
