//! Matrix products `C = A B` with a fused bias and activation.
//!
//! Three ways to the same result, chosen by shape:
//!
//! - [`blocked`](self): B is copied into panels that the register tile reads in order (Goto and van de Geijn 2008), and so is
//!   A unless its rows are contiguous and can be read in place. The tile is `TILE_ROWS` rows by two vectors, its height
//!   adapted so that no row is wasted.
//! - few rows, B row-major: B is read in place, once.
//! - few rows, B column-major: dot products along K, nothing is copied.
//!
//! Few columns are few rows of the transposed product. The summed dimension is cut into blocks that depend on K alone and is
//! never split between threads, so the bits do not depend on their number. Of the columns, or rows, of a blocked product most
//! are shared out beforehand, and the rest is claimed by whoever gets there first: a slower core then does less.

mod blocked;
mod claims;
mod epilogue;
mod gram;
mod operand;
mod pack;
mod packed;
mod skinny;
mod tile;

pub use epilogue::Epilogue;
pub use gram::add_gram;
pub use pack::{pack_columns, pack_rows};
pub use packed::PackedB;
pub(crate) use tile::multiply_and;
pub use tile::{Walk, for_rows, multiply, row_tile, row_tiles};

use crate::simd::{self, Level};
use crate::{MatMut, MatRef, scratch, threads};
use operand::{Dst, Rhs};
pub(crate) use operand::{Shared, Src};

/// `C = A B`, or `C += A B` when `accumulate`: A is `[M, K]`, B `[K, N]`, C `[M, N]`, any strides.
///
/// ```
/// use latentia_kernels::{MatMut, MatRef, gemm::gemm};
/// let (a, b) = ([1.0, 2.0, 3.0, 4.0], [1.0, 0.0, 0.0, 2.0]);
/// let mut c = [0.0; 4];
/// gemm(MatRef::new(&a, 2, 2), MatRef::new(&b, 2, 2).t(), MatMut::new(&mut c, 2, 2), false);
/// assert_eq!(c, [1.0, 4.0, 3.0, 8.0]);
/// ```
///
/// # Panics
/// If the shapes do not fit.
#[track_caller]
pub fn gemm(a: MatRef, b: MatRef, c: MatMut, accumulate: bool) {
    // Transposing the product swaps the strides of C: its rows become contiguous.
    if c.col_stride() != 1 && c.row_stride() == 1 {
        gemm_with(b.t(), a.t(), c.t(), accumulate, Epilogue::default());
    } else {
        gemm_with(a, b, c, accumulate, Epilogue::default());
    }
}

/// `C = f(A B + bias)`; with `accumulate`, `C = f(C + A B + bias)`.
///
/// # Panics
/// If the shapes do not fit, or the rows of C are not contiguous.
#[track_caller]
pub fn gemm_with(a: MatRef, b: MatRef, c: MatMut, accumulate: bool, epilogue: Epilogue) {
    let (k, n) = (b.rows(), b.cols());
    Product::new(a, Rhs::Strided(Src::new(b)), k, n, c, accumulate, epilogue).run(simd::level());
}

/// [`gemm_with`] where B has been packed once for many products.
///
/// # Panics
/// As [`gemm_with`].
#[track_caller]
pub fn gemm_packed(a: MatRef, b: &PackedB, c: MatMut, accumulate: bool, epilogue: Epilogue) {
    Product::new(a, b.operand(), b.rows(), b.cols(), c, accumulate, epilogue).run(b.level());
}

/// A product with its shapes checked and its borrows turned into pointers that threads can share.
struct Product<'a> {
    m: usize,
    n: usize,
    k: usize,
    a: Src,
    b: Rhs,
    c: Dst,
    accumulate: bool,
    epilogue: epilogue::Finish<'a>,
}

/// Below this many multiplications one thread is faster than waking another: about two microseconds of work.
const PARALLEL_FROM: usize = 150_000;

impl<'a> Product<'a> {
    #[track_caller]
    fn new(
        a: MatRef<'a>,
        b: Rhs,
        k: usize,
        n: usize,
        c: MatMut<'a>,
        accumulate: bool,
        epilogue: Epilogue<'a>,
    ) -> Self {
        let m = a.rows();
        assert!(
            a.cols() == k && c.rows() == m && c.cols() == n,
            "gemm: A is {m} x {}, B {k} x {n}, C {} x {}",
            a.cols(),
            c.rows(),
            c.cols()
        );
        assert!(c.col_stride() == 1 || n <= 1, "gemm: the rows of C are not contiguous");
        let epilogue = epilogue.check(m, n);
        Self { m, n, k, a: Src::new(a), b, c: Dst::new(c), accumulate, epilogue }
    }

    fn run(&self, level: Level) {
        if self.m == 0 || self.n == 0 {
            return;
        }
        let work = self.m * self.n * self.k;
        let members = if work < PARALLEL_FROM { 1 } else { threads::count() };
        if let Some(skinny) = skinny::plan(self) {
            skinny.run(level, members);
            return;
        }
        scratch::with(blocked::packed_a_len(self.a, self.m, self.k), |packed| {
            let packed = Shared(packed.as_mut_ptr());
            let claims = claims::Claims::default();
            threads::team(members, |member| {
                scratch::with(blocked::PACKED_B_LEN, |panels| {
                    simd::dispatch_at(
                        level,
                        blocked::Share { product: self, member, claims: &claims, packed, panels },
                    );
                });
            });
        });
    }
}

#[cfg(test)]
pub(crate) mod tests;
