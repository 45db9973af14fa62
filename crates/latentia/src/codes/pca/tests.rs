mod blocks;

use std::path::Path;

use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};
use serde::Deserialize;

use super::{Pca, PcaConfig, Solver};
use crate::data::Matrix;

fn normal(rows: usize, cols: usize, seed: u64) -> Matrix {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    Matrix::new(rows, cols, (0..rows * cols).map(|_| StandardNormal.sample(&mut rng)).collect())
}

/// Rows whose column `j` has standard deviation `decay^j`, around a mean of 3.
fn decaying(rows: usize, cols: usize, decay: f32, seed: u64) -> Matrix {
    let mut x = normal(rows, cols, seed);
    for i in 0..rows {
        x.row_mut(i).iter_mut().enumerate().for_each(|(j, v)| *v = *v * decay.powi(j as i32) + 3.0);
    }
    x
}

fn code(code: usize) -> PcaConfig {
    PcaConfig { code, ..PcaConfig::default() }
}

fn worst(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

fn assert_orthonormal(pca: &Pca) {
    for (i, a) in pca.components().iter_rows().enumerate() {
        for (j, b) in pca.components().iter_rows().enumerate() {
            let expected = if i == j { 1.0 } else { 0.0 };
            assert!((dot(a, b) - expected).abs() < 1e-5, "components {i} and {j}: {}", dot(a, b));
        }
    }
}

#[derive(Deserialize)]
struct Golden {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    rows: usize,
    cols: usize,
    code: usize,
    whiten: bool,
    centre: bool,
    x: Vec<f32>,
    mean: Vec<f32>,
    components: Vec<f32>,
    singular_values: Vec<f32>,
    explained_variance: Vec<f32>,
    explained_variance_ratio: Vec<f32>,
    codes: Vec<f32>,
    reconstruction: Vec<f32>,
}

#[test]
fn agrees_with_scikit_learn_with_its_signs() {
    let golden: Golden = serde_json::from_str(include_str!("../../../tests/golden/pca.json")).unwrap();
    for case in golden.cases {
        for solver in [Solver::Exact, Solver::Randomized] {
            let x = Matrix::new(case.rows, case.cols, case.x.clone());
            let config = PcaConfig { whiten: case.whiten, centre: case.centre, solver, ..code(case.code) };
            let pca = config.fit(&x, 1).unwrap();
            let codes = pca.encode(&x).unwrap();
            let reconstruction = pca.decode(&codes).unwrap();
            for (what, ours, theirs) in [
                ("mean", pca.mean(), &case.mean),
                ("components", pca.components().as_slice(), &case.components),
                ("singular values", pca.singular_values(), &case.singular_values),
                ("explained variance", pca.explained_variance(), &case.explained_variance),
                ("ratio", pca.explained_variance_ratio(), &case.explained_variance_ratio),
                ("codes", codes.as_slice(), &case.codes),
                ("reconstruction", reconstruction.as_slice(), &case.reconstruction),
            ] {
                let largest = theirs.iter().fold(0.0_f32, |m, v| m.max(v.abs())).max(1e-3);
                let error = worst(ours, theirs) / largest;
                assert!(error < 1e-5, "{}, {solver:?}, {what}: relative error {error}", case.name);
            }
        }
    }
}

#[test]
fn all_components_reconstruct_exactly() {
    for (rows, cols) in [(30, 7), (50, 1)] {
        let x = normal(rows, cols, 3);
        let pca = code(cols).fit(&x, 0).unwrap();
        assert!(worst(pca.reconstruct(&x).unwrap().as_slice(), x.as_slice()) < 1e-5);
        let ratio: f32 = pca.explained_variance_ratio().iter().sum();
        assert!((ratio - 1.0).abs() < 1e-5);
    }
}

#[test]
fn fewer_rows_than_columns_still_give_an_orthonormal_basis() {
    // Centring leaves rank 5: the sixth component completes the basis and explains nothing.
    let x = normal(6, 40, 4);
    for solver in [Solver::Exact, Solver::Randomized] {
        let pca = PcaConfig { solver, whiten: true, ..code(6) }.fit(&x, 0).unwrap();
        assert_orthonormal(&pca);
        assert!(pca.explained_variance()[5] < 1e-6);
        assert!(worst(pca.reconstruct(&x).unwrap().as_slice(), x.as_slice()) < 1e-5);
    }
}

#[test]
fn randomized_agrees_with_exact_when_the_spectrum_decays() {
    let x = decaying(300, 60, 0.8, 5);
    let fit = |solver| PcaConfig { solver, ..code(8) }.fit(&x, 7).unwrap();
    let (exact, randomized) = (fit(Solver::Exact), fit(Solver::Randomized));
    assert!(worst(exact.components().as_slice(), randomized.components().as_slice()) < 1e-4);
    assert!(worst(exact.explained_variance(), randomized.explained_variance()) < 1e-5);
    assert_eq!(fit(Solver::Randomized), randomized, "one seed, one answer");
}

/// Large enough for the `f32` products, which must lose nothing that matters beside `f64` ones.
#[test]
fn single_precision_products_agree_with_double_precision() {
    use super::scatter::Centred;
    let x = decaying(2500, 200, 0.97, 6);
    let mean = vec![3.0; 200];
    let centred = Centred { x: &x, mean: &mean };
    let (single, double) = (centred.covariance::<f32>(), centred.covariance::<f64>());
    for i in 0..200 {
        for j in 0..=i {
            let scale = (double[(i, i)] * double[(j, j)]).sqrt();
            assert!((single[(i, j)] - double[(i, j)]).abs() < 1e-6 * scale, "{i}, {j}");
        }
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let x = decaying(1500, 300, 0.99, 8);
    for solver in [Solver::Exact, Solver::Randomized] {
        let config = PcaConfig { solver, ..code(20) };
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let pca = config.fit(&x, 2).unwrap();
                let codes = pca.encode(&x).unwrap();
                (pca, codes)
            })
        };
        let one = run(1);
        for threads in [2, 5] {
            assert!(run(threads) == one, "{solver:?} with {threads} threads");
        }
    }
}

