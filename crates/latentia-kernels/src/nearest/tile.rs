//! The register tile over centres and rows, and the smallest of its columns.

use super::{Centres, MOST_ROWS};
use crate::gemm::{Walk, for_rows, multiply};
use crate::simd::{Kernel, Simd};

/// What is computed for every centre and row.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Score {
    /// `‖x − c‖²`
    Differences,
    /// `½‖c − o‖² − (x − o)·(c − o)`
    Products,
}

/// The scores of the centres `first..first + height` and the rows of `panel [D, lanes]` to `block [height, lanes]`.
#[inline(always)]
pub(super) fn each_tile<S: Simd>(
    s: S,
    centres: &Centres,
    (first, height): (usize, usize),
    panel: &[f32],
    lanes: usize,
    score: Score,
    block: &mut [f32],
) {
    let a = &centres.packed[first * centres.width..][..height * centres.width];
    let half_norms = &centres.half_norms[first..first + height];
    assert!(panel.len() >= centres.width * lanes && block.len() >= height * lanes);
    s.outline(Tile { a, half_norms, panel, lanes, score, block });
}

struct Tile<'a> {
    a: &'a [f32],
    half_norms: &'a [f32],
    panel: &'a [f32],
    lanes: usize,
    score: Score,
    block: &'a mut [f32],
}

impl Kernel for Tile<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        if self.lanes > S::LANES {
            for_rows!(self.half_norms.len(), tile::<S, _, 2>(s, self));
        } else {
            for_rows!(self.half_norms.len(), tile::<S, _, 1>(s, self));
        }
    }
}

#[inline(always)]
fn tile<S: Simd, const MR: usize, const NV: usize>(s: S, tile: Tile) {
    if MR > S::TILE_ROWS {
        unreachable!("tiles are cut to the registers");
    }
    let Tile { a, half_norms, panel, score, block, .. } = tile;
    let scores = match score {
        Score::Differences => squares::<S, MR, NV>(s, a, panel),
        Score::Products => {
            let walk = Walk { a_row: 1, a_step: MR, b_step: NV * S::LANES, ahead: 12 };
            // SAFETY: `each_tile` has checked that `a` holds MR numbers a step and the panel NV vectors.
            let products =
                unsafe { multiply::<S, MR, NV>(s, a.len() / MR, a.as_ptr(), panel.as_ptr(), walk) };
            let mut scores = [[s.splat(0.0); NV]; MR];
            for ((scores, products), &h) in scores.iter_mut().zip(products).zip(half_norms) {
                for (score, product) in scores.iter_mut().zip(products) {
                    *score = s.sub(s.splat(h), product);
                }
            }
            scores
        }
    };
    for (row, out) in scores.into_iter().zip(block.chunks_exact_mut(NV * S::LANES)) {
        for (v, out) in row.into_iter().zip(out.chunks_exact_mut(S::LANES)) {
            s.store_slice(out, v);
        }
    }
}

/// `Σ_p (b[p, j] − a[i, p])²`
#[inline(always)]
fn squares<S: Simd, const MR: usize, const NV: usize>(s: S, a: &[f32], panel: &[f32]) -> [[S::F; NV]; MR] {
    let mut acc = [[s.splat(0.0); NV]; MR];
    for (a, b) in a.chunks_exact(MR).zip(panel.chunks_exact(NV * S::LANES)) {
        let mut bv = [s.splat(0.0); NV];
        for (bv, b) in bv.iter_mut().zip(b.chunks_exact(S::LANES)) {
            *bv = s.load_slice(b);
        }
        for (acc, &a) in acc.iter_mut().zip(a) {
            let av = s.splat(a);
            for (acc, &bv) in acc.iter_mut().zip(&bv) {
                let difference = s.sub(bv, av);
                *acc = s.mul_add(difference, difference, *acc);
            }
        }
    }
    acc
}

/// The smallest score of every row so far, and the centre it is of.
pub(super) struct Smallest {
    pub(super) scores: [f32; MOST_ROWS],
    pub(super) labels: [u32; MOST_ROWS],
}

impl Smallest {
    #[inline(always)]
    pub(super) fn new() -> Self {
        Self { scores: [f32::INFINITY; MOST_ROWS], labels: [0; MOST_ROWS] }
    }

    /// Takes the scores `[height, lanes]` of centres from `first` on; the first of equals stays.
    #[inline(always)]
    pub(super) fn take<S: Simd>(&mut self, s: S, block: &[f32], lanes: usize, first: usize) {
        for v in (0..lanes).step_by(S::LANES) {
            let mut best = s.load_slice(&self.scores[v..v + S::LANES]);
            // Numbers of centres as floats: exact up to 2²⁴ of them within a tile, which has at most 14.
            let mut at = s.splat(-1.0);
            for (j, scores) in block.chunks_exact(lanes).enumerate() {
                let score = s.load_slice(&scores[v..v + S::LANES]);
                let less = s.lt(score, best);
                best = s.select(less, score, best);
                at = s.select(less, s.splat(j as f32), at);
            }
            s.store_slice(&mut self.scores[v..v + S::LANES], best);
            let mut found = [0.0; MOST_ROWS];
            s.store_slice(&mut found[..S::LANES], at);
            for (label, &j) in self.labels[v..v + S::LANES].iter_mut().zip(&found) {
                if j >= 0.0 {
                    *label = (first + j as usize) as u32;
                }
            }
        }
    }
}
