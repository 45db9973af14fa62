//! The general product: B packed, A too where its rows cannot be read in place, the register tile over all of it.

use super::Product;
use super::claims::Claims;
use super::operand::{Dst, Rhs, Shared, Src};
use super::pack::{Tiles, pack_panels};
use super::tile::{Fetch, Tile, row_tiles, tile_of};
use crate::simd::{Kernel, Simd};
use crate::threads::Member;
use std::ops::Range;

/// Longest block of the summed dimension: a panel of 32 columns is then 50 KiB, streamed from the second-level cache.
const BLOCK_DEPTH: usize = 400;
/// Floats of packed B a thread needs, padding included: 650 KiB, a little over half of a 1 MiB second-level cache.
pub(super) const PACKED_B_LEN: usize = BLOCK_DEPTH * 416;

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

/// How A comes to the register tile.
#[derive(Clone, Copy, PartialEq)]
enum Packing {
    /// Read where it is.
    InPlace,
    /// Packed by each member for its own rows.
    Own,
    /// Packed by all for all, once.
    Before,
    /// The same, block of K after block.
    InTurn,
}

/// One member at work on a product.
pub(super) struct Share<'a> {
    pub(super) product: &'a Product<'a>,
    pub(super) member: Member<'a>,
    pub(super) claims: &'a Claims,
    pub(super) packed: Shared,
    pub(super) panels: &'a mut [f32],
}

impl Kernel for Share<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Share { product, member, claims, packed: Shared(packed), panels } = self;
        let &Product { m, n, k, a, b, .. } = product;
        // Panels packed beforehand cannot be cut; others are cut at whole vectors.
        let grain = if matches!(b, Rhs::Packed(_)) { 2 * S::LANES } else { S::LANES };
        let (depth, groups) = (block_depth(k).max(1), n.div_ceil(grain));
        let in_turn = in_place(a).is_none() && k > depth;
        let by_rows = split_rows(m, n, grain, member.count(), in_turn);
        // As many for every member where each has rows of its own.
        let tiles = row_tiles::<S>(m).next_multiple_of(if by_rows { member.count() } else { 1 }).min(m);
        let packing = match in_place(a) {
            Some(_) => Packing::InPlace,
            None if by_rows => Packing::Own,
            None if in_turn => Packing::InTurn,
            None => Packing::Before,
        };
        let mut part =
            Part { product, member, packing, tiles, packed, depth, panels: panels.as_mut_ptr(), held: None };
        // SAFETY: the parts of all members are disjoint. What all pack is complete at the barrier and stays as it is.
        unsafe {
            if by_rows {
                // B in one block is packed once; else it is for every part, and parts had better be few.
                if k <= depth && n <= part.most_cols::<S>() {
                    for tiles in claims.of(member, tiles, 1) {
                        part.run(s, tiles, 0..n);
                    }
                } else {
                    part.run(s, member.share(tiles), 0..n);
                }
            } else if packing == Packing::InTurn {
                part.run(s, 0..tiles, scale_range(member.share(groups), grain, n));
            } else {
                if packing == Packing::Before {
                    part.pack(s, member.share(tiles), 0, k);
                    member.wait();
                }
                // Whole panels, where there are enough of them.
                let step = if grain == S::LANES && groups >= 4 * member.count() { 2 } else { 1 };
                for groups in claims.of(member, groups, step) {
                    part.run(s, 0..tiles, scale_range(groups, grain, n));
                }
            }
        }
    }
}

/// What a member needs for its parts.
struct Part<'a> {
    product: &'a Product<'a>,
    member: Member<'a>,
    packing: Packing,
    /// Tiles that the rows are cut into.
    tiles: usize,
    /// The copy of A, tile after tile, `depth` steps for each row.
    packed: *mut f32,
    depth: usize,
    panels: *mut f32,
    /// The block of B that is in the panels: its first step and column.
    held: Option<(usize, usize)>,
}

