//! What a connection's smoltcp instance takes for its network device.

use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::time::Instant as Micros;

/// What smoltcp takes for its device: at most one packet in, any number out.
#[derive(Debug)]
pub(super) struct Wire<'a> {
    pub(super) mtu: u16,
    pub(super) incoming: Option<&'a [u8]>,
    pub(super) outgoing: &'a mut Vec<u8>,
}

#[derive(Debug)]
pub(super) struct Incoming<'a>(&'a [u8]);

#[derive(Debug)]
pub(super) struct Outgoing<'a>(&'a mut Vec<u8>);

impl Device for Wire<'_> {
    type RxToken<'a>
        = Incoming<'a>
    where
        Self: 'a;
    type TxToken<'a>
        = Outgoing<'a>
    where
        Self: 'a;

    fn receive(&mut self, _now: Micros) -> Option<(Incoming<'_>, Outgoing<'_>)> {
        let packet = self.incoming.take()?;
        Some((Incoming(packet), Outgoing(self.outgoing)))
    }

    fn transmit(&mut self, _now: Micros) -> Option<Outgoing<'_>> {
        Some(Outgoing(self.outgoing))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = usize::from(self.mtu);
        capabilities
    }
}

impl RxToken for Incoming<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(self.0)
    }
}

impl TxToken for Outgoing<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let start = self.0.len();
        self.0.resize(start + len, 0);
        f(&mut self.0[start..])
    }
}

/// IP packets in one row, cut by their lengths.
#[derive(Debug)]
pub(in crate::ip) struct Packets<'a>(pub(in crate::ip) &'a [u8]);

impl<'a> Iterator for Packets<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let len = self
            .0
            .get(2..4)
            .map(|len| u16::from_be_bytes([len[0], len[1]]))?;
        let (packet, rest) = self.0.split_at_checked(usize::from(len))?;
        self.0 = rest;
        (!packet.is_empty()).then_some(packet)
    }
}
