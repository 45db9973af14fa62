//! The loops over time: products of the recurrent weights, the element-wise part while the sums are in the nearest cache,
//! its results left where the next product reads them.

mod backward;
mod forward;

pub(super) use backward::BackwardShare;
pub(super) use forward::ForwardShare;

use super::order::Order;
use super::share::Split;
use crate::gemm::Shared;
use crate::simd::Simd;

/// What the threads of one pass share. Elements of a unit and row are written by one member, and read by another only behind a
/// barrier that follows: nobody writes what a product reads while it does.
#[derive(Clone, Copy)]
pub(super) struct Pass<'a, C> {
    pub(super) cell: C,
    pub(super) hidden: usize,
    pub(super) order: &'a Order,
    pub(super) split: Split,
    pub(super) panels: Shared,
    /// `[N, G·H]`, N the rows of all steps, rows `gate_len` apart.
    pub(super) gates: Shared,
    pub(super) gate_len: usize,
    /// `[N, H + I]`, rows `row_len` apart: the states before each step, and the inputs.
    pub(super) rows: Shared,
    pub(super) row_len: usize,
    /// `[B + N, H]`, the initial ones first.
    pub(super) memory: Shared,
}

impl<C> Pass<'_, C> {
    /// Where a gate of a row of all steps lies.
    #[inline(always)]
    fn gate(&self, row: usize, q: usize, unit: usize) -> *mut f32 {
        self.gates.0.wrapping_add(row * self.gate_len + q * self.hidden + unit)
    }

    /// Where the state of a row before step `t` lies.
    #[inline(always)]
    fn state(&self, t: usize, place: usize, unit: usize) -> *mut f32 {
        let row = self.order.first(t) + place;
        self.rows.0.wrapping_add(row * self.row_len + unit)
    }
}

#[inline(always)]
unsafe fn load<S: Simd>(s: S, p: *const f32, lanes: usize) -> S::F {
    // SAFETY: the caller's contract.
    unsafe { if lanes == S::LANES { s.load(p) } else { s.load_partial(p, lanes) } }
}

#[inline(always)]
unsafe fn store<S: Simd>(s: S, p: *mut f32, lanes: usize, v: S::F) {
    // SAFETY: the caller's contract.
    unsafe { if lanes == S::LANES { s.store(p, v) } else { s.store_partial(p, lanes, v) } }
}
