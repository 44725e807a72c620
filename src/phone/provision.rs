//! What DHCP tells a set, and how the set's two clients are set up.

use std::net::Ipv4Addr;
use std::sync::{Arc, LazyLock};

use super::settings::{PhoneDhcp, PhoneSettings};
use crate::dhcp;
use crate::rng::Rng;
use crate::tftp::client;
use crate::wire::dhcp::Message;
use crate::wire::reg::Target;
use crate::wire::vendor::{self, CallServers, Chosen};

/// Option 60 of a set (T).
const VENDOR_CLASS: &[u8] = b"ipphone.mitel.com";
/// Option 55: mask, router, name server, the two that carry the configuration, and the lease's times.
/// No public capture shows a set's own list.
const PARAMETER_REQUEST_LIST: &[u8] = &[1, 3, 6, 43, 51, 54, 58, 59, 60, 125];

/// What DHCP told the set.
#[derive(Debug)]
pub(super) struct Provision {
    pub(super) address: Ipv4Addr,
    pub(super) tftp_server: Ipv4Addr,
    /// At least one.
    pub(super) call_servers: Box<[Target]>,
}

impl Provision {
    pub(super) fn new(address: Ipv4Addr, chosen: Chosen) -> Provision {
        Provision {
            address,
            tftp_server: chosen.sw_tftp,
            call_servers: match chosen.call_srv {
                CallServers::Addresses(list) => list.into_iter().map(Target::Address).collect(),
                CallServers::Name(name) => Box::new([Target::Fqdn(name)]),
            },
        }
    }
}

/// The set's DHCP client: any offer that does not tell it its servers is refused.
pub(super) fn dhcp_client(settings: &PhoneSettings, rng: Rng) -> dhcp::Client {
    static CONFIG: LazyLock<Arc<dhcp::ClientConfig>> =
        LazyLock::new(|| Arc::new(dhcp_config(&PhoneDhcp::default())));
    let config = match &settings.dhcp {
        Some(own) => Arc::new(dhcp_config(own)),
        None => Arc::clone(&CONFIG),
    };
    dhcp::Client::new(settings.mac, config, rng)
}

fn dhcp_config(own: &PhoneDhcp) -> dhcp::ClientConfig {
    dhcp::ClientConfig {
        vendor_class: VENDOR_CLASS.into(),
        parameter_request_list: PARAMETER_REQUEST_LIST.into(),
        policy: provisioned,
        broadcast: false,
        client_id: own.client_id.clone(),
        max_message_size: own.max_message_size,
        rapid_commit: own.rapid_commit,
        check: own.check,
        timing: dhcp::Timing::default(),
    }
}

/// The set's TFTP client.
pub(super) fn tftp_client(rng: Rng) -> client::Client {
    static CONFIG: LazyLock<Arc<client::ClientConfig>> = LazyLock::new(Arc::default);
    client::Client::new(Arc::clone(&CONFIG), rng)
}

fn provisioned(offer: &Message) -> Result<(), String> {
    vendor::choose(offer)
        .map(|_| ())
        .map_err(|refusal| refusal.to_string())
}
