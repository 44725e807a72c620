//! From power-up to a running main image: LAN link, DHCP, boot image, flash, main image (ST-1).
//!
//! A DHCP offer without a proper option 125 or 43, or with one that lacks call server or TFTP server, is
//! refused, and the set waits for another. The boot image goes to flash only if it differs from what is
//! there. A download that fails sends the set back to the beginning.

use std::net::Ipv4Addr;

use super::machine::{Event, Phone, State};
use super::memory::FlashImage;
use super::register::Main;
use crate::app::AppEffect;
use crate::dhcp;
use crate::outbox::{Outbox, PhoneEvent};
use crate::rng::Rng;
use crate::tftp::client::{self, ClientConfig, Image};
use crate::time::{Deadline, Instant};
use crate::wire::Mac;
use crate::wire::dhcp::Message;
use crate::wire::reg::Target;
use crate::wire::vendor::{self, CallServers, Chosen};

/// The UDP ports from which a set loads its boot image and its main image. Two, since the client still answers
/// repeats of the first download's last block while the second runs.
const BOOT_LOCAL_PORT: u16 = 2_070;
const MAIN_LOCAL_PORT: u16 = 2_071;
/// Option 60 of a set (T).
const VENDOR_CLASS: &[u8] = b"ipphone.mitel.com";
/// Option 55: mask, router, name server, the two that carry the configuration, and the lease's times.
/// No public capture shows a set's own list.
const PARAMETER_REQUEST_LIST: &[u8] = &[1, 3, 6, 43, 51, 54, 58, 59, 60, 125];
/// The version that a set shows when nothing ever wrote its flash memory.
const FACTORY_VERSION: &str = "factory";

/// Where a booting set stands.
#[derive(Debug)]
pub(super) struct Boot {
    /// This boot began with `*` held: the registration is a reset of the DN (ST-3).
    reset: bool,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// No carrier since power-up.
    Link,
    Dhcp,
    /// The boot image is on its way.
    BootImage(Provision),
    /// The flash memory is being written until then.
    Flash(Provision, Instant),
    MainImage(Provision),
    /// The main image starts at this time.
    StartMain(Provision, FlashImage, Instant),
}

/// What DHCP told the set.
#[derive(Debug, Clone)]
pub(super) struct Provision {
    pub(super) address: Ipv4Addr,
    /// At least one.
    pub(super) call_servers: Vec<Target>,
    tftp_server: Ipv4Addr,
}

impl Provision {
    fn new(address: Ipv4Addr, chosen: Chosen) -> Provision {
        Provision {
            address,
            call_servers: match chosen.call_srv {
                CallServers::Addresses(list) => list.into_iter().map(Target::Address).collect(),
                CallServers::Name(name) => vec![Target::Fqdn(name)],
            },
            tftp_server: chosen.sw_tftp,
        }
    }
}

impl Boot {
    pub(super) fn deadline(&self) -> Deadline {
        match &self.stage {
            Stage::Flash(_, at) => Some((*at, "flash written")),
            Stage::StartMain(_, _, at) => Some((*at, "main starts")),
            Stage::Link | Stage::Dhcp | Stage::BootImage(_) | Stage::MainImage(_) => None,
        }
    }
}

/// The set's DHCP client: any offer that does not tell it its servers is refused.
pub(super) fn dhcp_client(mac: Mac, rng: Rng) -> dhcp::Client {
    let config = dhcp::ClientConfig {
        mac,
        vendor_class: VENDOR_CLASS.into(),
        parameter_request_list: PARAMETER_REQUEST_LIST.into(),
        policy: provisioned,
        broadcast: false,
        timing: dhcp::Timing::default(),
    };
    dhcp::Client::new(config, rng)
}

pub(super) fn tftp_client(rng: Rng) -> client::Client {
    client::Client::new(ClientConfig::default(), rng)
}

fn provisioned(offer: &Message) -> Result<(), String> {
    vendor::choose(offer)
        .map(|_| ())
        .map_err(|refusal| refusal.to_string())
}

impl Phone {
    pub(super) fn begin_boot(
        &mut self,
        now: Instant,
        reset: bool,
        out: &mut Outbox<AppEffect>,
    ) -> State {
        let version = self.boot_version();
        let mac = self.settings.mac.to_string().to_uppercase();
        self.show(out, mac, format!("Booting: {version}"));
        let boot = Boot {
            reset,
            stage: Stage::Link,
        };
        if self.has_carrier() {
            self.boot_with_carrier(now, boot, out)
        } else {
            State::Boot(boot)
        }
    }