impl Part<'_> {
    /// Most columns of B that fit the panels.
    fn most_cols<S: Simd>(&self) -> usize {
        PACKED_B_LEN / self.depth / (2 * S::LANES) * (2 * S::LANES)
    }

    /// Where the copy of steps from `k0` on begins: every other block has a place of its own where there is room.
    #[inline(always)]
    fn copy(&self, k0: usize) -> *mut f32 {
        let &Product { m, k, .. } = self.product;
        let second = has_two_blocks(m, k) && k0 / self.depth % 2 == 1;
        self.packed.wrapping_add(if second { m * self.depth } else { 0 })
    }

    /// Packs rows of A, steps `k0..k0 + kc`.
    ///
    /// # Safety
    /// Nobody else may write or read these rows of the copy meanwhile.
    #[inline(always)]
    unsafe fn pack<S: Simd>(&self, s: S, tiles: Range<usize>, k0: usize, kc: usize) {
        let &Product { m: rows, a, .. } = self.product;
        let a = Src::from_ptr(a.at(0, k0), a.row_stride, a.col_stride);
        let (count, dst, row_len) = (self.tiles, self.copy(k0), self.depth);
        // SAFETY: the copy has room for all rows; the caller's contract.
        unsafe { Tiles { a, rows, count, tiles, k: kc, dst, row_len }.pack(s) };
    }

    /// Packs this member's share of a block of A and waits for the others.
    ///
    /// # Safety
    /// All members must call it for the same blocks in the same order.
    #[inline(always)]
    unsafe fn pack_in_turn<S: Simd>(&self, s: S, k0: usize, kc: usize) {
        let &Product { m, k, .. } = self.product;
        // With two places it goes over the block before the last one: all have passed a barrier since they read that.
        if k0 > 0 && !has_two_blocks(m, k) {
            self.member.wait();
        }
        // SAFETY: a tile is packed by one member; others read it after the barrier.
        unsafe { self.pack(s, self.member.share(self.tiles), k0, kc) };
        self.member.wait();
    }

    /// Some rows of some columns of C.
    ///
    /// # Safety
    /// They must be this member's. Where A is packed in turn all members must call it, for the same rows.
    #[inline(always)]
    unsafe fn run<S: Simd>(&mut self, s: S, tiles: Range<usize>, cols: Range<usize>) {
        let k = self.product.k;
        let mut k0 = 0;
        // At least once, so that a product over nothing still writes its zeros and its bias.
        loop {
            let kc = self.depth.min(k - k0);
            // SAFETY: the caller's contract; with rows split, a member reads only what it packed.
            unsafe {
                match self.packing {
                    Packing::InPlace | Packing::Before => {}
                    Packing::Own => self.pack(s, tiles.clone(), k0, kc),
                    Packing::InTurn => self.pack_in_turn(s, k0, kc),
                }
                self.block(s, tiles.clone(), cols.clone(), k0, kc);
            }
            k0 += kc;
            if k0 >= k {
                return;
            }
        }
    }

    /// What this member will pack next, one tile's share after the other: of B from `(p, j)` on, and of A if that is the first
    /// of a block's columns.
    #[inline(always)]
    fn ahead(
        &self,
        tiles: &Range<usize>,
        (p, j): (usize, usize),
        first: bool,
        cols: usize,
    ) -> impl Iterator<Item = Fetch> + use<> {
        let &Product { m, k, n, a, b, .. } = self.product;
        let tiles = match self.packing {
            Packing::Own if first => tiles.clone(),
            Packing::InTurn if first => self.member.share(self.tiles),
            _ => 0..0,
        };
        // A page for each step costs more than it saves: 2048 x 2048 x 2048 took 4 % longer.
        let near = |stride| stride <= 1024;
        let row = |tile| tile_of(m, self.tiles, tile).0;
        let rows = if a.row_stride == 1 && near(a.col_stride) && p < k {
            row(tiles.start)..row(tiles.end)
        } else {
            0..0
        };
        let rows = rows.step_by(LINE).map(move |i| Fetch { next: a.at(i, p), step: a.col_stride });
        let (b, cols) = match b {
            Rhs::Strided(b) if b.col_stride == 1 && near(b.row_stride) && p < k => (b, j..(j + cols).min(n)),
            Rhs::Strided(b) | Rhs::Packed(b) => (b, 0..0),
        };
        rows.chain(cols.step_by(LINE).map(move |j| Fetch { next: b.at(p, j), step: b.row_stride }))
    }

    /// What steps `k0..k0 + kc` add to these rows and columns of C, and the epilogue if they are the last.
    ///
    /// # Safety
    /// As [`run`](Part::run); these rows of A must be packed unless they are read in place.
    #[inline(always)]
    unsafe fn block<S: Simd>(&mut self, s: S, tiles: Range<usize>, cols: Range<usize>, k0: usize, kc: usize) {
        let &Product { m, k, a, b, c, accumulate, ref epilogue, .. } = self.product;
        if cols.is_empty() {
            return;
        }
        let (in_place, copy) = (in_place(a), self.copy(k0));
        let blocks = cols.len().div_ceil(self.most_cols::<S>());
        let wide = cols.len().div_ceil(blocks).next_multiple_of(2 * S::LANES);
        let Range { start, end } = cols;
        for j0 in (start..end).step_by(wide) {
            let cols = wide.min(end - j0);
            // SAFETY: the caller's contract; the panels have room for a block.
            unsafe {
                let panels = match b {
                    Rhs::Packed(b) => b.at(k0, 0).wrapping_add(j0 * kc),
                    Rhs::Strided(b) => {
                        if self.held != Some((k0, j0)) {
                            let block = Src::from_ptr(b.at(k0, j0), b.row_stride, b.col_stride);
                            pack_panels(s, block, kc, cols, self.panels);
                            self.held = Some((k0, j0));
                        }
                        self.panels
                    }
                };
                let last = j0 + wide >= end;
                let next = if last { (k0 + kc, start) } else { (k0, j0 + wide) };
                let mut ahead = self.ahead(&tiles, next, last, wide);
                for t in tiles.clone() {
                    let (row, height) = tile_of(m, self.tiles, t);
                    for j in (0..cols).step_by(2 * S::LANES) {
                        let width = (cols - j).min(2 * S::LANES);
                        let piece = j / (2 * S::LANES) * LINE * kc;
                        let tile = Tile {
                            height,
                            k: kc,
                            a: match in_place {
                                Some(_) => a.at(row, k0),
                                None => copy.wrapping_add(row * self.depth),
                            },
                            in_place,
                            b: panels.wrapping_add(j * kc),
                            b_step: if width > S::LANES { 2 * S::LANES } else { S::LANES },
                            ahead: AHEAD,
                            c: Dst::from_ptr(c.at(row, j0 + j), c.row_stride),
                            cols: width,
                            add: accumulate || k0 > 0,
                            fetch: match in_place {
                                // The rows of the next tile, where they lie close together.
                                Some(stride) if stride <= 2 * k && piece < height * stride => {
                                    Fetch { next: a.at(row + height, k0).wrapping_add(piece), step: LINE }
                                }
                                _ => ahead.next().unwrap_or(Fetch { next: panels, step: 0 }),
                            },
                        };
                        tile.run(s);
                    }
                    if k0 + kc >= k {
                        epilogue.apply(s, c, row..row + height, j0..j0 + cols);
                    }
                }
            }
        }
    }
}

/// Floats in a line of a cache.
const LINE: usize = 16;

/// Whether to give members rows instead of columns: where columns cannot be shared out evenly, or the product is tall. Each
/// then packs all of B, but nobody waits for A where that would be packed block after block.
fn split_rows(m: usize, n: usize, grain: usize, members: usize, in_turn: bool) -> bool {
    let groups = n.div_ceil(grain);
    let imbalance = (groups.div_ceil(members) * members) as f64 / groups as f64;
    let tall = m >= if in_turn { n } else { 2 * n };
    members > 1 && (tall || 1.01 + 16.0 / m as f64 <= imbalance)
}

/// A range of groups as a range of columns.
fn scale_range(groups: Range<usize>, grain: usize, n: usize) -> Range<usize> {
    (groups.start * grain).min(n)..(groups.end * grain).min(n)
}
