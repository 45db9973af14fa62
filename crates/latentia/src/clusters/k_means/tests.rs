//! k-means against scikit-learn, and against what its definition promises.

use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};
use serde::Deserialize;
use std::path::Path;

use super::{KMeans, KMeansConfig};
use crate::data::Matrix;
use crate::random::{Purpose, stream};

#[derive(Deserialize)]
struct Golden {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    rows: usize,
    cols: usize,
    clusters: usize,
    max_iterations: usize,
    tolerance: f64,
    x: Vec<f32>,
    start: Vec<f32>,
    centroids: Vec<f32>,
    labels: Vec<u32>,
    inertia: f64,
    iterations: usize,
    distances: Vec<f32>,
}

fn config(clusters: usize) -> KMeansConfig {
    KMeansConfig { clusters, ..KMeansConfig::default() }
}

/// Rows around `k` random centres.
fn mixture(rows: usize, cols: usize, k: usize, spread: f32, seed: u64) -> Matrix {
    let mut rng = stream(seed, Purpose::Sampling, 0, 0);
    let centres: Vec<f32> = (0..k * cols)
        .map(|_| {
            let v: f32 = StandardNormal.sample(&mut rng);
            v * spread
        })
        .collect();
    let mut values = Vec::with_capacity(rows * cols);
    for _ in 0..rows {
        let c = rng.random_range(0..k as u64) as usize;
        for j in 0..cols {
            let v: f32 = StandardNormal.sample(&mut rng);
            values.push(centres[c * cols + j] + v);
        }
    }
    Matrix::new(rows, cols, values)
}

fn worst(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn from_the_same_centroids_it_ends_where_scikit_learn_ends() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/data/k_means.json");
    let golden: Golden = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    for case in golden.cases {
        let x = Matrix::new(case.rows, case.cols, case.x);
        let config = KMeansConfig {
            clusters: case.clusters,
            max_iterations: case.max_iterations,
            tolerance: case.tolerance,
            ..KMeansConfig::default()
        };
        let start = Matrix::new(case.clusters, case.cols, case.start);
        let fitted = config.fit_from(&x, &start).unwrap();
        let name = &case.name;
        assert_eq!(fitted.iterations(), case.iterations, "{name}");
        let off = worst(fitted.centroids().as_slice(), &case.centroids);
        assert!(off < 1e-5 * (1.0 + x.as_slice().iter().fold(0f32, |m, v| m.max(v.abs()))), "{name}: {off}");
        assert!((fitted.inertia() / case.inertia - 1.0).abs() < 1e-5, "{name}: {}", fitted.inertia());
        assert_eq!(fitted.assign(&x).unwrap().0, case.labels, "{name}");
        let distances = fitted.distances(&x.head(5)).unwrap();
        assert!(worst(distances.as_slice(), &case.distances) < 1e-3, "{name}");
    }
}

#[test]
fn clusters_that_lie_apart_are_found() {
    for (cols, seed) in [(2, 1), (10, 2), (100, 3)] {
        let x = mixture(600, cols, 6, 12.0, seed);
        let fitted = config(6).fit(&x, seed).unwrap();
        // Each row is its centre plus unit noise in every column.
        let expected = 600.0 * cols as f64;
        assert!((fitted.inertia() / expected - 1.0).abs() < 0.15, "{cols}: {}", fitted.inertia());
    }
}

#[test]
fn one_more_iteration_never_raises_the_inertia() {
    let x = mixture(500, 4, 3, 1.0, 5);
    let start = x.head(8);
    let after = |max_iterations| {
        let config = KMeansConfig { max_iterations, tolerance: 0.0, ..config(8) };
        config.fit_from(&x, &start).unwrap().inertia()
    };
    let inertias: Vec<f64> = (1..20).map(after).collect();
    assert!(inertias.windows(2).all(|w| w[1] <= w[0] * (1.0 + 1e-9)), "{inertias:?}");
    assert!(inertias[18] < 0.99 * inertias[0], "{inertias:?}");
}

#[test]
fn more_restarts_are_never_worse_and_seeds_repeat() {
    let x = mixture(300, 3, 9, 2.0, 7);
    let fit = |restarts, seed| KMeansConfig { restarts, ..config(9) }.fit(&x, seed).unwrap();
    let (few, many) = (fit(1, 3), fit(10, 3));
    assert!(many.inertia() <= few.inertia());
    assert_eq!(fit(10, 3), many);
    assert_ne!(fit(1, 4), few);
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let x = mixture(6000, 17, 5, 1.0, 11);
    let fit = |threads| latentia_kernels::threads::with_limit(threads, || config(12).fit(&x, 0).unwrap());
    let one = fit(1);
    assert_eq!(fit(2), one);
    assert_eq!(fit(5), one);
}

