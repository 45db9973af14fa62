//! The product of a tile of rows with panels of packed weights.

use super::wanted::Wanted;
use crate::gemm::{Walk, for_rows, multiply_and};
use crate::simd::{Kernel, Simd};
use std::cell::UnsafeCell;
use std::mem::MaybeUninit;

/// Steps ahead for which weights are fetched, as in the general product.
const AHEAD: usize = 12;

/// Most vectors of sums a task has: a GRU's three gates of two vectors of units, the last gate's in two shares.
const MOST_VECTORS: usize = 8;

/// The sums of a task: pair of vectors after pair of vectors, in each row after row. Read only where they were written. Written
/// through shared references: [`Few`] keeps places of several pairs at once.
#[repr(align(64))]
pub(super) struct Sums(UnsafeCell<MaybeUninit<[f32; MOST_VECTORS * 14 * 16]>>);

impl Sums {
    pub(super) fn new() -> Self {
        Self(UnsafeCell::new(MaybeUninit::uninit()))
    }

    /// Where vector `v` of row `i` lies.
    #[inline(always)]
    pub(super) fn at<S: Simd>(&self, v: usize, i: usize) -> *const f32 {
        let place = ((v / 2) * S::TILE_ROWS + i) * 2 * S::LANES + (v % 2) * S::LANES;
        self.0.get().cast::<f32>().wrapping_add(place)
    }

    fn pair<S: Simd>(&self, pair: usize) -> *mut f32 {
        self.0.get().cast::<f32>().wrapping_add(pair * S::TILE_ROWS * 2 * S::LANES)
    }
}

/// The left side of a product: element `p` of row `i` lies at `a + i * row + p * step`.
#[derive(Clone, Copy)]
pub(super) struct Left {
    pub(super) a: *const f32,
    pub(super) row: usize,
    pub(super) step: usize,
    pub(super) rows: usize,
}

/// Some rows times one or two vectors of packed weights.
struct Tile<'a> {
    k: usize,
    left: Left,
    b: *const f32,
    wide: bool,
    out: *mut f32,
    wanted: &'a mut Wanted,
}

impl Kernel for Tile<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        // SAFETY: the contract of `multiply_all`, the only way here.
        unsafe {
            if self.wide {
                for_rows!(self.left.rows, tile::<S, _, 2>(s, self));
            } else {
                for_rows!(self.left.rows, tile::<S, _, 1>(s, self));
            }
        }
    }
}

#[inline(always)]
unsafe fn tile<S: Simd, const MR: usize, const NV: usize>(s: S, tile: Tile) {
    if MR > S::TILE_ROWS {
        unreachable!("tiles are cut to the registers");
    }
    let Left { a, row: a_row, step: a_step, .. } = tile.left;
    let walk = Walk { a_row, a_step, b_step: NV * S::LANES, ahead: AHEAD };
    // SAFETY: the caller's contract.
    unsafe {
        let wanted = tile.wanted.left();
        let (first, mut next) = (wanted.as_ptr(), wanted.as_ptr());
        let last = first.wrapping_add(wanted.len() - 1);
        let more = || {
            s.prefetch(*next);
            next = next.wrapping_add(usize::from(next < last));
        };
        let acc = multiply_and::<S, MR, NV>(s, tile.k, a, tile.b, walk, more);
        tile.wanted.asked(next.offset_from_unsigned(first));
        for (i, row) in acc.iter().enumerate() {
            for (j, &v) in row.iter().enumerate() {
                s.store(tile.out.add((i * 2 + j) * S::LANES), v);
            }
        }
    }
}

