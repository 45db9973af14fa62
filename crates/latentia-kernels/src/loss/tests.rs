//! Losses and gradients against f64, extreme logits, equal bits for any number of threads.

use super::*;
use crate::gemm::tests::numbers;
use crate::simd::{tests::levels, with_level};
use crate::threads::{tests::three_threads, with_limit};

const SHAPES: &[(usize, usize)] =
    if cfg!(miri) { &[(2, 5), (3, 1)] } else { &[(1, 1), (3, 7), (5, 16), (4, 37), (70, 300), (2, 20_000)] };

type Loss<'a> = &'a dyn Fn(&[f32], &mut [f32], Option<&mut [f32]>);
type Exact<'a> = &'a dyn Fn(usize, &[f64]) -> (f64, Vec<f64>);

/// Holds a loss to the f64 `exact(row, x)` at every level and thread count, with and without a gradient.
fn check(name: &str, rows: usize, cols: usize, loss: Loss, exact: Exact) {
    let _alone = three_threads();
    let x: Vec<f32> = numbers(rows * cols, 1).iter().map(|v| 6.0 * v).collect();
    for level in levels() {
        let run = |threads| {
            let (mut losses, mut gradient) = (vec![9.0; rows], vec![9.0; rows * cols]);
            with_limit(threads, || with_level(level, || loss(&x, &mut losses, Some(&mut gradient))));
            (losses, gradient)
        };
        let (losses, gradient) = run(1);
        assert!((losses.clone(), gradient.clone()) == run(3), "{name} {rows}x{cols} {}", level.name());
        let mut alone = vec![9.0; rows];
        with_level(level, || loss(&x, &mut alone, None));
        assert_eq!(alone, losses, "{name} without a gradient");
        for i in 0..rows {
            let x: Vec<f64> = x[i * cols..][..cols].iter().map(|&v| f64::from(v)).collect();
            let (want, want_gradient) = exact(i, &x);
            let tolerance = 2e-6 * (1.0 + want.abs());
            assert!((f64::from(losses[i]) - want).abs() < tolerance, "{name} row {i}: {} {want}", losses[i]);
            for (j, (&got, want)) in gradient[i * cols..][..cols].iter().zip(want_gradient).enumerate() {
                // A row of counts multiplies the rounding of its probabilities by their sum.
                let close = (f64::from(got) - want).abs() < 1e-5 * (1.0 + want.abs());
                assert!(close, "{name} {rows}x{cols} ({i}, {j}): {got} {want} ({})", level.name());
            }
        }
    }
}

/// Shapes of the input, and how many rows of targets there are for it.
fn with_targets() -> impl Iterator<Item = (usize, usize, usize)> {
    let targets = |rows: usize| {
        [1, 2, 14].into_iter().filter(move |n| *n < rows && rows.is_multiple_of(*n)).chain([rows])
    };
    SHAPES.iter().flat_map(move |&(rows, cols)| targets(rows).map(move |n| (rows, cols, n)))
}

#[test]
fn bernoulli_and_squared_error_agree_with_f64() {
    for (rows, cols, targets) in with_targets() {
        let t: Vec<f32> = numbers(targets * cols, 2).iter().map(|v| v.abs()).collect();
        let target = |i: usize| t[i % targets * cols..][..cols].iter().map(|&t| f64::from(t));
        check(
            "bernoulli",
            rows,
            cols,
            &|x, losses, gradient| bernoulli_with_logits(cols, x, &t, losses, gradient, 0.5),
            &|i, x| {
                let loss = x.iter().zip(target(i)).map(|(&x, t)| x.exp().ln_1p() - x * t).sum();
                (loss, x.iter().zip(target(i)).map(|(&x, t)| 0.5 * (1.0 / (1.0 + (-x).exp()) - t)).collect())
            },
        );
        check(
            "squared",
            rows,
            cols,
            &|x, losses, gradient| squared_error(cols, x, &t, losses, gradient, 0.5),
            &|i, x| {
                let loss = x.iter().zip(target(i)).map(|(&x, t)| (x - t).powi(2)).sum();
                (loss, x.iter().zip(target(i)).map(|(&x, t)| x - t).collect())
            },
        );
    }
}

fn softmax(x: &[f64]) -> (f64, Vec<f64>) {
    let sum: f64 = x.iter().map(|x| x.exp()).sum();
    (sum.ln(), x.iter().map(|x| x.exp() / sum).collect())
}

