//! Data sets by name: where they come from, under which licence, and how to know that a copy is whole.
//!
//! A file is looked for in the folder that the environment variable `LATENTIA_DATA` names, then in the cache
//! (`$XDG_CACHE_HOME/latentia`, else `~/.cache/latentia`), each with one sub-folder a set: `mnist/train-images-idx3-ubyte.gz`.

use std::{
    env,
    io::Read,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

#[cfg(feature = "download")]
mod download;
mod entries;

#[cfg(feature = "download")]
pub use download::{fetch, get};
pub use entries::{ENTRIES, VIEW_SETS};

use super::{
    ImageShape, Matrix, ReadOptions, Source,
    documents::{REUTERS_TEST, REUTERS_TRAIN},
    matrix_source::MatrixSource,
    open::{open_bytes, read_error},
    plan::Request,
    preprocess::nearest,
    views::spell,
};
use crate::{DataError, Result};

/// A file of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct File {
    /// Its name, without the folder.
    pub name: &'static str,
    /// SHA-256 of its content, unpacked where it is gzipped.
    pub sha256: &'static str,
}

/// A data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The name it goes by.
    pub name: &'static str,
    /// What it holds.
    pub about: &'static str,
    /// The licence as its source states it.
    pub licence: &'static str,
    /// The folder on the web that its files can be fetched from as they are.
    pub address: Option<&'static str>,
    /// Where it is published and what its files here are of that, where there is nothing to fetch as it is.
    pub origin: Option<&'static str>,
    /// The folder it lies in.
    pub folder: &'static str,
    /// Its files: the training file first.
    pub files: &'static [File],
    /// The file with the rows for the final figures, or the name of a part of the set.
    pub test: Option<&'static str>,
    /// The column with the classes, where the file does not say so itself.
    pub label: Option<&'static str>,
    /// Whether the first line names the columns, where it does not look as it should.
    pub header: Option<bool>,
}

/// Data sets that are views of the same rows, read together under one name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ViewSet {
    /// The name it goes by.
    pub name: &'static str,
    /// What it holds.
    pub about: &'static str,
    /// Each view with the data set that it is.
    pub views: &'static [(&'static str, &'static str)],
}

/// The views of that name.
pub fn find_views(name: &str) -> Option<&'static ViewSet> {
    VIEW_SETS.iter().find(|set| set.name == name)
}

/// The files of a data set on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The file to train on.
    pub train: PathBuf,
    /// The file with the rows for the final figures.
    pub test: Option<PathBuf>,
    /// The column with the classes.
    pub label: Option<&'static str>,
    /// Whether the first line names the columns.
    pub header: Option<bool>,
}

const DIGITS: &[u8] = include_bytes!("../../data/digits.csv.gz");
const DIGITS_SHAPE: ImageShape = ImageShape { channels: 1, height: 8, width: 8 };

/// The data set of that name.
///
/// # Errors
/// There is none; the nearest name is told.
pub fn find(name: &str) -> Result<&'static Entry> {
    by_name(name).ok_or_else(|| {
        let names = ENTRIES.iter().map(|entry| entry.name).chain(VIEW_SETS.iter().map(|set| set.name));
        let near = nearest(name, names);
        let hint = near.map_or(String::new(), |near| format!("The nearest data set is \"{near}\""));
        DataError::new(name, "no such file or data set", "one of them").hint(hint).into()
    })
}

fn by_name(name: &str) -> Option<&'static Entry> {
    ENTRIES.iter().find(|entry| entry.name == name)
}

/// The files of the data set `name` on this machine.
///
/// # Errors
/// There is no such data set (the nearest name is told), or a file of it is not here (how to get it is told).
pub fn resolve(name: &str) -> Result<Resolved> {
    let entry = find(name)?;
    let Some(train) = entry.files.first() else {
        return Ok(Resolved {
            train: PathBuf::from(name),
            test: None,
            label: entry.label,
            header: entry.header,
        });
    };
    for file in entry.files {
        locate(entry, file.name)?;
    }
    let first = locate(entry, train.name)?;
    if entry.test == Some(REUTERS_TEST) {
        let folder = first.parent().unwrap_or(Path::new(".")).to_owned();
        return match entry
            .files
            .iter()
            .find(|file| locate(entry, file.name).is_ok_and(|p| !p.starts_with(&folder)))
        {
            None => Ok(Resolved {
                train: folder.join(REUTERS_TRAIN),
                test: Some(folder.join(REUTERS_TEST)),
                label: entry.label,
                header: entry.header,
            }),
            Some(file) => {
                Err(DataError::new(folder.join(file.name), "the file in another folder", "all in one").into())
            }
        };
    }
    let test = entry.test.map(|file| locate(entry, file)).transpose()?;
    Ok(Resolved { train: first, test, label: entry.label, header: entry.header })
}

/// Checks the files of a data set on this machine against their SHA-256.
///
/// # Errors
/// As [`resolve`], and when the content of a file is another.
pub fn verify(entry: &Entry) -> Result<()> {
    for file in entry.files {
        let path = locate(entry, file.name)?;
        let found = digest(&path)?;
        if found != file.sha256 {
            let found = format!("content with SHA-256 {found}");
            return Err(DataError::new(path, found, file.sha256).hint("Fetch the file again").into());
        }
    }
    Ok(())
}

