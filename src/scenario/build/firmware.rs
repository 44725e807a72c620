//! The boot files of a plan's servers: read from folders, or made up.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use super::{BuildError, Files};
use crate::rng::Rng;
use crate::scenario::plan::{Firmware, HostId, HostKind, MadeFile, Plan};

/// All boot files of a plan. `read` gives the files of a folder that the scenario names.
///
/// # Errors
/// If a folder can't be read.
pub fn firmware(
    plan: &Plan,
    mut read: impl FnMut(&str) -> io::Result<BTreeMap<String, Arc<[u8]>>>,
) -> Result<Files, BuildError> {
    let all = boot_servers(plan).map(|(id, firmware)| Ok((id, files_of(firmware, &mut read)?)));
    all.collect()
}

/// As [`firmware`], without the servers whose folder can't be read.
pub fn readable_firmware(
    plan: &Plan,
    mut read: impl FnMut(&str) -> io::Result<BTreeMap<String, Arc<[u8]>>>,
) -> Files {
    let all = boot_servers(plan);
    all.filter_map(|(id, firmware)| Some((id, files_of(firmware, &mut read).ok()?)))
        .collect()
}

fn boot_servers(plan: &Plan) -> impl Iterator<Item = (HostId, &Firmware)> {
    let hosts = plan.hosts.iter().enumerate();
    hosts.filter_map(|(n, host)| match &host.kind {
        HostKind::Tftp { firmware, .. } => Some((HostId(n), firmware)),
        HostKind::Dns { .. }
        | HostKind::Dhcp { .. }
        | HostKind::Kernel { .. }
        | HostKind::Interface { .. } => None,
    })
}

fn files_of(
    firmware: &Firmware,
    read: &mut impl FnMut(&str) -> io::Result<BTreeMap<String, Arc<[u8]>>>,
) -> Result<BTreeMap<String, Arc<[u8]>>, BuildError> {
    match firmware {
        Firmware::Made(made) => Ok(made.iter().map(|f| (f.name.clone(), make(f))).collect()),
        Firmware::Folder(folder) => read(folder).map_err(|source| BuildError::Firmware {
            folder: folder.clone(),
            source,
        }),
    }
}

/// The content of a made-up boot file: a line with its name and version, then bytes that follow from both.
pub(in crate::scenario) fn make(file: &MadeFile) -> Arc<[u8]> {
    let mut bytes = format!("{} {}\n", file.name, file.version).into_bytes();
    let mut rng = Rng::stream(0, &format!("{} {}", file.name, file.version));
    while bytes.len() < file.bytes {
        bytes.extend(rng.u64().to_le_bytes());
    }
    bytes.truncate(file.bytes);
    bytes.into()
}
