//! Comparing subspaces.

use faer::{Mat, MatRef};

use crate::data::Matrix;
use crate::linalg::{check_cols, check_finite};
use crate::{Error, Result};
use latentia_linalg::{product, thin_svd};

/// The principal angles, ascending, in radians, between the spans of the rows of `a` `[k, d]` and `b` `[l, d]`:
/// `min(k, l)` of them.
///
/// With orthonormal bases `Q_a`, `Q_b`, `cos θ` are the singular values of `Q_aᵀ Q_b`; small angles are taken from the
/// sines, the singular values of `Q_b - Q_a Q_aᵀ Q_b`, where the cosine has no digits left (Björck and Golub 1973).
///
/// # Errors
/// When the columns differ, a value is not finite, or the rows of one are linearly dependent.
pub fn principal_angles(a: &Matrix, b: &Matrix) -> Result<Vec<f64>> {
    check_cols("b", b, a.cols())?;
    let (a, b) = (basis("a", a)?, basis("b", b)?);
    let (a, b) = if a.ncols() >= b.ncols() { (a, b) } else { (b, a) };
    let mut inner = Mat::zeros(a.ncols(), b.ncols());
    product(inner.as_mut(), a.transpose(), b.as_ref());
    let mut projected = Mat::zeros(a.nrows(), b.ncols());
    product(projected.as_mut(), a.as_ref(), inner.as_ref());
    let outside = &b - &projected;
    let (_, cosines, _) = thin_svd(inner.as_ref())?;
    let (_, sines, _) = thin_svd(outside.as_ref())?;
    let angle = |(cos, sin): (&f64, &f64)| if cos.powi(2) < 0.5 { cos.acos() } else { sin.min(1.0).asin() };
    Ok(cosines.iter().zip(sines.iter().rev()).map(angle).collect())
}

/// An orthonormal basis `[d, k]` of the span of the rows.
fn basis(name: &str, rows: &Matrix) -> Result<Mat<f64>> {
    check_finite(name, rows)?;
    let view = MatRef::from_row_major_slice(rows.as_slice(), rows.rows(), rows.cols());
    let (u, s, _) =
        thin_svd(Mat::from_fn(rows.cols(), rows.rows(), |i, j| f64::from(view[(j, i)])).as_ref())?;
    let independent = s.last().is_some_and(|&least| least > s[0] * 1e-12) && rows.rows() <= rows.cols();
    if !independent {
        let message = format!("its {} rows of {} columns are linearly dependent", rows.rows(), rows.cols());
        return Err(Error::config(name, message));
    }
    Ok(u)
}
