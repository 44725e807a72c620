//! From power-up to a running main image: LAN link, DHCP, boot image, flash, main image (ST-1).
//!
//! A DHCP offer without a proper option 125 or 43, or with one that lacks call server or TFTP server, is
//! refused, and the set waits for another. The boot image goes to flash only if it differs from what is
//! there; until it is written the flash memory holds none, so a power-down meanwhile leaves the factory's.
//! A download that fails sends the set back to the beginning.
//!
//! An ACK that names a VLAN and a priority sends the set there: it gives its lease back and runs DHCP again
//! (`vlan.rs`).
//!
//! A lost carrier ends nothing here: DHCP and TFTP go on asking, and the display says what is missing.

use super::display::Screen;
use super::machine::{Event, Phone, State};
use super::memory::FlashImage;
use super::phase::Main;
use super::provision::{self, Provision};
use super::vlan::{Vlan, VlanSource};
use crate::app::AppEffect;
use crate::dhcp;
use crate::outbox::{Outbox, PhoneEvent};
use crate::rng::Rng;
use crate::tftp::client::{self, Image};
use crate::time::{Deadline, Instant};
use crate::wire::dhcp::Message;
use crate::wire::vendor::{self, Chosen};

/// The version that a set shows when its flash memory has no boot image but the factory's.
const FACTORY_VERSION: &str = "factory";
/// The longest version that is taken from an image's first line.
const VERSION_LEN_MAX: usize = 16;

/// Where a booting set stands.
#[derive(Debug)]
pub(super) struct Boot {
    /// This boot began with `*` held: the registration is a reset of the DN (ST-3).
    reset: bool,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// The first stage runs until then.
    First(Instant),
    /// No carrier so far.
    Link,
    /// Its switch may say the VLAN until then (LLDP-MED).
    Policy(Instant),
    Dhcp,
    /// The lease is given back until then; after that DHCP begins in this VLAN.
    Releasing(Vlan, Instant),
    /// The boot image is on its way.
    BootImage(Provision),
    /// The boot image is being written to flash until then.
    Flash(Provision, FlashImage, Instant),
    MainImage(Provision),
    /// The main image starts at this time.
    StartMain(Provision, FlashImage, Instant),
}

impl Boot {
    pub(super) fn deadline(&self) -> Deadline {
        match &self.stage {
            Stage::First(at) => Some((*at, "first stage")),
            Stage::Policy(at) => Some((*at, "LLDP-MED policy")),
            Stage::Releasing(_, at) => Some((*at, "lease released")),
            Stage::Flash(_, _, at) => Some((*at, "flash written")),
            Stage::StartMain(_, _, at) => Some((*at, "main starts")),
            Stage::Link | Stage::Dhcp | Stage::BootImage(_) | Stage::MainImage(_) => None,
        }
    }

    /// Whether it has looked for an address and got one.
    pub(super) fn has_address(&self) -> bool {
        match &self.stage {
            Stage::First(_)
            | Stage::Link
            | Stage::Policy(_)
            | Stage::Dhcp
            | Stage::Releasing(..) => false,
            Stage::BootImage(_) | Stage::Flash(..) | Stage::MainImage(_) | Stage::StartMain(..) => {
                true
            }
        }
    }

    /// The stage's name in the golden table.
    #[cfg(test)]
    pub(super) fn name(&self) -> &'static str {
        match &self.stage {
            Stage::First(_) => "First stage",
            Stage::Link => "LAN link",
            Stage::Policy(_) => "LLDP",
            Stage::Dhcp => "DHCP",
            Stage::Releasing(..) => "Releasing",
            Stage::BootImage(_) => "Boot image",
            Stage::Flash(..) => "Flash",
            Stage::MainImage(_) => "Main image",
            Stage::StartMain(..) => "Starting main",
        }
    }
}

impl Phone {
    pub(super) fn begin_boot(
        &mut self,
        now: Instant,
        reset: bool,
        out: &mut Outbox<AppEffect>,
    ) -> State {
        self.leave_vlan(out);
        self.end_lldp(out);
        self.show(Screen::Booting, out);
        State::Boot(Boot {
            reset,
            stage: Stage::First(now + self.settings.times.first_stage),
        })
    }

