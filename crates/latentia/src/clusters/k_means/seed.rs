//! Where to start.

use latentia_kernels::nearest::{Centres, distances};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::data::Matrix;

/// Rows of `x` to start from: greedy k-means++ (Arthur and Vassilvitskii 2007).
///
/// The first is any row. For each further one `2 + ln k` candidates are drawn with probabilities proportional to the squared
/// distance to the nearest chosen row, and the one that leaves the smallest sum of these distances is taken (the number
/// of trials is scikit-learn's).
pub(super) fn plus_plus(x: &Matrix, clusters: usize, rng: &mut ChaCha8Rng) -> Vec<usize> {
    let rows = x.rows();
    let trials = 2 + (clusters as f64).ln() as usize;
    let first = rng.random_range(0..rows as u64) as usize;
    let mut chosen = vec![first];
    // Squared distance of each row to the nearest of the chosen ones.
    let mut closest = to_rows(x, &[first]);
    while chosen.len() < clusters {
        let sums = running_sums(&closest);
        let total = sums[rows - 1];
        let candidate = |_| {
            let at = rng.random::<f64>() * total;
            sums.partition_point(|&sum| sum <= at).min(rows - 1)
        };
        let candidates: Vec<usize> = (0..trials).map(candidate).collect();
        let apart = to_rows(x, &candidates);
        let mut potentials = vec![0.0; trials];
        for (apart, &closest) in apart.chunks_exact(trials).zip(&closest) {
            for (potential, &d) in potentials.iter_mut().zip(apart) {
                *potential += f64::from(d.min(closest));
            }
        }
        let best = (1..trials).fold(0, |best, t| if potentials[t] < potentials[best] { t } else { best });
        for (apart, closest) in apart.chunks_exact(trials).zip(&mut closest) {
            *closest = closest.min(apart[best]);
        }
        chosen.push(candidates[best]);
    }
    chosen
}

/// Squared distances of all rows to some of them, `[rows, chosen]`.
fn to_rows(x: &Matrix, chosen: &[usize]) -> Vec<f32> {
    let centres = Centres::new(x.select_rows(chosen).as_slice(), &vec![0.0; x.cols()]);
    let mut out = vec![0.0; x.rows() * chosen.len()];
    distances(x.as_slice(), &centres, &mut out);
    out
}

fn running_sums(values: &[f32]) -> Vec<f64> {
    let add = |sum: &mut f64, &v: &f32| {
        *sum += f64::from(v);
        Some(*sum)
    };
    values.iter().scan(0.0, add).collect()
}
