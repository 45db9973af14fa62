//! Arrays as NumPy writes them: NPY (one array, format versions 1 to 3) and NPZ (a ZIP archive of them).

use std::{
    io::{self, BufReader, Read, Seek, SeekFrom},
    path::Path,
};

use flate2::{CrcReader, read::DeflateDecoder};
use zip::{CompressionMethod, ZipArchive};

use super::{
    array::{ArraySource, Elements, Header, LabelArray, label_name, read_labels},
    element::{Element, Kind},
    guard::guard,
    idx::open_label_file,
    open::{open_bytes, open_file, read_error},
    plan::Request,
    preprocess::nearest,
};
use crate::{DataError, Error, Result};

/// Longest header that is taken for one.
const MAX_HEADER: usize = 1 << 20;

/// Opens an NPY file; rows are read as they are asked for.
pub(crate) fn open_npy(request: Request<'_>) -> Result<ArraySource> {
    let path = request.path;
    let labels = request.options.label_file.as_deref();
    let labels = labels.map(|file| open_label_file(file, label_name(request.options))).transpose()?;
    let mut file = open_file(path)?;
    let mut magic = [0; 2];
    if file.read_exact(&mut magic).is_ok() && magic == [0x1f, 0x8b] {
        let mut stream = open_bytes(path)?;
        let header = read_header(path, &mut stream)?;
        return ArraySource::new(request, header, Elements::Stream(stream), labels);
    }
    file.rewind().map_err(|e| Error::io(path, "read", e))?;
    let header = read_header(path, &mut file)?;
    let start = file.stream_position().map_err(|e| Error::io(path, "read", e))?;
    ArraySource::new(
        request,
        header,
        Elements::Random(Box::new(BufReader::with_capacity(1 << 16, file)), start),
        labels,
    )
}

/// Opens an NPZ file: the rows are array `X` (or the one asked for, or the only one that is not of one dimension), the
/// classes array `y`.
pub(crate) fn open_npz(request: Request<'_>) -> Result<ArraySource> {
    let path = request.path;
    let members = guard(path, || members(path))?;
    let find = |name: &str| members.iter().find(|member| member.name == name);
    let x = match &request.options.array {
        Some(name) => find(name).ok_or_else(|| no_array(path, name, &members))?,
        None => match find("X").or_else(|| find("x")) {
            Some(member) => member,
            None => {
                let mut rows = members.iter().filter(|member| member.header.shape.len() > 1);
                match (rows.next(), rows.next()) {
                    (Some(member), None) => member,
                    _ => return Err(no_array(path, "X", &members)),
                }
            }
        },
    };
    let wanted = request.options.label.as_deref();
    let label = match wanted {
        Some(name) => find(name),
        None => find("y"),
    };
    let labels: Option<LabelArray> = match (label, &request.options.label_file) {
        (Some(member), _) => {
            Some(read_labels(path, &member.name, &member.header, &mut member.elements(path)?)?)
        }
        (None, Some(file)) => Some(open_label_file(file, label_name(request.options))?),
        (None, None) => None,
    };
    ArraySource::new(request, x.header.clone(), Elements::Stream(x.elements(path)?), labels)
}

/// An array within an NPZ file.
struct Member {
    name: String,
    header: Header,
    start: u64,
    packed: u64,
    size: u64,
    crc: u32,
    deflated: bool,
}

impl Member {
    /// The bytes of the member, header first.
    fn open(&self, path: &Path) -> Result<Box<dyn Read + Send>> {
        let mut file = open_file(path)?;
        file.seek(SeekFrom::Start(self.start)).map_err(|e| Error::io(path, "read", e))?;
        let packed = BufReader::with_capacity(1 << 17, file.take(self.packed));
        let bytes: Box<dyn Read + Send> =
            if self.deflated { Box::new(DeflateDecoder::new(packed)) } else { Box::new(packed) };
        Ok(Box::new(Checked { inner: CrcReader::new(bytes), left: self.size, crc: self.crc }))
    }

    /// The elements of the array.
    fn elements(&self, path: &Path) -> Result<Box<dyn Read + Send>> {
        let mut bytes = self.open(path)?;
        read_header(path, &mut bytes)?;
        Ok(bytes)
    }
}

/// Checks the sum of a member once all of it was read.
struct Checked {
    inner: CrcReader<Box<dyn Read + Send>>,
    left: u64,
    crc: u32,
}

impl Read for Checked {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(out)?;
        let was = self.left;
        self.left = self.left.saturating_sub(n as u64);
        if was > 0 && self.left == 0 && self.inner.crc().sum() != self.crc {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the checksum does not fit"));
        }
        Ok(n)
    }
}

