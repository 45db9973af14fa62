//! Opening a file by its format.

use std::{
    fs::File,
    io::{self, BufReader, Cursor, Read},
    path::Path,
};

use flate2::read::MultiGzDecoder;

use super::ReadOptions;
use super::{
    Format, Preprocess, Source, catalogue,
    csv::CsvSource,
    documents::{self, FolderSource, LinesSource, ReutersSource, is_language, is_part, is_reuters, is_text},
    idx::open_idx,
    images::{self, ImageSource},
    jsonl::JsonlSource,
    npy::{open_npy, open_npz},
    parquet::ParquetSource,
    plan::Request,
    views::{ViewsSource, spelled},
};
use crate::{DataError, Error, Result};

/// Bytes of a file, unpacked.
pub(crate) type Bytes = Box<dyn Read + Send>;

/// Opens a data file to train on, or files that are views of the same rows (`pix=pix.csv,fou=fou.csv`): the columns are what
/// the options and the cells say.
///
/// # Errors
/// The file cannot be read, is of no known format, or lacks a column that the options name.
pub fn open(path: impl AsRef<Path>, options: &ReadOptions) -> Result<Box<dyn Source>> {
    options.validate()?;
    let path = path.as_ref();
    match spelled(path) {
        Some(views) => Ok(Box::new(ViewsSource::open(path, &views, options, None)?)),
        None => open_request(Request { path, options, schema: None }),
    }
}

/// Opens a further file of the schema of a fitted model.
pub(crate) fn open_as(path: &Path, options: &ReadOptions, schema: &Preprocess) -> Result<Box<dyn Source>> {
    let options = schema.encode_options(options);
    options.validate()?;
    open_request(Request { path, options: &options, schema: Some(schema) })
}

fn open_request(request: Request<'_>) -> Result<Box<dyn Source>> {
    if catalogue::is_embedded(request.path) {
        return catalogue::embedded(request);
    }
    let format = match request.options.format {
        // For a model of documents a .txt file is one, not a table.
        Format::Auto if request.schema.is_some_and(Preprocess::is_text) && is_text(request.path) => {
            Format::Texts
        }
        Format::Auto => detect(request.path)?,
        format => format,
    };
    match format {
        Format::Auto | Format::Csv => Ok(Box::new(CsvSource::open(request, request.options.delimiter)?)),
        Format::Tsv => Ok(Box::new(CsvSource::open(request, request.options.delimiter.or(Some('\t')))?)),
        Format::Npy => Ok(Box::new(open_npy(request)?)),
        Format::Npz => Ok(Box::new(open_npz(request)?)),
        Format::Idx => Ok(Box::new(open_idx(request)?)),
        Format::Jsonl => Ok(Box::new(JsonlSource::open(request)?)),
        Format::Parquet => Ok(Box::new(ParquetSource::open(request)?)),
        Format::Images => Ok(Box::new(ImageSource::open(request)?)),
        Format::Texts => Ok(Box::new(FolderSource::open(request)?)),
        Format::Lines => Ok(Box::new(LinesSource::open(request)?)),
        Format::Reuters => Ok(Box::new(ReutersSource::open(request)?)),
    }
}

/// The format by the name, then by the first bytes.
pub(crate) fn detect(path: &Path) -> Result<Format> {
    if is_stdin(path) {
        return Ok(Format::Csv);
    }
    if is_part(path) || is_reuters(path) {
        return Ok(Format::Reuters);
    }
    if path.is_dir() {
        // A folder of images may hold a text about them.
        let is_text = !images::is_folder(path) && documents::is_folder(path);
        return Ok(if is_text { Format::Texts } else { Format::Images });
    }
    let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
    let stem = name.strip_suffix(".gz").unwrap_or(&name);
    let by_name = match stem.rsplit_once('.').map(|(_, extension)| extension) {
        Some("csv" | "txt" | "data") => Some(Format::Csv),
        Some("tsv" | "tab") => Some(Format::Tsv),
        Some("npy") => Some(Format::Npy),
        Some("npz") => Some(Format::Npz),
        Some("parquet" | "pq") => Some(Format::Parquet),
        Some("jsonl" | "ndjson") => Some(Format::Jsonl),
        Some("png" | "jpg" | "jpeg") => Some(Format::Images),
        Some("idx") => Some(Format::Idx),
        Some(extension) if is_language(extension) => Some(Format::Lines),
        _ if stem.ends_with("-ubyte") => Some(Format::Idx),
        _ => None,
    };
    match by_name {
        Some(format) => Ok(format),
        None => {
            let mut head = Vec::new();
            open_bytes(path)?.take(16).read_to_end(&mut head).map_err(|e| read_error(path, &e))?;
            Ok(by_magic(&head))
        }
    }
}

fn by_magic(head: &[u8]) -> Format {
    match head {
        [0x93, b'N', b'U', b'M', b'P', b'Y', ..] => Format::Npy,
        [b'P', b'K', 3, 4, ..] => Format::Npz,
        [b'P', b'A', b'R', b'1', ..] => Format::Parquet,
        [0x89, b'P', b'N', b'G', ..] | [0xff, 0xd8, 0xff, ..] => Format::Images,
        [0, 0, 0x08..=0x0e, 1..=4, ..] => Format::Idx,
        _ if head.trim_ascii_start().first() == Some(&b'{') => Format::Jsonl,
        _ => Format::Csv,
    }
}

/// Whether the rows come from standard input.
pub(crate) fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Opens a file as such.
pub(crate) fn open_file(path: &Path) -> Result<File> {
    let file = File::open(path).map_err(|e| Error::io(path, "open", e))?;
    match file.metadata() {
        Ok(meta) if meta.is_dir() => Err(Error::io(path, "read", io::ErrorKind::IsADirectory.into())),
        _ => Ok(file),
    }
}

/// Opens a file or standard input, unpacked when it is gzipped.
pub(crate) fn open_bytes(path: &Path) -> Result<Bytes> {
    let mut raw: Bytes = if is_stdin(path) { Box::new(io::stdin()) } else { Box::new(open_file(path)?) };
    let mut head = [0; 2];
    let mut filled = 0;
    while filled < head.len() {
        match raw.read(&mut head[filled..]).map_err(|e| Error::io(path, "read", e))? {
            0 => break,
            n => filled += n,
        }
    }
    let raw = Cursor::new(head).take(filled as u64).chain(raw);
    if filled == 2 && head == [0x1f, 0x8b] {
        Ok(Box::new(MultiGzDecoder::new(BufReader::with_capacity(1 << 17, raw))))
    } else {
        Ok(Box::new(raw))
    }
}

/// A failure to read: damaged or short packed data is a fault of the file, the rest of the system.
pub(crate) fn read_error(path: &Path, error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => DataError::new(path, "the end of the file", "more data")
            .hint("The file is cut short: fetch it again")
            .into(),
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
            DataError::new(path, format!("damaged data ({error})"), "a whole file").into()
        }
        kind => Error::io(path, "read", io::Error::new(kind, error.to_string())),
    }
}
