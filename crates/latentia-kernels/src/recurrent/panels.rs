//! Packed weights: where they lie, and how they come there.

use super::cell::Pointwise;
use crate::gemm::Shared;
use crate::simd::Simd;
use std::ops::Range;

/// Units rounded up to whole vectors.
#[inline(always)]
fn padded<S: Simd>(hidden: usize) -> usize {
    hidden.next_multiple_of(S::LANES)
}

/// Floats the packed weights of one direction take at every level, `width` what is summed over.
pub(super) fn panels_len(gates: usize, width: usize, hidden: usize) -> usize {
    gates * width * hidden.next_multiple_of(16)
}

/// Gates of a phase that sum over the same part of what a step takes.
pub(super) struct Segment {
    pub(super) gates: Range<usize>,
    /// Whether the states are summed over.
    pub(super) state: bool,
    /// Inputs that are summed over, after the states.
    pub(super) inputs: usize,
}

impl Segment {
    /// Elements that are summed over.
    #[inline(always)]
    pub(super) fn depth(&self, hidden: usize) -> usize {
        self.inputs + if self.state { hidden } else { 0 }
    }
}

/// The products of a phase: one, or three where the last gate's shares of state and input are apart.
#[inline(always)]
pub(super) fn segments<C: Pointwise>(phase: usize, inner: usize) -> impl Iterator<Item = Segment> {
    let gates = C::gates(phase);
    let apart = C::is_apart(phase) && inner > 0;
    let last = if apart { gates.end - 1 } else { gates.end };
    let first = Segment { gates: gates.start..last, state: true, inputs: inner };
    let state = Segment { gates: last..gates.end, state: true, inputs: 0 };
    let input = Segment { gates: last..gates.end, state: false, inputs: inner };
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

/// Packs weight_ih `[G·H, I]` (left out where `inner` is zero) and weight_hh `[G·H, H]` for the forward pass: per group
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
            for segment in segments::<C>(phase, inner) {
                let (gates, depth) = (segment.gates.clone(), segment.depth(hidden));
                let all = vectors * gates.len();
                for v in 0..all {
                    let first = unit + (v % vectors) * S::LANES;
                    let row = (gates.start + v / vectors) * hidden + first;
                    let rows = (hidden - first).min(S::LANES);
                    let width = if v + 1 == all && all % 2 == 1 { S::LANES } else { 2 * S::LANES };
                    let dst = panel.wrapping_add((v / 2) * 2 * S::LANES * depth + (v % 2) * S::LANES);
                    // SAFETY: the slices vouch for the sources; groups lie one after the other.
                    unsafe {
                        if segment.state {
                            let src = weight_hh[row * hidden..][..rows * hidden].as_ptr();
                            s.transpose(src, hidden, rows, S::LANES, hidden, dst, width);
                        }
                        if segment.inputs > 0 {
                            let src = weight_ih[row * inner..][..rows * inner].as_ptr();
                            let dst = dst.wrapping_add((depth - inner) * width);
                            s.transpose(src, inner, rows, S::LANES, inner, dst, width);
                        }
                    }
                }
                panel = panel.wrapping_add(all * S::LANES * depth);
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
