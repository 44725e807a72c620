//! `jackfield option125`: the sets' configuration in DHCP, from bytes to words and back.

use std::fs;
use std::io::{self, Read as _};
use std::path::Path;

use clap::{Args, Subcommand, ValueEnum};

use super::exit::Exit;
use super::{complain, print};
use crate::capture::is_capture;
use crate::option125::{self, Code, Found, InputError, Refused, decode, explain};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Say what an option says, and whether a set takes it.
    Decode(Input),
    /// The same byte by byte, with each defect and its mend.
    Explain(Input),
    /// Make the bytes, and lines for DHCP servers.
    Encode(Settings),
}

/// What is read.
#[derive(Debug, Args)]
pub(super) struct Input {
    /// Bytes as hexadecimal digits in any way, the configuration text, a file with either of them, a pcap or pcapng
    /// file, or `-` for standard input.
    #[arg(required = true)]
    input: Vec<String>,
    /// The option that the bytes are the value of; without it, as they begin.
    #[arg(long, value_enum, value_name = "CODE")]
    of: Option<Of>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Of {
    #[value(name = "125")]
    Option125,
    #[value(name = "43")]
    Option43,
}

/// What is written: a text, or the values of its tags.
#[derive(Debug, Args)]
pub(super) struct Settings {
    /// The whole text: `id:ipphone.mitel.com;sw_tftp=…;call_srv=…`.
    text: Option<String>,
    /// One to four IPv4 addresses with commas between, or an FQDN.
    #[arg(long)]
    call_srv: Option<String>,
    /// IPv4 addresses; sets use the first.
    #[arg(long)]
    sw_tftp: Option<String>,
    /// An IPv4 address, with or without a port.
    #[arg(long)]
    ipa_srv: Option<String>,
    /// 0 to 4095.
    #[arg(long)]
    vlan: Option<String>,
    /// 0 to 7, or three of these as in `6v6s3`.
    #[arg(long)]
    l2p: Option<String>,
    /// 0 to 63, or three of these as in `46v46s26`.
    #[arg(long)]
    dscp: Option<String>,
    /// A name of at most 40 characters, with or without a port.
    #[arg(long)]
    app_proxy: Option<String>,
    /// The number of the sub-option of layout B.
    #[arg(long, value_name = "N", default_value_t = 130, value_parser = clap::value_parser!(u8).range(1..=254))]
    sub_option: u8,
}

pub(super) fn run(command: &Command) -> Exit {
    match command {
        Command::Decode(input) => tell(input, decode),
        Command::Explain(input) => tell(input, explain),
        Command::Encode(settings) => encode(settings),
    }
}

fn tell(input: &Input, words: fn(&Found) -> String) -> Exit {
    let found = match read(input) {
        Ok(found) => found,
        Err(reason) => {
            complain(&format!("error: {reason}"));
            return Exit::ScenarioWrong;
        }
    };
    let told: Vec<String> = found.iter().map(words).collect();
    print(&told.join("\n"));
    if found.is_empty() {
        complain("no option 125 or 43 in any DHCP message of this capture");
    }
    if !found.is_empty() && found.iter().all(Found::is_taken) {
        Exit::Passed
    } else {
        Exit::ExpectationFailed
    }
}

/// Everything that the input holds. The error is for the user.
fn read(input: &Input) -> Result<Vec<Found>, String> {
    let words = input.input.join(" ");
    let bytes = match input.input.as_slice() {
        [one] if one == "-" => {
            let mut bytes = Vec::new();
            let read = io::stdin().read_to_end(&mut bytes);
            read.map_err(|error| format!("standard input: {error}"))?;
            bytes
        }
        [one] if Path::new(one).is_file() => {
            fs::read(one).map_err(|error| format!("{one}: {error}"))?
        }
        _ => words.clone().into_bytes(),
    };
    if is_capture(&bytes) {
        let all = option125::in_frames(&bytes).map_err(|error| format!("{words}: {error}"))?;
        return Ok(all.found);
    }
    let code = input.of.map(|of| match of {
        Of::Option125 => Code::Option125,
        Of::Option43 => Code::Option43,
    });
    let text = String::from_utf8_lossy(&bytes);
    let found = option125::parse(&text, code).map_err(|error| match input.input.as_slice() {
        [one] if is_no_file(one, &error) => format!("{error}; nor is there a file of this name"),
        _ => error.to_string(),
    })?;
    Ok(vec![found])
}

/// Whether a word that is no option may have been meant as a file, and is none.
fn is_no_file(word: &str, error: &InputError) -> bool {
    matches!(error, InputError::NotHex { .. }) && word != "-" && !Path::new(word).exists()
}

fn encode(settings: &Settings) -> Exit {
    let fields = [
        ("sw_tftp", settings.sw_tftp.as_deref()),
        ("call_srv", settings.call_srv.as_deref()),
        ("ipa_srv", settings.ipa_srv.as_deref()),
        ("vlan", settings.vlan.as_deref()),
        ("l2p", settings.l2p.as_deref()),
        ("dscp", settings.dscp.as_deref()),
        ("app_proxy", settings.app_proxy.as_deref()),
    ];
    match option125::encode(settings.text.as_deref(), &fields, settings.sub_option) {
        Ok(encoded) => {
            print(&encoded.shown());
            Exit::Passed
        }
        Err(refused) => {
            complain(&format!("error: {refused}"));
            match refused {
                Refused::Nothing | Refused::Both => Exit::ScenarioWrong,
                Refused::Defective(defect) => {
                    complain(&format!("mend: {}", defect.mend));
                    Exit::ExpectationFailed
                }
                Refused::NoServers | Refused::Encode(_) => Exit::ExpectationFailed,
            }
        }
    }
}
