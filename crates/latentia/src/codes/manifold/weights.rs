//! Weights that rebuild a row from its neighbours.

/// The weights `w`, of sum 1, that minimise `‖x − Σ_j w_j n_j‖² + reg · tr(G) ‖w‖²`, `G_jk = (n_j − x)ᵀ(n_k − x)`: the
/// solution of `(G + reg · tr(G) I) w ∝ 1` (Roweis & Saul 2000; Saul & Roweis 2003, equation 8; scikit-learn's form of
/// the second term).
pub(super) fn rebuilding_weights(x: &[f32], neighbours: &[&[f32]], regularization: f64) -> Vec<f64> {
    let k = neighbours.len();
    let difference =
        |n: &[f32]| -> Vec<f64> { n.iter().zip(x).map(|(&n, &x)| f64::from(n) - f64::from(x)).collect() };
    let differences: Vec<Vec<f64>> = neighbours.iter().map(|n| difference(n)).collect();
    let mut gram = vec![0.0; k * k];
    for a in 0..k {
        for b in 0..=a {
            gram[a * k + b] = differences[a].iter().zip(&differences[b]).map(|(p, q)| p * q).sum();
        }
    }
    let trace: f64 = (0..k).map(|a| gram[a * k + a]).sum();
    // Without regularisation the matrix may be singular: k ε is below the rounding of its entries. When all neighbours
    // are copies of the row, any ridge gives them equal weights.
    let ridge = if trace > 0.0 { regularization.max(f64::EPSILON * k as f64) * trace } else { 1.0 };
    (0..k).for_each(|a| gram[a * k + a] += ridge);
    let mut w = solve(&mut gram, k);
    let sum: f64 = w.iter().sum();
    w.iter_mut().for_each(|w| *w /= sum);
    w
}

/// The solution of `A w = 1` for a positive definite `A`, `[k, k]`, given by its lower half, by its Cholesky factor.
fn solve(a: &mut [f64], k: usize) -> Vec<f64> {
    for i in 0..k {
        for j in 0..=i {
            let inner: f64 = (0..j).map(|t| a[i * k + t] * a[j * k + t]).sum();
            let rest = a[i * k + j] - inner;
            a[i * k + j] = match i == j {
                true => rest.max(f64::MIN_POSITIVE).sqrt(),
                false => rest / a[j * k + j],
            };
        }
    }
    let mut w = vec![1.0; k];
    for i in 0..k {
        let inner: f64 = (0..i).map(|t| a[i * k + t] * w[t]).sum();
        w[i] = (w[i] - inner) / a[i * k + i];
    }
    for i in (0..k).rev() {
        let inner: f64 = (i + 1..k).map(|t| a[t * k + i] * w[t]).sum();
        w[i] = (w[i] - inner) / a[i * k + i];
    }
    w
}
