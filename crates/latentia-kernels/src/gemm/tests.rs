//! Products against a scalar f64 reference at every level, and equal bits for any number of threads.

use super::*;
use crate::Activation;
use crate::math::tests::activations::reference;
use crate::simd::{tests::levels, with_level};
use crate::threads::{tests::three_threads, with_limit};

/// Deterministic numbers in (-1, 1).
pub(crate) fn numbers(len: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1u32 << 23) as f32 - 1.0
    };
    (0..len).map(|_| next()).collect()
}

/// A matrix of numbers stored row-major (`N`), column-major (`T`) or with no unit stride (`S`).
pub(crate) fn stored(layout: char, data: &[f32], rows: usize, cols: usize) -> MatRef<'_> {
    match layout {
        'N' => MatRef::new(data, rows, cols),
        'T' => MatRef::new(data, cols, rows).t(),
        _ => MatRef::with_strides(data, rows, cols, 2 * cols + 3, 2),
    }
}

fn len_of(layout: char, rows: usize, cols: usize) -> usize {
    if layout == 'S' { rows * (2 * cols + 3) + 2 } else { rows * cols }
}

/// The product in f64 and the sum of the magnitudes of its terms, which bounds the rounding error.
fn exact(a: MatRef, b: MatRef, i: usize, j: usize) -> (f64, f64) {
    (0..a.cols()).fold((0.0, 0.0), |(sum, magnitude), p| {
        let term = f64::from(a.get(i, p)) * f64::from(b.get(p, j));
        (sum + term, magnitude + term.abs())
    })
}

/// Shapes on all three paths, around every edge: lanes, tiles, blocks.
fn shapes() -> Vec<(usize, usize, usize)> {
    if cfg!(miri) {
        return vec![(1, 5, 3), (7, 9, 18), (30, 4, 17), (3, 130, 9)];
    }
    vec![
        (1, 1, 1),
        (1, 64, 100),
        (2, 0, 5),
        (3, 17, 33),
        (4, 401, 8),
        (13, 5, 31),
        (14, 128, 32),
        (15, 129, 37),
        (28, 70, 50),
        (29, 70, 47),
        (32, 8, 64),
        (31, 512, 40),
        (33, 810, 20),
        (360, 801, 400),
        (40, 33, 1),
        (45, 300, 4),
        (50, 401, 16),
        (61, 7, 17),
        (67, 33, 400),
        (100, 20, 100),
        (130, 64, 3),
        (57, 401, 801),
    ]
}

