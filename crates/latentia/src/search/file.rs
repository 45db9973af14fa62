//! An index in one file: data only, checked by length and SHA-256 on load.
//!
//! ```text
//! "LATINDEX"   8 bytes
//! version      u32, little-endian as everything below
//! header       u32 length, then JSON: `About`, number of rows, lengths of the sections in bytes
//! codes        bits: words of 64 bits, code by code; real numbers: f32, row by row
//! rows         u64 each
//! labels       u32 each, or nothing
//! ids          u32 length and UTF-8 each, or nothing
//! graph        u32 each, or nothing
//! SHA-256      32 bytes, of everything before
//! ```

use std::{
    fs,
    io::{BufWriter, Write},
    path::Path,
};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{About, BitCodes, Codes, Graph, Index, Names, index::Tables};
use crate::{Error, Result, data::Matrix};

const MAGIC: &[u8; 8] = b"LATINDEX";
const VERSION: u32 = 1;
const DIGEST: usize = 32;

/// The header.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    about: About,
    rows: usize,
    /// Bytes of codes, rows, labels, ids, graph; 0 for what there is not.
    sections: [u64; 5],
}

/// Writes and remembers the digest.
struct Hashed<W> {
    out: W,
    hash: Sha256,
}

impl<W: Write> Hashed<W> {
    fn put(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.hash.update(bytes);
        self.out.write_all(bytes)
    }

    /// Numbers in blocks, so that the digest is not fed four bytes at a time.
    fn put_all<const N: usize>(&mut self, numbers: impl Iterator<Item = [u8; N]>) -> std::io::Result<()> {
        let mut block = Vec::with_capacity(1 << 16);
        for number in numbers {
            block.extend_from_slice(&number);
            if block.len() >= (1 << 16) - 8 {
                self.put(&block)?;
                block.clear();
            }
        }
        self.put(&block)
    }
}

impl Index {
    /// Writes the index to a file, whole or not at all.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        let fail = |e: std::io::Error| Error::io(path, "write", e);
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut builder = tempfile::Builder::new();
        // An ordinary file, not one private to its owner as temporary ones are.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let file = builder.tempfile_in(folder).map_err(fail)?;
        let mut out = Hashed { out: BufWriter::with_capacity(1 << 17, file), hash: Sha256::new() };
        self.write(&mut out).map_err(fail)?;
        let digest = out.hash.finalize();
        out.out.write_all(&digest).map_err(fail)?;
        let file = out.out.into_inner().map_err(|e| fail(e.into_error()))?;
        file.as_file().sync_all().map_err(fail)?;
        file.persist(path).map_err(|e| fail(e.error))?;
        Ok(())
    }

    fn write<W: Write>(&self, out: &mut Hashed<W>) -> std::io::Result<()> {
        let graph = self.graph.as_ref().map(Graph::to_numbers).unwrap_or_default();
        let codes = match &self.codes {
            Codes::Bits(codes) => 8 * codes.words().len(),
            Codes::Real(codes) => 4 * codes.as_slice().len(),
        };
        let ids = self.names.ids.iter().flatten().map(|id| 4 + id.len()).sum();
        let labels = self.names.labels.as_ref().map_or(0, |labels| 4 * labels.len());
        let sections =
            [codes, 8 * self.names.rows.len(), labels, ids, 4 * graph.len()].map(|n: usize| n as u64);
        let header = Header { about: self.about.clone(), rows: self.len(), sections };
        let header = serde_json::to_vec(&header)?;
        out.put(MAGIC)?;
        out.put(&VERSION.to_le_bytes())?;
        out.put(&(header.len() as u32).to_le_bytes())?;
        out.put(&header)?;
        match &self.codes {
            Codes::Bits(codes) => out.put_all(codes.words().iter().map(|word| word.to_le_bytes()))?,
            Codes::Real(codes) => out.put_all(codes.as_slice().iter().map(|value| value.to_le_bytes()))?,
        }
        out.put_all(self.names.rows.iter().map(|row| row.to_le_bytes()))?;
        out.put_all(self.names.labels.iter().flatten().map(|label| label.to_le_bytes()))?;
        for id in self.names.ids.iter().flatten() {
            out.put(&(id.len() as u32).to_le_bytes())?;
            out.put(id.as_bytes())?;
        }
        out.put_all(graph.iter().map(|number| number.to_le_bytes()))
    }

    /// Reads an index and checks all of it.
    ///
    /// # Errors
    /// The file is no index, of a newer program, or damaged.
    pub fn load(path: &Path) -> Result<Self> {
        let bytes = fs::read(path).map_err(|e| Error::io(path, "read", e))?;
        let foreign =
            || Error::model(path, "is not an index; `latentia index MODEL DATA -o FILE` writes one");
        let damaged = |what: &str| Error::model(path, format!("is damaged: {what}. Index the data again"));
        let cut = || damaged("it is cut short");
        let rest = bytes.strip_prefix(MAGIC).ok_or_else(foreign)?;
        let (version, rest) = number(rest).ok_or_else(cut)?;
        // A newer layout is told apart from damage before anything else is believed.
        if version > VERSION {
            let message =
                format!("has version {version}, this program reads up to {VERSION}: use a newer latentia");
            return Err(Error::model(path, message));
        }
        let body = bytes.len().checked_sub(DIGEST).filter(|&body| body >= MAGIC.len() + 8).ok_or_else(cut)?;
        if Sha256::digest(&bytes[..body]).as_slice() != &bytes[body..] {
            return Err(damaged("its content does not match its SHA-256"));
        }
        let rest = &rest[..rest.len() - DIGEST];
        let parsed = number(rest)
            .and_then(|(length, rest)| rest.split_at_checked(length as usize))
            .and_then(|(header, rest)| Some((serde_json::from_slice::<Header>(header).ok()?, rest)));
        let (header, sections) = parsed.ok_or_else(|| damaged("its header is not one"))?;
        parse(header, sections).ok_or_else(|| damaged("its parts do not belong together"))
    }
}

