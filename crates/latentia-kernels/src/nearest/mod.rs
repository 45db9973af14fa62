//! Rows and the centres nearest to them: what k-means spends its time in.
//!
//! With rows `x_i [N, D]`, centres `c_j [K, D]`, and both seen from an origin `o` (the mean of the rows keeps the numbers
//! small):
//!
//! ```text
//! d_ij = ‖x_i − c_j‖²                                                           distances, nearest
//! argmin_j d_ij = argmin_j ½‖c_j − o‖² − (x_i − o)·(c_j − o)                    assign
//! ```
//!
//! Two vectors' worth of rows are turned into a panel `[D, rows]`; the register tile of the products then holds a row's
//! centres below each other, and the smallest is found without leaving the registers. [`distances`] and [`nearest`] sum squared
//! differences, so that equal rows are exactly 0 apart; [`Assign`] uses the product, half the arithmetic, and adds the rows of
//! each centre up while they are in the cache: memory is read once.

mod tile;

use crate::gemm::{pack_columns, pack_rows, row_tile, row_tiles};
use crate::simd::{self, Kernel, Level, Simd};
use crate::{MatRef, scratch, threads};
use std::ops::Range;
use tile::{Score, Smallest, each_tile};

/// Centres in the order the register tile reads them.
pub struct Centres {
    level: Level,
    count: usize,
    width: usize,
    origin: Vec<f32>,
    /// Whether the origin is not where all numbers are 0.
    moved: bool,
    packed: Vec<f32>,
    half_norms: Vec<f32>,
}

impl Centres {
    /// Packs centres `[K, D]`, row-major, given as they are seen from `origin [D]`: `c_j − o`.
    ///
    /// # Panics
    /// If the lengths do not fit or there is no centre.
    #[track_caller]
    pub fn new(centres: &[f32], origin: &[f32]) -> Self {
        let width = origin.len();
        assert!(width > 0 && !centres.is_empty(), "nearest: no centres");
        assert!(centres.len().is_multiple_of(width), "nearest: centres are [K, D], the origin has D numbers");
        let norm = |c: &[f32]| c.iter().map(|&v| f64::from(v) * f64::from(v)).sum::<f64>();
        let mut this = Self {
            level: simd::level(),
            count: centres.len() / width,
            width,
            origin: origin.to_vec(),
            moved: origin.iter().any(|&o| o != 0.0),
            packed: vec![0.0; centres.len()],
            half_norms: centres.chunks_exact(width).map(|c| (0.5 * norm(c)) as f32).collect(),
        };
        simd::dispatch_at(this.level, Pack { centres: &mut this, from: centres });
        this
    }

    /// K.
    pub fn count(&self) -> usize {
        self.count
    }

    /// D.
    pub fn width(&self) -> usize {
        self.width
    }

    #[track_caller]
    fn check(&self, x: &[f32], rows: usize) {
        assert_eq!(x.len(), rows * self.width, "nearest: x is [N, D]");
    }
}

struct Pack<'a> {
    centres: &'a mut Centres,
    from: &'a [f32],
}

impl Kernel for Pack<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let centres = self.centres;
        pack_rows(s, MatRef::new(self.from, centres.count, centres.width), &mut centres.packed);
    }
}

/// Rows of a piece of work.
const ROWS: usize = 1024;
/// Most rows of a panel, and most centres of a tile, at any level.
const MOST_ROWS: usize = 32;
const MOST_CENTRES: usize = 14;
/// Floats of the widest vector.
const LINE: usize = 16;

/// Floats of a panel, and of the scores of a tile.
fn memory(centres: &Centres) -> usize {
    (centres.width + MOST_CENTRES) * MOST_ROWS
}

/// `‖x_i − c_j‖²` to `out [N, K]`; `x [N, D]` is not seen from the origin, the centres are.
///
/// # Panics
/// If the lengths do not fit.
#[track_caller]
pub fn distances(x: &[f32], centres: &Centres, out: &mut [f32]) {
    centres.check(x, out.len() / centres.count);
    let pieces = x.chunks(ROWS * centres.width).zip(out.chunks_mut(ROWS * centres.count)).collect();
    threads::for_each(pieces, |(x, out)| {
        scratch::with(memory(centres), |memory| {
            simd::dispatch_at(centres.level, Distances { x, centres, out, memory });
        });
    });
}