#[test]
fn as_many_clusters_as_rows_leave_nothing_and_equal_rows_are_no_obstacle() {
    let x = mixture(12, 3, 2, 3.0, 13);
    let fitted = config(12).fit(&x, 0).unwrap();
    assert!(fitted.inertia() < 1e-9, "{}", fitted.inertia());
    let mut clusters = fitted.assign(&x).unwrap().0;
    clusters.sort_unstable();
    assert_eq!(clusters, (0..12).collect::<Vec<_>>());

    let equal = Matrix::new(6, 2, [3.5, -1.25].repeat(6));
    let fitted = config(4).fit(&equal, 0).unwrap();
    assert_eq!(fitted.inertia(), 0.0);
    assert_eq!(fitted.assign(&equal).unwrap().0, [0; 6]);
}

#[test]
fn a_row_alone_has_the_result_it_has_among_others() {
    let x = mixture(200, 19, 4, 2.0, 17);
    let fitted = config(5).fit(&x, 0).unwrap();
    let (clusters, squares) = fitted.assign(&x).unwrap();
    let distances = fitted.distances(&x).unwrap();
    for i in [0, 31, 32, 199] {
        let alone = x.select_rows(&[i]);
        assert_eq!(fitted.assign(&alone).unwrap(), (vec![clusters[i]], vec![squares[i]]));
        assert_eq!(fitted.distances(&alone).unwrap().row(0), distances.row(i));
        assert_eq!(distances.row(i)[clusters[i] as usize], squares[i].sqrt());
    }
}

#[test]
fn tensors_bring_the_same_model_back_and_damage_is_refused() {
    let fitted = config(3).fit(&mixture(30, 4, 3, 4.0, 19), 0).unwrap();
    let path = Path::new("weights.safetensors");
    let back = KMeans::from_tensors(path, &fitted.to_tensors()).unwrap();
    assert_eq!((back.centroids(), back.iterations()), (fitted.centroids(), fitted.iterations()));
    assert!((back.inertia() / fitted.inertia() - 1.0).abs() < 1e-7);
    for name in ["centroids", "inertia", "iterations"] {
        let broken = |change: fn(&mut Vec<f32>)| {
            let mut tensors = fitted.to_tensors();
            change(&mut tensors.get_mut(name).unwrap().values);
            KMeans::from_tensors(path, &tensors).unwrap_err().to_string()
        };
        assert!(broken(|v| v.truncate(0)).contains(name));
        assert!(broken(|v| v[0] = f32::NAN).contains("not finite"));
        let mut missing = fitted.to_tensors();
        missing.remove(name);
        assert!(KMeans::from_tensors(path, &missing).unwrap_err().to_string().contains(name));
    }
}

#[test]
fn faults_say_what_was_found_and_what_was_expected() {
    let x = mixture(10, 4, 2, 1.0, 23);
    let mut hole = x.clone();
    hole.row_mut(2)[1] = f32::NAN;
    let fitted = config(2).fit(&x, 0).unwrap();
    for (error, words) in [
        (config(11).fit(&x, 0).unwrap_err(), "model.clusters: found 11 clusters for 10 rows"),
        (config(0).fit(&x, 0).unwrap_err(), "model.clusters: found 0"),
        (KMeansConfig { restarts: 0, ..config(2) }.fit(&x, 0).unwrap_err(), "model.restarts: found 0"),
        (KMeansConfig { max_iterations: 0, ..config(2) }.fit(&x, 0).unwrap_err(), "model.max-iterations"),
        (KMeansConfig { tolerance: -1.0, ..config(2) }.fit(&x, 0).unwrap_err(), "model.tolerance: found -1"),
        (KMeansConfig { tolerance: f64::NAN, ..config(2) }.fit(&x, 0).unwrap_err(), "found NaN"),
        (config(1).fit(&Matrix::zeros(0, 3), 0).unwrap_err(), "found 0 rows"),
        (config(1).fit(&hole, 0).unwrap_err(), "row 3, column \"2\": found NaN"),
        (config(1).fit(&Matrix::new(2, 1, vec![1e30, 0.0]), 0).unwrap_err(), "Scale the columns first"),
        (config(2).fit_from(&x, &x.head(3)).unwrap_err(), "found 3 rows, expected 2 clusters"),
        (config(2).fit_from(&x, &Matrix::zeros(2, 3)).unwrap_err(), "found 3 columns"),
        (fitted.assign(&hole).unwrap_err(), "found NaN"),
        (fitted.distances(&Matrix::zeros(1, 5)).unwrap_err(), "found 5 columns, expected 4 columns"),
    ] {
        assert!(error.to_string().contains(words), "{error}");
    }
}
