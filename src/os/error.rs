//! What can go wrong between a run and the machine.
//!
//! A program that cannot be started, or ends badly, is no error here: that is an outcome of the run.

use std::io;

/// Why a live run could not go on.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// No thread for work inside a namespace.
    #[error("cannot start a thread: {source}")]
    Thread { source: io::Error },
    /// A namespace could not be made or entered.
    #[error("cannot {step}: {source}")]
    Namespace {
        /// What was tried, for example `make a network namespace`.
        step: &'static str,
        source: io::Error,
    },
    /// A namespace could not be given a name.
    #[error(
        "cannot give a namespace the name {name}: {source}; `ip netns delete {name}` removes an earlier one"
    )]
    Name { name: String, source: io::Error },
    /// An interface inside a namespace could not be set up.
    #[error("cannot {step} of interface {interface}: {source}")]
    Interface {
        interface: String,
        /// What was tried, for example `set the address`.
        step: &'static str,
        source: io::Error,
    },
    /// There is no interface of that name.
    #[error("there is no interface {interface}; there are: {known}")]
    NoInterface {
        interface: String,
        /// The names of those that there are.
        known: String,
    },
    /// No TAP device.
    #[error("cannot make a TAP device from /dev/net/tun: {source}")]
    Tap { source: io::Error },
    /// The device behind an edge failed while frames went through it.
    #[error("the interface {interface} failed: {source}")]
    Port {
        /// Index of the edge.
        edge: usize,
        interface: String,
        source: io::Error,
    },
    /// A program could not be enclosed or watched.
    #[error("cannot {step} for a program: {source}")]
    Enclosure {
        /// What was tried, for example `make a PID namespace`.
        step: &'static str,
        source: io::Error,
    },
    /// Waiting for frames and deadlines failed.
    #[error("cannot wait for frames: {source}")]
    Wait { source: io::Error },
    /// The signals that end a run could not be caught.
    #[error("cannot catch signals: {source}")]
    Signals { source: io::Error },
    /// What frames on their way out promise could not be kept; they were not sent.
    #[error("{reason}")]
    Promises { reason: String },
    /// A run that stands came to an end by itself.
    #[error("what was to stand came to an end by itself")]
    Ended,
    /// The user ended the run.
    #[error("stopped by {signal}")]
    Stopped {
        /// `SIGINT` or `SIGTERM`.
        signal: &'static str,
    },
}
