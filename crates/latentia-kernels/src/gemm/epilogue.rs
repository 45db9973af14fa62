use super::operand::Dst;
use crate::simd::{Kernel, Simd};
use crate::{Activation, MatMut};
use std::ops::Range;

/// What happens to a product besides being stored.
#[derive(Default)]
pub struct Epilogue<'a> {
    /// Added to every row: one value per column of C.
    pub bias: Option<&'a [f32]>,
    /// Applied last.
    pub activation: Activation,
    /// Receives the value before the activation.
    pub pre: Option<MatMut<'a>>,
}

/// A checked [`Epilogue`] that threads can share.
pub(super) struct Finish<'a> {
    bias: Option<&'a [f32]>,
    activation: Activation,
    pre: Option<Dst>,
}

impl<'a> Epilogue<'a> {
    #[track_caller]
    pub(super) fn check(self, m: usize, n: usize) -> Finish<'a> {
        if let Some(bias) = self.bias {
            assert_eq!(bias.len(), n, "gemm: one bias per column of C");
        }
        if let Some(pre) = &self.pre {
            assert!(pre.rows() == m && pre.cols() == n, "gemm: pre has the shape of C, {m} x {n}");
            assert!(pre.col_stride() == 1 || n <= 1, "gemm: the rows of pre are not contiguous");
        }
        Finish { bias: self.bias, activation: self.activation, pre: self.pre.map(Dst::new) }
    }
}

impl Finish<'_> {
    /// True where storing the product is all there is to do.
    pub(super) fn is_plain(&self) -> bool {
        self.bias.is_none() && self.activation == Activation::Identity && self.pre.is_none()
    }

    /// Finishes a block of C that holds the complete sums, while it is still in the nearest cache.
    ///
    /// # Safety
    /// The block must lie within C and belong to this thread.
    #[inline(always)]
    pub(super) unsafe fn apply<S: Simd>(&self, s: S, c: Dst, rows: Range<usize>, cols: Range<usize>) {
        if !self.is_plain() {
            s.outline(Block { finish: self, c, rows, cols });
        }
    }
}

struct Block<'a> {
    finish: &'a Finish<'a>,
    c: Dst,
    rows: Range<usize>,
    cols: Range<usize>,
}

impl Kernel for Block<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let Block { finish, c, rows, cols } = self;
        for i in rows {
            let mut j = cols.start;
            while j < cols.end {
                let lanes = (cols.end - j).min(S::LANES);
                // SAFETY: `apply`'s contract; bias and pre were checked to have the columns of C.
                unsafe {
                    let load =
                        |p: *const f32| if lanes == S::LANES { s.load(p) } else { s.load_partial(p, lanes) };
                    let store = |p: *mut f32, v: S::F| {
                        if lanes == S::LANES { s.store(p, v) } else { s.store_partial(p, lanes, v) }
                    };
                    let mut v = load(c.at(i, j));
                    if let Some(bias) = finish.bias {
                        v = s.add(v, load(bias.as_ptr().add(j)));
                    }
                    if let Some(pre) = finish.pre {
                        store(pre.at(i, j), v);
                    }
                    store(c.at(i, j), finish.activation.apply(s, v));
                }
                j += S::LANES;
            }
        }
    }
}
