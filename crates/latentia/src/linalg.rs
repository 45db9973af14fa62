//! Checks, sums and row blocks shared by PCA, k-means, image compression and the metrics, around [`latentia_linalg`].

use faer::prelude::Reborrow;
use faer::{Mat, MatMut, MatRef};
use latentia_kernels::math::all_finite;
use latentia_linalg::NoConvergence;
use rayon::prelude::*;

use crate::data::Matrix;
use crate::{DataError, Error, Result};

/// Rows that [`for_row_blocks`] hands out at a time. Every block has this many rows, the last one padded with zeros:
/// products of one shape round alike, so a row gives the same bits alone and in a batch.
pub(crate) const ROW_BLOCK: usize = 64;

impl From<NoConvergence> for Error {
    fn from(_: NoConvergence) -> Self {
        DataError::new("input", "values whose decomposition does not converge", "numbers of moderate size")
            .hint("Scale the columns first")
            .into()
    }
}

/// Refuses a matrix with a value that is not finite, naming its row and column.
pub(crate) fn check_finite(name: &str, x: &Matrix) -> Result<()> {
    check_finite_after(name, x, 0)
}

/// The same for rows that follow `before` others.
fn check_finite_after(name: &str, x: &Matrix, before: usize) -> Result<()> {
    match first_not_finite(x) {
        None => Ok(()),
        Some(i) => Err(DataError::new(name, x.as_slice()[i].to_string(), "a finite number")
            .row((before + i / x.cols()) as u64 + 1)
            .column((i % x.cols() + 1).to_string())
            .into()),
    }
}

/// Where the first number lies that is not finite, counted through the rows.
pub(crate) fn first_not_finite(x: &Matrix) -> Option<usize> {
    match all_finite(x.as_slice()) {
        true => None,
        false => x.as_slice().iter().position(|v| !v.is_finite()),
    }
}

