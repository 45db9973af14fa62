use std::collections::BTreeMap;

use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};
use serde::Deserialize;

use super::*;
use crate::data::Matrix;

fn normal(rows: usize, cols: usize, seed: u64) -> Matrix {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    Matrix::new(rows, cols, (0..rows * cols).map(|_| StandardNormal.sample(&mut rng)).collect())
}

#[derive(Deserialize)]
struct Golden {
    train: Vec<f32>,
    train_labels: Vec<u32>,
    test: Vec<f32>,
    test_labels: Vec<u32>,
    knn: BTreeMap<String, f64>,
    probe: f64,
    scores: Vec<f64>,
    positive: Vec<bool>,
    roc_auc: f64,
    average_precision: f64,
    roc_x: Vec<f64>,
    roc_y: Vec<f64>,
    pr_x: Vec<f64>,
    pr_y: Vec<f64>,
    labels: Vec<u32>,
    clusters: Vec<u32>,
    clustering_accuracy: f64,
    nmi: f64,
    ari: f64,
    accuracy: f64,
    confusion: Vec<Vec<u64>>,
    x: Vec<f32>,
    noisy: Vec<f32>,
    mse: f64,
    r2: f64,
    quantiles: Vec<(f64, f64)>,
    code: Vec<f32>,
    trustworthiness: f64,
    continuity: f64,
    a: Vec<f32>,
    b: Vec<f32>,
    near: Vec<f32>,
    angles: Vec<f64>,
    near_angles: Vec<f64>,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("../../tests/golden/evaluate.json")).unwrap()
}

fn matrix(values: &[f32], cols: usize) -> Matrix {
    Matrix::new(values.len() / cols, cols, values.to_vec())
}

#[test]
fn numbers_agree_with_scikit_learn() {
    let g = golden();
    let (x, noisy, code) = (matrix(&g.x, 6), matrix(&g.noisy, 6), matrix(&g.code, 2));
    let (train, test) = (matrix(&g.train, 5), matrix(&g.test, 5));
    let knn =
        |k: &str| knn_accuracy(&train, &g.train_labels, &test, &g.test_labels, k.parse().unwrap()).unwrap();
    let probe = linear_probe_accuracy(&train, &g.train_labels, &test, &g.test_labels).unwrap();
    let mut cases = vec![
        ("mean squared error".to_owned(), mean_squared_error(&x, &noisy).unwrap(), g.mse),
        ("squared error".to_owned(), squared_error(&x, &noisy).unwrap(), g.mse * 6.0),
        ("explained variance".to_owned(), explained_variance(&x, &noisy).unwrap(), g.r2),
        ("trustworthiness".to_owned(), trustworthiness(&x, &code, 5).unwrap(), g.trustworthiness),
        ("continuity".to_owned(), continuity(&x, &code, 5).unwrap(), g.continuity),
        ("area under ROC".to_owned(), roc_auc(&g.positive, &g.scores).unwrap(), g.roc_auc),
        (
            "average precision".to_owned(),
            average_precision(&g.positive, &g.scores).unwrap(),
            g.average_precision,
        ),
        ("accuracy".to_owned(), accuracy(&g.labels, &g.clusters).unwrap(), g.accuracy),
        (
            "clustering".to_owned(),
            clustering_accuracy(&g.labels, &g.clusters).unwrap(),
            g.clustering_accuracy,
        ),
        ("NMI".to_owned(), normalized_mutual_information(&g.labels, &g.clusters).unwrap(), g.nmi),
        ("ARI".to_owned(), adjusted_rand_index(&g.labels, &g.clusters).unwrap(), g.ari),
        ("linear probe".to_owned(), probe, g.probe),
    ];
    cases.extend(g.quantiles.iter().map(|&(q, v)| (format!("quantile {q}"), quantile(&g.scores, q), v)));
    cases.extend(g.knn.iter().map(|(k, &v)| (format!("{k} neighbours"), knn(k), v)));
    let wrong: Vec<_> = cases.iter().filter(|(_, ours, theirs)| (ours - theirs).abs() > 1e-12).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    assert_eq!(confusion_matrix(&g.labels, &g.clusters).unwrap(), g.confusion);
}