    /// One event of a set that boots.
    pub(super) fn boot(
        &mut self,
        now: Instant,
        boot: Boot,
        event: Event,
        out: &mut Outbox<AppEffect>,
    ) -> State {
        let stage = match (boot.stage, event) {
            (Stage::First(at), Event::Timeout) if now >= at => self.look_for_link(now, out),
            (Stage::Link, Event::Carrier(true)) => self.link_is_up(now, out),

            (Stage::Policy(_), Event::Policy(vlan)) => {
                self.enter_vlan(vlan, VlanSource::LldpMed, out);
                self.begin_dhcp(now, out)
            }
            (Stage::Policy(at), Event::Timeout) if now >= at => self.begin_dhcp(now, out),

            (Stage::Dhcp, Event::Dhcp(dhcp::ClientEvent::Bound(lease, ack))) => {
                match self.bound(&lease, &ack, out) {
                    Ok(chosen) => match self.sent_on(&chosen) {
                        Some(vlan) => self.give_back(now, vlan, out),
                        None => {
                            let provision = Provision::new(lease.address, chosen);
                            self.load_boot_image(now, provision, out)
                        }
                    },
                    Err(reason) => return self.start_over(now, Screen::Dark, reason, out),
                }
            }
            (Stage::Dhcp, Event::Dhcp(event)) => {
                self.dhcp_says(event, out);
                Stage::Dhcp
            }
            (Stage::Releasing(vlan, at), Event::Timeout) if now >= at => {
                self.dhcp.stop(now, out);
                self.enter_vlan(vlan, VlanSource::Dhcp, out);
                self.begin_dhcp(now, out)
            }

            (Stage::BootImage(provision), Event::Tftp(client::ClientEvent::Done(image))) => {
                self.boot_image(now, provision, &image, out)
            }
            (Stage::Flash(provision, image, at), Event::Timeout) if now >= at => {
                let version = image.version.to_string();
                self.memory.flash = Some(image);
                let written = true;
                self.tell(PhoneEvent::Flash { version, written }, out);
                self.load_main_image(now, provision, out)
            }
            (Stage::MainImage(provision), Event::Tftp(client::ClientEvent::Done(image))) => {
                let main = self.downloaded(self.settings.main_file.to_string(), &image, out);
                self.show(Screen::StartingMain, out);
                Stage::StartMain(provision, main, now + self.settings.times.start_main)
            }
            (Stage::StartMain(provision, main, at), Event::Timeout) if now >= at => {
                self.show(Screen::MainRuns(main.version.clone()), out);
                let main = Main::new(provision, main.version, boot.reset);
                return self.begin_registration(now, main, out);
            }

            (Stage::BootImage(_), Event::Tftp(client::ClientEvent::Failed { reason })) => {
                let file = self.settings.boot_file.to_string();
                return self.download_failed(now, file, reason, out);
            }
            (Stage::MainImage(_), Event::Tftp(client::ClientEvent::Failed { reason })) => {
                let file = self.settings.main_file.to_string();
                return self.download_failed(now, file, reason, out);
            }
            // Everything else changes nothing here: a carrier that goes or is back, a lease renewed, another
            // attempt of a download, a late event of a connection.
            (stage, _) => stage,
        };
        State::Boot(Boot { stage, ..boot })
    }

    /// The first stage is over: a set with a carrier goes on, one without waits for it.
    fn look_for_link(&mut self, now: Instant, out: &mut Outbox<AppEffect>) -> Stage {
        if self.carrier {
            self.begin_lldp(now, out);
            return self.link_is_up(now, out);
        }
        self.show(Screen::NoLink, out);
        Stage::Link
    }

    /// Before DHCP a set that speaks LLDP hears what its switch says of VLANs, unless it was programmed.
    fn link_is_up(&mut self, now: Instant, out: &mut Outbox<AppEffect>) -> Stage {
        if !self.settings.lldp || self.memory.vlan.is_some() {
            return self.begin_dhcp(now, out);
        }
        self.show(Screen::WaitingForPolicy, out);
        Stage::Policy(now + self.settings.times.policy)
    }

    fn begin_dhcp(&mut self, now: Instant, out: &mut Outbox<AppEffect>) -> Stage {
        if let (None, Some(vlan)) = (self.vlan, self.memory.vlan) {
            self.enter_vlan(vlan, VlanSource::Manual, out);
        }
        self.show(Screen::WaitingForDhcp, out);
        let event = match self.memory.address {
            Some(address) => self.dhcp.reboot(now, address, out),
            None => self.dhcp.start(now, out),
        };
        if let Some(event) = event {
            self.dhcp_says(event, out);
        }
        Stage::Dhcp
    }

    /// What the DHCP client says before it has an address. After a loss it begins anew by itself.
    fn dhcp_says(&mut self, event: dhcp::ClientEvent, out: &mut Outbox<AppEffect>) {
        match event {
            dhcp::ClientEvent::Discovering => self.show(Screen::Discovery, out),
            dhcp::ClientEvent::OfferRefused {
                server,
                reason,
                count,
            } => {
                self.show(Screen::OfferRejected(count), out);
                self.tell(PhoneEvent::OfferRefused { server, reason }, out);
            }
            dhcp::ClientEvent::OfferAccepted { count, .. } => {
                self.show(Screen::OfferAccepted(count), out);
            }
            dhcp::ClientEvent::Lost { reason } => {
                self.memory.address = None;
                let reason = reason.to_owned();
                self.tell(PhoneEvent::Restart { reason }, out);
                self.show(Screen::WaitingForDhcp, out);
            }
            dhcp::ClientEvent::Bound(..)
            | dhcp::ClientEvent::Renewed(_)
            | dhcp::ClientEvent::Informed(_) => {}
        }
    }

