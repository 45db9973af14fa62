//! Copies of operands in the order the register tile reads them.

use super::operand::Src;
use super::tile::{row_tiles, tile_of};
use crate::simd::{Kernel, Simd};
use std::ops::Range;

/// `dst[p * width + i] = a[i, p]` for `i < rows`, `p < k`; lanes `rows..width` become zero.
struct Block {
    a: Src,
    rows: usize,
    width: usize,
    k: usize,
    dst: *mut f32,
}

impl Block {
    /// # Safety
    /// All elements must be readable and writable.
    #[inline(always)]
    unsafe fn pack<S: Simd>(self, s: S) {
        s.outline(self);
    }
}

impl Kernel for Block {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Block { a, rows, width, k, dst } = self;
        for i in (0..width).step_by(S::LANES) {
            let lanes = (width - i).min(S::LANES);
            let have = rows.saturating_sub(i).min(lanes);
            let dst = dst.wrapping_add(i);
            // SAFETY: the contract of `Block::pack` or `Tiles::pack`, lane group by lane group.
            unsafe {
                if a.row_stride == 1 {
                    for p in 0..k {
                        s.store_partial(dst.add(p * width), lanes, s.load_partial(a.at(i, p), have));
                    }
                } else if a.col_stride == 1 {
                    s.transpose(a.at(i, 0), a.row_stride, have, lanes, k, dst, width);
                } else {
                    for p in 0..k {
                        for l in 0..lanes {
                            *dst.add(p * width + l) = if l < have { *a.at(i + l, p) } else { 0.0 };
                        }
                    }
                }
            }
        }
    }
}

/// Rows packed at a time: one alone is a single stream, which a processor fetches from memory at half its bandwidth.
const STREAMS: usize = 8;

/// Tiles of rows: `count` of them in `rows` rows, of which `tiles` are packed for `k` steps.
pub(crate) struct Tiles {
    pub(crate) a: Src,
    pub(crate) rows: usize,
    pub(crate) count: usize,
    pub(crate) tiles: Range<usize>,
    pub(crate) k: usize,
    pub(crate) dst: *mut f32,
    /// At least `k`: from the place of one row in `dst` to the next, which so does not depend on the length of a block.
    pub(crate) row_len: usize,
}

impl Tiles {
    /// Tile after tile, each `[k, height]`, from `dst + first_row * row_len` on.
    ///
    /// # Safety
    /// `a` must be readable for `rows x k`, `dst` writable for `rows * row_len`.
    #[inline(always)]
    pub(crate) unsafe fn pack<S: Simd>(self, s: S) {
        s.outline(self);
    }
}

impl Kernel for Tiles {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Tiles { a, rows, count, tiles, k, dst, row_len } = self;
        // Where the elements of a step lie side by side, a few steps at a time across all tiles: the source is read in order.
        let at_once = if a.row_stride == 1 { STREAMS } else { k.max(1) };
        for p in (0..k).step_by(at_once) {
            for t in tiles.clone() {
                let (first, height) = tile_of(rows, count, t);
                let block = Block {
                    a: Src::from_ptr(a.at(first, p), a.row_stride, a.col_stride),
                    rows: height,
                    width: height,
                    k: at_once.min(k - p),
                    dst: dst.wrapping_add(first * row_len + p * height),
                };
                block.run(s);
            }
        }
    }
}

/// Packs `n` columns into panels of two vectors, the last one a single vector if that is enough: panel after panel,
/// each `[k, width]`, padded with zeros.
///
/// # Safety
/// `b` must be readable for `k x n`, `dst` writable for `k` times `n` rounded up to whole vectors.
#[inline(always)]
pub(crate) unsafe fn pack_panels<S: Simd>(s: S, b: Src, k: usize, n: usize, dst: *mut f32) {
    let wide = 2 * S::LANES;
    // SAFETY: the caller's contract, panel by panel.
    unsafe {
        if b.col_stride == 1 {
            // A few rows at a time across all panels: the source is read in order.
            let full = n / wide;
            let rest = n - full * wide;
            for first in (0..k).step_by(STREAMS) {
                let rows = first..(first + STREAMS).min(k);
                for j in 0..full {
                    for p in rows.clone() {
                        let src = b.at(p, 0).add(j * wide);
                        let d = dst.add(j * wide * k + p * wide);
                        s.store(d, s.load(src));
                        s.store(d.add(S::LANES), s.load(src.add(S::LANES)));
                    }
                }
                for p in rows {
                    let src = b.at(p, 0).add(full * wide);
                    if rest > S::LANES {
                        let d = dst.add(full * wide * k + p * wide);
                        s.store(d, s.load(src));
                        let v = s.load_partial(src.add(S::LANES), rest - S::LANES);
                        s.store(d.add(S::LANES), v);
                    } else if rest > 0 {
                        let d = dst.add(full * wide * k + p * S::LANES);
                        s.store(d, s.load_partial(src, rest));
                    }
                }
            }
            return;
        }
        let mut j = 0;
        while j < n {
            let cols = (n - j).min(wide);
            let width = if cols > S::LANES { wide } else { S::LANES };
            let panel = Src::from_ptr(b.at(0, j), b.col_stride, b.row_stride);
            Block { a: panel, rows: cols, width, k, dst: dst.add(j * k) }.pack(s);
            j += wide;
        }
    }
}

/// Packs `rows x k` elements of A, element `(i, p)` at `a[i * row_stride + p * col_stride]`, as [`multiply`](super::multiply)
/// reads them with `a_row = 1` and `a_step` the height of the tile: [`row_tile`](super::row_tile) after `row_tile`.
///
/// # Panics
/// If a slice is too short.
#[inline(always)]
pub fn pack_rows<S: Simd>(s: S, a: crate::MatRef, dst: &mut [f32]) {
    let (rows, k) = (a.rows(), a.cols());
    assert!(dst.len() >= rows * k, "pack_rows: {} elements for {rows} x {k}", dst.len());
    if rows > 0 {
        // SAFETY: the view vouches for the source, the assertion for the destination.
        let (count, dst) = (row_tiles::<S>(rows), dst.as_mut_ptr());
        unsafe { Tiles { a: Src::new(a), rows, count, tiles: 0..count, k, dst, row_len: k }.pack(s) };
    }
}

/// Packs B (`[k, n]`) into panels of two vectors of columns as [`multiply`](super::multiply) reads them: panel `j` starts at
/// `2 LANES j k` and is `2 LANES` wide, or `LANES` if it is the last and that is enough.
///
/// # Panics
/// If `dst` is shorter than `k` times `n` rounded up to whole vectors.
#[inline(always)]
pub fn pack_columns<S: Simd>(s: S, b: crate::MatRef, dst: &mut [f32]) {
    let (k, n) = (b.rows(), b.cols());
    assert!(
        dst.len() >= k * n.next_multiple_of(S::LANES),
        "pack_columns: {} elements for {k} x {n}",
        dst.len()
    );
    // SAFETY: the view vouches for the source, the assertion for the destination.
    unsafe { pack_panels(s, Src::new(b), k, n, dst.as_mut_ptr()) };
}
