//! Codes of bits, packed.

use crate::{Error, Result, data::Matrix};

/// Bits of a word.
const WORD: usize = 64;

/// Codes of some number of bits, each in as few 64-bit words as hold them; bit `j` of a code is bit `j % 64` of its word
/// `j / 64`, and the bits beyond are 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BitCodes {
    width: usize,
    words: Vec<u64>,
}

impl BitCodes {
    /// No codes, of `width` bits each.
    pub fn new(width: usize) -> Self {
        Self { width, words: Vec::new() }
    }

    /// Codes that are packed already.
    ///
    /// # Errors
    /// The words are no whole number of codes, or a bit beyond the width is set.
    pub fn from_words(width: usize, words: Vec<u64>) -> Result<Self> {
        let codes = Self { width, words };
        let per_code = codes.words_per_code();
        let stray = match width % WORD {
            0 => 0,
            used => !0 << used,
        };
        if width == 0 || !codes.words.len().is_multiple_of(per_code) {
            let message = format!("found {} words, expected whole codes of {width} bits", codes.words.len());
            return Err(Error::config("codes", message));
        }
        if let Some(i) = codes.words.chunks_exact(per_code).position(|c| c[per_code - 1] & stray != 0) {
            return Err(Error::config("codes", format!("code {}: found a bit beyond the {width}", i + 1)));
        }
        Ok(codes)
    }

    /// The rows of `x`, bit `j` set where the number is above `thresholds[j]`.
    ///
    /// # Panics
    /// When there are not as many thresholds as columns: that is a mistake of the caller.
    pub fn pack(x: &Matrix, thresholds: &[f32]) -> Self {
        let mut codes = Self::new(x.cols());
        codes.push(x, thresholds);
        codes
    }

    /// Adds the rows of `x` as [`BitCodes::pack`] does.
    ///
    /// # Panics
    /// When the columns, the thresholds and the bits are not equally many.
    pub fn push(&mut self, x: &Matrix, thresholds: &[f32]) {
        assert!(x.cols() == self.width && thresholds.len() == self.width, "codes of {} bits", self.width);
        self.words.reserve(x.rows() * self.words_per_code());
        for row in x.iter_rows() {
            for (values, limits) in row.chunks(WORD).zip(thresholds.chunks(WORD)) {
                let bits = values.iter().zip(limits).enumerate();
                self.words.push(bits.fold(0, |word, (j, (v, limit))| word | u64::from(v > limit) << j));
            }
        }
    }

    /// The codes as numbers 0 and 1.
    pub fn unpack(&self, rows: impl ExactSizeIterator<Item = usize>) -> Matrix {
        let (count, mut values) = (rows.len(), Vec::with_capacity(rows.len() * self.width));
        for i in rows {
            let code = self.code(i);
            values.extend((0..self.width).map(|j| (code[j / WORD] >> (j % WORD) & 1) as f32));
        }
        Matrix::new(count, self.width, values)
    }

    /// Bits of a code.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Words of a code.
    pub fn words_per_code(&self) -> usize {
        self.width.div_ceil(WORD).max(1)
    }

    /// Number of codes.
    pub fn len(&self) -> usize {
        self.words.len() / self.words_per_code()
    }

    /// Whether there are no codes.
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// The words of code `i`.
    pub fn code(&self, i: usize) -> &[u64] {
        let words = self.words_per_code();
        &self.words[i * words..(i + 1) * words]
    }

    /// All words, code by code.
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    /// The codes of the rows `rows`.
    pub fn select(&self, rows: &[usize]) -> Self {
        Self { width: self.width, words: rows.iter().flat_map(|&i| self.code(i)).copied().collect() }
    }

    /// Refuses queries of another width.
    pub(super) fn check(&self, width: usize) -> Result<()> {
        if width == self.width {
            return Ok(());
        }
        Err(Error::config("query", format!("found a code of {width} bits, expected {}", self.width)))
    }
}

/// Number of bits in which two codes differ.
pub(super) fn distance(a: &[u64], b: &[u64]) -> u32 {
    a.iter().zip(b).map(|(a, b)| (a ^ b).count_ones()).sum()
}

/// Whether every number is 0 or 1.
pub(crate) fn are_bits(x: &Matrix) -> bool {
    x.as_slice().iter().all(|&v| v == 0.0 || v == 1.0)
}

/// 1 where a number is above the threshold of its column, else 0.
pub(crate) fn binarize(x: &Matrix, thresholds: &[f32]) -> Matrix {
    let bits =
        x.iter_rows().flat_map(|row| row.iter().zip(thresholds).map(|(v, t)| f32::from(u8::from(v > t))));
    Matrix::new(x.rows(), x.cols(), bits.collect())
}

/// The median of each column, the lower one of two: half of the rows are above it where no numbers are equal.
pub(crate) fn medians(x: &Matrix) -> Vec<f32> {
    let median = |j: usize| {
        let mut column: Vec<f32> = x.iter_rows().map(|row| row[j]).collect();
        let middle = column.len().saturating_sub(1) / 2;
        if column.is_empty() { 0.0 } else { *column.select_nth_unstable_by(middle, f32::total_cmp).1 }
    };
    (0..x.cols()).map(median).collect()
}
