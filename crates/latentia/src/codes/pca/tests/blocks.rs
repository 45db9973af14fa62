//! Rows that come block by block against the same rows at once.

use super::{code, decaying, normal, worst};
use crate::codes::pca::{Pca, PcaConfig, Solver};
use crate::data::Matrix;
use crate::{Error, Result};

fn in_blocks(x: &Matrix, rows: usize) -> impl Iterator<Item = Result<Matrix>> {
    (0..x.rows().div_ceil(rows)).map(move |i| {
        let block: Vec<usize> = (i * rows..((i + 1) * rows).min(x.rows())).collect();
        Ok(x.select_rows(&block))
    })
}

fn assert_close(a: &Pca, b: &Pca, bound: f32) {
    assert!(worst(a.mean(), b.mean()) < bound);
    assert!(worst(a.components().as_slice(), b.components().as_slice()) < bound);
    assert!(worst(a.scale(), b.scale()) < bound);
    assert!(worst(a.explained_variance_ratio(), b.explained_variance_ratio()) < bound);
    let relative = |(a, b): (&f32, &f32)| (a - b).abs() < bound * a.abs();
    assert!(a.singular_values().iter().zip(b.singular_values()).all(relative));
    assert!(a.explained_variance().iter().zip(b.explained_variance()).all(relative));
}

/// In `f64`, with a last piece that is not whole, centred or not, whitened or not.
#[test]
fn rows_in_blocks_give_what_all_of_them_give() {
    let x = decaying(4500, 20, 0.8, 3);
    for (centre, whiten) in [(true, false), (true, true), (false, false), (false, true)] {
        let config = PcaConfig { centre, whiten, ..code(6) };
        let whole = config.fit(&x, 0).unwrap();
        assert_close(&config.fit_blocks(in_blocks(&x, 1000)).unwrap(), &whole, 2e-6);
    }
}

/// Many columns, whose products are formed in `f32`.
#[test]
fn many_columns_in_blocks_give_what_all_rows_give() {
    let x = decaying(4300, 420, 0.9, 4);
    let whole = code(8).fit(&x, 0).unwrap();
    assert_close(&code(8).fit_blocks(in_blocks(&x, 777)).unwrap(), &whole, 2e-5);
}

/// The first rows tell nothing of the others' mean, nor of the magnitude of their values.
#[test]
fn rows_that_drift_away_lose_little() {
    let mut x = decaying(6000, 12, 0.7, 5);
    for i in 0..x.rows() {
        let drift = 100.0 * (i / 2000) as f32;
        x.row_mut(i).iter_mut().enumerate().for_each(|(j, v)| *v += drift * (j as f32 - 5.0));
    }
    let whole = code(4).fit(&x, 0).unwrap();
    assert_close(&code(4).fit_blocks(in_blocks(&x, 100)).unwrap(), &whole, 2e-6);
}

#[test]
fn sizes_of_blocks_and_threads_make_no_difference_to_the_bits() {
    // Products in `f64` and in `f32`, which other threads form.
    for cols in [40, 410] {
        let x = decaying(2600, cols, 0.95, 6);
        let run = |rows, threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let fit = || code(5).fit_blocks(in_blocks(&x, rows)).unwrap();
            pool.install(|| latentia_kernels::threads::with_limit(threads, fit))
        };
        let one = run(2600, 1);
        for (rows, threads) in [(1, 2), (64, 1), (1999, 3)] {
            assert!(run(rows, threads) == one, "{cols} columns, blocks of {rows}, {threads} threads");
        }
    }
}

#[test]
fn faults_of_blocks_are_told() {
    let x = normal(2500, 4, 7);
    let mut hole = x.clone();
    hole.row_mut(2400)[1] = f32::NAN;
    let randomized = PcaConfig { solver: Solver::Randomized, ..code(2) };
    let broken = || in_blocks(&x, 100).take(3).chain([Err(Error::config("data", "the disk is gone"))]);
    let other = [Ok(x.head(5)), Ok(normal(5, 3, 8))];
    for (error, words) in [
        (code(2).fit_blocks(in_blocks(&hole, 100)).unwrap_err(), "row 2401, column \"2\": found NaN"),
        (code(2).fit_blocks(broken()).unwrap_err(), "the disk is gone"),
        (code(2).fit_blocks(other).unwrap_err(), "found 3 columns, expected 4 columns"),
        (code(5).fit_blocks(in_blocks(&x, 100)).unwrap_err(), "at most 4"),
        (code(1).fit_blocks([]).unwrap_err(), "found 0 rows"),
        (code(1).fit_blocks([Ok(x.head(1))]).unwrap_err(), "found 1 rows"),
        (randomized.fit_blocks(in_blocks(&x, 100)).unwrap_err(), "use exact"),
    ] {
        assert!(error.to_string().contains(words), "{error}");
    }
}
