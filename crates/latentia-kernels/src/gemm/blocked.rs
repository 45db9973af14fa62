//! The general product: B packed, A too where its rows cannot be read in place, the register tile over all of it.

use super::Product;
use super::operand::{Dst, Rhs, Shared, Src};
use super::pack::{pack_panels, pack_tiles};
use super::tile::{Tile, row_tile, row_tiles};
use crate::simd::{Kernel, Simd};
use crate::threads::Member;

/// Longest block of the summed dimension: a panel of 32 columns is then 50 KiB, streamed from the second-level cache.
const BLOCK_DEPTH: usize = 400;
/// Most columns packed at a time: with the depth above 600 KiB, a little over half of a 1 MiB second-level cache.
const BLOCK_COLS: usize = 384;
/// Floats of packed B a thread needs, the last panel's padding included.
pub(super) const PACKED_B_LEN: usize = BLOCK_DEPTH * (BLOCK_COLS + 32);

/// Depth of the blocks K is cut into: equal ones, a function of K alone.
pub(super) fn block_depth(k: usize) -> usize {
    k.div_ceil(k.div_ceil(BLOCK_DEPTH).max(1))
}

/// Most floats of packed A that are worth a barrier: 1 MiB stays in the second-level cache.
const TWO_BLOCKS: usize = 1 << 18;

/// Whether packed A has room for two blocks, so that one can be packed while others still read the one before.
fn has_two_blocks(m: usize, k: usize) -> bool {
    let depth = block_depth(k);
    depth < k && 2 * m * depth <= TWO_BLOCKS
}

/// How far apart the rows of A are where tiles read them in place: contiguous rows, but for those of a tile that would crowd
/// a few sets of the nearest cache (multiples of 2 KiB). Nobody then waits for A to be packed.
fn in_place(a: Src) -> Option<usize> {
    (a.col_stride == 1 && !a.row_stride.is_multiple_of(512)).then_some(a.row_stride)
}

/// Floats of packed A.
pub(super) fn packed_a_len(a: Src, m: usize, k: usize) -> usize {
    if in_place(a).is_some() { 0 } else { m * block_depth(k) * (1 + usize::from(has_two_blocks(m, k))) }
}

/// Steps ahead for which B is fetched: worth 5 to 7 % where a panel comes from the second-level cache.
pub(super) const AHEAD: usize = 12;

/// One member's part of a product. A is packed by all if at all, B by each for its own columns.
pub(super) struct Share<'a> {
    pub(super) product: &'a Product<'a>,
    pub(super) member: Member<'a>,
    pub(super) packed: Shared,
    pub(super) panels: &'a mut [f32],
}

impl Kernel for Share<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Share { product, member, packed: Shared(packed), panels } = self;
        let &Product { m, n, k, a, b, c, accumulate, ref epilogue } = product;
        // Panels packed beforehand cannot be cut; others are cut at whole vectors.
        let grain = if matches!(b, Rhs::Packed(_)) { 2 * S::LANES } else { S::LANES };
        let tiles = row_tiles::<S>(m);
        let by_rows = split_rows(m, n, tiles, grain, member.count());
        let my_tiles = if by_rows { member.share(tiles) } else { 0..tiles };
        let my_cols = if by_rows { 0..n } else { scale_range(member.share(n.div_ceil(grain)), grain, n) };
        let to_pack = member.share(tiles);
        let depth = block_depth(k).max(1);
        let two_blocks = has_two_blocks(m, k);
        let in_place = in_place(a);
        let width = block_width::<S>(my_cols.len());

        let mut k0 = 0;
        // At least once, so that a product over nothing still writes its zeros and its bias.
        loop {
            let kc = depth.min(k - k0);
            let last = k0 + kc >= k;
            let packed = if two_blocks { packed.wrapping_add((k0 / depth % 2) * m * depth) } else { packed };
            // SAFETY: tiles are packed by one member each. With columns split, a barrier comes after packing, and one before
            // anything is packed over it: where there are two blocks, that of the block in between. With rows split, a member
            // reads only what it packed. Where A is in place nobody writes to it. C is written by the member whose tile and columns
            // it is.
            unsafe {
                let block = Src::from_ptr(a.at(0, k0), a.row_stride, a.col_stride);
                if in_place.is_none() {
                    pack_tiles(s, block, m, to_pack.clone(), kc, packed, depth);
                    if !by_rows {
                        member.wait();
                    }
                }
                let mut j0 = my_cols.start;
                while j0 < my_cols.end {
                    let cols = width.min(my_cols.end - j0);
                    let panels = match b {
                        Rhs::Packed(b) => b.at(k0, 0).wrapping_add(j0 * kc),
                        Rhs::Strided(b) => {
                            let block = Src::from_ptr(b.at(k0, j0), b.row_stride, b.col_stride);
                            pack_panels(s, block, kc, cols, panels.as_mut_ptr());
                            panels.as_ptr()
                        }
                    };
                    for t in my_tiles.clone() {
                        let (row, height) = row_tile::<S>(m, t);
                        for j in (0..cols).step_by(2 * S::LANES) {
                            let width = (cols - j).min(2 * S::LANES);
                            let tile = Tile {
                                height,
                                k: kc,
                                a: match in_place {
                                    Some(_) => block.at(row, 0),
                                    None => packed.wrapping_add(row * depth),
                                },
                                in_place,
                                b: panels.wrapping_add(j * kc),
                                b_step: if width > S::LANES { 2 * S::LANES } else { S::LANES },
                                ahead: AHEAD,
                                c: Dst::from_ptr(c.at(row, j0 + j), c.row_stride),
                                cols: width,
                                add: accumulate || k0 > 0,
                            };
                            tile.run(s);
                        }
                        if last {
                            epilogue.apply(s, c, row..row + height, j0..j0 + cols);
                        }
                    }
                    j0 += cols;
                }
            }
            k0 += kc;
            if last {
                return;
            }
            if !by_rows && !two_blocks && in_place.is_none() {
                member.wait();
            }
        }
    }
}

/// Whether to give members rows instead of columns: where that balances better, or the product is tall.
fn split_rows(m: usize, n: usize, tiles: usize, grain: usize, members: usize) -> bool {
    let imbalance = |pieces: usize| (pieces.div_ceil(members) * members) as f64 / pieces as f64;
    let (by_rows, by_cols) = (imbalance(tiles), imbalance(n.div_ceil(grain)));
    members > 1 && (by_rows + 16.0 / m as f64 + 0.01 < by_cols || m >= 2 * n && by_rows < by_cols + 0.05)
}

/// Columns packed at a time: equal blocks of whole panels.
fn block_width<S: Simd>(cols: usize) -> usize {
    let blocks = cols.div_ceil(BLOCK_COLS).max(1);
    cols.div_ceil(blocks).next_multiple_of(2 * S::LANES)
}

/// A range of groups as a range of columns.
fn scale_range(groups: std::ops::Range<usize>, grain: usize, n: usize) -> std::ops::Range<usize> {
    (groups.start * grain).min(n)..(groups.end * grain).min(n)
}