#[test]
fn curves_agree_with_scikit_learn() {
    let g = golden();
    let roc = roc_curve(&g.positive, &g.scores).unwrap();
    let pr = precision_recall_curve(&g.positive, &g.scores).unwrap();
    for (curve, x, y) in [(roc, g.roc_x, g.roc_y), (pr, g.pr_x, g.pr_y)] {
        assert_eq!(curve.len(), x.len());
        for (point, (x, y)) in curve.iter().zip(x.iter().zip(&y)) {
            assert!((point.x - x).abs() < 1e-12 && (point.y - y).abs() < 1e-12, "{point:?}: {x}, {y}");
        }
    }
}

#[test]
fn principal_angles_agree_with_scipy_even_when_tiny() {
    let g = golden();
    let (a, b, near) = (matrix(&g.a, 8), matrix(&g.b, 8), matrix(&g.near, 8));
    for (ours, theirs) in [
        (principal_angles(&a, &b).unwrap(), &g.angles),
        (principal_angles(&b, &a).unwrap(), &g.angles),
        (principal_angles(&a, &near).unwrap(), &g.near_angles),
    ] {
        assert_eq!(ours.len(), theirs.len());
        for (ours, theirs) in ours.iter().zip(theirs) {
            assert!((ours - theirs).abs() < 1e-7 * theirs, "{ours} {theirs}");
        }
    }
    assert!(
        principal_angles(&Matrix::new(2, 3, vec![1.0, 2.0, 3.0, 2.0, 4.0, 6.0]), &normal(1, 3, 0)).is_err()
    );
}

#[test]
fn equal_distances_and_equal_votes_are_settled_by_index_and_label() {
    let searched = Matrix::new(5, 1, vec![1.0, -1.0, 1.0, 3.0, -1.0]);
    let found = nearest(&searched, &Matrix::new(1, 1, vec![0.0]), 3).unwrap();
    assert_eq!(found[0].iter().map(|n| n.index).collect::<Vec<_>>(), [0, 1, 2]);
    // Votes 7, 4, 4, 7: the smaller label wins.
    let vote = |labels, k| knn_accuracy(&searched, labels, &Matrix::new(1, 1, vec![0.0]), &[4], k).unwrap();
    assert_eq!(vote(&[7, 4, 4, 0, 7], 4), 1.0);
    assert_eq!(vote(&[7, 4, 4, 0, 7], 1), 0.0);
}

#[test]
fn precision_at_counts_rows_tied_at_the_border_by_chance() {
    let positive = [true, false, true, false];
    let scores = [0.9, 0.5, 0.5, 0.5];
    for (n, expected) in [(1, 1.0), (2, (1.0 + 1.0 / 3.0) / 2.0), (4, 0.5)] {
        assert!((precision_at(&positive, &scores, n).unwrap() - expected).abs() < 1e-12, "at {n}");
    }
    assert_eq!(roc_auc(&[true, false], &[0.0, -0.0]).unwrap(), 0.5, "the two zeros tie");
}

#[test]
fn what_cannot_be_measured_is_an_error_that_names_it() {
    let (x, narrow) = (normal(6, 3, 1), normal(6, 2, 1));
    let mut hole = x.clone();
    hole.row_mut(4)[2] = f32::NAN;
    let labels = [0, 1, 0, 1, 0, 1];
    let messages = [
        (squared_error(&x, &narrow).unwrap_err(), "found 2 columns"),
        (squared_error(&x, &x.head(2)).unwrap_err(), "2 rows, but 6"),
        (nearest(&x, &narrow, 1).unwrap_err(), "found 2 columns"),
        (nearest(&hole, &x, 1).unwrap_err(), "row 5, column \"3\": found NaN"),
        (nearest(&x, &x, 7).unwrap_err(), "use 1 to 6"),
        (knn_accuracy(&x, &labels[..5], &x, &labels, 1).unwrap_err(), "train_labels"),
        (trustworthiness(&x, &narrow, 3).unwrap_err(), "less than 6 / 2"),
        (linear_probe_accuracy(&x, &labels, &hole, &labels).unwrap_err(), "found NaN"),
        (roc_auc(&[true, true], &[0.0, 1.0]).unwrap_err(), "every row is positive"),
        (roc_auc(&[false], &[0.0]).unwrap_err(), "no row is positive"),
        (average_precision(&[true, false], &[0.0, f64::NAN]).unwrap_err(), "row 2: found NaN"),
        (precision_at(&[true], &[0.0], 2).unwrap_err(), "use 1 to 1"),
        (accuracy(&[], &[]).unwrap_err(), "no rows"),
    ];
    for (error, words) in messages {
        assert!(error.to_string().contains(words), "{error}");
    }
    for (values, q) in [(vec![], 0.5), (vec![1.0], 1.5), (vec![1.0, f64::NAN], 0.5)] {
        assert!(quantile(&values, q).is_nan());
    }
}