/// `Σ_j (a_j − b_j)²` in double precision, in sixteen running sums: in a single one each addition waits for the one before.
pub(crate) fn squared_distance(a: &[f32], b: &[f32]) -> f64 {
    const SUMS: usize = 16;
    let square = |a: f32, b: f32| (f64::from(a) - f64::from(b)).powi(2);
    let (a, a_rest) = a.as_chunks::<SUMS>();
    let (b, b_rest) = b.as_chunks::<SUMS>();
    let mut sums = [0.0; SUMS];
    for (a, b) in a.iter().zip(b) {
        for ((sum, &a), &b) in sums.iter_mut().zip(a).zip(b) {
            *sum += square(a, b);
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(&a, &b)| square(a, b)).sum();
    sums.iter().sum::<f64>() + rest
}

/// Refuses a matrix whose number of columns is not `expected`.
pub(crate) fn check_cols(name: &str, x: &Matrix, expected: usize) -> Result<()> {
    if x.cols() == expected {
        return Ok(());
    }
    Err(DataError::new(name, format!("{} columns", x.cols()), format!("{expected} columns")).into())
}

/// Applies `block` to every block of [`ROW_BLOCK`] rows of `x` in parallel; it gets the rows (`fill` has copied each one
/// into a `[ROW_BLOCK, cols]` buffer) and writes the rows of a `[rows, out_cols]` result.
pub(crate) fn for_row_blocks(
    x: &Matrix,
    out_cols: usize,
    fill: impl Fn(&[f32], &mut [f32]) + Sync,
    block: impl Fn(MatRef<'_, f32>, MatMut<'_, f32>) + Sync,
) -> Matrix {
    let (rows, cols) = (x.rows(), x.cols());
    let mut out = Matrix::zeros(rows, out_cols);
    if out_cols == 0 {
        return out;
    }
    out.as_mut_slice().par_chunks_mut(ROW_BLOCK * out_cols).enumerate().for_each_init(
        || (vec![0.0; ROW_BLOCK * cols], vec![0.0; ROW_BLOCK * out_cols]),
        |(input, output), (b, chunk)| {
            let count = chunk.len() / out_cols;
            input.fill(0.0);
            for i in 0..count {
                fill(x.row(b * ROW_BLOCK + i), &mut input[i * cols..(i + 1) * cols]);
            }
            block(
                MatRef::from_row_major_slice(input, ROW_BLOCK, cols),
                MatMut::from_row_major_slice_mut(output, ROW_BLOCK, out_cols),
            );
            chunk.copy_from_slice(&output[..chunk.len()]);
        },
    );
    out
}

/// Makes the entry of largest magnitude of every column positive (the first one of equals).
pub(crate) fn flip_signs(vectors: &mut Mat<f64>) {
    for column in vectors.col_iter_mut() {
        let largest =
            column.rb().iter().fold(0.0_f64, |best, &v| if v.abs() > best.abs() { v } else { best });
        if largest < 0.0 {
            column.iter_mut().for_each(|v| *v = -*v);
        }
    }
}

/// `Σ_i term(x_ij, about_j)` for every column `j`, in `f64`, over fixed blocks of rows added in order.
pub(crate) fn column_sums(x: &Matrix, term: impl Fn(f64, f64) -> f64 + Sync, about: &[f64]) -> Vec<f64> {
    let d = x.cols();
    let partial = |rows: &[f32]| {
        let mut sums = vec![0.0; d];
        for row in rows.chunks_exact(d) {
            for ((s, &v), &m) in sums.iter_mut().zip(row).zip(about) {
                *s += term(f64::from(v), m);
            }
        }
        sums
    };
    let partials: Vec<Vec<f64>> = x.as_slice().par_chunks(1024 * d).map(partial).collect();
    let mut sums = vec![0.0; d];
    for partial in partials {
        sums.iter_mut().zip(partial).for_each(|(s, p)| *s += p);
    }
    sums
}

/// The sum of every column as [`column_sums`] has it, and the largest absolute value, in one pass over memory. `before` rows came
/// before these: errors count from there.
///
/// # Errors
/// When a value is not finite.
pub(crate) fn finite_sums(x: &Matrix, before: usize) -> Result<(Vec<f64>, f32)> {
    let d = x.cols();
    let partial = |rows: &[f32]| {
        // A largest value for every column: they are found side by side, one for all would wait for the one before.
        let (mut sums, mut largest) = (vec![0.0; d], vec![0f32; d]);
        let larger = |a: f32, b: f32| if b > a { b } else { a };
        let mut fours = rows.chunks_exact(4 * d);
        for four in &mut fours {
            let (ab, cd) = four.split_at(2 * d);
            let ((a, b), (c, e)) = (ab.split_at(d), cd.split_at(d));
            let four = a.iter().zip(b).zip(c).zip(e);
            for ((s, most), (((&a, &b), &c), &e)) in sums.iter_mut().zip(&mut largest).zip(four) {
                *s += (f64::from(a) + f64::from(b)) + (f64::from(c) + f64::from(e));
                *most = larger(*most, larger(larger(a.abs(), b.abs()), larger(c.abs(), e.abs())));
            }
        }
        for row in fours.remainder().chunks_exact(d) {
            for ((s, most), &v) in sums.iter_mut().zip(&mut largest).zip(row) {
                *s += f64::from(v);
                *most = larger(*most, v.abs());
            }
        }
        (sums, largest.into_iter().fold(0.0, f32::max))
    };
    let partials: Vec<(Vec<f64>, f32)> = x.as_slice().par_chunks(1024 * d).map(partial).collect();
    let (mut sums, mut largest) = (vec![0.0; d], 0f32);
    for (partial, most) in partials {
        sums.iter_mut().zip(partial).for_each(|(s, p)| *s += p);
        largest = largest.max(most);
    }
    // In double precision a sum of finite `f32` numbers is finite.
    if sums.iter().any(|s| !s.is_finite()) {
        check_finite_after("input", x, before)?;
    }
    Ok((sums, largest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn squared_distances_of_any_length_leave_nothing_out() {
        for n in 0..40 {
            // Squares of small whole numbers: every sum is exact, whatever the order.
            let a: Vec<f32> = (0..n).map(|j| j as f32).collect();
            let b: Vec<f32> = (0..n).map(|j| (2 * j + 1) as f32).collect();
            let want: f64 = (1..=n).map(|j| f64::from(j).powi(2)).sum();
            assert_eq!(squared_distance(&a, &b), want, "{n} numbers");
        }
    }

    #[test]
    fn the_first_number_that_is_not_finite_is_named() {
        let mut x = Matrix::zeros(300, 70);
        assert_eq!(first_not_finite(&x), None);
        x.row_mut(299)[69] = f32::INFINITY;
        x.row_mut(257)[3] = f32::NAN;
        assert_eq!(first_not_finite(&x), Some(257 * 70 + 3));
    }
}
