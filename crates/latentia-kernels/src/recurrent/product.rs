//! Packed recurrent weights and the product of a tile of rows with a panel of them.

use super::cell::Pointwise;
use crate::gemm::{Shared, Walk, for_rows, multiply};
use crate::simd::{Kernel, Simd};
use std::ops::Range;

/// Steps ahead for which weights are fetched, as in the general product.
const AHEAD: usize = 12;

/// Most vectors of sums a task has: a GRU's three gates of two vectors of units.
const MOST_VECTORS: usize = 6;

/// The sums of a task: pair of vectors after pair of vectors, in each row after row.
#[repr(align(64))]
pub(super) struct Sums([f32; MOST_VECTORS * 14 * 16]);

impl Sums {
    pub(super) fn new() -> Self {
        Self([0.0; MOST_VECTORS * 14 * 16])
    }

    /// Where vector `v` of row `i` lies.
    #[inline(always)]
    pub(super) fn at<S: Simd>(&self, v: usize, i: usize) -> *const f32 {
        let place = ((v / 2) * S::TILE_ROWS + i) * 2 * S::LANES + (v % 2) * S::LANES;
        self.0.as_ptr().wrapping_add(place)
    }

    fn pair<S: Simd>(&mut self, pair: usize) -> *mut f32 {
        self.0.as_mut_ptr().wrapping_add(pair * S::TILE_ROWS * 2 * S::LANES)
    }
}

/// Some rows, already packed `[k, height]`, times one or two vectors of packed weights.
struct Tile {
    k: usize,
    a: *const f32,
    height: usize,
    rows: usize,
    b: *const f32,
    wide: bool,
    out: *mut f32,
}

impl Kernel for Tile {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        // SAFETY: the contract of `multiply_all`, the only way here.
        unsafe {
            if self.wide {
                for_rows!(self.rows, tile::<S, _, 2>(s, self));
            } else {
                for_rows!(self.rows, tile::<S, _, 1>(s, self));
            }
        }
    }
}

#[inline(always)]
unsafe fn tile<S: Simd, const MR: usize, const NV: usize>(s: S, tile: Tile) {
    if MR > S::TILE_ROWS {
        unreachable!("tiles are cut to the registers");
    }
    let walk = Walk { a_row: 1, a_step: tile.height, b_step: NV * S::LANES, ahead: AHEAD };
    // SAFETY: the caller's contract.
    unsafe {
        let acc = multiply::<S, MR, NV>(s, tile.k, tile.a, tile.b, walk);
        for (i, row) in acc.iter().enumerate() {
            for (j, &v) in row.iter().enumerate() {
                s.store(tile.out.add((i * 2 + j) * S::LANES), v);
            }
        }
    }
}

/// `rows` packed rows times `vectors` vectors of weights, packed in pairs of `[k, 2 LANES]`.
///
/// # Safety
/// `a` must be readable for `k * height` floats (of which `rows` in each step), `b` for `k` times the vectors.
#[inline(always)]
pub(super) unsafe fn multiply_all<S: Simd>(
    s: S,
    k: usize,
    (a, height, rows): (*const f32, usize, usize),
    (b, vectors): (*const f32, usize),
    sums: &mut Sums,
) {
    for pair in 0..vectors.div_ceil(2) {
        let b = b.wrapping_add(pair * 2 * S::LANES * k);
        let wide = 2 * pair + 1 < vectors;
        s.outline(Tile { k, a, height, rows, b, wide, out: sums.pair::<S>(pair) });
    }
}

/// Packs rows of a matrix for [`multiply_all`]: `dst[p * height + i] = src[i * stride + p]` for `i < rows`, `p < k`.
///
/// # Safety
/// All of those must be readable and writable.
#[inline(always)]
pub(super) unsafe fn pack_rows<S: Simd>(
    s: S,
    src: *const f32,
    stride: usize,
    rows: usize,
    k: usize,
    dst: *mut f32,
    height: usize,
) {
    s.outline(Rows { src, stride, rows, k, dst, height });
}

struct Rows {
    src: *const f32,
    stride: usize,
    rows: usize,
    k: usize,
    dst: *mut f32,
    height: usize,
}

