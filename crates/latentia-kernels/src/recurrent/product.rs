//! Packed recurrent weights and the product of a tile of rows with a panel of them.

use super::cell::Pointwise;
use crate::gemm::{Shared, Walk, for_rows, multiply};
use crate::simd::{Kernel, Simd};
use std::mem::MaybeUninit;
use std::ops::Range;

/// Steps ahead for which weights are fetched, as in the general product.
const AHEAD: usize = 12;

/// Most vectors of sums a task has: a GRU's three gates of two vectors of units, the last gate's in two shares.
const MOST_VECTORS: usize = 8;

/// The sums of a task: pair of vectors after pair of vectors, in each row after row. Read only where they were written.
#[repr(align(64))]
pub(super) struct Sums(MaybeUninit<[f32; MOST_VECTORS * 14 * 16]>);

impl Sums {
    pub(super) fn new() -> Self {
        Self(MaybeUninit::uninit())
    }

    /// Where vector `v` of row `i` lies.
    #[inline(always)]
    pub(super) fn at<S: Simd>(&self, v: usize, i: usize) -> *const f32 {
        let place = ((v / 2) * S::TILE_ROWS + i) * 2 * S::LANES + (v % 2) * S::LANES;
        self.0.as_ptr().cast::<f32>().wrapping_add(place)
    }

    fn pair<S: Simd>(&mut self, pair: usize) -> *mut f32 {
        self.0.as_mut_ptr().cast::<f32>().wrapping_add(pair * S::TILE_ROWS * 2 * S::LANES)
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

/// `rows` packed rows times `vectors` vectors of weights, packed in pairs of `[k, 2 LANES]`; the sums go to the pairs from
/// `first` on.
///
/// # Safety
/// `a` must be readable for `k * height` floats (of which `rows` in each step), `b` for `k` times the vectors.
#[inline(always)]
pub(super) unsafe fn multiply_all<S: Simd>(
    s: S,
    k: usize,
    (a, height, rows): (*const f32, usize, usize),
    (b, vectors): (*const f32, usize),
    first: usize,
    sums: &mut Sums,
) {
    for pair in 0..vectors.div_ceil(2) {
        let b = b.wrapping_add(pair * 2 * S::LANES * k);
        let wide = 2 * pair + 1 < vectors;
        s.outline(Tile { k, a, height, rows, b, wide, out: sums.pair::<S>(first + pair) });
    }
}

/// Most rows that are multiplied with several pairs of vectors at once.
const FEW_ROWS: usize = 3;
/// Pairs of vectors at once: eight independent sums for one row.
const MOST_PAIRS: usize = 4;

/// Tasks multiplied together where the batch has few rows.
pub(super) const TOGETHER: usize = 4;

/// How many tasks to multiply before their element-wise parts: several where each alone has too few independent sums to
/// keep the processor busy (an addition takes four cycles, two can start in each).
pub(super) fn together(tiles: usize, rows: usize) -> usize {
    if tiles == 1 && rows <= FEW_ROWS { TOGETHER } else { 1 }
}

/// Products of a few rows that wait to be done together.
pub(super) struct Few {
    k: usize,
    a: *const f32,
    height: usize,
    rows: usize,
    pairs: [(*const f32, *mut f32); MOST_PAIRS],
    count: usize,
}

impl Few {
    /// Nothing yet, of `rows` of `height` packed rows.
    pub(super) fn new(k: usize, (a, height, rows): (*const f32, usize, usize)) -> Self {
        Self { k, a, height, rows, pairs: [(std::ptr::null(), std::ptr::null_mut()); MOST_PAIRS], count: 0 }
    }

    /// [`multiply_all`] for these rows, done at once or with the next ones.
    ///
    /// # Safety
    /// As there; `sums` must stay until [`finish`](Few::finish).
    #[inline(always)]
    pub(super) unsafe fn multiply<S: Simd>(
        &mut self,
        s: S,
        (b, vectors): (*const f32, usize),
        first: usize,
        sums: &mut Sums,
    ) {
        for pair in 0..vectors / 2 {
            let b = b.wrapping_add(pair * 2 * S::LANES * self.k);
            self.pairs[self.count] = (b, sums.pair::<S>(first + pair));
            self.count += 1;
            // As many as the registers hold.
            if self.count == MOST_PAIRS.min(S::TILE_ROWS / self.rows) {
                // SAFETY: the caller's contract.
                unsafe { self.finish(s) };
            }
        }
        if vectors % 2 == 1 {
            let (pair, rows) = (vectors / 2, (self.a, self.height, self.rows));
            let b = b.wrapping_add(pair * 2 * S::LANES * self.k);
            // SAFETY: the caller's contract.
            unsafe { multiply_all(s, self.k, rows, (b, 1), first + pair, sums) };
        }
    }

    /// Does what waits.
    ///
    /// # Safety
    /// As for [`multiply`](Few::multiply).
    #[inline(always)]
    pub(super) unsafe fn finish<S: Simd>(&mut self, s: S) {
        if self.count > 0 {
            s.outline(FewPairs(self));
            self.count = 0;
        }
    }
}

struct FewPairs<'a>(&'a Few);

impl Kernel for FewPairs<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        // SAFETY: the contract of `Few::multiply`, the only way here.
        unsafe {
            match (self.0.rows, self.0.count) {
                (1, 1) => few::<S, 1, 1>(s, self.0),
                (1, 2) => few::<S, 1, 2>(s, self.0),
                (1, 3) => few::<S, 1, 3>(s, self.0),
                (1, 4) => few::<S, 1, 4>(s, self.0),
                (2, 1) => few::<S, 2, 1>(s, self.0),
                (2, 2) => few::<S, 2, 2>(s, self.0),
                (2, 3) => few::<S, 2, 3>(s, self.0),
                (2, 4) => few::<S, 2, 4>(s, self.0),
                (3, 1) => few::<S, 3, 1>(s, self.0),
                (3, 2) => few::<S, 3, 2>(s, self.0),
                (3, 3) => few::<S, 3, 3>(s, self.0),
                (3, 4) => few::<S, 3, 4>(s, self.0),
                (rows, pairs) => unreachable!("{rows} rows with {pairs} pairs"),
            }
        }
    }
}

