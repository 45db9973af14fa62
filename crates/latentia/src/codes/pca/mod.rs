//! Principal component analysis (Pearson 1901; Hotelling 1933): the linear code with the least squared error.
//!
//! With rows `x` of mean `μ` and the singular value decomposition `X - 1μᵀ = U S Vᵀ`,
//!
//! ```text
//! h = (x - μ) V_k        (encode;  whitened: h_j divided by s_j / √(n - 1))
//! x̂ = h V_kᵀ + μ         (decode)
//! ```
//!
//! `V_k` is the first `k` columns of `V`, the rows of [`Pca::components`]. No affine code of `k` numbers has a smaller
//! squared error on the rows it was fitted on (Eckart and Young 1936). Signs are those of scikit-learn's
//! `svd_flip(u_based_decision=False)`: the entry of largest magnitude of each component is positive.

mod blocks;
mod config;
mod leading;
mod scatter;
mod solve;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;

pub use config::{PcaConfig, Solver};
use faer::MatRef;

use crate::codes::reconstruction_errors;
use crate::data::Matrix;
use crate::linalg::{check_cols, check_finite, for_row_blocks, squared_distance};
use crate::{Error, Result};
use latentia_linalg::product;

/// Named arrays: name to shape and row-major values, as they are stored.
pub type Tensors = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

/// A fitted principal component analysis of `d` columns and `k` components.
#[derive(Debug, Clone, PartialEq)]
pub struct Pca {
    mean: Vec<f32>,
    components: Matrix,
    scale: Vec<f32>,
    singular_values: Vec<f32>,
    explained_variance: Vec<f32>,
    explained_variance_ratio: Vec<f32>,
}

impl Pca {
    /// `μ`, `[d]`; zeros when the fit did not centre.
    pub fn mean(&self) -> &[f32] {
        &self.mean
    }

    /// `V_kᵀ`, `[k, d]`: one orthonormal direction a row, by descending variance.
    pub fn components(&self) -> &Matrix {
        &self.components
    }

    /// What each code is divided by, `[k]`: ones unless whitened.
    pub fn scale(&self) -> &[f32] {
        &self.scale
    }

    /// `s`, `[k]`: singular values of the (centred) rows.
    pub fn singular_values(&self) -> &[f32] {
        &self.singular_values
    }

    /// Variance along each component, `[k]`: `s² / (n - 1)`; without centring the variance (divided by `n`) of the codes.
    pub fn explained_variance(&self) -> &[f32] {
        &self.explained_variance
    }

    /// [`Pca::explained_variance`] as a share of the total variance of the columns, `[k]`; zeros for constant data.
    pub fn explained_variance_ratio(&self) -> &[f32] {
        &self.explained_variance_ratio
    }

    /// Number of columns `d` of a row.
    pub fn features(&self) -> usize {
        self.mean.len()
    }

    /// Number of components `k`.
    pub fn code(&self) -> usize {
        self.scale.len()
    }

    /// The same analysis with only its first `code` components (all of them when there are fewer).
    pub fn truncated(&self, code: usize) -> Self {
        let head = |values: &[f32]| values[..code.min(values.len())].to_vec();
        Self {
            mean: self.mean.clone(),
            components: self.components.head(code),
            scale: head(&self.scale),
            singular_values: head(&self.singular_values),
            explained_variance: head(&self.explained_variance),
            explained_variance_ratio: head(&self.explained_variance_ratio),
        }
    }

    /// Codes `[n, k]` of rows `[n, d]`.
    ///
    /// # Errors
    /// When `x` has another number of columns or a value that is not finite.
    pub fn encode(&self, x: &Matrix) -> Result<Matrix> {
        check_cols("input", x, self.features())?;
        check_finite("input", x)?;
        let components = self.components_ref();
        let centre = |row: &[f32], out: &mut [f32]| {
            for ((o, &v), &m) in out.iter_mut().zip(row).zip(&self.mean) {
                *o = v - m;
            }
        };
        let mut h = for_row_blocks(x, self.code(), centre, |x, h| product(h, x, components.transpose()));
        for i in 0..h.rows() {
            h.row_mut(i).iter_mut().zip(&self.scale).for_each(|(h, s)| *h /= s);
        }
        Ok(h)
    }

    /// Rows `[n, d]` of codes `[n, k]`.
    ///
    /// # Errors
    /// When `h` has another number of columns or a value that is not finite.
    pub fn decode(&self, h: &Matrix) -> Result<Matrix> {
        check_cols("code", h, self.code())?;
        check_finite("code", h)?;
        let components = self.components_ref();
        let unscale = |row: &[f32], out: &mut [f32]| {
            for ((o, &v), &s) in out.iter_mut().zip(row).zip(&self.scale) {
                *o = v * s;
            }
        };
        let mut x = for_row_blocks(h, self.features(), unscale, |h, x| product(x, h, components));
        for i in 0..x.rows() {
            x.row_mut(i).iter_mut().zip(&self.mean).for_each(|(x, m)| *x += m);
        }
        Ok(x)
    }