/// Holds [`nearest`] against all distances in order.
fn check_nearest(searched: &Matrix, queries: &Matrix, k: usize) {
    let found = nearest(searched, queries, k).unwrap();
    assert_eq!(found.len(), queries.rows());
    for (i, (found, q)) in found.iter().zip(queries.iter_rows()).enumerate() {
        let distance =
            |r: &[f32]| r.iter().zip(q).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum::<f64>();
        let mut all: Vec<_> = searched.iter_rows().map(distance).zip(0..).collect();
        all.sort_by(|a, b| a.partial_cmp(b).unwrap());
        let found: Vec<_> = found.iter().map(|f| (f.squared_distance, f.index)).collect();
        assert_eq!(found, all[..k], "query {i}");
    }
}

/// More rows and more queries than are compared at a time.
#[test]
fn nearest_loses_no_row_between_blocks() {
    let (searched, queries) = (normal(1100, 3, 1), normal(1030, 3, 2));
    check_nearest(&searched, &queries, 40);
    // So many neighbours that the candidates of all queries are not held at a time.
    check_nearest(&searched, &queries, 1100);
}

/// The worst order: every row is nearer than all before it, so that each is a candidate for a while.
#[test]
fn nearest_follows_rows_that_come_nearer_and_nearer() {
    let searched = Matrix::new(1500, 1, (0..1500).map(|i| (1500 - i) as f32).collect());
    check_nearest(&searched, &Matrix::new(2, 1, vec![0.0, 750.2]), 5);
}

/// Their squares are infinite in `f32`.
#[test]
fn nearest_tells_rows_apart_whose_squares_overflow() {
    let mut searched = normal(600, 2, 3);
    searched.as_mut_slice().iter_mut().step_by(7).for_each(|v| *v *= 1e30);
    check_nearest(&searched, &searched.head(40), 9);
}

proptest! {
    /// Far from the origin and with repeated rows, where inner products in `f32` alone would confuse neighbours.
    #[test]
    fn nearest_is_the_brute_force_answer(n in 1..150usize, d in 1..8usize, seed in 0..1000u64, whole: bool) {
        let change = |mut x: Matrix| {
            x.as_mut_slice().iter_mut().for_each(|v| *v = if whole { v.round() } else { *v + 1000.0 });
            x
        };
        let (searched, queries) = (change(normal(n, d, seed)), change(normal(70, d, seed + 1)));
        let k = n.min(6);
        check_nearest(&searched, &queries, k);
    }

    #[test]
    fn clustering_measures_ignore_names(labels in prop::collection::vec(0..5u32, 2..60), shift in 0..5u32) {
        let clusters: Vec<u32> = labels.iter().map(|l| (l + shift) % 5).collect();
        prop_assert_eq!(clustering_accuracy(&labels, &clusters).unwrap(), 1.0);
        prop_assert!((normalized_mutual_information(&labels, &clusters).unwrap() - 1.0).abs() < 1e-12);
        prop_assert_eq!(adjusted_rand_index(&labels, &clusters).unwrap(), 1.0);
    }

    #[test]
    fn a_code_that_keeps_distances_is_trustworthy_and_continuous(seed in 0..1000u64, k in 1..9usize) {
        let x = normal(20, 3, seed);
        let mut doubled = x.clone();
        doubled.as_mut_slice().iter_mut().for_each(|v| *v *= 2.0);
        prop_assert_eq!(trustworthiness(&x, &doubled, k).unwrap(), 1.0);
        prop_assert_eq!(continuity(&x, &doubled, k).unwrap(), 1.0);
    }
}
