//! A distance that knows which directions the rows of a model vary in, and is not misled by unusual rows.

use crate::{
    Result,
    codes::pca::{Pca, PcaConfig, Solver},
    data::Matrix,
    random::{Purpose, stream, subset},
    train::params::{HostTensor, Tensors},
};

/// Most training rows that location and covariance are estimated from: beyond it neither gains.
const MAX_ROWS: usize = 20_000;
/// Concentration steps after which the search stops; 3 to 10 are usual.
const STEPS: usize = 30;

/// The squared Mahalanobis distances of the residual `e = x - x̂` and of the reconstruction `x̂`, added up:
///
/// ```text
/// d²(x) = (e - m_e)ᵀ (S_e + λI)⁻¹ (e - m_e) + (x̂ - m_x)ᵀ (S_x + λI)⁻¹ (x̂ - m_x)
/// ```
///
/// twice the negative logarithm of two normal densities, constants left out: how far the row is from what the model can
/// rebuild, and how far what it rebuilds is from the rows it knows. For PCA the two parts are orthogonal and `d²` is the
/// regularised Mahalanobis distance of `x` itself (Tipping & Bishop 1999 without the restriction to few components).
///
/// Means and covariances are those of the `1 - trim` of the training rows of smallest distance, found by the concentration
/// steps of the minimum covariance determinant (Rousseeuw & Van Driessen 1999) from all rows on; `λ` is a multiple of the
/// mean variance of the features (regularised as in Boudt, Rousseeuw, Vanduffel & Verdonck 2020, with the identity as
/// target). The start from all rows makes it deterministic, and cheap.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RobustDistance {
    residual: Whitening,
    reconstruction: Whitening,
}

/// Mean, principal directions and variances of some rows, and what is added to the variances.
#[derive(Debug, Clone, PartialEq)]
struct Whitening {
    pca: Pca,
    ridge: f64,
}

impl RobustDistance {
    /// The distance of rows like the training rows `x` and their reconstructions `x̂`, both `[n, d]`.
    ///
    /// # Errors
    /// Fewer than two rows, or values that are not finite.
    pub(super) fn fit(x: &Matrix, rebuilt: &Matrix, trim: f64, ridge: f64, seed: u64) -> Result<Self> {
        let rows = subset(x.rows(), MAX_ROWS, &mut stream(seed, Purpose::Report, 2, 0));
        let (x, rebuilt) = (x.rows_at(&rows), rebuilt.rows_at(&rows));
        let ridge = ridge * mean_variance(&x);
        let residual = difference(&x, &rebuilt);
        let n = x.rows();
        // Fewer than two rows have no covariance.
        let kept = (n - (trim * n as f64) as usize).max(2.min(n));
        let mut keep: Vec<usize> = (0..n).collect();
        let mut step = 0;
        loop {
            let found = Self {
                residual: Whitening::fit(&residual.select_rows(&keep), ridge)?,
                reconstruction: Whitening::fit(&rebuilt.select_rows(&keep), ridge)?,
            };
            let distances = found.sums(&residual, &rebuilt)?;
            let mut order: Vec<usize> = (0..n).collect();
            order.sort_by(|&a, &b| distances[a].total_cmp(&distances[b]).then(a.cmp(&b)));
            order.truncate(kept);
            order.sort_unstable();
            step += 1;
            if order == keep || step == STEPS {
                return Ok(found);
            }
            keep = order;
        }
    }

    /// `d²` of every row, given its reconstruction.
    pub(super) fn distances(&self, x: &Matrix, rebuilt: &Matrix) -> Result<Vec<f64>> {
        self.sums(&difference(x, rebuilt), rebuilt)
    }

    fn sums(&self, residual: &Matrix, rebuilt: &Matrix) -> Result<Vec<f64>> {
        let parts = self.residual.squares(residual)?.into_iter().zip(self.reconstruction.squares(rebuilt)?);
        Ok(parts.map(|(a, b)| a + b).collect())
    }

