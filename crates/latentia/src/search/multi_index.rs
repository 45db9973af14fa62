//! Exact search among millions of codes of bits, by parts of them.

use rayon::prelude::*;

use super::{BitCodes, Hit, bits::distance, nearest_of, scan};
use crate::{Error, Result};

/// Longest part, in bits: its table has `2^24` places, 64 MB.
const LONGEST: u32 = 24;
/// Looking codes up one by one costs so many times more than comparing them in a row: 77 ns against 1.2 ns among ten million
/// codes of 64 bits on two threads of a Xeon, so that no search takes more than twice the time of a scan.
const SCATTERED: usize = 64;

/// Multi-index hashing (Norouzi, Punjani & Fleet 2012).
///
/// Codes are cut into `m` parts, each with a table from its value to the codes that have it. Codes at a distance of at most
/// `r = m a + b`, `0 ≤ b < m`, from the query differ from it by at most `a` in one of the first `b + 1` parts or by at most
/// `a - 1` in one of the others (their proposition 2): only those are looked up and compared in full. A part has about
/// `log₂ n` bits, so that a place of a table holds about one code.
///
/// Where the look-ups would cost more than comparing all codes, all are compared: results are exact in any case.
#[derive(Debug, Clone)]
pub struct MultiIndex {
    parts: Vec<Part>,
}

/// A part of the codes with its table.
#[derive(Debug, Clone)]
struct Part {
    /// The first bit.
    from: usize,
    /// Number of bits.
    bits: u32,
    /// Where the rows of each value begin in `rows`; one more than there are values.
    starts: Vec<u32>,
    /// Rows, ordered by value, then by row.
    rows: Vec<u32>,
}

impl MultiIndex {
    /// Tables for `codes`.
    ///
    /// # Errors
    /// There are more than `2^32 - 1` codes.
    pub fn new(codes: &BitCodes) -> Result<Self> {
        let n = codes.len();
        if u32::try_from(n).is_err() {
            return Err(Error::config("codes", format!("found {n} codes, expected less than 2^32")));
        }
        let longest = n.max(2).ilog2().clamp(1, LONGEST) as usize;
        let m = codes.width().div_ceil(longest);
        let bounds: Vec<usize> = (0..=m).map(|j| j * codes.width() / m).collect();
        let parts = bounds.par_windows(2).map(|b| Part::new(codes, b[0], (b[1] - b[0]) as u32));
        Ok(Self { parts: parts.collect() })
    }

    /// Bytes of the tables.
    pub fn bytes(&self) -> usize {
        self.parts.iter().map(|part| 4 * (part.starts.len() + part.rows.len())).sum()
    }

    /// The codes at most `radius` away from `query`.
    ///
    /// # Panics
    /// When `codes` are not those of the tables, or the query has another number of words.
    pub fn within(&self, codes: &BitCodes, query: &[u64], radius: u32) -> Vec<Hit> {
        let mut search = Search::new(self, codes, query);
        let radius = radius.min(codes.width() as u32);
        for step in 0..=radius as usize {
            if !search.step(step) {
                return scan::within(codes, query, radius);
            }
        }
        search.found.retain(|hit| hit.distance <= f64::from(radius));
        let count = search.found.len();
        nearest_of(search.found, count)
    }

    /// The `k` codes nearest to `query`, fewer where there are not so many.
    ///
    /// # Panics
    /// As [`MultiIndex::within`].
    pub fn nearest(&self, codes: &BitCodes, query: &[u64], k: usize) -> Vec<Hit> {
        let mut search = Search::new(self, codes, query);
        for step in 0..=codes.width() {
            if !search.step(step) {
                return scan::nearest(codes, query, k);
            }
            // After this step every code at most so far away has been found.
            let complete = search.found.iter().filter(|hit| hit.distance <= step as f64).count();
            if complete >= k.min(codes.len()) {
                break;
            }
        }
        nearest_of(search.found, k)
    }
}

