//! Matrix views without lifetimes, to share between the threads of one call.

use crate::{MatMut, MatRef};

/// A pointer several threads write through, each to places of its own.
#[derive(Clone, Copy)]
pub(crate) struct Shared(pub(crate) *mut f32);

// SAFETY: whoever dereferences it says why its places are its own.
unsafe impl Send for Shared {}
// SAFETY: as above.
unsafe impl Sync for Shared {}

/// A matrix to read.
#[derive(Clone, Copy)]
pub(crate) struct Src {
    p: *const f32,
    pub(crate) row_stride: usize,
    pub(crate) col_stride: usize,
}

// SAFETY: it is only read, for as long as the call that borrowed the slice runs.
unsafe impl Send for Src {}
// SAFETY: as above.
unsafe impl Sync for Src {}

impl Src {
    /// The view's pointer and strides. The stride of a single column or row says nothing: it becomes 1, the fast case.
    pub(crate) fn new(m: MatRef) -> Self {
        let row_stride = if m.rows() == 1 { 1 } else { m.row_stride() };
        let col_stride = if m.cols() == 1 { 1 } else { m.col_stride() };
        Self { p: m.data().as_ptr(), row_stride, col_stride }
    }

    /// A matrix whose rows must be contiguous.
    #[track_caller]
    pub(crate) fn rows(m: MatRef) -> Self {
        assert!(m.col_stride() == 1 || m.cols() <= 1, "the rows of this matrix must be contiguous");
        Self { p: m.data().as_ptr(), row_stride: m.row_stride(), col_stride: 1 }
    }

    pub(crate) fn from_ptr(p: *const f32, row_stride: usize, col_stride: usize) -> Self {
        Self { p, row_stride, col_stride }
    }

    pub(crate) fn t(self) -> Self {
        Self { p: self.p, row_stride: self.col_stride, col_stride: self.row_stride }
    }

    /// Where element `(i, j)` lies.
    #[inline(always)]
    pub(crate) fn at(self, i: usize, j: usize) -> *const f32 {
        self.p.wrapping_add(i * self.row_stride + j * self.col_stride)
    }
}

/// A row-major matrix to write.
#[derive(Clone, Copy)]
pub(crate) struct Dst {
    p: *mut f32,
    pub(crate) row_stride: usize,
}

// SAFETY: threads write disjoint elements of it, for as long as the call that borrowed the slice runs.
unsafe impl Send for Dst {}
// SAFETY: as above.
unsafe impl Sync for Dst {}

impl Dst {
    pub(crate) fn new(mut m: MatMut) -> Self {
        Self { row_stride: m.row_stride(), p: m.data_mut().as_mut_ptr() }
    }

    pub(crate) fn from_ptr(p: *mut f32, row_stride: usize) -> Self {
        Self { p, row_stride }
    }

    /// Where element `(i, j)` lies.
    #[inline(always)]
    pub(crate) fn at(self, i: usize, j: usize) -> *mut f32 {
        self.p.wrapping_add(i * self.row_stride + j)
    }
}

/// The right-hand side: as the caller has it, or in panels.
#[derive(Clone, Copy)]
pub(crate) enum Rhs {
    Strided(Src),
    /// Panels as [`PackedB`](super::PackedB) lays them out; the row stride is the padded width.
    Packed(Src),
}
