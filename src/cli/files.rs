//! Files that a run reads and writes: firmware folders, captures.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::RunArgs;

/// Every file of a firmware folder, which is named relative to the scenario file.
pub(super) fn firmware_folder(
    scenario: &Path,
    folder: &str,
) -> io::Result<BTreeMap<String, Arc<[u8]>>> {
    let beside = scenario.parent().unwrap_or(Path::new(""));
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(beside.join(folder))? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            let name = entry.file_name().to_string_lossy().into_owned();
            files.insert(name, fs::read(entry.path())?.into());
        }
    }
    Ok(files)
}

/// Where the capture of a run goes; `None`: nowhere.
pub(super) fn capture_path(args: &RunArgs) -> Option<PathBuf> {
    if args.no_capture {
        return None;
    }
    let default = || {
        // Only the last ending goes: `office.v1.toml` and `office.v2.toml` have a capture each.
        let mut name = args.scenario.file_stem().unwrap_or_default().to_owned();
        name.push(".pcapng");
        Path::new("captures").join(name)
    };
    Some(args.capture.clone().unwrap_or_else(default))
}

/// Creates the capture file, and the folder that it is in.
pub(super) fn create_capture(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    File::create(path)
}