/// The nearest centre of every row to `labels [N]` (the first of equals), and its squared distance to `squares [N]`.
///
/// # Panics
/// If the lengths do not fit.
#[track_caller]
pub fn nearest(x: &[f32], centres: &Centres, labels: &mut [u32], squares: &mut [f32]) {
    centres.check(x, labels.len());
    assert_eq!(labels.len(), squares.len(), "nearest: one label and one distance a row");
    let results = labels.chunks_mut(ROWS).zip(squares.chunks_mut(ROWS));
    let pieces = x.chunks(ROWS * centres.width).zip(results).collect();
    threads::for_each(pieces, |(x, (labels, squares))| {
        scratch::with(memory(centres), |memory| {
            simd::dispatch_at(centres.level, Nearest { x, centres, labels, squares, memory });
        });
    });
}

/// The panel of `rows` of `x`, seen from the origin: `[D, 2 LANES]`, unused lanes holding anything finite.
#[inline(always)]
fn fill_panel<S: Simd>(s: S, x: &[f32], rows: Range<usize>, centres: &Centres, panel: &mut [f32]) -> usize {
    let width = centres.width;
    let here = &x[rows.start * width..rows.end * width];
    pack_columns(s, MatRef::new(here, rows.len(), width).t(), panel);
    let lanes = if rows.len() > S::LANES { 2 * S::LANES } else { S::LANES };
    if centres.moved {
        for (column, &o) in panel.chunks_exact_mut(lanes).zip(&centres.origin) {
            let o = s.splat(o);
            for v in column.chunks_exact_mut(S::LANES) {
                s.store_slice(v, s.sub(s.load_slice(v), o));
            }
        }
    }
    lanes
}

/// Groups of rows that fill a panel.
#[inline(always)]
fn panels<S: Simd>(rows: usize) -> impl Iterator<Item = Range<usize>> {
    (0..rows).step_by(2 * S::LANES).map(move |first| first..(first + 2 * S::LANES).min(rows))
}

struct Distances<'a> {
    x: &'a [f32],
    centres: &'a Centres,
    out: &'a mut [f32],
    memory: &'a mut [f32],
}

impl Kernel for Distances<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Distances { x, centres, out, memory } = self;
        let count = centres.count;
        let (panel, block) = memory.split_at_mut(centres.width * MOST_ROWS);
        for range in panels::<S>(x.len() / centres.width) {
            let lanes = fill_panel(s, x, range.clone(), centres, panel);
            for t in 0..row_tiles::<S>(count) {
                let (first, height) = row_tile::<S>(count, t);
                each_tile(s, centres, (first, height), panel, lanes, Score::Differences, block);
                for (j, scores) in block.chunks_exact(lanes).take(height).enumerate() {
                    for (i, &score) in range.clone().zip(scores) {
                        out[i * count + first + j] = score;
                    }
                }
            }
        }
    }
}

struct Nearest<'a> {
    x: &'a [f32],
    centres: &'a Centres,
    labels: &'a mut [u32],
    squares: &'a mut [f32],
    memory: &'a mut [f32],
}

impl Kernel for Nearest<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Nearest { x, centres, labels, squares, memory } = self;
        let (panel, block) = memory.split_at_mut(centres.width * MOST_ROWS);
        for range in panels::<S>(labels.len()) {
            let lanes = fill_panel(s, x, range.clone(), centres, panel);
            let best = smallest(s, centres, panel, lanes, Score::Differences, block);
            labels[range.clone()].copy_from_slice(&best.labels[..range.len()]);
            squares[range.clone()].copy_from_slice(&best.scores[..range.len()]);
        }
    }
}

/// The smallest score of every row of a panel, over all centres.
#[inline(always)]
fn smallest<S: Simd>(
    s: S,
    centres: &Centres,
    panel: &[f32],
    lanes: usize,
    score: Score,
    block: &mut [f32],
) -> Smallest {
    let mut best = Smallest::new();
    for t in 0..row_tiles::<S>(centres.count) {
        let (first, height) = row_tile::<S>(centres.count, t);
        each_tile(s, centres, (first, height), panel, lanes, score, block);
        best.take(s, &block[..height * lanes], lanes, first);
    }
    best
}

/// Sums of the rows of each centre.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sums {
    /// `Σ (x_i − o)` over the rows of each centre, `[K, D]`.
    pub sums: Vec<f64>,
    /// Rows of each centre, `[K]`.
    pub counts: Vec<u64>,
    /// Rows whose centre is another than before.
    pub changed: usize,
}