/// The index of a header and the sections after it; `None` when they do not belong together.
fn parse(header: Header, mut rest: &[u8]) -> Option<Index> {
    let Header { about, rows, sections } = header;
    let mut parts = [&[][..]; 5];
    for (part, length) in parts.iter_mut().zip(sections) {
        (*part, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    }
    let [codes, row_numbers, labels, ids, graph] = parts;
    let is_whole = rest.is_empty() && rows > 0 && about.width > 0 && row_numbers.len() == 8 * rows;
    is_whole.then_some(())?;
    let codes = match &about.thresholds {
        Some(thresholds) => {
            let codes = BitCodes::from_words(about.width, numbers(codes, u64::from_le_bytes)?).ok()?;
            (codes.len() == rows && thresholds.len() == about.width).then_some(Codes::Bits(codes))?
        }
        None => {
            let values = numbers(codes, f32::from_le_bytes)?;
            let fits =
                rows.checked_mul(about.width) == Some(values.len()) && values.iter().all(|v| v.is_finite());
            fits.then(|| Codes::Real(Matrix::new(rows, about.width, values)))?
        }
    };
    let labels = if labels.is_empty() { None } else { Some(numbers(labels, u32::from_le_bytes)?) };
    let is_class = |label: &u32| *label == u32::MAX || (*label as usize) < about.classes.len();
    labels.as_ref().is_none_or(|l| l.len() == rows && l.iter().all(is_class)).then_some(())?;
    let ids = if ids.is_empty() { None } else { Some(strings(ids)?) };
    ids.as_ref().is_none_or(|ids| ids.len() == rows).then_some(())?;
    let graph = match graph.is_empty() {
        true => None,
        false => Some(Graph::from_numbers(&numbers(graph, u32::from_le_bytes)?, rows)?),
    };
    // Codes of bits are searched exactly.
    (graph.is_none() || matches!(codes, Codes::Real(_))).then_some(())?;
    let names = Names { rows: numbers(row_numbers, u64::from_le_bytes)?, ids, labels };
    Some(Index { about, codes, names, graph, tables: Tables::default() })
}

fn number(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((u32::from_le_bytes(*number), rest))
}

fn numbers<T, const N: usize>(bytes: &[u8], convert: impl Fn([u8; N]) -> T) -> Option<Vec<T>> {
    let (numbers, rest) = bytes.as_chunks::<N>();
    rest.is_empty().then(|| numbers.iter().map(|n| convert(*n)).collect())
}

fn strings(mut bytes: &[u8]) -> Option<Vec<String>> {
    let mut strings = Vec::new();
    while !bytes.is_empty() {
        let (length, rest) = number(bytes)?;
        let (text, rest) = rest.split_at_checked(length as usize)?;
        strings.push(std::str::from_utf8(text).ok()?.to_owned());
        bytes = rest;
    }
    Some(strings)
}