    /// What each feature adds to `d²`, `[n, d]`: `e_j (P_e e)_j + x̂_j (P_x x̂)_j`, centred, with `P` the inverse
    /// covariances. A row sums to its `d²`; a feature that makes others less surprising adds a negative part.
    pub(super) fn contributions(&self, x: &Matrix, rebuilt: &Matrix) -> Result<Matrix> {
        let mut sum = self.residual.contributions(&difference(x, rebuilt))?;
        let of_reconstruction = self.reconstruction.contributions(rebuilt)?;
        sum.as_mut_slice().iter_mut().zip(of_reconstruction.as_slice()).for_each(|(a, b)| *a += b);
        Ok(sum)
    }

    /// Everything that [`RobustDistance::from_tensors`] needs, under names that begin with `prefix`.
    pub(super) fn to_tensors(&self, prefix: &str) -> Tensors {
        let parts = [("residual", &self.residual), ("reconstruction", &self.reconstruction)];
        let of_part = |(name, part): (&str, &Whitening)| {
            let mut tensors: Tensors = crate::codes::pca_tensors(&part.pca)
                .into_iter()
                .map(|(tensor, values)| (format!("{prefix}{name}.{tensor}"), values))
                .collect();
            let ridge = HostTensor { shape: vec![1], values: vec![part.ridge as f32] };
            tensors.insert(format!("{prefix}{name}.ridge"), ridge);
            tensors
        };
        parts.into_iter().flat_map(of_part).collect()
    }

    /// The inverse of [`RobustDistance::to_tensors`].
    pub(super) fn from_tensors(tensors: &Tensors, prefix: &str) -> std::result::Result<Self, String> {
        let part = |name: &str| {
            let start = format!("{prefix}{name}.");
            let mut own = super::under(tensors, &start);
            let ridge = own.remove("ridge").and_then(|t| t.values.first().copied());
            match ridge {
                Some(ridge) if ridge > 0.0 && ridge.is_finite() => {
                    Ok(Whitening { pca: crate::codes::load_pca(&own)?, ridge: f64::from(ridge) })
                }
                _ => Err(format!("the tensor '{start}ridge' is missing or not above zero")),
            }
        };
        Ok(Self { residual: part("residual")?, reconstruction: part("reconstruction")? })
    }
}

impl Whitening {
    fn fit(x: &Matrix, ridge: f64) -> Result<Self> {
        let code = x.rows().min(x.cols());
        let pca = PcaConfig { code, solver: Solver::Exact, ..PcaConfig::default() }.fit(x, 0)?;
        // Kept as it will be stored, so that a model that was saved scores alike.
        Ok(Self { pca, ridge: f64::from((ridge.max(f64::from(f32::MIN_POSITIVE))) as f32) })
    }

    /// `Σ_j h_j² / (s_j + λ)` along the directions, and what lies outside them divided by `λ`.
    fn squares(&self, x: &Matrix) -> Result<Vec<f64>> {
        let h = self.pca.encode(x)?;
        let weights = self.weights();
        let outside = self.pca.code() < self.pca.features();
        let row = |(x, h): (&[f32], &[f32])| {
            let along: f64 = h.iter().zip(&weights).map(|(&h, w)| f64::from(h).powi(2) * w).sum();
            if !outside {
                return along;
            }
            let squared = |v: &mut dyn Iterator<Item = f64>| v.map(|v| v * v).sum::<f64>();
            let whole = squared(&mut centred(x, self.pca.mean()));
            let inside = squared(&mut h.iter().map(|&h| f64::from(h)));
            along + (whole - inside).max(0.0) / self.ridge
        };
        Ok(x.iter_rows().zip(h.iter_rows()).map(row).collect())
    }

    /// `1 / (s_j + λ)` of every direction.
    fn weights(&self) -> Vec<f64> {
        self.pca.explained_variance().iter().map(|&s| 1.0 / (f64::from(s) + self.ridge)).collect()
    }

