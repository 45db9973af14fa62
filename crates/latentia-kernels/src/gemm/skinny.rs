//! Products with few rows (or, transposed, few columns): the large side is read once, in place.

use super::Product;
use super::operand::{Dst, Rhs, Shared, Src};
use super::pack::{Tiles, pack_panels};
use super::tile::{Fetch, Tile, row_tile, row_tiles};
use crate::simd::{self, Kernel, Level, Simd};
use crate::threads::Member;
use crate::{scratch, threads};
use std::ops::Range;

/// Most rows for which copying the other side would cost more than it saves: two AVX-512 tiles.
const FEW_ROWS: usize = 28;
/// Most columns for which the transposed product is worth its detour: above, one vector of columns is filled well.
const FEW_COLS: usize = 16;
/// Rows of B read in place before moving on: as many pages as the first-level TLB and its neighbour hold comfortably.
const DIRECT_DEPTH: usize = 128;

#[derive(Clone, Copy, PartialEq)]
enum Method {
    /// The large side has contiguous rows: the register tile reads it in place.
    Direct,
    /// Both sides are contiguous along K: dot products.
    Dot,
}

/// `few` rows of A times a large B; `transposed` if they came from few columns.
pub(super) struct Skinny<'a> {
    product: &'a Product<'a>,
    a: Src,
    b: Src,
    few: usize,
    many: usize,
    method: Method,
    transposed: bool,
}

/// The product as a skinny one, where that is the faster way.
pub(super) fn plan<'a>(product: &'a Product<'a>) -> Option<Skinny<'a>> {
    let &Product { m, n, a, b, .. } = product;
    let Rhs::Strided(b) = b else { return None };
    let transposed = m > FEW_ROWS && n <= FEW_COLS || m <= FEW_ROWS && n < m;
    if m > FEW_ROWS && !transposed {
        return None;
    }
    let (a, b, few, many) = if transposed { (b.t(), a.t(), n, m) } else { (a, b, m, n) };
    let method = if b.row_stride == 1 {
        Method::Dot
    } else if b.col_stride == 1 {
        Method::Direct
    } else {
        return None;
    };
    Some(Skinny { product, a, b, few, many, method, transposed })
}

impl Skinny<'_> {
    pub(super) fn run(&self, level: Level, members: usize) {
        let &Skinny { few, many, method, transposed, .. } = self;
        let k = self.product.k;
        let (rows_len, out_len) = match method {
            Method::Dot => (if self.a.col_stride == 1 { 0 } else { few * k }, 0),
            Method::Direct => (0, if transposed { few * many } else { 0 }),
        };
        scratch::with(rows_len, |rows| {
            let mut skinny = Skinny { ..*self };
            if rows_len > 0 {
                // The few rows, contiguous along K.
                for (i, row) in rows.chunks_exact_mut(k).enumerate() {
                    for (p, v) in row.iter_mut().enumerate() {
                        // SAFETY: (i, p) lies within A.
                        *v = unsafe { *self.a.at(i, p) };
                    }
                }
                skinny.a = Src::from_ptr(rows.as_ptr(), k, 1);
            }
            scratch::with(out_len, |out| {
                let out = Shared(out.as_mut_ptr());
                let skinny = &skinny;
                threads::team(members, |member| {
                    scratch::with((FEW_ROWS + 32) * DIRECT_DEPTH, |buffer| {
                        simd::dispatch_at(level, Share { skinny, member, out, buffer });
                    });
                });
            });
        });
    }
}

/// One member's columns of the large side.
struct Share<'a> {
    skinny: &'a Skinny<'a>,
    member: Member<'a>,
    out: Shared,
    buffer: &'a mut [f32],
}

impl Kernel for Share<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Share { skinny, member, out: Shared(out), buffer } = self;
        let &Skinny { product, few, many, method, transposed, .. } = skinny;
        let grain = if method == Method::Dot { 8 } else { S::LANES };
        let share = member.share(many.div_ceil(grain));
        let range = (share.start * grain).min(many)..(share.end * grain).min(many);
        if range.is_empty() {
            return;
        }
        let c = product.c;
        // SAFETY: members have disjoint columns of the large side, hence disjoint parts of C and of `out`.
        unsafe {
            match method {
                Method::Dot => dots(s, skinny, range.clone()),
                Method::Direct if transposed => {
                    let out = Dst::from_ptr(out, many);
                    if product.accumulate {
                        turn(
                            s,
                            c.at(range.start, 0),
                            c.row_stride,
                            range.len(),
                            few,
                            out.at(0, range.start),
                            many,
                        );
                    }
                    direct(s, skinny, out, range.clone(), buffer);
                    turn(
                        s,
                        out.at(0, range.start),
                        many,
                        few,
                        range.len(),
                        c.at(range.start, 0),
                        c.row_stride,
                    );
                }
                Method::Direct => direct(s, skinny, c, range.clone(), buffer),
            }
            let (rows, cols) = if transposed { (range, 0..few) } else { (0..few, range) };
            product.epilogue.apply(s, c, rows, cols);
        }
    }
}

