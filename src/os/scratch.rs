//! A folder that vanishes when it is dropped.

use std::path::{Path, PathBuf};
use std::{env, fs, io, process};

/// A folder of this process alone, for what nobody wants to keep.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// A new folder in the machine's place for such.
    ///
    /// # Errors
    /// It could not be made; the error names it.
    pub fn new() -> io::Result<Scratch> {
        let path = env::temp_dir().join(format!("jackfield-{}", process::id()));
        let made = fs::create_dir(&path);
        made.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?;
        Ok(Scratch(path))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays behind there does no harm.
        let _ = fs::remove_dir_all(&self.0);
    }
}