    /// `x_j (P x)_j`, centred.
    fn contributions(&self, x: &Matrix) -> Result<Matrix> {
        let h = self.pca.encode(x)?;
        let weights = self.weights();
        let directions = self.pca.components();
        let mut out = Matrix::zeros(x.rows(), x.cols());
        let mut product = vec![0.0; x.cols()];
        for i in 0..x.rows() {
            // P x = x / λ + Σ_j (w_j - 1/λ) h_j v_j, which needs no directions beyond those that were found.
            let from: Vec<f64> = centred(x.row(i), self.pca.mean()).collect();
            product.iter_mut().zip(&from).for_each(|(p, v)| *p = v / self.ridge);
            for ((direction, &h), w) in directions.iter_rows().zip(h.row(i)).zip(&weights) {
                let factor = (w - 1.0 / self.ridge) * f64::from(h);
                product.iter_mut().zip(direction).for_each(|(p, &v)| *p += factor * f64::from(v));
            }
            let row = out.row_mut(i).iter_mut().zip(&from).zip(&product);
            row.for_each(|((out, v), p)| *out = (v * p) as f32);
        }
        Ok(out)
    }
}

fn centred<'a>(x: &'a [f32], mean: &'a [f32]) -> impl Iterator<Item = f64> + 'a {
    x.iter().zip(mean).map(|(&v, &m)| f64::from(v) - f64::from(m))
}

fn difference(x: &Matrix, rebuilt: &Matrix) -> Matrix {
    let values = x.as_slice().iter().zip(rebuilt.as_slice()).map(|(a, b)| a - b).collect();
    Matrix::new(x.rows(), x.cols(), values)
}