/// `dst[j, i] = src[i, j]` for `rows x cols` elements of `src`.
///
/// # Safety
/// All of them must be readable and writable.
#[inline(always)]
unsafe fn turn<S: Simd>(
    s: S,
    src: *const f32,
    src_stride: usize,
    rows: usize,
    cols: usize,
    dst: *mut f32,
    dst_stride: usize,
) {
    let mut i = 0;
    while i < rows {
        let lanes = (rows - i).min(S::LANES);
        // SAFETY: the caller's contract.
        unsafe {
            let src = src.wrapping_add(i * src_stride);
            s.transpose(src, src_stride, lanes, lanes, cols, dst.wrapping_add(i), dst_stride);
        }
        i += lanes;
    }
}

/// Steps ahead for which B is fetched; its rows are far apart, so the hardware does not find them.
const AHEAD: usize = 8;

/// Columns `range` of `few` rows into `c`, B read in place; only a last panel of less than two vectors is copied.
///
/// # Safety
/// These columns of `c` must be writable.
#[inline(always)]
unsafe fn direct<S: Simd>(s: S, skinny: &Skinny, c: Dst, range: Range<usize>, buffer: &mut [f32]) {
    let &Skinny { product, a, b, few, .. } = skinny;
    let (tiles, panel) = buffer.split_at_mut(FEW_ROWS * DIRECT_DEPTH);
    let (tiles, panel) = (tiles.as_mut_ptr(), panel.as_mut_ptr());
    let mut k0 = 0;
    loop {
        let kc = DIRECT_DEPTH.min(product.k - k0);
        let block = Src::from_ptr(a.at(0, k0), a.row_stride, a.col_stride);
        // SAFETY: the buffer holds FEW_ROWS rows and two vectors of columns of DIRECT_DEPTH; B is readable over k0..k0 + kc
        // and the columns asked for.
        unsafe {
            let count = row_tiles::<S>(few);
            Tiles { a: block, rows: few, count, tiles: 0..count, k: kc, dst: tiles, row_len: kc }.pack(s);
            for j in range.clone().step_by(2 * S::LANES) {
                let cols = (range.end - j).min(2 * S::LANES);
                let (from, b_step) = if cols == 2 * S::LANES {
                    (b.at(k0, j), b.row_stride)
                } else {
                    pack_panels(s, Src::from_ptr(b.at(k0, j), b.row_stride, b.col_stride), kc, cols, panel);
                    (panel.cast_const(), cols.next_multiple_of(S::LANES))
                };
                for t in 0..count {
                    let (row, height) = row_tile::<S>(few, t);
                    let tile = Tile {
                        height,
                        k: kc,
                        a: tiles.wrapping_add(row * kc),
                        in_place: None,
                        b: from,
                        b_step,
                        ahead: AHEAD,
                        c: Dst::from_ptr(c.at(row, j), c.row_stride),
                        cols,
                        add: product.accumulate || k0 > 0,
                        fetch: Fetch { next: from, step: 0 },
                    };
                    tile.run(s);
                }
            }
        }
        k0 += kc;
        if k0 >= product.k {
            return;
        }
    }
}