/// The arrays of an NPZ file.
fn members(path: &Path) -> Result<Vec<Member>> {
    let damaged =
        |e: zip::result::ZipError| DataError::new(path, format!("damaged data ({e})"), "an NPZ archive");
    let mut archive = ZipArchive::new(BufReader::new(open_file(path)?)).map_err(damaged)?;
    let mut members = Vec::new();
    for k in 0..archive.len() {
        let entry = archive.by_index_raw(k).map_err(damaged)?;
        let name = entry.name().map_err(damaged)?.into_owned();
        let Some(name) = name.strip_suffix(".npy") else { continue };
        let deflated = match entry.compression() {
            CompressionMethod::Stored => false,
            CompressionMethod::Deflated => true,
            other => {
                return Err(DataError::new(path, format!("{other:?} compression"), "none or deflate").into());
            }
        };
        let start =
            entry.data_start().ok_or_else(|| DataError::new(path, "an entry without data", "an array"))?;
        let mut member = Member {
            name: name.to_owned(),
            header: Header { element: Element::BYTE, shape: Vec::new(), fortran: false },
            start,
            packed: entry.compressed_size(),
            size: entry.size(),
            crc: entry.crc32(),
            deflated,
        };
        drop(entry);
        // Arrays that are not of numbers may lie beside those that are.
        if let Ok(header) = read_header(path, &mut member.open(path)?) {
            member.header = header;
            members.push(member);
        }
    }
    Ok(members)
}

fn no_array(path: &Path, name: &str, members: &[Member]) -> Error {
    let mut names: Vec<String> = members.iter().map(|m| format!("{} {:?}", m.name, m.header.shape)).collect();
    names.truncate(8);
    let near = nearest(name, members.iter().map(|member| member.name.as_str()));
    let hint = match (near, names.is_empty()) {
        (_, true) => "It has no array of numbers".to_owned(),
        (Some(near), _) => format!("Its arrays are {}. The nearest is \"{near}\"", names.join(", ")),
        (None, _) => format!("Its arrays are {}. Choose one with --array", names.join(", ")),
    };
    DataError::new(path, format!("no array \"{name}\""), "an array of rows").hint(hint).into()
}

/// Reads the header of an NPY file and leaves the reader at the first element.
pub(crate) fn read_header(path: &Path, bytes: &mut dyn Read) -> Result<Header> {
    let fault = |found: &str| Error::from(DataError::new(path, found, "an NPY header"));
    let mut exact = |length: usize| -> Result<Vec<u8>> {
        let mut out = Vec::new();
        bytes.take(length as u64).read_to_end(&mut out).map_err(|e| read_error(path, &e))?;
        if out.len() == length {
            Ok(out)
        } else {
            Err(read_error(path, &io::ErrorKind::UnexpectedEof.into()))
        }
    };
    let start = exact(8)?;
    if !start.starts_with(b"\x93NUMPY") {
        return Err(fault("another format"));
    }
    let length = match start[6] {
        1 => exact(2)?.iter().rev().fold(0, |n, &b| n << 8 | usize::from(b)),
        2 | 3 => exact(4)?.iter().rev().fold(0, |n, &b| n << 8 | usize::from(b)),
        version => return Err(fault(&format!("format version {version}"))),
    };
    if length > MAX_HEADER {
        return Err(fault(&format!("a header of {length} bytes")));
    }
    let text = exact(length)?;
    let text = std::str::from_utf8(&text).map_err(|_| fault("a header that is not text"))?;
    parse_header(text).map_err(|found| fault(&found))
}

/// Parses `{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }`.
fn parse_header(text: &str) -> std::result::Result<Header, String> {
    let field = |key: &str| {
        let after = text.split_once(&format!("'{key}'")).map(|(_, after)| after.trim_start());
        after.and_then(|after| after.strip_prefix(':')).map(str::trim_start).ok_or(format!("no key '{key}'"))
    };
    let type_text = field("descr")?;
    let name = type_text.strip_prefix('\'').and_then(|rest| rest.split_once('\'')).map(|(name, _)| name);
    let name = name.ok_or("an array of records, not of numbers")?;
    let unknown = || format!("elements of type '{name}', not numbers");
    let (order, kind_and_size) = name.split_at_checked(1).ok_or_else(unknown)?;
    let (kind, size) = kind_and_size.split_at_checked(1).ok_or_else(unknown)?;
    let kind = match kind {
        "b" => Kind::Bool,
        "u" => Kind::Unsigned,
        "i" => Kind::Signed,
        "f" => Kind::Float,
        _ => return Err(unknown()),
    };
    let size = size.parse().map_err(|_| unknown())?;
    let element = Element::new(kind, size, order == ">").ok_or_else(unknown)?;
    let fortran = field("fortran_order")?.starts_with("True");
    let shape =
        field("shape")?.strip_prefix('(').and_then(|rest| rest.split_once(')')).map(|(shape, _)| shape);
    let sides = shape.ok_or("no shape")?.split(',').map(str::trim).filter(|side| !side.is_empty());
    let shape: Vec<usize> = sides
        .map(|side| side.parse().map_err(|_| format!("side '{side}'")))
        .collect::<std::result::Result<_, _>>()?;
    Ok(Header { element, shape, fortran })
}
