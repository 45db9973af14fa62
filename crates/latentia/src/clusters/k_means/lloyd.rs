//! From rows to centroids.

use latentia_kernels::nearest::{Assign, Centres, Sums};

use super::{KMeans, KMeansConfig, seed::plus_plus};
use crate::data::Matrix;
use crate::linalg::{column_sums, finite_sums, squared_distance};
use crate::random::{Purpose, stream};
use crate::{DataError, Result};

/// Where the centroids come from.
pub(super) enum Start<'a> {
    Seeded(u64),
    From(&'a Matrix),
}

/// Values up to this have squared distances that fit `f32` for any number of columns that fits memory.
const LARGEST: f32 = 1e15;

/// Squared distance of the mean from 0, in variances, up to which nothing is gained by moving: rounding errors at most double.
const FAR: f64 = 4.0;

pub(super) fn fit(config: &KMeansConfig, x: &Matrix, start: Start) -> Result<KMeans> {
    let (sums, largest) = finite_sums(x, 0)?;
    if largest > LARGEST {
        let expected = format!("values up to {LARGEST:e}, whose squares can be added");
        return Err(DataError::new("input", format!("{largest:e}"), expected)
            .hint("Scale the columns first")
            .into());
    }
    let rows = x.rows() as f64;
    let mean: Vec<f64> = sums.iter().map(|s| s / rows).collect();
    let squares: f64 = column_sums(x, |v, m| (v - m).powi(2), &mean).iter().sum();
    let lloyd = Lloyd {
        x,
        origin: origin(&mean, squares / rows),
        most: config.max_iterations,
        tolerance: config.tolerance * squares / (rows * x.cols() as f64),
    };
    match start {
        Start::From(centroids) => Ok(lloyd.run(centroids)),
        Start::Seeded(seed) => {
            let start = |restart| {
                let rng = &mut stream(seed, Purpose::Init, restart as u64, 0);
                lloyd.run(&x.select_rows(&plus_plus(x, config.clusters, rng)))
            };
            let better = |a: KMeans, b: KMeans| if b.inertia < a.inertia { b } else { a };
            Ok((1..config.restarts).map(start).fold(start(0), better))
        }
    }
}

/// Where rows are seen from. Products of numbers that lie far from 0 beside their spread would lose digits: such rows are seen
/// from their mean. `variance` is that of all columns together.
fn origin(mean: &[f64], variance: f64) -> Vec<f32> {
    let far = mean.iter().map(|m| m * m).sum::<f64>() > FAR * variance;
    mean.iter().map(|&m| if far { m as f32 } else { 0.0 }).collect()
}

struct Lloyd<'a> {
    x: &'a Matrix,
    origin: Vec<f32>,
    most: usize,
    /// Stop when the squared movements of the centroids sum to no more than this.
    tolerance: f64,
}

impl Lloyd<'_> {
    /// Lloyd's algorithm (1957, published 1982) from these centroids.
    fn run(&self, from: &Matrix) -> KMeans {
        let (x, width) = (self.x, self.x.cols());
        let shift = |row: &[f32], sign: f32| -> Vec<f32> {
            row.iter().zip(&self.origin).map(|(v, o)| v + sign * o).collect()
        };
        let mut centroids: Vec<f32> = from.iter_rows().flat_map(|row| shift(row, -1.0)).collect();
        let mut labels = vec![u32::MAX; x.rows()];
        let mut assign = Assign::new();
        let mut iterations = 0;
        while iterations < self.most {
            iterations += 1;
            let centres = Centres::new(&centroids, &self.origin);
            let sums = assign.run(x.as_slice(), &centres, &mut labels);
            let next = means(&self.relocated(sums, &centres, &labels), &centroids);
            let moved = squared_distance(&next, &centroids);
            let settled = sums.changed == 0;
            centroids = next;
            if settled || moved <= self.tolerance {
                break;
            }
        }
        let centroids = centroids.chunks_exact(width).flat_map(|row| shift(row, 1.0)).collect();
        let mut model = KMeans::new(Matrix::new(from.rows(), width, centroids), iterations);
        model.inertia = model.inertia_of(x);
        model
    }

    /// Gives each cluster without rows the row that is farthest from its centroid, as scikit-learn does.
    fn relocated(&self, sums: &Sums, centres: &Centres, labels: &[u32]) -> Sums {
        let mut sums = sums.clone();
        let empty: Vec<usize> = (0..sums.counts.len()).filter(|&j| sums.counts[j] == 0).collect();
        if empty.is_empty() {
            return sums;
        }
        let (rows, width) = (labels.len(), self.x.cols());
        let mut squares = vec![0.0; rows];
        let mut nearest = vec![0; rows];
        latentia_kernels::nearest::nearest(self.x.as_slice(), centres, &mut nearest, &mut squares);
        let mut far: Vec<usize> = (0..rows).collect();
        far.sort_by(|&a, &b| squares[b].total_cmp(&squares[a]).then(a.cmp(&b)));
        // Every row lies on a centroid: there are fewer distinct rows than clusters, and nothing is gained.
        if squares[far[0]] == 0.0 {
            return sums;
        }
        for (&to, &row) in empty.iter().zip(&far) {
            let from = labels[row] as usize;
            sums.counts[from] -= 1;
            sums.counts[to] += 1;
            for (j, (&v, &o)) in self.x.row(row).iter().zip(&self.origin).enumerate() {
                sums.sums[from * width + j] -= f64::from(v - o);
                sums.sums[to * width + j] += f64::from(v - o);
            }
        }
        sums
    }
}

/// The mean of each cluster's rows; a cluster that has none stays where it is.
fn means(sums: &Sums, before: &[f32]) -> Vec<f32> {
    let width = before.len() / sums.counts.len();
    let mut next = before.to_vec();
    let clusters = next.chunks_exact_mut(width).zip(sums.sums.chunks_exact(width));
    for ((next, sum), &count) in clusters.zip(&sums.counts).filter(|(_, count)| **count > 0) {
        next.iter_mut().zip(sum).for_each(|(v, s)| *v = (s / count as f64) as f32);
    }
    next
}