#[test]
fn a_row_alone_has_the_bits_it_has_in_a_batch() {
    let x = decaying(150, 37, 0.9, 9);
    let pca = PcaConfig { whiten: true, ..code(5) }.fit(&x, 0).unwrap();
    let (codes, back) = (pca.encode(&x).unwrap(), pca.reconstruct(&x).unwrap());
    for i in [0, 63, 64, 149] {
        let alone = x.select_rows(&[i]);
        assert_eq!(pca.encode(&alone).unwrap().row(0), codes.row(i));
        assert_eq!(pca.reconstruct(&alone).unwrap().row(0), back.row(i));
    }
}

#[test]
fn constant_columns_and_constant_data_are_no_obstacle() {
    let mut x = normal(20, 4, 10);
    (0..20).for_each(|i| x.row_mut(i)[2] = 5.0);
    let pca = PcaConfig { whiten: true, ..code(4) }.fit(&x, 0).unwrap();
    assert_orthonormal(&pca);
    assert!(pca.explained_variance()[3] < 1e-10);
    assert!(worst(pca.reconstruct(&x).unwrap().as_slice(), x.as_slice()) < 1e-5);

    let constant = Matrix::new(3, 2, vec![1.5; 6]);
    let pca = PcaConfig { whiten: true, ..code(2) }.fit(&constant, 0).unwrap();
    assert_eq!(pca.explained_variance_ratio(), [0.0, 0.0]);
    assert_eq!(pca.reconstruct(&constant).unwrap(), constant);
}

#[test]
fn errors_by_size_are_the_errors_of_smaller_fits() {
    let (train, test) = (decaying(200, 12, 0.8, 11), decaying(50, 12, 0.8, 12));
    for whiten in [false, true] {
        let pca = PcaConfig { whiten, ..code(12) }.fit(&train, 0).unwrap();
        let sizes = [0, 1, 5, 12];
        let errors = pca.errors_by_size(&test, &sizes).unwrap();
        for (&size, &error) in sizes.iter().zip(&errors).skip(1) {
            let own = code(size).fit(&train, 0).unwrap().squared_errors(&test).unwrap();
            let own = own.iter().sum::<f64>() / 50.0;
            assert!((own - error).abs() < 1e-5, "size {size}: {own} against {error}");
        }
        assert!(errors.windows(2).all(|w| w[0] > w[1]));
        assert!(pca.errors_by_size(&test, &[13]).is_err());
    }
}