impl Kernel for Rows {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Rows { src, stride, rows, k, dst, height } = self;
        for i in (0..rows).step_by(S::LANES) {
            let lanes = (rows - i).min(S::LANES);
            // SAFETY: the contract of `pack_rows`, lane group by lane group.
            unsafe {
                let src = src.wrapping_add(i * stride);
                s.transpose(src, stride, lanes, lanes, k, dst.wrapping_add(i), height);
            }
        }
    }
}

/// Units rounded up to whole vectors.
#[inline(always)]
fn padded<S: Simd>(hidden: usize) -> usize {
    hidden.next_multiple_of(S::LANES)
}

/// Floats the packed weights of one direction take at every level.
pub(super) fn panels_len(gates: usize, hidden: usize) -> usize {
    gates * hidden * hidden.next_multiple_of(16)
}

/// Where the forward weights of the group of units from `unit` on start.
#[inline(always)]
pub(super) fn forward_panel<S: Simd, C: Pointwise>(hidden: usize, phase: usize, unit: usize) -> usize {
    let gates = C::gates(phase);
    (gates.start * padded::<S>(hidden) + gates.len() * unit) * hidden
}

/// Packs weight_hh `[G·H, H]` for the forward pass: per group of units its vectors, gate after gate, in pairs.
///
/// # Safety
/// `panels` must be writable for [`panels_len`] floats, the groups this caller's.
#[inline(always)]
pub(super) unsafe fn pack_forward<S: Simd, C: Pointwise>(
    s: S,
    weight: &[f32],
    hidden: usize,
    groups: Range<usize>,
    panels: Shared,
) {
    let Shared(panels) = panels;
    for phase in 0..C::PHASES {
        for group in groups.clone() {
            let unit = group * C::VECTORS * S::LANES;
            let vectors = (hidden - unit).div_ceil(S::LANES).min(C::VECTORS);
            let panel = panels.wrapping_add(forward_panel::<S, C>(hidden, phase, unit));
            let all = vectors * C::gates(phase).len();
            for v in 0..all {
                let gate = C::gates(phase).start + v / vectors;
                let first = unit + (v % vectors) * S::LANES;
                let rows = (hidden - first).min(S::LANES);
                let width = if v + 1 == all && all % 2 == 1 { S::LANES } else { 2 * S::LANES };
                let dst = panel.wrapping_add((v / 2) * 2 * S::LANES * hidden + (v % 2) * S::LANES);
                let src = weight[(gate * hidden + first) * hidden..][..rows * hidden].as_ptr();
                // SAFETY: the slice vouches for the source; groups lie one after the other.
                unsafe { s.transpose(src, hidden, rows, S::LANES, hidden, dst, width) };
            }
        }
    }
}

/// Where the backward weights of a phase for the units from `unit` on start.
#[inline(always)]
pub(super) fn backward_panel<S: Simd, C: Pointwise>(hidden: usize, phase: usize, unit: usize) -> usize {
    let gates = C::gates(phase);
    (gates.start * padded::<S>(hidden) + gates.len() * unit) * hidden
}

/// Packs weight_hh `[G·H, H]` for the backward pass: its rows are summed over, panels of two vectors of columns.
///
/// # Safety
/// As for [`pack_forward`]; `panels` counts panels of two vectors.
#[inline(always)]
pub(super) unsafe fn pack_backward<S: Simd, C: Pointwise>(
    s: S,
    weight: &[f32],
    hidden: usize,
    columns: Range<usize>,
    panels: Shared,
) {
    let Shared(panels) = panels;
    let first = columns.start * 2 * S::LANES;
    let cols = (columns.end * 2 * S::LANES).min(hidden).saturating_sub(first);
    if cols == 0 {
        return;
    }
    for phase in 0..C::PHASES {
        let gates = C::gates(phase);
        let k = gates.len() * hidden;
        let from = &weight[gates.start * hidden * hidden + first..];
        let src = crate::MatRef::with_strides(from, k, cols, hidden, 1);
        let start = backward_panel::<S, C>(hidden, phase, first);
        // SAFETY: the caller's contract: these panels are apart from those of others.
        let dst = unsafe {
            std::slice::from_raw_parts_mut(panels.wrapping_add(start), k * cols.next_multiple_of(S::LANES))
        };
        crate::gemm::pack_columns(s, src, dst);
    }
}
