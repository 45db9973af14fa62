//! What a linear model makes of one view from another: ridge regression and canonical correlations.
//!
//! Each view is taken to its principal components first, `Z_v = (X_v − μ_v) V_v` with `Z_vᵀ Z_v = diag(s_v²)`, so that both have
//! closed forms (Hoerl & Kennard 1970; Hotelling 1936, with the ridge of Vinod 1976):
//!
//! ```text
//! x̂_B = μ_B + z_A diag(1 / (s_A² + λ)) Z_Aᵀ (X_B − μ_B)
//! U S Vᵀ = diag(1 / √(s_A² + λ_A)) Z_Aᵀ Z_B diag(1 / √(s_B² + λ_B)),   codes z_A diag(1 / √(s_A² + λ_A)) U S, z_B … V S
//! ```
//!
//! `λ` is a multiple of the mean of `s²`, the one that does best on the validation rows.

use std::ops::Range;

use faer::{Mat, MatRef};
use latentia_linalg::{product, thin_svd};

use crate::{
    Result,
    codes::{
        pca::{Pca, PcaConfig},
        squared_errors,
    },
    data::{Dataset, Matrix},
    evaluate::{Recall, pair_ranks},
    linalg::for_row_blocks,
};

/// Most principal components of a view.
const COMPONENTS: usize = 256;
/// Most validation rows that `λ` is chosen by.
const CHOSEN_BY: usize = 1000;
/// `λ` as a multiple of the mean of `s²`; the middle one without validation rows.
pub(super) const RIDGES: [f64; 5] = [1e-4, 1e-3, 1e-2, 1e-1, 1.0];

/// The principal components of each view of the training rows.
pub(super) struct Linear {
    views: Vec<View>,
    validation: Matrix,
}

struct View {
    range: Range<usize>,
    pca: Pca,
    /// Transposed codes of the training rows, `[components, rows]`.
    codes: Matrix,
    /// The training rows less their mean.
    centred: Matrix,
    /// `s²`.
    squares: Vec<f64>,
}

impl Linear {
    pub(super) fn fit(data: &Dataset, seed: u64) -> Result<Self> {
        let views = data.preprocess.view_ranges().into_iter().map(|(_, range)| {
            let mut x = columns(&data.train.x, &range);
            let code = COMPONENTS.min(x.rows() - 1).min(x.cols());
            let pca = PcaConfig { code, ..PcaConfig::default() }.fit(&x, seed)?;
            let codes = transposed(&pca.encode(&x)?);
            for i in 0..x.rows() {
                x.row_mut(i).iter_mut().zip(pca.mean()).for_each(|(v, m)| *v -= m);
            }
            let squares = pca.singular_values().iter().map(|&s| f64::from(s).powi(2)).collect();
            Ok(View { range, pca, codes, centred: x, squares })
        });
        Ok(Self { views: views.collect::<Result<_>>()?, validation: data.validation.x.head(CHOSEN_BY) })
    }

    /// The mean squared error of view `to` of `x`, rebuilt from view `from` by ridge regression.
    pub(super) fn error(&self, from: usize, to: usize, x: &Matrix) -> Result<f64> {
        let (a, b) = (&self.views[from], &self.views[to]);
        let inner = multiply(&a.codes, &b.centred);
        let error = |ridge: f64, x: &Matrix| -> Result<f64> {
            let weights = a.shrunk(ridge, 1.0);
            let mut predicted = inner.clone();
            for (k, weight) in weights.iter().enumerate() {
                predicted.row_mut(k).iter_mut().for_each(|v| *v = (f64::from(*v) * weight) as f32);
            }
            let mut rebuilt = multiply(&a.pca.encode(&columns(x, &a.range))?, &predicted);
            for i in 0..rebuilt.rows() {
                rebuilt.row_mut(i).iter_mut().zip(b.pca.mean()).for_each(|(v, m)| *v += m);
            }
            Ok(mean(&squared_errors(&columns(x, &b.range), &rebuilt)))
        };
        let ridge = self.choose(|ridge| error(ridge, &self.validation))?;
        error(ridge, x)
    }

    /// How well view `from` of each row of `x` finds its view `to`, by `code` canonical variables.
    pub(super) fn recall(&self, from: usize, to: usize, code: usize, x: &Matrix) -> Result<Recall> {
        let (a, b) = (&self.views[from], &self.views[to]);
        let inner = multiply(&a.codes, &transposed(&b.codes));
        let ranks = |ridge: f64, x: &Matrix| -> Result<Vec<f64>> {
            let (wa, wb) = (a.shrunk(ridge, 0.5), b.shrunk(ridge, 0.5));
            let whitened =
                Mat::from_fn(inner.rows(), inner.cols(), |i, j| wa[i] * f64::from(inner.row(i)[j]) * wb[j]);
            let (u, s, v) = thin_svd(whitened.as_ref())?;
            let kept = code.min(s.len());
            let weights = |w: &[f64], sides: &Mat<f64>| {
                let values = (0..w.len()).flat_map(|i| (0..kept).map(move |k| (i, k)));
                let values = values.map(|(i, k)| (w[i] * sides[(i, k)] * s[k]) as f32).collect();
                Matrix::new(w.len(), kept, values)
            };
            let queries = multiply(&a.pca.encode(&columns(x, &a.range))?, &weights(&wa, &u));
            let searched = multiply(&b.pca.encode(&columns(x, &b.range))?, &weights(&wb, &v));
            pair_ranks(&queries, &searched)
        };
        // The mean of the logarithms: one rank that is very high says little.
        let ridge = self.choose(|ridge| {
            let ranks = ranks(ridge, &self.validation)?;
            Ok(ranks.iter().map(|rank| rank.ln()).sum())
        })?;
        Recall::of(&ranks(ridge, x)?)
    }

    /// The ridge of least loss on the validation rows.
    fn choose(&self, loss: impl Fn(f64) -> Result<f64>) -> Result<f64> {
        if self.validation.rows() == 0 {
            return Ok(RIDGES[RIDGES.len() / 2]);
        }
        let mut best = (f64::INFINITY, RIDGES[0]);
        for ridge in RIDGES {
            let loss = loss(ridge)?;
            if loss < best.0 {
                best = (loss, ridge);
            }
        }
        Ok(best.1)
    }
}

impl View {
    /// `(s² + λ)^−power` of every component; 0 for one without variance.
    fn shrunk(&self, ridge: f64, power: f64) -> Vec<f64> {
        let lambda = ridge * mean(&self.squares);
        let shrunk = |s: f64| if s + lambda > 0.0 { (s + lambda).powf(-power) } else { 0.0 };
        self.squares.iter().map(|&s| shrunk(s)).collect()
    }
}

/// Some columns of every row.
pub(super) fn columns(x: &Matrix, range: &Range<usize>) -> Matrix {
    let values = x.iter_rows().flat_map(|row| &row[range.clone()]).copied().collect();
    Matrix::new(x.rows(), range.len(), values)
}

fn transposed(x: &Matrix) -> Matrix {
    let (rows, cols) = (x.rows(), x.cols());
    let values = (0..cols).flat_map(|j| (0..rows).map(move |i| x.row(i)[j])).collect();
    Matrix::new(cols, rows, values)
}

/// `a b`.
fn multiply(a: &Matrix, b: &Matrix) -> Matrix {
    let b = MatRef::from_row_major_slice(b.as_slice(), b.rows(), b.cols());
    let copy = |row: &[f32], out: &mut [f32]| out.copy_from_slice(row);
    for_row_blocks(a, b.ncols(), copy, |a, out| product(out, a, b))
}

pub(super) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}
