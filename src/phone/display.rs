//! What a set's display shows, as data; the words are in one place.
//!
//! While DHCP runs in a VLAN the lower line says which.
//!
//! The texts are the vendor's; only `Enter PIN`, what stands in service, the three about names, the one about LLDP and
//! the two of sets that go by a programmed call server are this project's, since no public source gives them. Without a carrier a set
//! shows [`Screen::NoLink`] in place of everything else, but for its first stage, which looks at no link yet.

use std::net::Ipv4Addr;
use std::sync::Arc;

use super::machine::Phone;
use super::vlan::Vlan;
use crate::app::AppEffect;
use crate::outbox::{Display, Outbox, PhoneEvent};
use crate::wire::reg::Reason;
use crate::wire::vendor::Source;

/// What the two lines say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Screen {
    /// No power, or a restart on its way.
    Dark,
    /// The first stage runs.
    Booting,
    NoLink,
    WaitingForPolicy,
    WaitingForDhcp,
    Discovery,
    /// The how many-th offer since DHCP began.
    OfferRejected(u32),
    OfferAccepted(u32),
    Acknowledged(Source),
    /// The lease goes back, for one in this VLAN.
    Releasing(Vlan),
    /// From this server.
    Downloading(Ipv4Addr),
    UpgradingFlash,
    UpgradeNotRequired,
    DownloadFailed,
    StartingMain,
    /// The main image of this version runs.
    MainRuns(Arc<str>),
    /// The address of the element of this name is being looked for.
    Resolving(Arc<str>),
    /// The name servers know no address of it.
    NameNotFound(Arc<str>),
    /// No name server answered.
    NoNameServer(Arc<str>),
    /// A TCP link is being opened.
    Connecting {
        set: Ipv4Addr,
        element: Ipv4Addr,
    },
    /// There is no TCP link to an element (MV-2).
    WaitingForLink,
    /// Nobody has programmed the call server of a set that goes by no other (DV-1).
    NoCallServer,
    /// Such a set was told to go to another element.
    RedirectIgnored(Arc<str>),
    WaitingForAck {
        element: Ipv4Addr,
    },
    EnterPin(Reason),
    WaitingForComms {
        element: Ipv4Addr,
    },
    InService {
        dn: Arc<str>,
        element: Ipv4Addr,
    },
}

impl Screen {
    fn lines(&self, set: &Phone) -> Display {
        let icp = |element: &Ipv4Addr| format!("ICP {element}");
        match self {
            Screen::Dark => Display::default(),
            Screen::Booting => Display::new(
                set.settings.mac.to_string().to_uppercase(),
                format!("Booting: {}", set.boot_version()),
            ),
            Screen::NoLink => Display::new("Waiting for LAN link", "to come up"),
            Screen::WaitingForPolicy => Display::new("Waiting for LLDP", ""),
            Screen::WaitingForDhcp => Display::new("Waiting for DHCP", set.vlan_line()),
            Screen::Discovery => Display::new("DHCP: Discovery", set.vlan_line()),
            Screen::OfferRejected(n) => {
                Display::new(format!("DHCP: Offer {n} Rej"), set.vlan_line())
            }
            Screen::OfferAccepted(n) => {
                Display::new(format!("DHCP: Offer {n} Acc"), set.vlan_line())
            }
            Screen::Acknowledged(source) => {
                Display::new("DHCP: Ack", format!("Using option {source}"))
            }
            Screen::Releasing(vlan) => Display::new("DHCP: Releasing", vlan.to_string()),
            Screen::Downloading(server) => Display::new(server.to_string(), "Downloading"),
            Screen::UpgradingFlash => Display::new("Upgrading Flash", "DO NOT POWER DOWN"),
            Screen::UpgradeNotRequired => Display::new("Upgrade not required", ""),
            Screen::DownloadFailed => Display::new("Download failed", ""),
            Screen::StartingMain => Display::new("Starting main", ""),
            Screen::MainRuns(version) => Display::new(
                format!("MAIN {version}"),
                format!("BOOT {}", set.boot_version()),
            ),
            Screen::Connecting { set, element } => Display::new(format!("Set {set}"), icp(element)),
            Screen::Resolving(name) => Display::new("Resolving", name.to_string()),
            Screen::NameNotFound(name) => Display::new("Name not found", name.to_string()),
            Screen::NoNameServer(name) => Display::new("No name server", name.to_string()),
            Screen::WaitingForLink => Display::new("Waiting for Link", ""),
            Screen::NoCallServer => Display::new("No call server", "is programmed"),
            Screen::RedirectIgnored(to) => Display::new("Redirect ignored", to.to_string()),
            Screen::WaitingForAck { element } => Display::new("Waiting for ACK...", icp(element)),
            Screen::EnterPin(reason) => Display::new("Enter PIN", reason.to_string()),
            Screen::WaitingForComms { element } => {
                Display::new("Waiting for COMMS...", icp(element))
            }
            Screen::InService { dn, element } => Display::new(format!("DN {dn}"), icp(element)),
        }
    }
}

impl Phone {
    /// Shows something else.
    pub(super) fn show(&mut self, screen: Screen, out: &mut Outbox<AppEffect>) {
        self.screen = screen;
        self.refresh(out);
    }

    /// Whether its first stage is over.
    pub(super) fn looks_at_link(&self) -> bool {
        !matches!(self.screen, Screen::Dark | Screen::Booting)
    }

    /// Tells what the display shows if that has changed.
    pub(super) fn refresh(&mut self, out: &mut Outbox<AppEffect>) {
        let visible = match self.looks_at_link() && !self.carrier {
            true => &Screen::NoLink,
            false => &self.screen,
        };
        if *visible != self.shown {
            self.shown = visible.clone();
            self.tell(PhoneEvent::Display(self.shown.lines(self)), out);
        }
    }
}
