//! Rows as quantised codes in one file: small, and read back by the model that made it.
//!
//! Each number `j` of a code is rounded to one of `2^b` levels between its least and its greatest value,
//!
//! ```text
//! q = round((h_j - low_j) / step_j),   step_j = (high_j - low_j) / (2^b - 1),   ĥ_j = low_j + q step_j
//! ```
//!
//! so that `|h_j - ĥ_j| ≤ step_j / 2`, and the levels, all of one number after all of another, are packed by Deflate (RFC
//! 1951), whose Huffman code takes fewer bits for common levels. An arithmetic coder would gain a few percent; Deflate is
//! here already.
//!
//! ```text
//! magic "LATENTIA", version u32, header length u32, header (JSON), ranges (2 f32 for each number of a code),
//! packed levels, packed names, SHA-256 of everything before        all numbers little-endian
//! ```

use std::{
    io::{Read, Write},
    path::Path,
};

use flate2::{Compression, read::DeflateDecoder, write::DeflateEncoder};
use serde::{Deserialize, Serialize};

use crate::{
    DataError, Error, Result,
    artifact::{Manifest, WEIGHTS, files},
    data::Matrix,
};

const MAGIC: &[u8; 8] = b"LATENTIA";
const VERSION: u32 = 1;
const DIGEST: usize = 32;
/// Deflate packs at most about 1,032 bytes into one: a file that claims more is damaged.
const MOST_PACKED: usize = 1040;

/// Codes of rows, quantised.
#[derive(Debug, Clone, PartialEq)]
pub struct Compressed {
    /// What identifies the model that the codes are of: see [`model_digest`].
    pub model: String,
    /// Bits of a level.
    pub bits: u32,
    /// What the rows are called.
    pub names: RowNames,
    code: usize,
    /// Least value and step of each number of a code.
    ranges: Vec<(f32, f32)>,
    /// The levels, all rows of one number of the code after all of another.
    levels: Vec<u16>,
}

/// What the rows are called; empty where a file does not say.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RowNames {
    /// Name of each row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ids: Option<Vec<String>>,
    /// Row of its file that each row is, counted from 1; left out when it is every row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows: Option<Vec<u64>>,
    /// Class of each row, an index into the classes of the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<Vec<Option<u32>>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    model: String,
    bits: u32,
    rows: usize,
    code: usize,
    levels: usize,
    names: usize,
}

/// Bytes of the parts of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Parts {
    /// The packed levels with their ranges: the codes themselves.
    pub codes: usize,
    /// The packed names of rows.
    pub names: usize,
    /// Header and digest.
    pub frame: usize,
}

impl Parts {
    /// All of the file.
    pub fn total(self) -> usize {
        self.codes + self.names + self.frame
    }
}

/// The most bits of a level.
pub const MAX_BITS: u32 = 16;