/// The same sums as [`multiply`] forms, of several pairs. The weights are read in order, which the processor sees by itself:
/// asking for them ahead would take as many loads again.
#[inline(always)]
unsafe fn few<S: Simd, const MR: usize, const NP: usize>(s: S, few: &Few) {
    let mut acc = [[[s.splat(0.0); 2]; NP]; MR];
    // SAFETY: the caller's contract.
    unsafe {
        for p in 0..few.k {
            let mut a = [s.splat(0.0); MR];
            for (i, a) in a.iter_mut().enumerate() {
                *a = s.splat(*few.a.add(p * few.height + i));
            }
            for j in 0..NP {
                let b = few.pairs[j].0.wrapping_add(p * 2 * S::LANES);
                let b = [s.load(b), s.load(b.wrapping_add(S::LANES))];
                for (acc, &a) in acc.iter_mut().zip(&a) {
                    acc[j][0] = s.mul_add(a, b[0], acc[j][0]);
                    acc[j][1] = s.mul_add(a, b[1], acc[j][1]);
                }
            }
        }
        for (i, acc) in acc.iter().enumerate() {
            for (j, sums) in acc.iter().enumerate() {
                let out = few.pairs[j].1.wrapping_add(i * 2 * S::LANES);
                s.store(out, sums[0]);
                s.store(out.wrapping_add(S::LANES), sums[1]);
            }
        }
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
        if height == 1 {
            // SAFETY: the contract of `pack_rows`.
            unsafe { std::ptr::copy_nonoverlapping(src, dst, k) };
            return;
        }
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

/// Most bytes of both weights for which the product with the input is part of the steps. The gates are then written once
/// and never read before they are known, which is most of the memory traffic of a small layer. Larger weights would not stay
/// in the second-level caches of two cores, and every step would read them anew.
const INNER: usize = 1_500_000;

/// Inputs whose product is part of the steps: all or none.
pub(super) fn inner_inputs(gates: usize, inputs: usize, hidden: usize) -> usize {
    if gates * (inputs + hidden) * hidden * size_of::<f32>() <= INNER { inputs } else { 0 }
}

/// Floats the packed weights of one direction take at every level, `width` the length of the operand.
pub(super) fn panels_len(gates: usize, width: usize, hidden: usize) -> usize {
    gates * width * hidden.next_multiple_of(16)
}

/// Gates of a phase that sum over the same part of the operand `[x h]`.
pub(super) struct Segment {
    pub(super) gates: Range<usize>,
    pub(super) depth: Range<usize>,
}

/// The products of a phase: one, or three where the last gate's shares of input and state are needed apart.
#[inline(always)]
pub(super) fn segments<C: Pointwise>(
    phase: usize,
    inner: usize,
    hidden: usize,
) -> impl Iterator<Item = Segment> {
    let (all, gates) = (0..inner + hidden, C::gates(phase));
    let apart = C::SPLIT_GATE && inner > 0;
    let last = if apart { gates.end - 1 } else { gates.end };
    let first = Segment { gates: gates.start..last, depth: all.clone() };
    let state = Segment { gates: last..gates.end, depth: inner..all.end };
    let input = Segment { gates: last..gates.end, depth: 0..inner };
    [first, state, input].into_iter().take(if apart { 3 } else { 1 })
}

/// Where the forward weights of the group of units from `unit` on start.
#[inline(always)]
pub(super) fn forward_panel<S: Simd, C: Pointwise>(
    width: usize,
    hidden: usize,
    phase: usize,
    unit: usize,
) -> usize {
    let gates = C::gates(phase);
    (gates.start * padded::<S>(hidden) + gates.len() * unit) * width
}

/// Packs weight_ih `[G·H, I]` (if I is not `inner`, it is left out) and weight_hh `[G·H, H]` for the forward pass: per group
/// of units and segment its vectors, gate after gate, in pairs.
///
/// # Safety
/// `panels` must be writable for [`panels_len`] floats, the groups this caller's.
#[inline(always)]
pub(super) unsafe fn pack_forward<S: Simd, C: Pointwise>(
    s: S,
    [weight_ih, weight_hh]: [&[f32]; 2],
    (inner, hidden): (usize, usize),
    groups: Range<usize>,
    panels: Shared,
) {
    let Shared(panels) = panels;
    for phase in 0..C::PHASES {
        for group in groups.clone() {
            let unit = group * C::VECTORS * S::LANES;
            let vectors = (hidden - unit).div_ceil(S::LANES).min(C::VECTORS);
            let place = forward_panel::<S, C>(inner + hidden, hidden, phase, unit);
            let mut panel = panels.wrapping_add(place);
            for Segment { gates, depth } in segments::<C>(phase, inner, hidden) {
                let all = vectors * gates.len();
                for v in 0..all {
                    let first = unit + (v % vectors) * S::LANES;
                    let row = (gates.start + v / vectors) * hidden + first;
                    let rows = (hidden - first).min(S::LANES);
                    let width = if v + 1 == all && all % 2 == 1 { S::LANES } else { 2 * S::LANES };
                    let dst = panel.wrapping_add((v / 2) * 2 * S::LANES * depth.len() + (v % 2) * S::LANES);
                    let inputs = if depth.start < inner { inner } else { 0 };
                    // SAFETY: the slices vouch for the sources; groups lie one after the other.
                    unsafe {
                        if inputs > 0 {
                            let src = weight_ih[row * inner..][..rows * inner].as_ptr();
                            s.transpose(src, inner, rows, S::LANES, inner, dst, width);
                        }
                        if depth.end > inner {
                            let src = weight_hh[row * hidden..][..rows * hidden].as_ptr();
                            let dst = dst.wrapping_add(inputs * width);
                            s.transpose(src, hidden, rows, S::LANES, hidden, dst, width);
                        }
                    }
                }
                panel = panel.wrapping_add(all * S::LANES * depth.len());
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