/// Rows times `vectors` vectors of weights, packed in pairs of `[k, 2 LANES]`; the sums go to the pairs from
/// `first` on.
///
/// # Safety
/// `k` elements of all rows must be readable, and of `b` `k` times the vectors.
#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "two operands, the result, and what to ask for on the way")]
pub(super) unsafe fn multiply_all<S: Simd>(
    s: S,
    k: usize,
    left: Left,
    (b, vectors): (*const f32, usize),
    first: usize,
    sums: &Sums,
    wanted: &mut Wanted,
) {
    for pair in 0..vectors.div_ceil(2) {
        let b = b.wrapping_add(pair * 2 * S::LANES * k);
        let wide = 2 * pair + 1 < vectors;
        s.outline(Tile { k, left, b, wide, out: sums.pair::<S>(first + pair), wanted });
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
    left: Left,
    /// Whether one sum may be formed as several.
    cut: bool,
    pairs: [(*const f32, *mut f32); MOST_PAIRS],
    count: usize,
}

impl Few {
    /// Nothing yet, of these rows. `cut` allows what gives other bits than [`multiply_all`]: it must not
    /// depend on the number of threads.
    pub(super) fn new(k: usize, left: Left, cut: bool) -> Self {
        let pairs = [(std::ptr::null(), std::ptr::null_mut()); MOST_PAIRS];
        Self { k, left, cut, pairs, count: 0 }
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
        sums: &Sums,
        wanted: &mut Wanted,
    ) {
        for pair in 0..vectors / 2 {
            let b = b.wrapping_add(pair * 2 * S::LANES * self.k);
            self.pairs[self.count] = (b, sums.pair::<S>(first + pair));
            self.count += 1;
            // As many as the registers hold.
            if self.count == MOST_PAIRS.min(S::TILE_ROWS / self.left.rows) {
                // SAFETY: the caller's contract.
                unsafe { self.finish(s) };
            }
        }
        if vectors % 2 == 1 {
            let pair = vectors / 2;
            let b = b.wrapping_add(pair * 2 * S::LANES * self.k);
            // SAFETY: the caller's contract.
            unsafe { multiply_all(s, self.k, self.left, (b, 1), first + pair, sums, wanted) };
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
        let Few { left: Left { rows, .. }, count, cut, .. } = *self.0;
        // SAFETY: the contract of `Few::multiply`, the only way here.
        unsafe {
            match (rows, count) {
                (1, 1) if cut => few::<S, 1, 1, 4>(s, self.0),
                (1, 2) if cut => few::<S, 1, 2, 2>(s, self.0),
                (2, 1) if cut => few::<S, 2, 1, 2>(s, self.0),
                (1, 1) => few::<S, 1, 1, 1>(s, self.0),
                (1, 2) => few::<S, 1, 2, 1>(s, self.0),
                (1, 3) => few::<S, 1, 3, 1>(s, self.0),
                (1, 4) => few::<S, 1, 4, 1>(s, self.0),
                (2, 1) => few::<S, 2, 1, 1>(s, self.0),
                (2, 2) => few::<S, 2, 2, 1>(s, self.0),
                (2, 3) => few::<S, 2, 3, 1>(s, self.0),
                (2, 4) => few::<S, 2, 4, 1>(s, self.0),
                (3, 1) => few::<S, 3, 1, 1>(s, self.0),
                (3, 2) => few::<S, 3, 2, 1>(s, self.0),
                (3, 3) => few::<S, 3, 3, 1>(s, self.0),
                (3, 4) => few::<S, 3, 4, 1>(s, self.0),
                _ => unreachable!("{rows} rows with {count} pairs"),
            }
        }
    }
}

/// The sums that [`multiply_all`] forms, of several pairs; each as `NK` sums of every `NK`th product, which are then added up: eight
/// independent ones keep the processor busy. The weights are read in order, which it sees by itself: asking for them ahead would
/// take as many loads again.
#[inline(always)]
#[allow(
    clippy::needless_range_loop,
    reason = "arrays that stay in registers as long as no slice is taken of them"
)]
unsafe fn few<S: Simd, const MR: usize, const NP: usize, const NK: usize>(s: S, few: &Few) {
    let mut acc = [[[[s.splat(0.0); 2]; NP]; MR]; NK];
    // SAFETY: the caller's contract.
    unsafe {
        let add = |p: usize, acc: &mut [[[S::F; 2]; NP]; MR]| {
            let mut a = [s.splat(0.0); MR];
            for (i, a) in a.iter_mut().enumerate() {
                *a = s.splat(*few.left.a.add(i * few.left.row + p * few.left.step));
            }
            for j in 0..NP {
                let b = few.pairs[j].0.wrapping_add(p * 2 * S::LANES);
                let b = [s.load(b), s.load(b.wrapping_add(S::LANES))];
                for (acc, &a) in acc.iter_mut().zip(&a) {
                    acc[j][0] = s.mul_add(a, b[0], acc[j][0]);
                    acc[j][1] = s.mul_add(a, b[1], acc[j][1]);
                }
            }
        };
        for first in (0..few.k - few.k % NK).step_by(NK) {
            for (p, acc) in acc.iter_mut().enumerate() {
                add(first + p, acc);
            }
        }
        for (p, acc) in acc.iter_mut().enumerate().take(few.k % NK) {
            add(few.k - few.k % NK + p, acc);
        }
        for i in 0..MR {
            for j in 0..NP {
                for v in 0..2 {
                    let out = few.pairs[j].1.wrapping_add((i * 2 + v) * S::LANES);
                    s.store(out, (1..NK).fold(acc[0][i][j][v], |sum, p| s.add(sum, acc[p][i][j][v])));
                }
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
