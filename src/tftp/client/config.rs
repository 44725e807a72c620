//! What a client is told, and what it tells.

use super::Image;
use crate::time::Duration;

/// How a client asks, and for how long.
#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// The server's ports, in the order in which they are tried. At least one.
    pub ports: Vec<u16>,
    /// Block sizes to ask for, in order; after the last the client asks without options.
    pub blksizes: Vec<u16>,
    /// How often to try, at least once.
    pub attempts: u32,
    /// The shortest and longest wait between two attempts.
    pub retry_wait: (Duration, Duration),
    /// The longest silence between two packets.
    pub packet_timeout: Duration,
    /// How long to wait before the last packet is sent again. *Not documented for sets; 1 s here.*
    pub resend: Duration,
    /// The longest time for a whole download.
    pub download_limit: Duration,
    /// Whether to ask for the file's size (RFC 2349), and to refuse a file of another size.
    pub send_tsize: bool,
    /// Options sent as they are, names and values; what a server makes of them is not looked at.
    pub extra_options: Vec<(String, String)>,
}

impl Default for ClientConfig {
    fn default() -> ClientConfig {
        ClientConfig {
            ports: vec![20_001, 69],
            blksizes: vec![4_096, 2_048, 1_024, 512],
            attempts: 3,
            retry_wait: (Duration::from_secs(15), Duration::from_secs(30)),
            packet_timeout: Duration::from_secs(4),
            resend: Duration::from_secs(1),
            download_limit: Duration::from_mins(20),
            send_tsize: true,
            extra_options: Vec::new(),
        }
    }
}

/// What a client tells its set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientEvent {
    /// It asks on another port, or begins another attempt. Attempts count from 1; the very first
    /// request, on the first port, is not told.
    Attempt { n: u32, port: u16 },
    /// The file is complete.
    Done(Image),
    /// All attempts failed, the last one for this reason.
    Failed { reason: String },
}
