//! The register tile: the loop all products spend their time in.

use crate::simd::Simd;

/// Number of tiles `rows` rows are cut into: as few as the registers allow.
#[inline(always)]
pub fn row_tiles<S: Simd>(rows: usize) -> usize {
    rows.div_ceil(S::TILE_ROWS)
}

/// First row and height of tile `i`: heights differ by at most one, so none is mostly empty.
#[inline(always)]
pub fn row_tile<S: Simd>(rows: usize, i: usize) -> (usize, usize) {
    let tiles = row_tiles::<S>(rows);
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
    mut a: *const f32,
    mut b: *const f32,
    walk: Walk,
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
        a = a.wrapping_add(walk.a_step);
        b = b.wrapping_add(walk.b_step);
    }
    acc
}

/// [`multiply`] where only the first `cols` columns of B exist.
///
/// # Safety
/// As [`multiply`], for those columns.
#[inline(always)]
pub(super) unsafe fn multiply_edge<S: Simd, const MR: usize, const NV: usize>(
    s: S,
    k: usize,
    mut a: *const f32,
    mut b: *const f32,
    walk: Walk,
    cols: usize,
) -> [[S::F; NV]; MR] {
    let mut acc = [[s.splat(0.0); NV]; MR];
    for _ in 0..k {
        let mut bv = [s.splat(0.0); NV];
        for (j, bv) in bv.iter_mut().enumerate() {
            let lanes = cols.saturating_sub(j * S::LANES).min(S::LANES);
            // SAFETY: the caller's contract.
            *bv = unsafe { s.load_partial(b.wrapping_add(j * S::LANES), lanes) };
        }
        for (i, acc) in acc.iter_mut().enumerate() {
            // SAFETY: the caller's contract.
            let av = s.splat(unsafe { *a.add(i * walk.a_row) });
            for (acc, &bv) in acc.iter_mut().zip(&bv) {
                *acc = s.mul_add(av, bv, *acc);
            }
        }
        a = a.wrapping_add(walk.a_step);
        b = b.wrapping_add(walk.b_step);
    }
    acc
}

/// Writes (or adds) the first `cols` columns of a tile to `c`, whose rows are `c_row` apart.
///
/// # Safety
/// Those elements must be writable, and readable when adding.
#[inline(always)]
pub(super) unsafe fn write<S: Simd, const MR: usize, const NV: usize>(
    s: S,
    acc: [[S::F; NV]; MR],
    c: *mut f32,
    c_row: usize,
    cols: usize,
    add: bool,
) {
    for (i, row) in acc.iter().enumerate() {
        for (j, &v) in row.iter().enumerate() {
            let p = c.wrapping_add(i * c_row + j * S::LANES);
            // SAFETY: whole vectors lie within `cols`, partial ones are cut there.
            unsafe {
                if cols >= (j + 1) * S::LANES {
                    s.store(p, if add { s.add(s.load(p), v) } else { v });
                } else if cols > j * S::LANES {
                    let lanes = cols - j * S::LANES;
                    s.store_partial(p, lanes, if add { s.add(s.load_partial(p, lanes), v) } else { v });
                }
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