    /// `x̂ = decode(encode(x))`, `[n, d]`.
    ///
    /// # Errors
    /// As [`Pca::encode`].
    pub fn reconstruct(&self, x: &Matrix) -> Result<Matrix> {
        self.decode(&self.encode(x)?)
    }

    /// `‖x - x̂‖²` of every row.
    ///
    /// # Errors
    /// As [`Pca::encode`].
    pub fn squared_errors(&self, x: &Matrix) -> Result<Vec<f64>> {
        check_cols("input", x, self.features())?;
        check_finite("input", x)?;
        reconstruction_errors(x, |x| self.reconstruct(x))
    }

    /// The squared error `‖x - x̂‖²`, averaged over rows, with only the first `size` components, for each of `sizes`:
    /// `‖x - μ‖² - Σ_{j<size} h_j²`, one encoding for all of them. Exact to about `1e-6` of `‖x - μ‖²`.
    ///
    /// # Errors
    /// As [`Pca::encode`]; when `x` has no row; when a size is larger than the number of components.
    pub fn errors_by_size(&self, x: &Matrix, sizes: &[usize]) -> Result<Vec<f64>> {
        let k = self.code();
        if let Some(size) = sizes.iter().find(|&&s| s > k) {
            return Err(Error::config(
                "sizes",
                format!("{size} is more than the {k} components that were fitted"),
            ));
        }
        if x.rows() == 0 {
            return Err(Error::config("data", "no rows to measure an error on"));
        }
        let h = self.encode(x)?;
        let mut energy = vec![0.0_f64; k];
        for row in h.iter_rows() {
            for ((e, &h), &s) in energy.iter_mut().zip(row).zip(&self.scale) {
                *e += (f64::from(h) * f64::from(s)).powi(2);
            }
        }
        let total: f64 = x.iter_rows().map(|row| squared_distance(row, &self.mean)).sum();
        let error = |&size: &usize| (total - energy[..size].iter().sum::<f64>()).max(0.0) / x.rows() as f64;
        Ok(sizes.iter().map(error).collect())
    }

    /// Everything that [`Pca::from_tensors`] needs: `mean`, `components`, `scale`, `singular_values`,
    /// `explained_variance`, `explained_variance_ratio`.
    pub fn to_tensors(&self) -> Tensors {
        let (k, d) = (self.code(), self.features());
        let per_component = |values: &Vec<f32>| (vec![k], values.clone());
        BTreeMap::from([
            ("mean".to_owned(), (vec![d], self.mean.clone())),
            ("components".to_owned(), (vec![k, d], self.components.as_slice().to_vec())),
            ("scale".to_owned(), per_component(&self.scale)),
            ("singular_values".to_owned(), per_component(&self.singular_values)),
            ("explained_variance".to_owned(), per_component(&self.explained_variance)),
            ("explained_variance_ratio".to_owned(), per_component(&self.explained_variance_ratio)),
        ])
    }

    /// The inverse of [`Pca::to_tensors`], bit for bit. `path` is the file they came from, for the error.
    ///
    /// # Errors
    /// When a tensor is missing, has a shape that does not fit the others or a value that cannot be.
    pub fn from_tensors(path: &Path, mut tensors: Tensors) -> Result<Self> {
        let mut take = |name: &str, expected: &dyn Fn(&[usize]) -> bool, meaning: String| {
            let (shape, values) = tensors
                .remove(name)
                .ok_or_else(|| Error::model(path, format!("tensor '{name}' is missing")))?;
            if !expected(&shape) || values.len() != shape.iter().product::<usize>() {
                let message = format!("tensor '{name}' has shape {shape:?}, expected {meaning}");
                return Err(Error::model(path, message));
            }
            if values.iter().any(|v| !v.is_finite()) {
                return Err(Error::model(path, format!("tensor '{name}' has a value that is not finite")));
            }
            Ok((shape, values))
        };
        let (shape, components) = take("components", &|s| s.len() == 2, "[components, columns]".to_owned())?;
        let (k, d) = (shape[0], shape[1]);
        let mut vector = |name: &str, length: usize| {
            take(name, &|s| s == [length], format!("[{length}]")).map(|(_, values)| values)
        };
        let pca = Self {
            mean: vector("mean", d)?,
            scale: vector("scale", k)?,
            singular_values: vector("singular_values", k)?,
            explained_variance: vector("explained_variance", k)?,
            explained_variance_ratio: vector("explained_variance_ratio", k)?,
            components: Matrix::new(k, d, components),
        };
        if pca.scale.iter().any(|&s| s <= 0.0) {
            return Err(Error::model(path, "tensor 'scale' has a value that is not above zero"));
        }
        Ok(pca)
    }

    fn components_ref(&self) -> MatRef<'_, f32> {
        MatRef::from_row_major_slice(self.components.as_slice(), self.code(), self.features())
    }
}
