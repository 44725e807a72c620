//! Finds scenarios: files as named, and those in folders.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::exit::Exit;
use super::{complain, unreadable};
use crate::scenario::{Scenario, is_meant_as_scenario};

/// A scenario file.
#[derive(Debug)]
pub(super) struct Found {
    /// Its path below the folder that was named, with `/` between folders; of a file that was named, its last part.
    pub(super) name: String,
    pub(super) path: PathBuf,
    /// What is wrong with it, if it is not whole.
    pub(super) scenario: Result<Scenario, String>,
}

/// The scenarios of these files and folders, by name. A file is found once, however often it is named.
///
/// In a folder, each file that ends in `.toml` and is meant as a scenario is one; folders whose names begin with a dot
/// are passed over.
pub(super) fn discover(paths: &[PathBuf]) -> Result<Vec<Found>, Exit> {
    let mut files: Vec<(String, PathBuf)> = Vec::new();
    for path in paths {
        let found = match path.is_dir() {
            true => search(path, "", &mut files),
            false => {
                let name = path.file_name().unwrap_or_default();
                files.push((name.to_string_lossy().into_owned(), path.clone()));
                Ok(())
            }
        };
        found.map_err(|error| unreadable(path, &error))?;
    }
    let mut places = BTreeMap::new();
    let mut found: BTreeMap<String, Found> = BTreeMap::new();
    for (name, path) in files {
        let place = fs::canonicalize(&path).map_err(|error| unreadable(&path, &error))?;
        if places.insert(place, ()).is_some() {
            continue;
        }
        let shown = path.display().to_string();
        let text = match fs::read_to_string(&path) {
            Ok(text) => Ok(text),
            // Bytes that are no text are no TOML either.
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                Err(format!("error: {shown}: {error}"))
            }
            Err(error) => return Err(unreadable(&path, &error)),
        };
        // A file that was named is meant, whatever it holds.
        let is_other = |text: &String| !is_meant_as_scenario(text);
        if !paths.contains(&path) && text.as_ref().is_ok_and(is_other) {
            continue;
        }
        let scenario = text
            .and_then(|text| Scenario::read(&text).map_err(|it| it.render(&shown, &text, false)));
        if let Some(other) = found.get(&name) {
            let other = other.path.display();
            complain(&format!(
                "error: {other} and {shown} are both called {name}: name a folder that holds both"
            ));
            return Err(Exit::ScenarioWrong);
        }
        let key = name.clone();
        found.insert(
            key,
            Found {
                name,
                path,
                scenario,
            },
        );
    }
    Ok(found.into_values().collect())
}

/// Adds what may be a scenario in a folder. `below`: the way to it from the folder that was named, with a `/` at its end.
fn search(folder: &Path, below: &str, files: &mut Vec<(String, PathBuf)>) -> io::Result<()> {
    let entries: Result<Vec<_>, _> = fs::read_dir(folder)?.collect();
    let mut entries = entries?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        // A link to a folder could lead back.
        if entry.file_type()?.is_dir() {
            if !name.starts_with('.') {
                search(&path, &format!("{below}{name}/"), files)?;
            }
        } else if path.extension().is_some_and(|ending| ending == "toml") && path.is_file() {
            files.push((format!("{below}{name}"), path));
        }
    }
    Ok(())
}
