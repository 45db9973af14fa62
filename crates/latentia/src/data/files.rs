//! Rows that are files of a folder; the names of its sub-folders are classes.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::plan::Request;
use crate::{DataError, Error, Result};

/// Name of the column of classes, which are the names of folders.
pub(crate) const FOLDER: &str = "folder";
/// Name of the column that names rows.
pub(crate) const FILE: &str = "file";

/// The files of a folder and of its sub-folders that are `wanted`, with their classes, in order of name.
pub(crate) fn list(folder: &Path, wanted: fn(&Path) -> bool) -> Result<Vec<(PathBuf, Option<String>)>> {
    let mut files = Vec::new();
    for path in entries(folder)? {
        if path.is_dir() {
            let class = path.file_name().map(|name| name.to_string_lossy().into_owned());
            let within = entries(&path)?.into_iter().filter(|path| wanted(path));
            files.extend(within.map(|file| (file, class.clone())));
        } else if wanted(&path) {
            files.push((path, None));
        }
    }
    Ok(files)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let read = fs::read_dir(folder).map_err(|e| Error::io(folder, "read", e))?;
    let paths = read.map(|entry| Ok(entry.map_err(|e| Error::io(folder, "read", e))?.path()));
    let mut paths = paths.collect::<Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

/// What a row is called: its file as seen from the folder.
pub(crate) fn within(folder: &Path, file: &Path) -> String {
    let within = file.strip_prefix(folder).ok().filter(|within| *within != Path::new(""));
    within.unwrap_or(file).display().to_string()
}

/// Refuses a label that is not [`FOLDER`]; `rows` are "images" or "documents".
pub(crate) fn check_label(request: Request<'_>, rows: &str) -> Result<()> {
    let own = |label: &&String| request.schema.is_none() && *label != FOLDER;
    match request.options.label.as_ref().filter(own) {
        Some(label) => {
            let expected = format!("\"{FOLDER}\": the classes of {rows} are the names of their folders");
            Err(DataError::new(request.path, format!("the label \"{label}\""), expected).into())
        }
        None => Ok(()),
    }
}
