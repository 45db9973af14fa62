//! Rows of a table by index, and the gradient of that: each row of the table collects what its uses were given.

use crate::simd::{self, Kernel, Simd};
use crate::threads;
use std::fmt;

/// An index outside the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexError {
    /// Position of the index.
    pub position: usize,
    /// The index.
    pub found: i64,
    /// Rows of the table.
    pub rows: usize,
}

impl fmt::Display for IndexError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let IndexError { position, found, rows } = self;
        write!(f, "index {position} is {found}, expected a row in 0..{rows}")
    }
}

impl std::error::Error for IndexError {}

/// Whether every index is a row of a table of `rows` rows.
///
/// # Errors
/// The first that is not.
pub fn check(index: &[i64], rows: usize) -> Result<(), IndexError> {
    let outside = |&(_, &i): &(usize, &i64)| !usize::try_from(i).is_ok_and(|i| i < rows);
    match index.iter().enumerate().find(outside) {
        Some((position, &found)) => Err(IndexError { position, found, rows }),
        None => Ok(()),
    }
}

/// Indices a piece of work has.
const PIECE: usize = 256;

/// `out_n = table_{index_n}`: table `[V, width]`, index `[N]`, out `[N, width]`.
///
/// # Errors
/// If an index lies outside the table; nothing is written then.
///
/// # Panics
/// If the lengths do not fit.
#[track_caller]
pub fn gather(width: usize, table: &[f32], index: &[i64], out: &mut [f32]) -> Result<(), IndexError> {
    assert!(
        width > 0 && table.len().is_multiple_of(width),
        "gather: {} elements in rows of {width}",
        table.len()
    );
    assert_eq!(out.len(), index.len() * width, "gather: {} rows of {width}", index.len());
    check(index, table.len() / width)?;
    let pieces = out.chunks_mut(PIECE * width).zip(index.chunks(PIECE)).collect();
    threads::for_each(pieces, |(out, index): (&mut [f32], &[i64])| {
        for (out, &i) in out.chunks_exact_mut(width).zip(index) {
            out.copy_from_slice(&table[i as usize * width..][..width]);
        }
    });
    Ok(())
}

/// `dtable_{index_n} += dy_n`: dy `[N, width]`, dtable `[V, width]`. Uses of the same row are added in their order.
///
/// Rows with index `padding` collect nothing.
///
/// # Errors
/// If an index lies outside the table; nothing is written then.
///
/// # Panics
/// If the lengths do not fit.
#[track_caller]
pub fn scatter_add(
    width: usize,
    dy: &[f32],
    index: &[i64],
    padding: Option<i64>,
    dtable: &mut [f32],
) -> Result<(), IndexError> {
    assert!(
        width > 0 && dtable.len().is_multiple_of(width),
        "scatter_add: {} elements in rows of {width}",
        dtable.len()
    );
    assert_eq!(dy.len(), index.len() * width, "scatter_add: {} rows of {width}", index.len());
    check(index, dtable.len() / width)?;
    let uses = Uses::new(index, padding);
    let mut rest = dtable;
    let mut next = 0;
    let mut targets = Vec::with_capacity(uses.rows.len());
    for (row, positions) in uses.iter() {
        let (target, tail) = rest.split_at_mut((row - next) * width).1.split_at_mut(width);
        targets.push((target, positions));
        (rest, next) = (tail, row + 1);
    }
    add_rows(width, dy, &mut targets);
    Ok(())
}

/// The gradient of the rows in use: for tables far larger than a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct SparseGradient {
    /// The rows, ascending.
    pub rows: Vec<usize>,
    /// Their gradients, `[rows, width]`.
    pub values: Vec<f32>,
}

/// [`scatter_add`] into the rows in use alone.
///
/// # Errors
/// If an index lies outside a table of `table_rows` rows.
///
/// # Panics
/// If the lengths do not fit.
#[track_caller]
pub fn sparse_gradient(
    width: usize,
    dy: &[f32],
    index: &[i64],
    padding: Option<i64>,
    table_rows: usize,
) -> Result<SparseGradient, IndexError> {
    assert!(width > 0 && dy.len() == index.len() * width, "sparse_gradient: {} rows of {width}", index.len());
    check(index, table_rows)?;
    let uses = Uses::new(index, padding);
    let mut values = vec![0.0; uses.rows.len() * width];
    let targets = values.chunks_exact_mut(width).zip(uses.iter());
    let mut targets: Vec<_> = targets.map(|(target, (_, positions))| (target, positions)).collect();
    add_rows(width, dy, &mut targets);
    Ok(SparseGradient { values, rows: uses.rows })
}

/// The positions that use each row.
struct Uses {
    /// Rows in use, ascending.
    rows: Vec<usize>,
    /// Positions, by row and then as they came.
    positions: Vec<usize>,
    /// Where each row's positions end.
    ends: Vec<usize>,
}

