//! The register tile: the loop all products spend their time in.

use super::operand::Dst;
use crate::simd::{Kernel, Simd};

/// Number of tiles `rows` rows are cut into: as few as the registers allow.
#[inline(always)]
pub fn row_tiles<S: Simd>(rows: usize) -> usize {
    rows.div_ceil(S::TILE_ROWS)
}

/// First row and height of tile `i`: heights differ by at most one, so none is mostly empty.
#[inline(always)]
pub fn row_tile<S: Simd>(rows: usize, i: usize) -> (usize, usize) {
    tile_of(rows, row_tiles::<S>(rows), i)
}

/// [`row_tile`] of so many tiles.
#[inline(always)]
pub(super) fn tile_of(rows: usize, tiles: usize, i: usize) -> (usize, usize) {
    let (each, rest) = (rows / tiles, rows % tiles);
    (i * each + i.min(rest), each + usize::from(i < rest))
}

/// How a register tile reads its operands.
#[derive(Clone, Copy)]
pub struct Walk {
    /// From one row of A to the next.
    pub a_row: usize,
    /// From one step of the summed dimension to the next in A.
    pub a_step: usize,
    /// The same in B, whose rows are contiguous.
    pub b_step: usize,
    /// Steps ahead for which B is asked for.
    pub ahead: usize,
}

/// `Σ_p a[i, p] b[p, j]` for `MR` rows and `NV` vectors of columns, `p` in order.
///
/// Rows times vectors must fit the registers: at most `S::TILE_ROWS` rows of two vectors.
///
/// # Safety
/// `a[i * a_row + p * a_step]` and the `NV` vectors at `b[p * b_step]` must be readable for `i < MR`, `p < k`.
#[inline(always)]
pub unsafe fn multiply<S: Simd, const MR: usize, const NV: usize>(
    s: S,
    k: usize,
    a: *const f32,
    b: *const f32,
    walk: Walk,
) -> [[S::F; NV]; MR] {
    // SAFETY: the caller's contract.
    unsafe { multiply_and::<S, MR, NV>(s, k, a, b, walk, || ()) }
}

/// [`multiply`] that does something more in every step.
///
/// # Safety
/// As there.
#[inline(always)]
pub(crate) unsafe fn multiply_and<S: Simd, const MR: usize, const NV: usize>(
    s: S,
    k: usize,
    mut a: *const f32,
    mut b: *const f32,
    walk: Walk,
    mut more: impl FnMut(),
) -> [[S::F; NV]; MR] {
    let mut acc = [[s.splat(0.0); NV]; MR];
    for _ in 0..k {
        let mut bv = [s.splat(0.0); NV];
        for (j, bv) in bv.iter_mut().enumerate() {
            // SAFETY: the caller's contract.
            *bv = unsafe { s.load(b.add(j * S::LANES)) };
            s.prefetch(b.wrapping_add(walk.ahead * walk.b_step + j * S::LANES));
        }
        for (i, acc) in acc.iter_mut().enumerate() {
            // SAFETY: the caller's contract.
            let av = s.splat(unsafe { *a.add(i * walk.a_row) });
            for (acc, &bv) in acc.iter_mut().zip(&bv) {
                *acc = s.mul_add(av, bv, *acc);
            }
        }
        more();
        a = a.wrapping_add(walk.a_step);
        b = b.wrapping_add(walk.b_step);
    }
    acc
}

/// What a register tile asks for on the way, since it is needed soon: in each of its steps one line, `step` floats after the last.
/// With a step of zero it asks for a line that is there, which costs next to nothing.
#[derive(Clone, Copy)]
pub(super) struct Fetch {
    pub(super) next: *const f32,
    pub(super) step: usize,
}

/// One register tile of a product, from operands in place or packed to C.
///
/// A is packed (`a_row = 1`, `a_step = height`) or in place (`a_step = 1`); B has whole vectors to read, also past `cols`.
pub(super) struct Tile {
    pub(super) height: usize,
    pub(super) k: usize,
    pub(super) a: *const f32,
    /// From one row of A to the next where A is in place.
    pub(super) in_place: Option<usize>,
    pub(super) b: *const f32,
    pub(super) b_step: usize,
    pub(super) ahead: usize,
    pub(super) c: Dst,
    /// At most two vectors.
    pub(super) cols: usize,
    pub(super) add: bool,
    pub(super) fetch: Fetch,
}