    /// A carrier is there: a set that waited for it begins with DHCP, any other goes on.
    pub(super) fn boot_with_carrier(
        &mut self,
        now: Instant,
        boot: Boot,
        out: &mut Outbox<AppEffect>,
    ) -> State {
        let Stage::Link = boot.stage else {
            return State::Boot(boot);
        };
        self.show(out, "Waiting for DHCP", "");
        if let Some(dhcp::ClientEvent::Discovering) = self.dhcp.start(now, out) {
            self.show(out, "DHCP: Discovery", "");
        }
        State::Boot(Boot {
            stage: Stage::Dhcp,
            ..boot
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
        let times = self.settings.times;
        let stage = match (boot.stage, event) {
            (Stage::Dhcp, Event::Dhcp(event)) => match self.dhcp_says(event, out) {
                Ok(Some(provision)) => self.load_boot_image(now, provision, out),
                Ok(None) => Stage::Dhcp,
                Err(reason) => return self.start_over(now, reason, out),
            },
            (Stage::BootImage(provision), Event::Tftp(client::ClientEvent::Done(image))) => {
                let found = self.downloaded(&self.settings.boot_file.clone(), &image, out);
                if self.memory.flash.as_ref() == Some(&found) {
                    self.flashed(false, &found.version, out);
                    self.show(out, "Upgrade not required", "");
                    self.load_main_image(now, provision, out)
                } else {
                    self.show(out, "Upgrading Flash", "DO NOT POWER DOWN");
                    self.flashed(true, &found.version, out);
                    self.memory.flash = Some(found);
                    Stage::Flash(provision, now + times.flash)
                }
            }
            (Stage::Flash(provision, at), Event::Timeout) if now >= at => {
                self.load_main_image(now, provision, out)
            }
            (Stage::MainImage(provision), Event::Tftp(client::ClientEvent::Done(image))) => {
                let found = self.downloaded(&self.settings.main_file.clone(), &image, out);
                self.show(out, "Starting main", "");
                Stage::StartMain(provision, found, now + times.start_main)
            }
            (Stage::StartMain(provision, main, at), Event::Timeout) if now >= at => {
                return self.start_main(now, provision, main, boot.reset, out);
            }
            (Stage::BootImage(_), Event::Tftp(client::ClientEvent::Failed { reason })) => {
                let file = self.settings.boot_file.to_string();
                return self.download_failed(now, file, reason, out);
            }
            (Stage::MainImage(_), Event::Tftp(client::ClientEvent::Failed { reason })) => {
                let file = self.settings.main_file.to_string();
                return self.download_failed(now, file, reason, out);
            }
            // Everything else changes nothing here: a late datagram, a lease renewed, a deadline of the clients.
            (stage, _) => stage,
        };
        State::Boot(Boot { stage, ..boot })
    }

    /// What the DHCP client says, on the display; with an address, what it told the set.
    fn dhcp_says(
        &mut self,
        event: dhcp::ClientEvent,
        out: &mut Outbox<AppEffect>,
    ) -> Result<Option<Provision>, String> {
        match event {
            dhcp::ClientEvent::Discovering => self.show(out, "DHCP: Discovery", ""),
            dhcp::ClientEvent::OfferRefused {
                server,
                reason,
                count,
            } => {
                self.show(out, format!("DHCP: Offer {count} Rej"), "");
                self.tell(out, PhoneEvent::OfferRefused { server, reason });
            }
            dhcp::ClientEvent::OfferAccepted { count, .. } => {
                self.show(out, format!("DHCP: Offer {count} Acc"), "");
            }
            dhcp::ClientEvent::Bound(lease) => {
                let chosen =
                    vendor::choose(&lease.message).map_err(|refusal| refusal.to_string())?;
                self.show(out, "DHCP: Ack", format!("Using option {}", chosen.source));
                self.tell(
                    out,
                    PhoneEvent::Bound {
                        address: lease.address,
                        prefix_len: lease.prefix_len,
                        gateway: lease.router,
                        server: lease.server,
                        lease: lease.lease,
                    },
                );
                return Ok(Some(Provision::new(lease.address, chosen)));
            }
            dhcp::ClientEvent::Renewed(_) | dhcp::ClientEvent::Lost { .. } => {}
        }
        Ok(None)
    }

    fn load_boot_image(
        &mut self,
        now: Instant,
        provision: Provision,
        out: &mut Outbox<AppEffect>,
    ) -> Stage {
        let file = self.settings.boot_file.clone();
        self.load(now, &provision, &file, BOOT_LOCAL_PORT, out);
        Stage::BootImage(provision)
    }

    fn load_main_image(
        &mut self,
        now: Instant,
        provision: Provision,
        out: &mut Outbox<AppEffect>,
    ) -> Stage {
        let file = self.settings.main_file.clone();
        self.load(now, &provision, &file, MAIN_LOCAL_PORT, out);
        Stage::MainImage(provision)
    }

    fn load(
        &mut self,
        now: Instant,
        provision: &Provision,
        file: &str,
        local_port: u16,
        out: &mut Outbox<AppEffect>,
    ) {
        let server = provision.tftp_server;
        self.show(out, server.to_string(), "Downloading");
        self.tftp.start(now, server, file, local_port, out);
    }

    fn downloaded(&self, file: &str, image: &Image, out: &mut Outbox<AppEffect>) -> FlashImage {
        self.tell(
            out,
            PhoneEvent::Downloaded {
                file: file.to_owned(),
                bytes: image.bytes,
                port: image.port,
            },
        );
        FlashImage {
            version: version_of(image),
            bytes: image.bytes,
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
        self.show(out, "Download failed", "");
        let why = format!("{file}: {reason}");
        self.tell(out, PhoneEvent::DownloadFailed { file, reason });
        self.start_over(now, why, out)
    }

    fn flashed(&self, written: bool, version: &str, out: &mut Outbox<AppEffect>) {
        let version = version.to_owned();
        self.tell(out, PhoneEvent::Flash { version, written });
    }

    /// Main runs: it shows its versions and addresses, and begins to register.
    fn start_main(
        &mut self,
        now: Instant,
        provision: Provision,
        main: FlashImage,
        reset: bool,
        out: &mut Outbox<AppEffect>,
    ) -> State {
        let boot_version = self.boot_version();
        self.show(
            out,
            format!("MAIN {}", main.version),
            format!("BOOT {boot_version}"),
        );
        let main = Main::new(provision, main.version, reset);
        self.begin_registration(now, main, out)
    }

    fn boot_version(&self) -> String {
        match &self.memory.flash {
            Some(image) => image.version.clone(),
            None => FACTORY_VERSION.to_owned(),
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
        Some(version) if version.len() <= 16 && version.is_ascii() => version.to_owned(),
        _ => format!("{:08x}", image.crc32),
    }
}