    /// The set has an address. `Err` says why it is of no use: the server's ACK lacks what its offer had.
    fn bound(
        &mut self,
        lease: &dhcp::Lease,
        ack: &Message,
        out: &mut Outbox<AppEffect>,
    ) -> Result<Chosen, String> {
        let bound = PhoneEvent::Bound {
            address: lease.address,
            prefix_len: lease.prefix_len,
            gateway: lease.router,
            server: lease.server,
            lease: lease.lease,
        };
        if self.settings.remembers_address() {
            self.memory.address = Some(lease.address);
        }
        let chosen = vendor::choose(ack);
        if let Ok(chosen) = &chosen {
            self.show(Screen::Acknowledged(chosen.source), out);
        }
        self.tell(bound, out);
        chosen.map_err(|refusal| format!("ACK of {}: {refusal}", lease.server))
    }

    /// DHCP sends the set to a VLAN: it gives its lease back, and keeps the address until the message has left.
    fn give_back(&mut self, now: Instant, vlan: Vlan, out: &mut Outbox<AppEffect>) -> Stage {
        self.show(Screen::Releasing(vlan), out);
        self.dhcp.give_back(out);
        let Vlan { id, priority } = vlan;
        self.tell(PhoneEvent::Released { id, priority }, out);
        Stage::Releasing(vlan, now + self.settings.times.release)
    }

    fn load_boot_image(
        &mut self,
        now: Instant,
        provision: Provision,
        out: &mut Outbox<AppEffect>,
    ) -> Stage {
        let file = self.settings.boot_file.to_string();
        self.load(now, &provision, &file, out);
        Stage::BootImage(provision)
    }

    fn load_main_image(
        &mut self,
        now: Instant,
        provision: Provision,
        out: &mut Outbox<AppEffect>,
    ) -> Stage {
        let file = self.settings.main_file.to_string();
        self.load(now, &provision, &file, out);
        Stage::MainImage(provision)
    }

    fn load(
        &mut self,
        now: Instant,
        provision: &Provision,
        file: &str,
        out: &mut Outbox<AppEffect>,
    ) {
        let server = provision.tftp_server;
        self.show(Screen::Downloading(server), out);
        let seed = self.rng.u64();
        let tftp = self.tftp.get_or_insert_with(|| {
            let rng = Rng::stream(seed, "client");
            Box::new(provision::tftp_client(rng))
        });
        tftp.start(now, server, file, out);
    }

    /// The boot image is there: it is written to flash if it is another one than the one there.
    fn boot_image(
        &mut self,
        now: Instant,
        provision: Provision,
        image: &Image,
        out: &mut Outbox<AppEffect>,
    ) -> Stage {
        let found = self.downloaded(self.settings.boot_file.to_string(), image, out);
        if self.memory.flash.as_ref() == Some(&found) {
            let version = found.version.to_string();
            let written = false;
            self.tell(PhoneEvent::Flash { version, written }, out);
            self.show(Screen::UpgradeNotRequired, out);
            return self.load_main_image(now, provision, out);
        }
        self.show(Screen::UpgradingFlash, out);
        self.memory.flash = None;
        Stage::Flash(provision, found, now + self.settings.times.flash)
    }

    fn downloaded(&self, file: String, image: &Image, out: &mut Outbox<AppEffect>) -> FlashImage {
        let (bytes, port) = (image.bytes, image.port);
        self.tell(PhoneEvent::Downloaded { file, bytes, port }, out);
        FlashImage {
            version: version_of(image).into(),
            bytes,
            crc32: image.crc32,
        }
    }

    fn download_failed(
        &mut self,
        now: Instant,
        file: String,
        reason: String,
        out: &mut Outbox<AppEffect>,
    ) -> State {
        let why = format!("{file}: {reason}");
        self.tell(PhoneEvent::DownloadFailed { file, reason }, out);
        self.start_over(now, Screen::DownloadFailed, why, out)
    }

    /// The version of the boot image in flash.
    pub(super) fn boot_version(&self) -> &str {
        match &self.memory.flash {
            Some(image) => &image.version,
            None => FACTORY_VERSION,
        }
    }
}

/// An image's version: the second word of its first line where that is text, else its checksum.
///
/// The vendor's format is not public; the images that this project makes begin with such a line.
fn version_of(image: &Image) -> String {
    let line = image.head.split(|byte| *byte == b'\n').next();
    let words = line.and_then(|line| std::str::from_utf8(line).ok());
    let version = words.and_then(|words| words.split_whitespace().nth(1));
    match version {
        Some(version) if version.len() <= VERSION_LEN_MAX && version.is_ascii() => {
            version.to_owned()
        }
        _ => format!("{:08x}", image.crc32),
    }
}
