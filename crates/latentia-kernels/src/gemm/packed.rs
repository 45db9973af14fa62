use super::blocked::block_depth;
use super::operand::{Rhs, Src};
use super::pack::pack_panels;
use crate::MatRef;
use crate::simd::{self, Kernel, Level, Simd};

/// The right-hand side of a product in the order the register tile reads it: for weights used many times.
///
/// Blocks of K one after the other, in each the columns in panels of two vectors, padded with zeros to whole vectors.
///
/// It pays where products with the same B have few rows each, as the steps of a stream of a few sequences: on 2 cores with
/// AVX-512, products of 16 rows with `[200, 800]` take 20 µs instead of 37, of 32 rows with `[784, 500]` 98 instead of 122.
/// Over a thousand rows hide the packing (1 to 4 %), which is why dense layers do not use it; one row alone may be slower
/// packed (11 µs instead of 8 with `[784, 500]`), as nothing is copied for it anyway.
///
/// ```
/// use latentia_kernels::{
///     MatMut, MatRef,
///     gemm::{Epilogue, PackedB, gemm_packed},
/// };
/// // W [O = 2, I = 3], and x [1, 3] twice: y = x Wᵀ + b.
/// let (w, bias) = ([1.0, 2.0, 3.0, 0.0, 1.0, 0.0], [0.5, -0.5]);
/// let packed = PackedB::new(MatRef::new(&w, 2, 3).t());
/// for (x, expected) in [([1.0, 1.0, 1.0], [6.5, 0.5]), ([0.0, 2.0, 0.0], [4.5, 1.5])] {
///     let mut y = [0.0; 2];
///     let epilogue = Epilogue { bias: Some(&bias), ..Epilogue::default() };
///     gemm_packed(MatRef::new(&x, 1, 3), &packed, MatMut::new(&mut y, 1, 2), false, epilogue);
///     assert_eq!(y, expected);
/// }
/// ```
pub struct PackedB {
    data: Vec<Panel>,
    level: Level,
    rows: usize,
    cols: usize,
    padded: usize,
}

/// One vector of the widest level on its boundary.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Panel([f32; 16]);

impl PackedB {
    /// Packs B, `[K, N]`, for the current [`level`](simd::level).
    pub fn new(b: MatRef) -> Self {
        let mut packed =
            Self { data: Vec::new(), level: simd::level(), rows: b.rows(), cols: b.cols(), padded: 0 };
        packed.update(b);
        packed
    }

    /// Packs other values of the same shape into the same memory.
    ///
    /// # Panics
    /// If the shape differs.
    pub fn update(&mut self, b: MatRef) {
        assert!(
            b.rows() == self.rows && b.cols() == self.cols,
            "PackedB holds {} x {}, the new values are {} x {}",
            self.rows,
            self.cols,
            b.rows(),
            b.cols()
        );
        self.padded = simd::dispatch_at(self.level, Pack { b, data: &mut self.data });
    }

    /// K.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// N.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// The level it was packed for, at which products with it run.
    pub fn level(&self) -> Level {
        self.level
    }

    pub(super) fn operand(&self) -> Rhs {
        Rhs::Packed(Src::from_ptr(self.data.as_ptr().cast(), self.padded, 1))
    }
}

struct Pack<'a> {
    b: MatRef<'a>,
    data: &'a mut Vec<Panel>,
}

impl Kernel for Pack<'_> {
    /// N rounded up to whole vectors.
    type Output = usize;

    #[inline(always)]
    fn run<S: Simd>(self, s: S) -> usize {
        let (k, n) = (self.b.rows(), self.b.cols());
        let padded = n.next_multiple_of(S::LANES);
        self.data.resize((k * padded).div_ceil(16), Panel([0.0; 16]));
        let dst = self.data.as_mut_ptr().cast::<f32>();
        let b = Src::new(self.b);
        let depth = block_depth(k).max(1);
        for k0 in (0..k).step_by(depth) {
            let kc = depth.min(k - k0);
            let block = Src::from_ptr(b.at(k0, 0), b.row_stride, b.col_stride);
            // SAFETY: the view vouches for the source; blocks lie one after the other in k * padded floats.
            unsafe { pack_panels(s, block, kc, n, dst.add(k0 * padded)) };
        }
        padded
    }
}
