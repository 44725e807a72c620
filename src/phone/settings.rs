//! What a set is: its MAC, its model, and times that no public source gives.

use std::sync::Arc;

use crate::time::Duration;
use crate::wire::Mac;

/// One set's settings. The model's part is shared by all sets of one model.
#[derive(Debug, Clone)]
pub struct PhoneSettings {
    pub mac: Mac,
    /// For example `5360`: the device type that it registers with.
    pub model: Arc<str>,
    /// File names that it asks TFTP for.
    pub boot_file: Arc<str>,
    pub main_file: Arc<str>,
    /// Whether it speaks LLDP.
    pub lldp: bool,
    pub times: Arc<PhoneTimes>,
}

/// A set's own times. All are assumptions: the sources name none of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PhoneTimes {
    /// The first stage: from power until the set looks for its LAN link.
    pub first_stage: Duration,
    /// How long it waits for the voice policy of its switch (LLDP-MED).
    pub policy: Duration,
    /// From the RELEASE of the lease that names a VLAN until DHCP begins in that VLAN.
    pub release: Duration,
    /// Writing the flash memory.
    pub flash: Duration,
    /// From the main image's last byte until it runs.
    pub start_main: Duration,
    /// From a failure or hard reset until the set is back at the beginning of its boot.
    pub restart: Duration,
    /// Between two tries to reach an element. After an Error it is at least 10 s all the same.
    pub retry: Duration,
    /// How long it waits for an element's word after it has sent its registration or a typed PIN, and then
    /// for its communications (`docs/registration-protocol.md`: 30 s).
    pub answer: Duration,
}

impl Default for PhoneTimes {
    fn default() -> Self {
        PhoneTimes {
            first_stage: Duration::from_secs(1),
            policy: Duration::from_secs(3),
            release: Duration::from_secs(1),
            flash: Duration::from_secs(2),
            start_main: Duration::from_secs(1),
            restart: Duration::from_secs(5),
            retry: Duration::from_secs(10),
            answer: Duration::from_secs(30),
        }
    }
}

impl PhoneSettings {
    pub(super) fn supports_cluster(&self) -> bool {
        supports_cluster(&self.model)
    }

    pub(super) fn keeps_pin(&self) -> bool {
        keeps_pin(&self.model)
    }
}

/// Whether sets of a model support registration across a cluster. These do not, and go by a call server that is
/// programmed by hand: the 4000 series, the 5485 paging unit, the 6500 application (DV-1).
pub fn supports_cluster(model: &str) -> bool {
    let series_4000 =
        model.starts_with('4') && model.bytes().take_while(u8::is_ascii_digit).count() == 4;
    !series_4000 && !matches!(model, "5485" | "6500")
}

/// Whether sets of a model keep their PIN over a power-down. The 5485 paging unit and the IP Console applications
/// do not (DV-2), all others do (DV-3). A console's model is `5550`, or has `Console` in its name.
pub fn keeps_pin(model: &str) -> bool {
    !matches!(model, "5485" | "5550") && !model.contains("Console")
}