#[test]
fn softmax_cross_entropy_agrees_with_f64() {
    for &(rows, cols) in SHAPES {
        let index: Vec<i64> =
            (0..rows).map(|i| if i % 4 == 3 { -100 } else { (i * 7 % cols) as i64 }).collect();
        for smoothing in [0.0, 0.1] {
            let labels = Labels { index: &index, ignored: Some(-100), smoothing };
            check(
                "labels",
                rows,
                cols,
                &|x, losses, gradient| softmax_cross_entropy(cols, x, labels, losses, gradient, 2.0).unwrap(),
                &|i, x| {
                    if index[i] == -100 {
                        return (0.0, vec![0.0; cols]);
                    }
                    let (log_sum, p) = softmax(x);
                    let epsilon = f64::from(smoothing);
                    let q = |j: usize| {
                        epsilon / cols as f64 + if j as i64 == index[i] { 1.0 - epsilon } else { 0.0 }
                    };
                    let loss = (0..cols).map(|j| q(j) * (log_sum - x[j])).sum();
                    (loss, (0..cols).map(|j| 2.0 * (p[j] - q(j))).collect())
                },
            );
        }
        let labels = Labels { index: &index, ignored: Some(-100), smoothing: 0.1 };
        let mut want = (vec![0.0; rows], vec![0.0; rows * cols]);
        let x: Vec<f32> = numbers(rows * cols, 1).iter().map(|v| 6.0 * v).collect();
        let dloss = numbers(rows, 4);
        let _alone = three_threads();
        for level in levels() {
            with_level(level, || {
                softmax_cross_entropy(cols, &x, labels, &mut want.0, Some(&mut want.1), 1.0).unwrap();
                let (mut losses, mut gradient) = (vec![9.0; rows], x.clone());
                let mut statistics = vec![RowStatistics::default(); rows];
                cross_entropy(cols, &x, labels, &mut losses, &mut statistics).unwrap();
                cross_entropy_backward(cols, labels, &statistics, &dloss, &mut gradient);
                assert_eq!(losses, want.0, "two passes, {rows}x{cols}");
                let want = want.1.iter().enumerate().map(|(i, g)| g * dloss[i / cols]);
                assert!(gradient.iter().zip(want).all(|(got, want)| (got - want).abs() < 1e-6));
            });
        }
    }
    for (rows, cols, targets) in with_targets() {
        let counts: Vec<f32> =
            numbers(targets * cols, 3).iter().map(|v| (4.0 * v).max(0.0).floor()).collect();
        check(
            "counts",
            rows,
            cols,
            &|x, losses, gradient| softmax_cross_entropy_dense(cols, x, &counts, losses, gradient, 2.0),
            &|i, x| {
                let (log_sum, p) = softmax(x);
                let q: Vec<f64> =
                    counts[i % targets * cols..][..cols].iter().map(|&q| f64::from(q)).collect();
                let n: f64 = q.iter().sum();
                let loss = n * log_sum - x.iter().zip(&q).map(|(x, q)| x * q).sum::<f64>();
                (loss, p.iter().zip(&q).map(|(p, q)| 2.0 * (n * p - q)).collect())
            },
        );
    }
}

#[test]
fn extreme_logits_neither_overflow_nor_vanish() {
    for level in levels() {
        with_level(level, || {
            let (mut loss, mut gradient) = ([0.0; 1], [0.0; 3]);
            let x = [1000.0, -1000.0, f32::NEG_INFINITY];
            let labels = Labels { index: &[1], ignored: None, smoothing: 0.0 };
            softmax_cross_entropy(3, &x, labels, &mut loss, Some(&mut gradient), 1.0).unwrap();
            assert_eq!((loss[0], gradient), (2000.0, [1.0, -1.0, 0.0]));
            softmax_cross_entropy_dense(3, &x, &[0.0, 1.0, 0.0], &mut loss, Some(&mut gradient), 1.0);
            assert_eq!((loss[0], gradient), (2000.0, [1.0, -1.0, 0.0]));
            bernoulli_with_logits(2, &[500.0, -500.0], &[0.0, 1.0], &mut loss, Some(&mut gradient[..2]), 1.0);
            assert_eq!((loss[0], gradient[0], gradient[1]), (1000.0, 1.0, -1.0));
        });
    }
}

#[test]
fn a_row_that_is_not_a_number_says_so() {
    let mut losses = [0.0; 2];
    let labels = Labels { index: &[0, 0], ignored: None, smoothing: 0.0 };
    softmax_cross_entropy(2, &[f32::NAN, 1.0, 2.0, 1.0], labels, &mut losses, None, 1.0).unwrap();
    assert!(losses[0].is_nan() && losses[1].is_finite());
    bernoulli_with_logits(1, &[f32::NAN, 0.0], &[0.0, 1.0], &mut losses, None, 1.0);
    assert!(losses[0].is_nan() && losses[1].is_finite());
}

#[test]
fn a_label_that_is_no_class_is_an_error_with_its_row() {
    for bad in [-1, 3] {
        let labels = Labels { index: &[0, -100, bad], ignored: Some(-100), smoothing: 0.0 };
        let error = softmax_cross_entropy(3, &[0.0; 9], labels, &mut [0.0; 3], None, 1.0).unwrap_err();
        assert_eq!(error, TargetError { row: 2, found: bad, classes: 3 });
        let text = format!("the target of row 2 is {bad}, expected a class in 0..3");
        assert_eq!(error.to_string(), text);
    }
}

#[test]
fn weighted_gradients_are_products_without_subnormal_numbers() {
    let (rows, cols) = (5, 37);
    let weights = [0.5, 0.0, -2.0, 1e-41, 1e-20];
    for level in levels() {
        let mut gradient = numbers(rows * cols, 3);
        gradient[4 * cols] = 1e-15;
        let before = gradient.clone();
        with_level(level, || weigh_rows(cols, &weights, &mut gradient));
        for (i, (&got, &g)) in gradient.iter().zip(&before).enumerate() {
            let want = weights[i / cols] * g;
            assert_eq!(got, if want.abs() < vector::NEGLIGIBLE { 0.0 } else { want }, "{i}");
        }
        assert_eq!(gradient[4 * cols], 0.0);
    }
}
