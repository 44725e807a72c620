//! The plan: a scenario with every default filled in and every name resolved.
//!
//! A plan looks at no machine and holds no left-over choice: what the file left out has its default here.
//! `check --explain` prints it. Stations refer to each other by index into the plan's own lists.

mod expected;
mod faults;
mod frames;
mod network;
mod outside;
mod prefix;
mod programs;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::ops::Range;
use std::sync::Arc;

pub use self::expected::{Expectation, PhoneIs, Set, What, When};
pub use self::faults::{
    Bitrate, Burst, Cables, Corruption, Cut, Fault, FaultId, FileChange, Flap, Impairment, Place,
    Probability, Say, SendFrame,
};
pub use self::frames::{Count, Frames, Since};
pub use self::outside::{Driver, Outside};
pub use self::programs::{Control, Exec, HostProgram, ProgramIs, Ready};
pub use crate::controller::{Fault as ElementFault, Operation, SetKey};
pub use crate::ip::{ArpMode, ReversePath};
use crate::phone::PhoneDhcp;
pub use crate::phone::Vlan;
use crate::time::Duration;
use crate::wire::Mac;
pub use crate::wire::lldp::Policy;
pub use network::{Cable, Dhcp, Route, Router, RouterInterface, Subnet};
pub use prefix::Prefix;

/// A network and what is to happen in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// One sentence, for a reader.
    pub title: String,
    /// Rule ids that the scenario shows, for example `MV-2`.
    pub shows: Vec<String>,
    /// Ids of the warnings that it silences, since it stages what they warn of.
    pub allow: Vec<String>,
    /// Words by which scenarios are chosen from many.
    pub tags: Vec<String>,
    pub seed: u64,
    pub subnets: Vec<Subnet>,
    pub routers: Vec<Router>,
    pub hosts: Vec<Host>,
    pub elements: Vec<Element>,
    /// What joins pairs of elements where it is no IP trunk, by the lower one.
    pub trunks: BTreeMap<(ElementId, ElementId), TrunkKind>,
    pub phones: Vec<Phone>,
    /// Names of phones that one table made in numbers (`count`), with their range in `phones`.
    pub groups: Vec<Group>,
    /// Names of faults; by [`FaultId`].
    pub faults: Vec<String>,
    pub steps: Vec<Step>,
}

/// Index into [`Plan::subnets`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SubnetId(pub usize);
/// Index into [`Plan::hosts`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostId(pub usize);
/// Index into [`Plan::elements`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ElementId(pub usize);
/// Index into [`Plan::phones`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PhoneId(pub usize);

/// A station that is no phone, element or router.
#[derive(Debug, Clone, PartialEq)]
pub struct Host {
    pub name: String,
    pub at: SubnetId,
    pub mac: Mac,
    pub kind: HostKind,
}

#[derive(Debug, Clone, PartialEq)]
pub enum HostKind {
    /// A server of boot files.
    Tftp {
        address: Ipv4Addr,
        ports: Vec<u16>,
        /// The largest block that it agrees to, in bytes.
        block_size: u16,
        firmware: Firmware,
    },
    /// A DNS server.
    Dns {
        address: Ipv4Addr,
        /// Whole seconds.
        ttl: Duration,
        delay: Duration,
        records: Vec<(String, Ipv4Addr)>,
    },
    /// The DHCP server of each subnet whose [`Subnet::dhcp`] names this address.
    Dhcp { address: Ipv4Addr },
    /// A kernel of the machine behind a TAP device in a namespace of its own: live only. `address` is given to
    /// its interface before the first step; without one it starts with none (and may ask for one by DHCP).
    Kernel {
        address: Option<Ipv4Addr>,
        /// Subnets of the same switch whose VLANs its port carries too, tagged.
        trunk: Vec<SubnetId>,
        /// What stands there.
        program: Option<HostProgram>,
    },
    /// An interface of the machine, plugged into the segment: live only, and named on the command line alone.
    Interface { device: String },
}

impl HostKind {
    /// Whether what stands there is outside the emulated network.
    pub fn is_outside(&self) -> bool {
        match self {
            HostKind::Kernel { .. } | HostKind::Interface { .. } => true,
            HostKind::Tftp { .. } | HostKind::Dns { .. } | HostKind::Dhcp { .. } => false,
        }
    }
}

