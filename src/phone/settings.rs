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
    pub times: PhoneTimes,
}

/// A set's own times. All are assumptions: the sources name none of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PhoneTimes {
    /// Writing the flash memory.
    pub flash: Duration,
    /// From the main image's last byte until it runs.
    pub start_main: Duration,
    /// From a failure until the set is back at the beginning of its boot.
    pub restart: Duration,
    /// Between two tries to reach an element.
    pub retry: Duration,
    /// How long it waits for an element's word after it has sent its registration, typed PIN or heartbeat.
    pub answer: Duration,
}

impl Default for PhoneTimes {
    fn default() -> Self {
        PhoneTimes {
            flash: Duration::from_secs(2),
            start_main: Duration::from_secs(1),
            restart: Duration::from_secs(5),
            retry: Duration::from_secs(10),
            answer: Duration::from_secs(30),
        }
    }
}