impl Sums {
    fn clear(&mut self, count: usize, width: usize) {
        self.sums.clear();
        self.sums.resize(count * width, 0.0);
        self.counts.clear();
        self.counts.resize(count, 0);
        self.changed = 0;
    }
}

/// The assignment step of Lloyd's algorithm, with its memory.
#[derive(Debug, Default)]
pub struct Assign {
    pieces: Vec<Sums>,
    total: Sums,
}

/// Most pieces a sum is cut into, and most numbers their sums may hold together (16 MiB) where that leaves four.
const PIECES: (usize, usize) = (64, 1 << 21);

/// Rows of a piece: a function of the shapes alone, so that the order of the sums is the same for any number of threads.
fn piece_rows(rows: usize, numbers: usize) -> usize {
    let pieces = (PIECES.1 / numbers.max(1)).clamp(4, PIECES.0);
    rows.div_ceil(pieces).next_multiple_of(ROWS)
}

impl Assign {
    /// Nothing is allocated before the first use.
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes the nearest centre of every row of `x [N, D]` to `labels [N]`, and returns the sums of each centre's rows.
    ///
    /// Where two centres are almost equally near, rounding decides: the difference of their squared distances is then below
    /// about `1e-6 (‖x_i − o‖² + ‖c_j − o‖²)`.
    ///
    /// # Panics
    /// If the lengths do not fit.
    #[track_caller]
    pub fn run(&mut self, x: &[f32], centres: &Centres, labels: &mut [u32]) -> &Sums {
        centres.check(x, labels.len());
        let (count, width) = (centres.count, centres.width);
        let rows = piece_rows(labels.len(), count * width);
        self.pieces.resize_with(labels.len().div_ceil(rows), Sums::default);
        let parts = x.chunks(rows * width).zip(labels.chunks_mut(rows)).zip(&mut self.pieces).collect();
        threads::for_each(parts, |((x, labels), sums)| {
            sums.clear(count, width);
            // Sums begin on a boundary and end on one: a row is added by whole vectors, and the next one need not wait.
            let sum = width.next_multiple_of(LINE);
            scratch::with(count * sum + memory(centres), |memory| {
                let (block, memory) = memory.split_at_mut(count * sum);
                for (x, labels) in x.chunks(ROWS * width).zip(labels.chunks_mut(ROWS)) {
                    let (block, memory, sums) = (&mut *block, &mut *memory, &mut *sums);
                    simd::dispatch_at(centres.level, AssignRows { x, centres, labels, sums, block, memory });
                }
            });
        });
        self.total.clear(count, width);
        for piece in &self.pieces {
            self.total.sums.iter_mut().zip(&piece.sums).for_each(|(t, p)| *t += p);
            self.total.counts.iter_mut().zip(&piece.counts).for_each(|(t, p)| *t += p);
            self.total.changed += piece.changed;
        }
        &self.total
    }
}

struct AssignRows<'a> {
    x: &'a [f32],
    centres: &'a Centres,
    labels: &'a mut [u32],
    sums: &'a mut Sums,
    /// Sums of the rows at hand in `f32`, each padded to whole vectors; those of more rows are `f64`.
    block: &'a mut [f32],
    memory: &'a mut [f32],
}

impl Kernel for AssignRows<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let AssignRows { x, centres, labels, sums, block, memory } = self;
        let (width, stride) = (centres.width, centres.width.next_multiple_of(LINE));
        let (panel, scores) = memory.split_at_mut(width * MOST_ROWS);
        block.fill(0.0);
        for range in panels::<S>(labels.len()) {
            let lanes = fill_panel(s, x, range.clone(), centres, panel);
            let best = smallest(s, centres, panel, lanes, Score::Products, scores);
            for (i, &label) in range.zip(&best.labels) {
                sums.changed += usize::from(labels[i] != label);
                labels[i] = label;
                sums.counts[label as usize] += 1;
                let sum = block[label as usize * stride..][..stride].chunks_exact_mut(S::LANES);
                let row = x[i * width..][..width].chunks(S::LANES).zip(centres.origin.chunks(S::LANES));
                for (sum, (x, o)) in sum.zip(row) {
                    let centred = s.sub(s.load_slice(x), s.load_slice(o));
                    s.store_slice(sum, s.add(s.load_slice(sum), centred));
                }
            }
        }
        for (total, part) in sums.sums.chunks_exact_mut(width).zip(block.chunks_exact(stride)) {
            for (total, &part) in total.iter_mut().zip(part) {
                *total += f64::from(part);
            }
        }
    }
}

#[cfg(test)]
mod tests;
