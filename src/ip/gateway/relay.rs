//! A DHCP relay agent on an interface of a gateway (RFC 1542 section 4, RFC 2131 section 4.1).
//!
//! ```text
//!   client                      gateway                              server
//!     │ broadcast to port 67       │                                    │
//!     │ giaddr 0, hops 0        ──▶│ giaddr: this interface, hops 1  ──▶│ port 67
//!     │                            │                                    │ scope by giaddr
//!     │ broadcast, or yiaddr    ◀──│ giaddr: one of ours             ◀──│ to giaddr, port 67
//!     │ at chaddr: port 68         │                                    │
//! ```
//!
//! A client without an address can't answer ARP, so what goes to it alone goes to its MAC at once. What a client
//! sends to the server's own address, to renew its lease, is routed like any packet and does not come here.
//!
//! Where it is told to, it says in option 82 where the client is (RFC 3046), and takes the option off what comes back: a
//! client sees nothing of it. Such an option that comes from a client, with no relay before this one, is nobody's
//! word unless the link is trusted.
//!
//! Not here: a threshold of `secs`.

use std::net::Ipv4Addr;

use super::{Gateway, Relay};
use crate::ip::endpoint::why;
use crate::ip::interface::Hop;
use crate::outbox::{DropReason, Outbox};
use crate::sim::Transmit;
use crate::time::Instant;
use crate::wire::dhcp::{BOOTREPLY, BOOTREQUEST, CLIENT_PORT, Message, SERVER_PORT, code};
use crate::wire::{Mac, ipv4, udp};

/// A request that was relayed so often goes no further: "exceeds the value 16" (RFC 1542 section 4.1.1), once this
/// gateway has counted itself.
const HOPS_MAX: u8 = 16;

/// Bytes of an IP and a UDP header.
const HEADERS: usize = 20 + 8;

impl Gateway {
    /// Takes a broadcast: if it is a DHCP client's and the interface has a server to relay to, it goes there.
    pub(super) fn relay_request(
        &mut self,
        now: Instant,
        number: u16,
        (header, payload): (&ipv4::Header, &[u8]),
        out: &mut Outbox<Transmit>,
    ) -> Result<(), DropReason> {
        let leg = &self.legs[usize::from(number)];
        let (own, Some(relay)) = (leg.address, &leg.relay) else {
            return Err(DropReason::BroadcastNotWanted);
        };
        let is_whole = !header.more_fragments && header.fragment_offset == 0;
        if header.protocol != ipv4::UDP || !is_whole {
            return Err(DropReason::BroadcastNotWanted);
        }
        let (ports, payload) = udp::decode(payload, header.src, header.dst).map_err(why)?;
        if ports.dst_port != SERVER_PORT {
            return Err(DropReason::BroadcastNotWanted);
        }
        let mut message = decode(payload)?;
        if message.op != BOOTREQUEST {
            return Err(DropReason::BroadcastNotWanted);
        }
        if message.hops >= HOPS_MAX {
            return Err(DropReason::RelayedTooOften);
        }
        // Nobody before this gateway has an address of its own (RFC 3046 section 2.1.1).
        if self.is_own(message.giaddr) {
            return Err(DropReason::RelaySpoofed);
        }
        message.hops += 1;
        // "If this field is zero, the relay agent MUST fill this field [...]. If [it] contains some non-zero value,
        // [it] MUST NOT be modified" (RFC 1542 section 4.1.1).
        if message.giaddr.is_unspecified() {
            relay.inform(usize::from(leg.interface.mtu), &mut message)?;
            message.giaddr = own;
        }
        for server in relay.servers.clone() {
            let datagram = datagram((own, SERVER_PORT), (server, SERVER_PORT), &message);
            let len = datagram.len();
            self.send_own(now, own, server, ipv4::UDP, len, out, |bytes| {
                bytes.extend_from_slice(&datagram);
            });
        }
        Ok(())
    }

    /// Takes a datagram for the gateway itself, if it is a server's answer to what an interface has relayed; `None`
    /// if not.
    pub(super) fn relay_reply(
        &mut self,
        now: Instant,
        ports: udp::Header,
        payload: &[u8],
        out: &mut Outbox<Transmit>,
    ) -> Option<Result<(), DropReason>> {
        if ports.dst_port != SERVER_PORT || !self.legs.iter().any(|leg| leg.relay.is_some()) {
            return None;
        }
        Some(decode(payload).and_then(|message| self.deliver(now, message, out)))
    }

    /// Hands an answer to its client, on the link that `giaddr` says (RFC 1542 section 4.1.2).
    fn deliver(
        &mut self,
        now: Instant,
        mut message: Message,
        out: &mut Outbox<Transmit>,
    ) -> Result<(), DropReason> {
        let number = self.leg_with(message.giaddr);
        let number = number.ok_or(DropReason::NoListener)?;
        let relay = self.legs[usize::from(number)].relay.as_ref();
        let (Some(relay), BOOTREPLY) = (relay, message.op) else {
            return Err(DropReason::NoListener);
        };
        // "removed by [...] the relay agent [...] which added it" (RFC 3046 section 2.1).
        if message.option(code::RELAY_AGENT).as_deref() == relay.information.as_deref() {
            message.options.remove(code::RELAY_AGENT);
        }
        let is_ethernet = (message.htype, message.hlen) == (1, 6);
        let to_all = message.wants_broadcast() || message.yiaddr.is_unspecified() || !is_ethernet;
        let (dst, mac) = if to_all {
            (Ipv4Addr::BROADCAST, Mac::BROADCAST)
        } else {
            (message.yiaddr, message.mac())
        };
        let own = message.giaddr;
        let datagram = datagram((own, SERVER_PORT), (dst, CLIENT_PORT), &message);
        let header = self.own_header(own, dst, ipv4::UDP);
        let write = |bytes: &mut Vec<u8>| {
            header.encode(datagram.len(), bytes);
            bytes.extend_from_slice(&datagram);
        };
        let leg = &mut self.legs[usize::from(number)];
        leg.interface
            .send(now, own, Hop::Mac(mac), None, write, out);
        Ok(())
    }
}

impl Relay {
    /// Adds option 82 to a client's message as its last, where that does not make it too long for the link (RFC 3046
    /// section 2.1).
    fn inform(&self, mtu: usize, message: &mut Message) -> Result<(), DropReason> {
        if message.option(code::RELAY_AGENT).is_some() {
            return if self.trusts {
                Ok(())
            } else {
                Err(DropReason::RelayUntrusted)
            };
        }
        let Some(information) = &self.information else {
            return Ok(());
        };
        let added = 2 + information.len();
        if HEADERS + message.encode().len() + added <= mtu {
            message.options.push(code::RELAY_AGENT, information);
        }
        Ok(())
    }
}

/// A message that can be handed on whole.
fn decode(payload: &[u8]) -> Result<Message, DropReason> {
    let message = Message::decode(payload).map_err(why)?;
    match message.defect {
        Some(defect) => Err(why(defect)),
        None => Ok(message),
    }
}

/// The UDP datagram with a message.
fn datagram(
    (src, src_port): (Ipv4Addr, u16),
    (dst, dst_port): (Ipv4Addr, u16),
    message: &Message,
) -> Vec<u8> {
    let mut bytes = Vec::new();
    udp::Header { src_port, dst_port }.encode(src, dst, &message.encode(), &mut bytes);
    bytes
}