/// The variance of a column, averaged over the columns.
fn mean_variance(x: &Matrix) -> f64 {
    let (n, d) = (x.rows().max(1) as f64, x.cols().max(1) as f64);
    let mut mean = vec![0.0; x.cols()];
    for row in x.iter_rows() {
        mean.iter_mut().zip(row).for_each(|(m, &v)| *m += f64::from(v) / n);
    }
    let square = |(&v, m): (&f32, &f64)| (f64::from(v) - m).powi(2);
    x.iter_rows().map(|row| row.iter().zip(&mean).map(square).sum::<f64>()).sum::<f64>() / (n * d)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `n` rows along a line in the plane with a little noise, and `far` rows off it in one heap.
    fn rows(n: usize, far: usize) -> Matrix {
        let wave = |i: usize, k: f64| (i as f64 * k).sin();
        let near = (0..n).flat_map(|i| {
            let t = 2.0 * wave(i, 1.7);
            [t as f32, (t + 0.1 * wave(i, 5.3)) as f32, 0.5 * wave(i, 2.9) as f32]
        });
        let off = (0..far).flat_map(|i| [1.5, -1.5 + 0.01 * wave(i, 3.1) as f32, 0.0]);
        Matrix::new(n + far, 3, near.chain(off).collect())
    }

    /// `(x - m)ᵀ (S + λI)⁻¹ (x - m)` by Gauss-Jordan elimination over the first `n` rows.
    fn reference(x: &Matrix, n: usize, ridge: f64, at: &[f32]) -> f64 {
        let d = x.cols();
        let mean: Vec<f64> =
            (0..d).map(|j| (0..n).map(|i| f64::from(x.row(i)[j])).sum::<f64>() / n as f64).collect();
        let centre = |row: &[f32]| -> Vec<f64> { centred_by(row, &mean) };
        let mut a = vec![vec![0.0; d + 1]; d];
        for i in 0..n {
            let v = centre(x.row(i));
            for (row, r) in a.iter_mut().zip(&v) {
                row.iter_mut().zip(&v).for_each(|(a, c)| *a += r * c / (n - 1) as f64);
            }
        }
        let v = centre(at);
        for (r, row) in a.iter_mut().enumerate() {
            row[r] += ridge;
            row[d] = v[r];
        }
        for p in 0..d {
            let pivot = a[p].clone();
            for (_, row) in a.iter_mut().enumerate().filter(|(r, _)| *r != p) {
                let factor = row[p] / pivot[p];
                row.iter_mut().zip(&pivot).for_each(|(v, p)| *v -= factor * p);
            }
        }
        (0..d).map(|r| v[r] * a[r][d] / a[r][r]).sum()
    }

    fn centred_by(row: &[f32], mean: &[f64]) -> Vec<f64> {
        row.iter().zip(mean).map(|(&v, m)| f64::from(v) - m).collect()
    }

    #[test]
    fn without_trimming_it_is_the_regularised_mahalanobis_distance() {
        let x = rows(200, 0);
        let nothing = Matrix::zeros(200, 3);
        let distance = RobustDistance::fit(&x, &nothing, 0.0, 0.3, 0).unwrap();
        let ridge = 0.3 * mean_variance(&x);
        let found = distance.distances(&x, &nothing).unwrap();
        for i in [0, 57, 199] {
            let expected = reference(&x, 200, ridge, x.row(i));
            assert!((found[i] - expected).abs() < 1e-4 * (1.0 + expected), "{} {expected}", found[i]);
        }
    }

    #[test]
    fn contributions_add_up_to_the_distance() {
        let x = rows(120, 5);
        let rebuilt = Matrix::new(125, 3, x.as_slice().iter().map(|v| 0.8 * v + 0.1).collect());
        for trim in [0.0, 0.25] {
            let distance = RobustDistance::fit(&x, &rebuilt, trim, 0.1, 0).unwrap();
            let distances = distance.distances(&x, &rebuilt).unwrap();
            let parts = distance.contributions(&x, &rebuilt).unwrap();
            for (row, d) in parts.iter_rows().zip(&distances) {
                let sum: f64 = row.iter().map(|&v| f64::from(v)).sum();
                assert!((sum - d).abs() < 1e-3 * (1.0 + d), "{sum} {d}");
            }
        }
    }

    #[test]
    fn a_heap_of_unusual_rows_does_not_hide_itself() {
        let (x, nothing) = (rows(80, 20), Matrix::zeros(100, 3));
        // The mean rank of the heap among all rows, 1 for the most distant ones.
        let rank = |trim| {
            let distance = RobustDistance::fit(&x, &nothing, trim, 0.05, 0).unwrap();
            let found = distance.distances(&x, &nothing).unwrap();
            let lower = |i: usize| found.iter().filter(|d| **d < found[i]).count();
            (80..100).map(lower).sum::<usize>() as f64 / (20.0 * 100.0)
        };
        assert!(rank(0.25) > 0.85, "{}", rank(0.25));
        assert!(rank(0.25) > rank(0.0), "{} {}", rank(0.25), rank(0.0));
    }

    #[test]
    fn fewer_rows_than_columns_and_storage_lose_nothing() {
        let x = Matrix::new(4, 6, (0..24).map(|i| ((i * i) as f32 * 0.37).sin()).collect());
        let rebuilt = Matrix::new(4, 6, x.as_slice().iter().map(|v| v * 0.5).collect());
        let distance = RobustDistance::fit(&x, &rebuilt, 0.0, 0.3, 0).unwrap();
        let again = RobustDistance::from_tensors(&distance.to_tensors("a."), "a.").unwrap();
        assert_eq!(again, distance);
        let other = Matrix::new(1, 6, vec![1.0, -2.0, 0.5, 3.0, 0.0, 1.0]);
        let half = Matrix::new(1, 6, other.as_slice().iter().map(|v| v * 0.5).collect());
        let d = distance.distances(&other, &half).unwrap()[0];
        let sum: f32 = distance.contributions(&other, &half).unwrap().as_slice().iter().sum();
        assert!(d > 0.0 && (f64::from(sum) - d).abs() < 1e-3 * d, "{sum} {d}");
    }
}