#[test]
fn tensors_bring_the_same_model_back_and_damage_is_refused() {
    let pca = PcaConfig { whiten: true, ..code(3) }.fit(&normal(20, 5, 13), 0).unwrap();
    let path = Path::new("weights.safetensors");
    assert_eq!(Pca::from_tensors(path, pca.to_tensors()).unwrap(), pca);
    for name in ["mean", "components", "scale", "explained_variance"] {
        let mut missing = pca.to_tensors();
        missing.remove(name);
        assert!(Pca::from_tensors(path, missing).unwrap_err().to_string().contains(name));
        let mut short = pca.to_tensors();
        short.get_mut(name).unwrap().1.pop();
        assert!(Pca::from_tensors(path, short).unwrap_err().to_string().contains(name));
        let mut infinite = pca.to_tensors();
        infinite.get_mut(name).unwrap().1[0] = f32::INFINITY;
        assert!(Pca::from_tensors(path, infinite).unwrap_err().to_string().contains("not finite"));
    }
}

#[test]
fn faults_say_what_was_found_and_what_was_expected() {
    let x = normal(10, 4, 14);
    let mut hole = x.clone();
    hole.row_mut(2)[1] = f32::NAN;
    let pca = code(2).fit(&x, 0).unwrap();
    let huge = Matrix::new(2, 1, vec![1e38, -1e38]);
    for (error, words) in [
        (code(5).fit(&x, 0).unwrap_err(), "at most 4"),
        (code(0).fit(&x, 0).unwrap_err(), "code: 0"),
        (PcaConfig { power_iterations: 101, ..code(1) }.fit(&x, 0).unwrap_err(), "power-iterations"),
        (code(1).fit(&x.head(1), 0).unwrap_err(), "found 1 rows"),
        (code(1).fit(&Matrix::zeros(0, 0), 0).unwrap_err(), "found 0 rows"),
        (code(1).fit(&hole, 0).unwrap_err(), "row 3, column \"2\": found NaN"),
        (code(1).fit(&huge, 0).unwrap_err(), "Scale the columns"),
        (pca.encode(&hole).unwrap_err(), "row 3, column \"2\": found NaN"),
        (pca.encode(&normal(3, 5, 0)).unwrap_err(), "found 5 columns, expected 4 columns"),
        (pca.decode(&normal(3, 5, 0)).unwrap_err(), "found 5 columns, expected 2 columns"),
    ] {
        assert!(error.to_string().contains(words), "{error}");
    }
    assert!(serde_json::from_str::<PcaConfig>(r#"{"codes": 3}"#).is_err());
    let written: PcaConfig = serde_json::from_str(r#"{"code": 3, "solver": "randomized"}"#).unwrap();
    assert_eq!(written, PcaConfig { solver: Solver::Randomized, ..code(3) });
}

proptest! {
    #[test]
    fn is_an_orthogonal_projection_with_decorrelated_codes(
        rows in 8..60usize, cols in 1..20usize, size in 1..8usize, seed in 0..1000u64, whiten: bool
    ) {
        let x = decaying(rows, cols, 0.9, seed);
        let size = size.min(cols).min(rows - 1);
        let pca = PcaConfig { whiten, ..code(size) }.fit(&x, 0).unwrap();
        assert_orthonormal(&pca);
        let once = pca.reconstruct(&x).unwrap();
        let twice = pca.reconstruct(&once).unwrap();
        prop_assert!(worst(once.as_slice(), twice.as_slice()) < 1e-4);
        let codes = pca.encode(&x).unwrap();
        for j in 0..size {
            let variance = codes.iter_rows().map(|h| f64::from(h[j]).powi(2)).sum::<f64>() / (rows - 1) as f64;
            let expected = if whiten { 1.0 } else { f64::from(pca.explained_variance()[j]) };
            prop_assert!((variance / expected - 1.0).abs() < 1e-3, "component {}: {} {}", j, variance, expected);
        }
    }

    #[test]
    fn errors_do_not_change_when_the_rows_are_rotated(seed in 0..1000u64, size in 1..5usize) {
        let (x, cols) = (decaying(40, 6, 0.8, seed), 6);
        let basis = code(cols).fit(&normal(30, cols, seed + 1), 0).unwrap();
        let turn = |x: &Matrix| {
            let rows = x.iter_rows().flat_map(|row| {
                basis.components().iter_rows().map(|c| dot(row, c) as f32).collect::<Vec<_>>()
            });
            Matrix::new(x.rows(), cols, rows.collect())
        };
        let turned = turn(&x);
        let a = code(size).fit(&x, 0).unwrap().squared_errors(&x).unwrap();
        let b = code(size).fit(&turned, 0).unwrap().squared_errors(&turned).unwrap();
        for (a, b) in a.iter().zip(&b) {
            prop_assert!((a - b).abs() < 1e-3 * (1.0 + a), "{} {}", a, b);
        }
    }
}
