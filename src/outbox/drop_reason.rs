//! Why a frame went no further: the closed list.

use std::fmt;

macro_rules! drop_reasons {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// Why a frame went no further.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum DropReason { $($(#[$doc])* $name,)* }

        impl DropReason {
            /// Every reason, in the order of the list.
            pub const ALL: &[DropReason] = &[$(DropReason::$name,)*];

            /// The reason in words: a lower-case fragment.
            pub const fn as_str(self) -> &'static str {
                match self { $(DropReason::$name => $text,)* }
            }
        }
    };
}

drop_reasons! {
    /// A link: its cable was pulled before the frame arrived, or while it waited at the sender for ARP.
    LinkDown = "link down",
    /// A port with no cable in it; of a flood, every port that it was for.
    NotConnected = "no cable in the port",
    /// A link: more bytes waiting than its queue holds.
    QueueFull = "queue of the link is full",
    /// A link: a fault of the scenario lost it.
    LostByFault = "lost by a fault",
    /// A switch: the frame's VLAN is not allowed at the port.
    VlanNotAllowed = "VLAN not allowed at this port",
    /// A switch: the destination is known to be where the frame came from.
    SamePort = "destination is behind the port it came from",
    /// A switch: to an address that no bridge hands on (IEEE 802.1Q-2022 table 8-1), of nothing that it speaks.
    NoFurther = "for the other end of the cable alone",
    /// A host or gateway: unicast to another MAC (a switch floods what it has not learnt).
    NotForThisMac = "destination MAC is another station's",
    /// A host: a frame without the tag of its VLAN, or with the tag of another one.
    NotForThisVlan = "frame is of another VLAN",
    /// A host or gateway: an ARP request for an address that is not its own.
    ArpNotForUs = "ARP for another station",
    /// A host or gateway: a broadcast to a UDP port that nobody here listens on.
    BroadcastNotWanted = "broadcast that nobody here listens to",
    /// A host: a packet for another IP address.
    NotForThisAddress = "destination address is another host's",
    /// A host that has no address yet, or a station without power.
    NotReady = "station has no address or no power",
    /// The bytes could not be decoded.
    Undecodable = "can't be decoded",
    /// A checksum was wrong.
    BadChecksum = "bad checksum",
    /// An EtherType or IP protocol that nobody here speaks.
    UnknownProtocol = "protocol not spoken here",
    /// A UDP port or a TCP connection that nobody here listens on.
    NoListener = "nobody listens on that port",
    /// A gateway: the time to live ran out (RFC 1812 section 5.3.1).
    TtlExceeded = "time to live exceeded",
    /// A gateway: a DHCP message that has passed too many relay agents (RFC 1542 section 4.1.1).
    RelayedTooOften = "relayed too often",
    /// No route to the destination.
    NoRoute = "no route to the destination",
    /// A gateway: the way to the source address leads out of another interface (RFC 3704).
    ReversePath = "source address belongs behind another interface",
    /// The packet is larger than the next link takes.
    TooBig = "larger than the link's MTU",
    /// A fragment whose packet's other fragments did not come in time.
    FragmentsMissing = "other fragments did not come",
    /// A fragment that covers bytes of its packet that another has brought, or that does not fit to the others.
    FragmentOverlap = "fragment overlaps another",
    /// A fragment for which there is no room: too many wait for others.
    FragmentsFull = "too many fragments wait",
    /// The neighbour did not answer ARP.
    NeighbourFailed = "neighbour did not answer ARP",
    /// Too much was already waiting for the neighbour's answer to ARP; the oldest goes.
    NeighbourQueueFull = "too much waits for ARP",
    /// No room for one more neighbour, and none that could be forgotten.
    NeighboursFull = "too many neighbours",
    /// A host: no room for one more TCP connection.
    ConnectionsFull = "too many connections",
    /// A source address that no station may use (RFC 1812 section 5.3.7).
    MartianSource = "impossible source address",
}

impl DropReason {
    /// Whether this is how a shared segment works anyway (others' frames), and not worth a line in a report.
    pub const fn is_routine(self) -> bool {
        matches!(
            self,
            DropReason::SamePort
                | DropReason::NoFurther
                | DropReason::NotForThisMac
                | DropReason::NotForThisVlan
                | DropReason::ArpNotForUs
                | DropReason::BroadcastNotWanted
        )
    }
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