#[test]
fn products_agree_with_f64_for_every_shape_layout_and_level() {
    let _alone = three_threads();
    for (m, k, n) in shapes() {
        for layouts in ["NN", "NT", "TN", "TT", "SS", "NS", "SN"] {
            let (la, lb) = (layouts.as_bytes()[0] as char, layouts.as_bytes()[1] as char);
            let (da, db) = (numbers(len_of(la, m, k), 1), numbers(len_of(lb, k, n), 2));
            let (a, b) = (stored(la, &da, m, k), stored(lb, &db, k, n));
            for level in levels() {
                for accumulate in [false, true] {
                    let ldc = n + 3;
                    let before = numbers(m * ldc, 3);
                    let mut c = before.clone();
                    let view = MatMut::with_row_stride(&mut c, m, n, ldc);
                    with_level(level, || gemm(a, b, view, accumulate));
                    for i in 0..m {
                        for j in 0..ldc {
                            let (got, old) = (c[i * ldc + j], before[i * ldc + j]);
                            if j >= n {
                                assert_eq!(got, old, "written past the row");
                                continue;
                            }
                            let (sum, magnitude) = exact(a, b, i, j);
                            let want = sum + if accumulate { f64::from(old) } else { 0.0 };
                            assert!(
                                (f64::from(got) - want).abs() <= 1e-6 * (magnitude + 1.0),
                                "{} {layouts} {m}x{k}x{n} accumulate {accumulate} at ({i}, {j}): {got}, expected {want}",
                                level.name()
                            );
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn a_transposed_result_is_the_transposed_product() {
    let (m, k, n) = (35, 20, 41);
    let (da, db) = (numbers(m * k, 1), numbers(k * n, 2));
    let (a, b) = (MatRef::new(&da, m, k), MatRef::new(&db, k, n));
    let mut c = vec![0.0; m * n];
    gemm(a, b, MatMut::new(&mut c, n, m).t(), false);
    for i in 0..m {
        for j in 0..n {
            assert!((f64::from(c[j * m + i]) - exact(a, b, i, j).0).abs() < 1e-5);
        }
    }
}

#[test]
fn the_epilogue_adds_the_bias_keeps_the_input_and_applies_the_activation() {
    let _alone = three_threads();
    for (m, k, n) in shapes() {
        let (da, db, bias) = (numbers(m * k, 4), numbers(k * n, 5), numbers(n, 6));
        let a = MatRef::new(&da, m, k);
        for layout in ['N', 'T'] {
            let b = stored(layout, &db, k, n);
            for level in levels() {
                let activation = Activation::Elu(1.0);
                let (mut c, mut pre) = (vec![0.0; m * n], vec![0.0; m * n]);
                let finish = || Epilogue { bias: Some(&bias), activation, pre: None };
                with_level(level, || {
                    let pre = Some(MatMut::new(&mut pre, m, n));
                    gemm_with(a, b, MatMut::new(&mut c, m, n), false, Epilogue { pre, ..finish() });
                });
                for i in 0..m {
                    for j in 0..n {
                        let (sum, magnitude) = exact(a, b, i, j);
                        let want = sum + f64::from(bias[j]);
                        let tolerance = 1e-6 * (magnitude + 1.0);
                        assert!((f64::from(pre[i * n + j]) - want).abs() <= tolerance, "pre {m}x{k}x{n}");
                        let want = reference(activation, want);
                        assert!((f64::from(c[i * n + j]) - want).abs() <= tolerance, "y {m}x{k}x{n}");
                    }
                }
                // Packing B beforehand changes nothing but the time.
                let mut packed = vec![0.0; m * n];
                let panels = with_level(level, || PackedB::new(b));
                gemm_packed(a, &panels, MatMut::new(&mut packed, m, n), false, finish());
                for (x, y) in packed.iter().zip(&c) {
                    assert!(
                        (x - y).abs() <= 1e-5 * (1.0 + k as f32).sqrt(),
                        "packed {m}x{k}x{n}: {x} and {y}"
                    );
                }
            }
        }
    }
}

#[test]
fn bits_do_not_depend_on_the_number_of_threads() {
    let _alone = three_threads();
    for (m, k, n) in
        [(100, 500, 90), (500, 90, 70), (20, 300, 600), (3, 900, 300), (600, 500, 10), (900, 300, 2)]
    {
        for layouts in ["NN", "NT", "TN"] {
            let (da, db) = (numbers(m * k, 7), numbers(k * n, 8));
            let a = stored(layouts.as_bytes()[0] as char, &da, m, k);
            let b = stored(layouts.as_bytes()[1] as char, &db, k, n);
            for level in levels() {
                let product = |threads| {
                    let mut c = vec![0.0; m * n];
                    let view = MatMut::new(&mut c, m, n);
                    with_limit(threads, || with_level(level, || gemm(a, b, view, false)));
                    c
                };
                let one = product(1);
                assert!(one == product(2) && one == product(3), "{layouts} {m}x{k}x{n} at {}", level.name());
            }
        }
    }
}

#[test]
fn infinities_and_nan_are_not_lost() {
    let mut da = vec![1.0; 40 * 40];
    da[5 * 40 + 3] = f32::NAN;
    da[6 * 40 + 3] = f32::INFINITY;
    let db = vec![1.0; 40 * 40];
    for level in levels() {
        let mut c = vec![0.0; 40 * 40];
        let view = MatMut::new(&mut c, 40, 40);
        with_level(level, || gemm(MatRef::new(&da, 40, 40), MatRef::new(&db, 40, 40), view, false));
        assert!(c[5 * 40..6 * 40].iter().all(|v| v.is_nan()));
        assert!(c[6 * 40..7 * 40].iter().all(|&v| v == f32::INFINITY));
        assert!(c[7 * 40..8 * 40].iter().all(|&v| v == 40.0));
    }
}

#[test]
fn a_packed_operand_takes_new_values() {
    let (old, new) = (numbers(30 * 20, 1), numbers(30 * 20, 2));
    let mut packed = PackedB::new(MatRef::new(&old, 30, 20));
    packed.update(MatRef::new(&new, 30, 20));
    let identity: Vec<f32> = (0..900).map(|i| if i % 31 == 0 { 1.0 } else { 0.0 }).collect();
    let mut c = vec![0.0; 600];
    let view = MatMut::new(&mut c, 30, 20);
    gemm_packed(MatRef::new(&identity, 30, 30), &packed, view, false, Epilogue::default());
    assert_eq!(c, new);
}

#[test]
fn gram_adds_the_lower_half_and_leaves_the_upper_alone() {
    let _alone = three_threads();
    let shapes =
        if cfg!(miri) { vec![(3, 18)] } else { vec![(1, 1), (5, 16), (401, 37), (900, 65), (64, 130)] };
    for (k, n) in shapes {
        let data = numbers(k * (n + 3), 7);
        let x = MatRef::with_strides(&data, k, n, n + 3, 1);
        for level in levels() {
            let run = |threads| {
                let mut sums = vec![0.5f64; n * n];
                with_limit(threads, || with_level(level, || add_gram(x, &mut sums)));
                sums
            };
            let sums = run(1);
            for i in 0..n {
                for j in 0..n {
                    let (want, magnitude) = if j <= i { exact(x.t(), x, i, j) } else { (0.0, 0.0) };
                    let error = (sums[i * n + j] - 0.5 - want).abs();
                    assert!(
                        error <= 1e-6 * magnitude,
                        "{k}x{n} at {i}, {j}, {}: off by {error:e}",
                        level.name()
                    );
                }
            }
            assert!(sums == run(2) && sums == run(3), "{k}x{n} {}: bits depend on threads", level.name());
        }
    }
}