/// The boot files of a TFTP server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Firmware {
    /// Every file of this folder, relative to the scenario file.
    Folder(String),
    /// Made up: name, version and size in bytes of each file; the content follows from them alone.
    Made(Vec<MadeFile>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeFile {
    pub name: String,
    pub version: String,
    pub bytes: usize,
}

/// A controller of the cluster, with its forms.
#[derive(Debug, Clone, PartialEq)]
pub struct Element {
    pub name: String,
    pub at: SubnetId,
    pub address: Ipv4Addr,
    pub mac: Mac,
    /// Its name for sets and other elements, if it is container-based (CL-9).
    pub fqdn: Option<String>,
    /// 1 to 999.
    pub ceid_index: u16,
    /// 1 to 7 digits.
    pub ceid_digits: String,
    pub registration_code: String,
    pub replacement_code: String,
    /// Telephone Directory, with the MAC of Multiline IP Sets where one is programmed: DN, MAC.
    pub directory: Vec<(String, Option<Mac>)>,
    /// First and last DN of automatic selection (RG-13).
    pub automatic: Option<(String, String)>,
    /// Remote Directory Numbers: DN, CEID digits.
    pub remote: Vec<(String, String)>,
    /// Cluster Elements: CEID digits, ICP/PBX number.
    pub cluster: Vec<(String, u16)>,
    /// ICP/PBX Networking: ICP/PBX number, its entry.
    pub networking: Vec<(u16, Networking)>,
    pub heartbeat: Duration,
    /// What stands in its place; `None`: the reference controller.
    pub outside: Option<Outside>,
    /// What it does wrong.
    pub fault: Option<ElementFault>,
}

/// What joins two elements (CL-5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrunkKind {
    Ip,
    Dpnss,
    None,
}

/// An entry of ICP/PBX Networking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Networking {
    /// Address in dotted decimal, or FQDN.
    pub address: String,
    /// The PBX number: must equal the element's CEID index (CL-3).
    pub pbx_number: u16,
}

/// A set.
#[derive(Debug, Clone, PartialEq)]
pub struct Phone {
    pub name: String,
    pub model: Model,
    pub mac: Mac,
    pub at: SubnetId,
    /// The PIN that its user types whenever it prompts; `None`: nobody types.
    pub user_pin: Option<String>,
    /// How long the user takes to type it.
    pub user_delay: Duration,
    /// The PIN in its memory before the run.
    pub stored_pin: Option<String>,
    /// The call server that was programmed on it by hand (DV-1).
    pub call_server: Option<Ipv4Addr>,
    /// What it does with DHCP that no set is known to do; `None`: nothing.
    pub dhcp: Option<Arc<PhoneDhcp>>,
    /// The VLAN that was programmed on it by hand.
    pub vlan: Option<Vlan>,
    /// Whether it speaks LLDP.
    pub lldp: bool,
}

/// What a set's model decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    /// For example `5360`.
    pub name: String,
    pub boot_file: String,
    pub main_file: String,
}

/// Phones made in numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    pub name: String,
    pub phones: Range<usize>,
}

/// One step of the timeline. Steps follow each other; a step begins when the one before has ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Line of the scenario file, from 1, for reports.
    pub line: usize,
    /// A sentence for the reader, if the file has one.
    pub note: Option<String>,
    pub kind: StepKind,
}