impl Tile {
    /// `C (+)= A B` for this tile: a call of its own, since the code for all heights is long.
    ///
    /// # Safety
    /// The operands must be readable as [`multiply`] asks, C writable for `height x cols`.
    #[inline(always)]
    pub(super) unsafe fn run<S: Simd>(self, s: S) {
        s.outline(self);
    }
}

impl Kernel for Tile {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        // SAFETY: the contract of `Tile::run`, the only way here.
        unsafe {
            if self.cols > S::LANES {
                for_rows!(self.height, tile::<S, _, 2>(s, self));
            } else {
                for_rows!(self.height, tile::<S, _, 1>(s, self));
            }
        }
    }
}

#[inline(always)]
unsafe fn tile<S: Simd, const MR: usize, const NV: usize>(s: S, tile: Tile) {
    if MR > S::TILE_ROWS {
        unreachable!("tiles are cut to the registers");
    }
    let Tile { k, a, in_place, b, b_step, ahead, c, cols, add, mut fetch, .. } = tile;
    if add {
        for i in 0..MR {
            s.prefetch(c.at(i, 0));
            s.prefetch(c.at(i, (NV - 1) * S::LANES));
        }
    }
    let more = || {
        s.prefetch_far(fetch.next);
        fetch.next = fetch.next.wrapping_add(fetch.step);
    };
    let (a_row, a_step) = in_place.map_or((1, MR), |a_row| (a_row, 1));
    // SAFETY: the caller's contract; full vectors of C lie within `cols`.
    unsafe {
        let walk = Walk { a_row, a_step, b_step, ahead };
        let acc = multiply_and::<S, MR, NV>(s, k, a, b, walk, more);
        if cols < NV * S::LANES {
            // Rare and narrow: by way of memory, the code for every partial width would be long.
            let mut full = [[0.0f32; 32]; MR];
            for (full, row) in full.iter_mut().zip(&acc) {
                for (j, &v) in row.iter().enumerate() {
                    s.store(full.as_mut_ptr().add(j * S::LANES), v);
                }
            }
            for (i, full) in full.iter().enumerate() {
                for (j, &v) in full[..cols].iter().enumerate() {
                    let p = c.at(i, j);
                    *p = if add { *p + v } else { v };
                }
            }
            return;
        }
        for (i, row) in acc.iter().enumerate() {
            for (j, &v) in row.iter().enumerate() {
                let p = c.at(i, j * S::LANES);
                s.store(p, if add { s.add(s.load(p), v) } else { v });
            }
        }
    }
}

/// Calls a function with the height of a tile as a constant: `for_rows!(rows, S, f::<S, _, 2>(args))`.
#[macro_export]
#[doc(hidden)]
macro_rules! for_rows {
    ($rows:expr, $f:ident::<$s:ident, _, $nv:literal>($($arg:expr),* $(,)?)) => {
        match $rows {
            1 => $f::<$s, 1, $nv>($($arg),*),
            2 => $f::<$s, 2, $nv>($($arg),*),
            3 => $f::<$s, 3, $nv>($($arg),*),
            4 => $f::<$s, 4, $nv>($($arg),*),
            5 => $f::<$s, 5, $nv>($($arg),*),
            6 => $f::<$s, 6, $nv>($($arg),*),
            7 => $f::<$s, 7, $nv>($($arg),*),
            8 => $f::<$s, 8, $nv>($($arg),*),
            9 => $f::<$s, 9, $nv>($($arg),*),
            10 => $f::<$s, 10, $nv>($($arg),*),
            11 => $f::<$s, 11, $nv>($($arg),*),
            12 => $f::<$s, 12, $nv>($($arg),*),
            13 => $f::<$s, 13, $nv>($($arg),*),
            14 => $f::<$s, 14, $nv>($($arg),*),
            rows => unreachable!("a tile of {rows} rows"),
        }
    };
}
pub use for_rows;