/// A search that grows its radius step by step: step `m a + j` looks up the values of part `j` at distance `a`.
struct Search<'a> {
    index: &'a MultiIndex,
    codes: &'a BitCodes,
    query: &'a [u64],
    /// The query's value of each part.
    values: Vec<u32>,
    /// Every code that a step so far came upon, once.
    found: Vec<Hit>,
    /// Places and codes looked up.
    work: usize,
}

impl<'a> Search<'a> {
    fn new(index: &'a MultiIndex, codes: &'a BitCodes, query: &'a [u64]) -> Self {
        assert_eq!(query.len(), codes.words_per_code(), "words of the query");
        let values = index.parts.iter().map(|part| part.value(query)).collect();
        Self { index, codes, query, values, found: Vec::new(), work: 0 }
    }

    /// One step; `false` when comparing all codes is cheaper.
    fn step(&mut self, step: usize) -> bool {
        let m = self.index.parts.len();
        let (j, away) = (step % m, (step / m) as u32);
        let part = &self.index.parts[j];
        if away > part.bits {
            return true;
        }
        let limit = self.codes.len() / SCATTERED + 64;
        self.work = self.work.saturating_add(choose(part.bits, away));
        if self.work > limit {
            return false;
        }
        for mask in masks(part.bits, away) {
            let rows = part.at(self.values[j] ^ mask);
            self.work += rows.len();
            if self.work > limit {
                return false;
            }
            for &row in rows {
                let code = self.codes.code(row as usize);
                if self.first_step(code) == step {
                    let distance = f64::from(distance(code, self.query));
                    self.found.push(Hit { row: row as usize, distance });
                }
            }
        }
        true
    }

    /// The step that comes upon a code first: so each is taken once without remembering which were.
    fn first_step(&self, code: &[u64]) -> usize {
        let m = self.index.parts.len();
        let parts = self.index.parts.iter().zip(&self.values).enumerate();
        let steps = parts.map(|(j, (part, value))| (part.value(code) ^ value).count_ones() as usize * m + j);
        steps.min().unwrap_or(0)
    }
}

impl Part {
    /// Counting sort of the rows by their value.
    fn new(codes: &BitCodes, from: usize, bits: u32) -> Self {
        let mut part = Self { from, bits, starts: vec![0; (1 << bits) + 1], rows: vec![0; codes.len()] };
        for i in 0..codes.len() {
            let value = part.value(codes.code(i));
            part.starts[value as usize + 1] += 1;
        }
        for v in 1..part.starts.len() {
            part.starts[v] += part.starts[v - 1];
        }
        let mut next = part.starts.clone();
        for i in 0..codes.len() {
            let place: &mut u32 = &mut next[part.value(codes.code(i)) as usize];
            part.rows[*place as usize] = i as u32;
            *place += 1;
        }
        part
    }

    /// The value of this part of a code.
    fn value(&self, code: &[u64]) -> u32 {
        let (word, shift) = (self.from / 64, self.from % 64);
        let mut bits = code[word] >> shift;
        if shift + self.bits as usize > 64 {
            bits |= code[word + 1] << (64 - shift);
        }
        (bits & ((1 << self.bits) - 1)) as u32
    }

    /// The rows of a value.
    fn at(&self, value: u32) -> &[u32] {
        let value = value as usize;
        &self.rows[self.starts[value] as usize..self.starts[value + 1] as usize]
    }
}

/// `n` over `k`, at most `usize::MAX`.
fn choose(n: u32, k: u32) -> usize {
    let k = k.min(n - k);
    (1..=k as usize).fold(1usize, |c, i| c.saturating_mul(n as usize + 1 - i) / i)
}

/// Every mask of `bits` bits, `set` of which are set, in order of value (Gosper, HAKMEM item 175).
fn masks(bits: u32, set: u32) -> impl Iterator<Item = u32> {
    let next = |&mask: &u32| {
        if mask == 0 {
            return None;
        }
        let lowest = mask & mask.wrapping_neg();
        let carried = mask + lowest;
        Some(carried | ((mask ^ carried) / lowest) >> 2)
    };
    std::iter::successors(Some((1u32 << set) - 1), next).take_while(move |&mask| mask >> bits == 0)
}