/// Columns `range` of the product by dot products along K.
///
/// # Safety
/// The corresponding elements of C must be this thread's.
#[inline(always)]
unsafe fn dots<S: Simd>(s: S, skinny: &Skinny, range: Range<usize>) {
    // Sixteen accumulators and four operands need more than sixteen registers.
    let tall = if S::TILE_ROWS >= 12 { 4 } else { 2 };
    let mut j = range.start;
    while j < range.end {
        let cols = (range.end - j).min(8);
        let mut i = 0;
        while i < skinny.few {
            let left = skinny.few - i;
            // SAFETY: the caller's contract.
            unsafe {
                if left >= tall && tall == 4 {
                    dot_tile::<S, 4, 4>(s, skinny, i, j, cols.min(4));
                    if cols > 4 {
                        dot_tile::<S, 4, 4>(s, skinny, i, j + 4, cols - 4);
                    }
                    i += 4;
                } else if left >= 2 {
                    dot_tile::<S, 2, 4>(s, skinny, i, j, cols.min(4));
                    if cols > 4 {
                        dot_tile::<S, 2, 4>(s, skinny, i, j + 4, cols - 4);
                    }
                    i += 2;
                } else {
                    dot_tile::<S, 1, 8>(s, skinny, i, j, cols);
                    i += 1;
                }
            }
        }
        j += cols;
    }
}

/// `R` rows times up to `C` columns at `(i, j)`.
///
/// # Safety
/// The corresponding elements of C must be this thread's.
#[inline(always)]
unsafe fn dot_tile<S: Simd, const R: usize, const C: usize>(
    s: S,
    skinny: &Skinny,
    i: usize,
    j: usize,
    cols: usize,
) {
    let &Skinny { product, a, b, transposed, .. } = skinny;
    let k = product.k;
    let mut rows = [a.at(i, 0); R];
    for (r, row) in rows.iter_mut().enumerate() {
        *row = a.at(i + r, 0);
    }
    // Columns past the edge repeat the first one: computed and thrown away.
    let mut columns = [b.at(0, j); C];
    for (c, column) in columns.iter_mut().enumerate() {
        *column = b.at(0, j + if c < cols { c } else { 0 });
    }
    let mut acc = [[s.splat(0.0); C]; R];
    let mut p = 0;
    // SAFETY: rows and columns are contiguous over k elements.
    unsafe {
        while p + S::LANES <= k {
            let mut av = [s.splat(0.0); R];
            for (v, row) in av.iter_mut().zip(&rows) {
                *v = s.load(row.add(p));
            }
            for (c, column) in columns.iter().enumerate() {
                let bv = s.load(column.add(p));
                for (acc, &av) in acc.iter_mut().zip(&av) {
                    acc[c] = s.mul_add(av, bv, acc[c]);
                }
            }
            p += S::LANES;
        }
        if p < k {
            let mut av = [s.splat(0.0); R];
            for (v, row) in av.iter_mut().zip(&rows) {
                *v = s.load_partial(row.add(p), k - p);
            }
            for (c, column) in columns.iter().enumerate() {
                let bv = s.load_partial(column.add(p), k - p);
                for (acc, &av) in acc.iter_mut().zip(&av) {
                    acc[c] = s.mul_add(av, bv, acc[c]);
                }
            }
        }
    }
    let mut sums = [0.0f32; 16];
    let mut lanes = [0.0f32; 256];
    let mut turned = [0.0f32; 256];
    for (r, row) in acc.iter().enumerate() {
        for (c, &v) in row.iter().enumerate() {
            // SAFETY: at most 16 vectors of at most 16 lanes.
            unsafe { s.store(lanes.as_mut_ptr().add((r * C + c) * S::LANES), v) };
        }
    }
    let mut g = 0;
    while g < R * C {
        let group = (R * C - g).min(S::LANES);
        // SAFETY: within the arrays, whose sizes cover the widest level.
        unsafe {
            let from = lanes.as_ptr().add(g * S::LANES);
            s.transpose(from, S::LANES, group, S::LANES, S::LANES, turned.as_mut_ptr(), S::LANES);
            let mut v = [s.splat(0.0); 16];
            for (l, v) in v.iter_mut().enumerate().take(S::LANES) {
                *v = s.load(turned.as_ptr().add(l * S::LANES));
            }
            let mut half = S::LANES / 2;
            while half > 0 {
                for l in 0..half {
                    v[l] = s.add(v[l], v[l + half]);
                }
                half /= 2;
            }
            s.store_partial(sums.as_mut_ptr().add(g), group, v[0]);
        }
        g += S::LANES;
    }
    for r in 0..R {
        for c in 0..cols {
            let p = if transposed { product.c.at(j + c, i + r) } else { product.c.at(i + r, j + c) };
            // SAFETY: the caller's contract.
            unsafe { *p = if product.accumulate { *p + sums[r * C + c] } else { sums[r * C + c] } };
        }
    }
}