impl Compressed {
    /// Quantises codes `[rows, code]` to `bits` bits a number.
    ///
    /// # Errors
    /// Bits outside 1 to [`MAX_BITS`].
    pub fn new(codes: &Matrix, bits: u32, names: RowNames, model: String) -> Result<Self> {
        if !(1..=MAX_BITS).contains(&bits) {
            return Err(Error::config("--bits", format!("found {bits}, expected 1 to {MAX_BITS}")));
        }
        let most = f32::from(u16::MAX >> (16 - bits));
        let code = codes.cols();
        let mut ranges = Vec::with_capacity(code);
        let mut levels = Vec::with_capacity(codes.rows() * code);
        for j in 0..code {
            let column = || codes.iter_rows().map(|row| row[j]);
            let (low, high) =
                column().fold((f32::INFINITY, f32::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
            let low = if low.is_finite() { low } else { 0.0 };
            let step = ((high - low) / most).max(0.0);
            let level =
                |v: f32| if step > 0.0 { ((v - low) / step).round().clamp(0.0, most) as u16 } else { 0 };
            levels.extend(column().map(level));
            ranges.push((low, step));
        }
        Ok(Self { model, bits, names, code, ranges, levels })
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.levels.len().checked_div(self.code).unwrap_or(0)
    }

    /// The codes that the levels stand for, `[rows, code]`.
    pub fn codes(&self) -> Matrix {
        let rows = self.rows();
        let mut codes = Matrix::zeros(rows, self.code);
        for (j, (low, step)) in self.ranges.iter().enumerate() {
            for (i, &level) in self.levels[j * rows..(j + 1) * rows].iter().enumerate() {
                codes.row_mut(i)[j] = low + f32::from(level) * step;
            }
        }
        codes
    }

    /// The file, and the bytes of its parts.
    ///
    /// # Errors
    /// Only when memory cannot be written to.
    pub fn to_bytes(&self) -> Result<(Vec<u8>, Parts)> {
        let failed = |e: std::io::Error| Error::io("the compressed file", "write", e);
        let low = self.levels.iter().map(|level| level.to_le_bytes()[0]);
        let high = self.levels.iter().map(|level| level.to_le_bytes()[1]);
        let plane: Vec<u8> = if self.bits > 8 { low.chain(high).collect() } else { low.collect() };
        let levels = pack(&plane).map_err(failed)?;
        let names = serde_json::to_vec(&self.names).map_err(|e| failed(e.into()))?;
        let names = pack(&names).map_err(failed)?;
        let header = Header {
            model: self.model.clone(),
            bits: self.bits,
            rows: self.rows(),
            code: self.code,
            levels: levels.len(),
            names: names.len(),
        };
        let header = serde_json::to_vec(&header).map_err(|e| failed(e.into()))?;
        let mut bytes = MAGIC.to_vec();
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend((header.len() as u32).to_le_bytes());
        bytes.extend(header);
        let start = bytes.len();
        for (low, step) in &self.ranges {
            bytes.extend(low.to_le_bytes());
            bytes.extend(step.to_le_bytes());
        }
        bytes.extend(levels);
        let codes = bytes.len() - start;
        bytes.extend(&names);
        bytes.extend(files::sha256_bytes(&bytes));
        let parts = Parts { codes, names: names.len(), frame: bytes.len() - codes - names.len() };
        Ok((bytes, parts))
    }

    /// The inverse of [`Compressed::to_bytes`]; `path` is the file, for the error.
    ///
    /// # Errors
    /// Bytes that are no such file, of a newer version, cut off or changed.
    pub fn from_bytes(path: &Path, bytes: &[u8]) -> Result<Self> {
        let fault = |found: String, expected: &str| Error::from(DataError::new(path, found, expected));
        let damaged = || fault("damaged data".into(), "a file as `latentia compress` wrote it");
        let start = MAGIC.len() + 8;
        if !bytes.starts_with(MAGIC) {
            return Err(fault("no compressed codes".into(), "a file that `latentia compress` wrote"));
        }
        if bytes.len() < start {
            return Err(damaged());
        }
        let word = |at: usize| {
            bytes.get(at..at + 4).and_then(|b| b.try_into().ok()).map(u32::from_le_bytes).unwrap_or(0)
        };
        let version = word(MAGIC.len());
        if version != VERSION {
            return Err(fault(
                format!("version {version}"),
                &format!("version {VERSION}: use another latentia"),
            ));
        }
        let end = bytes.len().checked_sub(DIGEST).filter(|end| *end >= start).ok_or_else(damaged)?;
        if files::sha256_bytes(&bytes[..end])[..] != bytes[end..] {
            return Err(fault(
                "damaged data, its SHA-256 does not match".into(),
                "a file as `latentia compress` wrote it",
            ));
        }
        // What follows has the digest of a whole file; it is checked all the same, for it may have been made by others.
        let mut rest = &bytes[start..end];
        let mut take = |length: usize| -> Result<&[u8]> {
            let (head, tail) = rest.split_at_checked(length).ok_or_else(damaged)?;
            rest = tail;
            Ok(head)
        };
        let header: Header =
            serde_json::from_slice(take(word(MAGIC.len() + 4) as usize)?).map_err(|_| damaged())?;
        let planes = if header.bits > 8 { 2 } else { 1 };
        let count = header.rows.checked_mul(header.code).ok_or_else(damaged)?;
        let room = header.levels.saturating_mul(MOST_PACKED);
        if !(1..=MAX_BITS).contains(&header.bits) || header.code == 0 || count.saturating_mul(planes) > room {
            return Err(damaged());
        }
        let ranges = take(header.code.checked_mul(8).ok_or_else(damaged)?)?;
        let float = |b: &[u8]| f32::from_le_bytes([b[0], b[1], b[2], b[3]]);
        let ranges: Vec<(f32, f32)> =
            ranges.chunks_exact(8).map(|b| (float(&b[..4]), float(&b[4..]))).collect();
        let plane = unpack(take(header.levels)?, count * planes).ok_or_else(damaged)?;
        let packed = take(header.names)?;
        let names = unpack_all(packed).ok_or_else(damaged)?;
        let names: RowNames = serde_json::from_slice(&names).map_err(|_| damaged())?;
        let high = |i: usize| if planes == 2 { plane[count + i] } else { 0 };
        let levels: Vec<u16> = (0..count).map(|i| u16::from_le_bytes([plane[i], high(i)])).collect();
        let of_rows = |length: Option<usize>| length.is_none_or(|length| length == header.rows);
        let lengths = [
            names.ids.as_ref().map(Vec::len),
            names.rows.as_ref().map(Vec::len),
            names.labels.as_ref().map(Vec::len),
        ];
        let finite = ranges.iter().all(|(low, step)| low.is_finite() && step.is_finite());
        if !rest.is_empty() || !finite || !lengths.into_iter().all(of_rows) {
            return Err(damaged());
        }
        Ok(Self { model: header.model, bits: header.bits, names, code: header.code, ranges, levels })
    }
}

/// What tells a model from others: the digest of its weights, its settings and its schema.
///
/// # Errors
/// A manifest that cannot be written as JSON.
pub fn model_digest(manifest: &Manifest) -> Result<String> {
    let weights = manifest.files.get(WEIGHTS).map(|entry| &entry.sha256);
    let text = serde_json::to_string(&(&manifest.kind, &manifest.config, &manifest.preprocess, weights))
        .map_err(|e| Error::config("model", e.to_string()))?;
    Ok(files::sha256(text.as_bytes()))
}

fn pack(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// Exactly `length` bytes, or nothing.
fn unpack(packed: &[u8], length: usize) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(length);
    DeflateDecoder::new(packed).take(length as u64 + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() == length).then_some(bytes)
}

fn unpack_all(packed: &[u8]) -> Option<Vec<u8>> {
    let most = packed.len().saturating_mul(MOST_PACKED) as u64;
    let mut bytes = Vec::new();
    DeflateDecoder::new(packed).take(most).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes() -> Matrix {
        let value = |i: usize| ((i * i % 97) as f32 * 0.1 - 3.0) * if i % 3 == 2 { 0.0 } else { 1.0 };
        Matrix::new(40, 3, (0..120).map(value).collect())
    }

    #[test]
    fn every_number_is_within_half_a_step_and_comes_back_from_the_file() {
        let names = RowNames {
            ids: Some((0..40).map(|i| format!("r{i}")).collect()),
            rows: None,
            labels: Some((0..40).map(|i| (i % 4 > 0).then_some(i as u32 % 4)).collect()),
        };
        for bits in [1, 5, 8, 9, 16] {
            let compressed = Compressed::new(&codes(), bits, names.clone(), "model".into()).unwrap();
            let (bytes, parts) = compressed.to_bytes().unwrap();
            assert_eq!(parts.total(), bytes.len());
            let again = Compressed::from_bytes(Path::new("x.lat"), &bytes).unwrap();
            assert_eq!(again, compressed, "{bits} bits");
            let back = again.codes();
            for (i, (row, found)) in codes().iter_rows().zip(back.iter_rows()).enumerate() {
                for (j, (a, b)) in row.iter().zip(found).enumerate() {
                    let step = again.ranges[j].1;
                    assert!((a - b).abs() <= 0.5001 * step + 1e-5, "{bits} bits, row {i}: {a} {b}");
                }
            }
        }
        assert!(Compressed::new(&codes(), 17, RowNames::default(), String::new()).is_err());
    }

    #[test]
    fn damage_anywhere_is_found_and_never_a_panic() {
        let compressed = Compressed::new(&codes(), 6, RowNames::default(), "model".into()).unwrap();
        let (bytes, _) = compressed.to_bytes().unwrap();
        let path = Path::new("x.lat");
        for length in 0..bytes.len() {
            assert!(Compressed::from_bytes(path, &bytes[..length]).is_err(), "{length} bytes");
        }
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 4;
            assert!(Compressed::from_bytes(path, &flipped).is_err(), "byte {at}");
            // With a digest that fits, the content is still checked: an error or codes, no panic.
            let end = bytes.len() - DIGEST;
            let digest = files::sha256_bytes(&flipped[..end]);
            flipped[end..].copy_from_slice(&digest);
            drop(Compressed::from_bytes(path, &flipped));
        }
    }
}