impl Uses {
    fn new(index: &[i64], padding: Option<i64>) -> Self {
        let mut positions: Vec<usize> = (0..index.len()).filter(|&p| padding != Some(index[p])).collect();
        positions.sort_by_key(|&p| index[p]);
        let (mut rows, mut ends) = (Vec::new(), Vec::new());
        for group in positions.chunk_by(|&p, &q| index[p] == index[q]) {
            rows.push(index[group[0]] as usize);
            ends.push(ends.last().unwrap_or(&0) + group.len());
        }
        Self { rows, positions, ends }
    }

    fn iter(&self) -> impl Iterator<Item = (usize, &[usize])> {
        let starts = std::iter::once(&0).chain(&self.ends);
        let groups = starts.zip(&self.ends).map(|(&start, &end)| &self.positions[start..end]);
        self.rows.iter().copied().zip(groups)
    }
}

/// Adds to each target the rows of `dy` at its positions.
fn add_rows<'c>(width: usize, dy: &[f32], targets: &mut [(&'c mut [f32], &'c [usize])]) {
    let level = simd::level();
    threads::for_each(
        targets.chunks_mut(PIECE).collect(),
        |targets: &mut [(&'c mut [f32], &'c [usize])]| {
            simd::dispatch_at(level, AddRows { width, dy, targets });
        },
    );
}

struct AddRows<'a, 'b, 'c> {
    width: usize,
    dy: &'a [f32],
    targets: &'b mut [(&'c mut [f32], &'c [usize])],
}

impl Kernel for AddRows<'_, '_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        for (target, positions) in self.targets {
            for &p in *positions {
                for (sum, &v) in target.iter_mut().zip(&self.dy[p * self.width..][..self.width]) {
                    *sum += v;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gemm::tests::numbers;
    use crate::simd::{tests::levels, with_level};
    use crate::threads::{tests::three_threads, with_limit};

    #[test]
    fn gradients_return_to_the_rows_they_came_from() {
        let _alone = three_threads();
        for (rows, width, uses) in [(1, 1, 5), (7, 3, 40), (500, 33, 900), (5, 64, 0)] {
            let table = numbers(rows * width, 1);
            let index: Vec<i64> = (0..uses).map(|n| ((n * n + 3 * n) % rows) as i64).collect();
            let mut out = vec![0.0; uses * width];
            gather(width, &table, &index, &mut out).unwrap();
            for (out, &i) in out.chunks_exact(width).zip(&index) {
                assert_eq!(out, &table[i as usize * width..][..width]);
            }

            let dy = numbers(uses * width, 2);
            for padding in [None, Some(0)] {
                let mut want: Vec<f64> = vec![0.0; rows * width];
                for (dy, &i) in dy.chunks_exact(width).zip(&index).filter(|(_, i)| padding != Some(**i)) {
                    for (want, &v) in want[i as usize * width..].iter_mut().zip(dy) {
                        *want += f64::from(v);
                    }
                }
                let run = |level, threads| {
                    let mut dtable = vec![0.0; rows * width];
                    let add = || scatter_add(width, &dy, &index, padding, &mut dtable);
                    with_limit(threads, || with_level(level, add)).unwrap();
                    dtable
                };
                let first = run(levels()[0], 1);
                for (got, want) in first.iter().zip(&want) {
                    assert!((f64::from(*got) - want).abs() < 1e-4);
                }
                for level in levels() {
                    assert!(first == run(level, 1) && first == run(level, 3));
                }
                let sparse = sparse_gradient(width, &dy, &index, padding, rows).unwrap();
                let mut dense = vec![0.0; rows * width];
                for (&row, values) in sparse.rows.iter().zip(sparse.values.chunks_exact(width)) {
                    dense[row * width..][..width].copy_from_slice(values);
                }
                assert_eq!(dense, first);
                assert!(
                    sparse.rows.is_sorted() && padding.is_none_or(|p| !sparse.rows.contains(&(p as usize)))
                );
            }
        }
    }

    #[test]
    fn an_index_outside_the_table_is_an_error_with_its_position() {
        for bad in [-1, 2] {
            let want = Err(IndexError { position: 1, found: bad, rows: 2 });
            assert_eq!(gather(3, &[0.0; 6], &[1, bad], &mut [0.0; 6]), want);
            assert_eq!(scatter_add(3, &[0.0; 6], &[1, bad], None, &mut [0.0; 6]), want);
            let text = sparse_gradient(3, &[0.0; 6], &[1, bad], None, 2).unwrap_err().to_string();
            assert_eq!(text, format!("index 1 is {bad}, expected a row in 0..2"));
        }
    }
}
