//! Against plain loops in double precision, at every level, over shapes that fill panels and tiles and that do not.

use super::*;
use crate::simd::{tests::levels, with_level};
use crate::threads::with_limit;

/// Numbers from -1 to 1 in an order of their own.
fn numbers(n: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(12345);
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..n).map(|_| next()).collect()
}

struct Case {
    x: Vec<f32>,
    origin: Vec<f32>,
    centred: Vec<f32>,
    rows: usize,
    count: usize,
    width: usize,
}

impl Case {
    fn new(rows: usize, count: usize, width: usize) -> Self {
        let seed = (rows * 31 + count * 7 + width) as u32;
        let origin: Vec<f32> = numbers(width, seed).iter().map(|v| 3.0 * v).collect();
        let mut x = numbers(rows * width, seed + 1);
        x.chunks_exact_mut(width).for_each(|row| row.iter_mut().zip(&origin).for_each(|(v, o)| *v += o));
        Self { x, origin, centred: numbers(count * width, seed + 2), rows, count, width }
    }

    fn row(&self, i: usize) -> Vec<f64> {
        let row = &self.x[i * self.width..][..self.width];
        row.iter().zip(&self.origin).map(|(x, o)| f64::from(x - o)).collect()
    }

    fn square(&self, i: usize, j: usize) -> f64 {
        let centre = &self.centred[j * self.width..][..self.width];
        self.row(i).iter().zip(centre).map(|(x, &c)| (x - f64::from(c)).powi(2)).sum()
    }
}

fn cases() -> Vec<Case> {
    let shapes =
        [(1, 1, 1), (3, 2, 5), (31, 10, 10), (33, 14, 16), (70, 15, 17), (40, 43, 3), (2500, 10, 33)];
    shapes.into_iter().map(|(rows, count, width)| Case::new(rows, count, width)).collect()
}

#[test]
fn distances_are_sums_of_squared_differences() {
    for level in levels() {
        for case in cases() {
            let mut out = vec![0.0; case.rows * case.count];
            with_level(level, || distances(&case.x, &Centres::new(&case.centred, &case.origin), &mut out));
            for (at, &d) in out.iter().enumerate() {
                let want = case.square(at / case.count, at % case.count);
                assert!((f64::from(d) - want).abs() < 2e-6 * (1.0 + want), "{level:?} {at}: {d}, {want}");
            }
        }
    }
}

#[test]
fn a_row_that_is_a_centre_is_exactly_zero_apart() {
    for level in levels() {
        let case = Case::new(40, 1, 21);
        let centre: Vec<f32> = case.row(17).iter().map(|&v| v as f32).collect();
        let (mut labels, mut squares) = (vec![9; 40], vec![1.0; 40]);
        with_level(level, || {
            nearest(&case.x, &Centres::new(&centre, &case.origin), &mut labels, &mut squares);
        });
        assert_eq!((squares[17], labels[17]), (0.0, 0), "{level:?}");
        assert_eq!(squares.iter().filter(|&&d| d == 0.0).count(), 1, "{level:?}");
    }
}

#[test]
fn the_nearest_of_equals_is_the_first() {
    for level in levels() {
        let (x, centres) = (numbers(50 * 4, 1), numbers(4, 2).repeat(20));
        let (mut labels, mut squares) = (vec![7; 50], vec![0.0; 50]);
        let mut assigned = vec![7; 50];
        with_level(level, || {
            let centres = Centres::new(&centres, &[0.0; 4]);
            nearest(&x, &centres, &mut labels, &mut squares);
            Assign::new().run(&x, &centres, &mut assigned);
        });
        assert!(labels.iter().chain(&assigned).all(|&l| l == 0), "{level:?}");
    }
}

#[test]
fn labels_and_sums_are_those_of_plain_loops() {
    for level in levels() {
        for case in cases() {
            let (mut labels, mut squares) = (vec![0; case.rows], vec![0.0; case.rows]);
            let mut assigned = vec![u32::MAX; case.rows];
            let mut assign = Assign::new();
            let (first, second) = with_level(level, || {
                let centres = Centres::new(&case.centred, &case.origin);
                nearest(&case.x, &centres, &mut labels, &mut squares);
                let first = assign.run(&case.x, &centres, &mut assigned).clone();
                (first, assign.run(&case.x, &centres, &mut assigned).clone())
            });
            assert_eq!((first.changed, second.changed), (case.rows, 0), "{level:?}");
            assert_eq!(first.sums, second.sums, "{level:?}");
            let mut sums = vec![0.0; case.count * case.width];
            let mut counts = vec![0; case.count];
            for i in 0..case.rows {
                let best = (0..case.count).map(|j| case.square(i, j)).fold(f64::INFINITY, f64::min);
                for label in [labels[i], assigned[i]] {
                    let chosen = case.square(i, label as usize);
                    assert!(chosen <= best + 1e-5 * (1.0 + best), "{level:?} row {i}: {chosen}, {best}");
                }
                assert!((f64::from(squares[i]) - best).abs() < 2e-6 * (1.0 + best), "{level:?} row {i}");
                counts[assigned[i] as usize] += 1;
                let sum = &mut sums[assigned[i] as usize * case.width..][..case.width];
                sum.iter_mut().zip(case.row(i)).for_each(|(s, v)| *s += v);
            }
            assert_eq!(first.counts, counts, "{level:?}");
            for (a, b) in first.sums.iter().zip(&sums) {
                assert!((a - b).abs() < 1e-6 * case.rows as f64, "{level:?}: {a}, {b}");
            }
        }
    }
}

#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let case = Case::new(9000, 12, 40);
    let centres = Centres::new(&case.centred, &case.origin);
    let run = |threads| {
        with_limit(threads, || {
            let (mut labels, mut squares) = (vec![0; case.rows], vec![0.0; case.rows]);
            let sums = Assign::new().run(&case.x, &centres, &mut labels).clone();
            let mut distant = vec![0.0; case.rows * case.count];
            distances(&case.x, &centres, &mut distant);
            nearest(&case.x, &centres, &mut labels, &mut squares);
            (sums, labels, squares, distant)
        })
    };
    let one = run(1);
    for threads in [2, 3, 8] {
        assert!(run(threads) == one, "{threads} threads");
    }
}

#[test]
fn many_wide_centres_take_bounded_memory() {
    assert_eq!(piece_rows(70_000, 7840), 2048);
    assert_eq!(piece_rows(1000, 10), 1024);
    // Four pieces at least: work for as many threads.
    assert_eq!(piece_rows(70_000, 1 << 30), 18_432);
}