/// SHA-256 of the content of a file, unpacked when it is gzipped.
fn digest(path: &Path) -> Result<String> {
    let mut bytes = open_bytes(path)?;
    let (mut hash, mut buffer) = (Sha256::new(), vec![0; 1 << 16]);
    loop {
        match bytes.read(&mut buffer).map_err(|e| read_error(path, &e))? {
            0 => return Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()),
            n => hash.update(&buffer[..n]),
        }
    }
}

fn variable(name: &str) -> Option<PathBuf> {
    env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// Where fetched data sets lie: `$XDG_CACHE_HOME/latentia`, else `~/.cache/latentia`; none without a home directory.
pub fn cache() -> Option<PathBuf> {
    let caches = variable("XDG_CACHE_HOME").or_else(|| variable("HOME").map(|home| home.join(".cache")));
    caches.map(|caches| caches.join("latentia"))
}

/// The folders that data sets are looked for in.
fn folders() -> Vec<PathBuf> {
    variable("LATENTIA_DATA").into_iter().chain(cache()).collect()
}

/// A file of a data set, gzipped or not.
fn locate(entry: &Entry, file: &str) -> Result<PathBuf> {
    let plain = file.strip_suffix(".gz").unwrap_or(file);
    let folders = folders();
    for folder in &folders {
        for name in [format!("{plain}.gz"), plain.to_owned()] {
            let path = folder.join(entry.folder).join(name);
            if path.is_file() {
                return Ok(path);
            }
        }
    }
    let place = folders.last().map_or(PathBuf::new(), |folder| folder.join(entry.folder));
    let hint = match entry.address {
        Some(_) if cfg!(feature = "download") => {
            format!("Fetch it with `latentia data get {}`, or set LATENTIA_DATA", entry.name)
        }
        Some(address) => format!("Fetch {address}/{file} into {}, or set LATENTIA_DATA", place.display()),
        None => format!(
            "{}. Put it into {}, or set LATENTIA_DATA to a folder that has {}/{file}",
            entry.origin.unwrap_or("It is not published"),
            place.display(),
            entry.folder
        ),
    };
    Err(DataError::new(file, format!("no copy of the data set \"{}\" here", entry.name), "its files")
        .hint(hint)
        .into())
}

/// Whether `path` is the name of the data set within the library rather than a file.
pub(crate) fn is_embedded(path: &Path) -> bool {
    path.as_os_str() == "digits" && !path.exists()
}

/// The digits that are part of the library.
pub(crate) fn embedded(request: Request<'_>) -> Result<Box<dyn Source>> {
    let mut text = String::new();
    let mut reader = flate2::read::MultiGzDecoder::new(DIGITS);
    reader.read_to_string(&mut text).map_err(|e| read_error(request.path, &e))?;
    let (mut values, mut labels) = (Vec::new(), Vec::new());
    for line in text.lines() {
        let Some((pixels, digit)) = line.rsplit_once(',') else { continue };
        values.extend(pixels.split(',').filter_map(|pixel| pixel.parse::<f32>().ok()));
        labels.push(digit.to_owned());
    }
    let x = Matrix::new(labels.len(), DIGITS_SHAPE.len(), values);
    let mut source = MatrixSource::new(request, x, Some(&labels))?;
    source.images(DIGITS_SHAPE, 16.0);
    Ok(Box::new(source))
}

/// The file that `path` stands for and the options that go with it: `path` itself, or the data set of that name.
pub(crate) fn file_or_name(path: &Path, options: &ReadOptions) -> Result<(PathBuf, ReadOptions)> {
    let name = path.to_str().filter(|_| !path.exists() && !is_embedded(path));
    if let Some(set) = name.and_then(find_views) {
        return views(set, options);
    }
    let Some(entry) = name.and_then(by_name) else { return Ok((path.to_owned(), options.clone())) };
    let resolved = resolve(entry.name)?;
    let mut options = options.clone();
    options.label = options.label.or(resolved.label.map(str::to_owned));
    options.header = options.header.or(resolved.header);
    if options.test_fraction == 0.0 {
        options.test = options.test.or(resolved.test);
    }
    Ok((resolved.train, options))
}

/// The files of the views of a set, and the options that go with them.
fn views(set: &ViewSet, options: &ReadOptions) -> Result<(PathBuf, ReadOptions)> {
    let files: Vec<(&str, Resolved)> =
        set.views.iter().map(|&(view, name)| Ok((view, resolve(name)?))).collect::<Result<_>>()?;
    let mut options = options.clone();
    let labels = files.iter().filter_map(|(view, file)| Some(format!("{view}.label={}", file.label?)));
    let labels = labels.filter(|_| options.label.is_none());
    let headers = files.iter().filter_map(|(view, file)| Some(format!("{view}.header={}", file.header?)));
    // What the user says of a view comes after, and counts.
    options.view_options = labels.chain(headers).chain(options.view_options).collect();
    let tests: Option<Vec<(&str, &Path)>> =
        files.iter().map(|(view, file)| Some((*view, file.test.as_deref()?))).collect();
    if options.test_fraction == 0.0 {
        options.test = options.test.or(tests.map(spell));
    }
    Ok((spell(files.iter().map(|(view, file)| (*view, file.train.as_path()))), options))
}
