//! The port behind an edge: a TAP device in a namespace of its own, or an interface that exists.

use std::io;
use std::os::fd::BorrowedFd;
use std::sync::Arc;

use super::error::LiveError;
use super::netns::Namespace;
use super::packet::PacketPort;
use super::tap::{PortSettings, TapPort};

/// What a port has carried.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct PortCounters {
    /// Frames given to the machine.
    pub sent: u64,
    /// Frames taken from the machine.
    pub received: u64,
    /// Frames that the machine did not take: its queue was full, its interface down, or the frame of a length
    /// that it does not send.
    pub dropped: u64,
}

/// A port of either kind.
#[derive(Debug)]
pub enum Port {
    Tap(TapPort),
    Interface(PacketPort),
}

impl Port {
    /// Makes a namespace with a TAP device as its `eth0`, which is up on return.
    ///
    /// # Errors
    /// As of [`TapPort::open`].
    pub fn open(settings: &PortSettings) -> Result<Port, LiveError> {
        TapPort::open(settings).map(Port::Tap)
    }

    /// A port on an interface of the machine.
    ///
    /// # Errors
    /// As of [`PacketPort::open`].
    pub fn on_interface(name: &str) -> Result<Port, LiveError> {
        PacketPort::open(name).map(Port::Interface)
    }

    /// Gives a frame to the machine, or counts it as dropped.
    ///
    /// # Errors
    /// Only where the device itself is gone or broken.
    pub fn send(&mut self, frame: &[u8]) -> io::Result<()> {
        match self {
            Port::Tap(port) => port.send(frame),
            Port::Interface(port) => port.send(frame),
        }
    }

    /// Takes a frame from the machine: its length in `buffer`. `None`: there is none at present.
    ///
    /// # Errors
    /// Where the device is gone or broken.
    pub fn receive(&mut self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        match self {
            Port::Tap(port) => port.receive(buffer),
            Port::Interface(port) => port.receive(buffer),
        }
    }

    /// The name of the machine's interface; of a TAP device, as its namespace has it.
    pub fn interface(&self) -> &str {
        match self {
            Port::Tap(_) => TapPort::INTERFACE,
            Port::Interface(port) => port.interface(),
        }
    }

    /// The descriptor to wait on: readable when a frame is there.
    pub fn fd(&self) -> BorrowedFd<'_> {
        match self {
            Port::Tap(port) => port.fd(),
            Port::Interface(port) => port.fd(),
        }
    }

    /// The namespace behind the port, in which programs run; an interface has none of its own.
    pub fn namespace(&self) -> Option<&Arc<Namespace>> {
        match self {
            Port::Tap(port) => Some(port.namespace()),
            Port::Interface(_) => None,
        }
    }

    /// Frames for the run that the kernel dropped because nobody read them in time.
    ///
    /// # Errors
    /// Where the kernel does not say.
    pub fn overruns(&mut self) -> Result<u64, LiveError> {
        match self {
            Port::Tap(port) => port.overruns(),
            Port::Interface(port) => port.overruns(),
        }
    }

    /// Frames for the run that were longer than a cable carries, and dropped: joined by the kernel or the card.
    pub fn oversized(&self) -> u64 {
        match self {
            Port::Tap(_) => 0,
            Port::Interface(port) => port.oversized(),
        }
    }

    /// What the port has carried so far.
    pub fn counters(&self) -> PortCounters {
        match self {
            Port::Tap(port) => port.counters(),
            Port::Interface(port) => port.counters(),
        }
    }
}