#[derive(Debug, Clone, PartialEq)]
pub enum StepKind {
    Act(Action),
    Expect {
        when: When,
        expectations: Vec<Expectation>,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// `over`: the phones start evenly spread over this time; the step ends when the last one has started.
    PowerUp {
        phones: Vec<PhoneId>,
        holding_star: bool,
        over: Duration,
    },
    PowerDown {
        phones: Vec<PhoneId>,
    },
    /// The cable goes to another port: of the same subnet or of another one.
    Move {
        phones: Vec<PhoneId>,
        to: SubnetId,
    },
    Unplug {
        phones: Vec<PhoneId>,
    },
    /// Back into the port it was pulled from.
    Plug {
        phones: Vec<PhoneId>,
    },
    EnterPin {
        phone: PhoneId,
        pin: String,
    },
    Wait(Duration),
    /// A station or a router loses power, or gets it back.
    Stop(Powered),
    Start(Powered),
    /// An administrator does this at each of these elements.
    Administer {
        at: Vec<ElementId>,
        operation: Operation,
    },
    /// DNs become another element's, with the sets that are at them.
    MoveDns {
        dns: Vec<String>,
        from: ElementId,
        to: ElementId,
    },
    /// From now on this is the address of a name at a DNS server; none: the name does not exist.
    SetRecord {
        server: HostId,
        name: String,
        to: Option<Ipv4Addr>,
    },
    /// Runs a command on a kernel host and waits for its end: live only.
    Exec(Exec),
    /// A fault begins, with whatever it does on its cables.
    Fault(Box<Fault>),
    EndFault(FaultId),
    Flap(Flap),
    ChangeFile {
        server: HostId,
        file: String,
        change: FileChange,
    },
    /// A DHCP server's clock is ahead by so much more from now on.
    JumpLeaseClock {
        server: HostId,
        by: Duration,
    },
    Send(SendFrame),
    Say(Say),
    /// Starts or ends the program of a kernel host: live only.
    Control(HostId, Control),
}

/// A host or an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum StationId {
    Host(HostId),
    Element(ElementId),
}

/// What a step can stop and start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Powered {
    Station(StationId),
    /// Index into the plan's routers.
    Router(usize),
}

impl Plan {
    /// The subnets that the DHCP server with this address serves.
    pub fn served_by(&self, server: Ipv4Addr) -> impl Iterator<Item = (SubnetId, &Dhcp)> {
        let all = (0..).map(SubnetId).zip(&self.subnets);
        let all = all.flat_map(|(id, subnet)| subnet.dhcp.iter().map(move |dhcp| (id, dhcp)));
        all.filter(move |(_, dhcp)| dhcp.server == server)
    }

    /// Whether this is the address of a server, an element or a router, or that of a kernel host.
    pub fn is_a_stations(&self, address: Ipv4Addr) -> bool {
        let of_host = |host: &Host| match host.kind {
            HostKind::Tftp { address, .. }
            | HostKind::Dns { address, .. }
            | HostKind::Dhcp { address } => Some(address),
            HostKind::Kernel { address, .. } => address,
            HostKind::Interface { .. } => None,
        };
        let hosts = self.hosts.iter().filter_map(of_host);
        let elements = self.elements.iter().map(|element| element.address);
        let interfaces = self.routers.iter().flat_map(|router| &router.interfaces);
        let routers = interfaces.map(|interface| interface.address);
        hosts
            .chain(elements)
            .chain(routers)
            .any(|own| own == address)
    }

    /// The program that stands at a station.
    pub fn program(&self, station: StationId) -> Option<&HostProgram> {
        match station {
            StationId::Host(host) => match &self.hosts[host.0].kind {
                HostKind::Kernel { program, .. } => program.as_ref(),
                HostKind::Tftp { .. }
                | HostKind::Dns { .. }
                | HostKind::Dhcp { .. }
                | HostKind::Interface { .. } => None,
            },
            StationId::Element(element) => {
                let outside = self.elements[element.0].outside.as_ref();
                outside.map(|outside| &outside.program)
            }
        }
    }

    /// The stations that are outside the emulated network: hosts, then elements.
    pub fn outside(&self) -> impl Iterator<Item = StationId> + '_ {
        let hosts = (0..).map(HostId).zip(&self.hosts);
        let hosts = hosts.filter(|(_, host)| host.kind.is_outside());
        let elements = (0..).map(ElementId).zip(&self.elements);
        let elements = elements.filter(|(_, element)| element.outside.is_some());
        let hosts = hosts.map(|(id, _)| StationId::Host(id));
        hosts.chain(elements.map(|(id, _)| StationId::Element(id)))
    }

    /// What joins these two elements.
    pub fn trunk(&self, a: ElementId, b: ElementId) -> TrunkKind {
        let kind = self.trunks.get(&(a.min(b), a.max(b)));
        kind.copied().unwrap_or(TrunkKind::Ip)
    }
}
