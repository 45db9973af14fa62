use super::blocked::{AHEAD, block_depth};
use super::operand::{Shared, Src};
use super::pack::{Tiles, pack_panels};
use super::tile::{Walk, for_rows, multiply, row_tile, row_tiles};
use crate::simd::{self, Kernel, Simd};
use crate::threads::Member;
use crate::{MatRef, scratch, threads};

/// Most floats of one row of panels past the last column.
const PADDING: usize = 32;
/// Most rows of a tile.
const MOST_ROWS: usize = 14;

/// `S_ij += Σ_p x_pi x_pj` for `j <= i`: the lower half of `XᵀX`, for X `[K, N]`, added to `sums [N, N]` in `f64`.
///
/// Half the arithmetic of the product, and rounding errors that do not grow with K: terms are summed in `f32` over a few
/// hundred rows, then move to `f64`. X is packed once for both sides. What lies above the diagonal is not touched.
///
/// # Panics
/// If `sums` is not `[N, N]` or the rows of X are not contiguous.
#[track_caller]
pub fn add_gram(x: MatRef, sums: &mut [f64]) {
    let (k, n) = (x.rows(), x.cols());
    assert_eq!(sums.len(), n * n, "add_gram: X is {k} x {n}, sums [N, N]");
    let (x, sums, level) = (Src::rows(x), Sums(sums.as_mut_ptr()), simd::level());
    scratch::with(block_depth(k) * (n + PADDING), |panels| {
        let panels = Shared(panels.as_mut_ptr());
        threads::team(threads::count(), |member| {
            scratch::with(block_depth(k) * MOST_ROWS, |tile| {
                simd::dispatch_at(level, Share { x, k, n, sums, panels, tile, member });
            });
        });
    });
}

/// Where sums go, each written by one thread.
#[derive(Clone, Copy)]
struct Sums(*mut f64);

// SAFETY: threads write rows of their own.
unsafe impl Send for Sums {}
// SAFETY: as above.
unsafe impl Sync for Sums {}

/// One member's part: panels are packed by all, tiles of rows belong to one member each.
struct Share<'a> {
    x: Src,
    k: usize,
    n: usize,
    sums: Sums,
    panels: Shared,
    tile: &'a mut [f32],
    member: Member<'a>,
}

impl Kernel for Share<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Share { x, k, n, sums, panels: Shared(panels), tile: packed, member } = self;
        let wide = 2 * S::LANES;
        let to_pack = member.share(n.div_ceil(wide));
        let (first, end) = (to_pack.start * wide, (to_pack.end * wide).min(n));
        let depth = block_depth(k).max(1);
        for k0 in (0..k).step_by(depth) {
            let kc = depth.min(k - k0);
            let block = |col: usize| Src::from_ptr(x.at(k0, col), x.row_stride, 1);
            // SAFETY: every panel is packed by one member, and the barriers keep packing and reading apart; a tile of rows
            // of the sums belongs to one member, and its rows, columns and panels lie within N.
            unsafe {
                if first < end {
                    pack_panels(s, block(first), kc, end - first, panels.wrapping_add(first * kc));
                }
                member.wait();
                for t in (0..row_tiles::<S>(n)).filter(|&t| owner(t, member.count()) == member.index()) {
                    let (row, rows) = row_tile::<S>(n, t);
                    let a = packed.as_mut_ptr();
                    Tiles { a: block(row).t(), rows, count: 1, tiles: 0..1, k: kc, dst: a, row_len: kc }
                        .pack(s);
                    for col in (0..row + rows).step_by(wide) {
                        let cols = (n - col).min(wide);
                        let b = panels.wrapping_add(col * kc);
                        s.outline(Tile { rows, cols, k: kc, a, b, sums, n, row, col });
                    }
                }
                member.wait();
            }
        }
    }
}

/// The member a tile belongs to: forth and back, since the work grows with the row.
fn owner(tile: usize, members: usize) -> usize {
    let place = tile % (2 * members);
    place.min(2 * members - 1 - place)
}

/// A tile of the sums.
struct Tile {
    rows: usize,
    cols: usize,
    k: usize,
    a: *const f32,
    b: *const f32,
    sums: Sums,
    n: usize,
    row: usize,
    col: usize,
}

impl Kernel for Tile {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        // SAFETY: `Share` vouches for operands and sums.
        unsafe {
            if self.cols > S::LANES {
                for_rows!(self.rows, add_tile::<S, _, 2>(s, self));
            } else {
                for_rows!(self.rows, add_tile::<S, _, 1>(s, self));
            }
        }
    }
}

#[inline(always)]
unsafe fn add_tile<S: Simd, const MR: usize, const NV: usize>(s: S, tile: Tile) {
    if MR > S::TILE_ROWS {
        unreachable!("tiles are cut to the registers");
    }
    let Tile { cols, k, a, b, sums: Sums(sums), n, row, col, .. } = tile;
    let mut part = [[0.0f32; 32]; MR];
    // SAFETY: the caller's contract; a row of `part` holds two vectors of every level.
    unsafe {
        let walk = Walk { a_row: 1, a_step: MR, b_step: NV * S::LANES, ahead: AHEAD };
        let acc = multiply::<S, MR, NV>(s, k, a, b, walk);
        for (part, acc) in part.iter_mut().zip(&acc) {
            for (j, &v) in acc.iter().enumerate() {
                s.store(part.as_mut_ptr().add(j * S::LANES), v);
            }
        }
        for (i, part) in part.iter().enumerate() {
            let below = cols.min((row + i + 1).saturating_sub(col));
            let sums = std::slice::from_raw_parts_mut(sums.add((row + i) * n + col), below);
            sums.iter_mut().zip(part).for_each(|(sum, &v)| *sum += f64::from(v));
        }
    }
}
