//! A dense table of numbers.

use std::{borrow::Cow, ops::Range};

/// Rows of `f32` features, row-major: row `i` is `values[i * cols .. (i + 1) * cols]`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Matrix {
    rows: usize,
    cols: usize,
    values: Vec<f32>,
}

impl Matrix {
    /// Wraps `values` of `rows × cols`.
    ///
    /// # Panics
    /// When the length is not `rows * cols`: that is a mistake of the caller, not of the data.
    pub fn new(rows: usize, cols: usize, values: Vec<f32>) -> Self {
        assert_eq!(values.len(), rows * cols, "a {rows} x {cols} matrix");
        Self { rows, cols, values }
    }

    /// All zero.
    pub fn zeros(rows: usize, cols: usize) -> Self {
        Self::new(rows, cols, vec![0.0; rows * cols])
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Row `i`.
    pub fn row(&self, i: usize) -> &[f32] {
        &self.values[i * self.cols..(i + 1) * self.cols]
    }

    /// Row `i`, to write to.
    pub fn row_mut(&mut self, i: usize) -> &mut [f32] {
        &mut self.values[i * self.cols..(i + 1) * self.cols]
    }

    /// All rows in order.
    pub fn iter_rows(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        (0..self.rows).map(|i| self.row(i))
    }

    /// The values, row-major.
    pub fn as_slice(&self) -> &[f32] {
        &self.values
    }

    /// The values, row-major, to write to.
    pub fn as_mut_slice(&mut self) -> &mut [f32] {
        &mut self.values
    }

    /// The values, row-major, given away.
    pub fn into_vec(self) -> Vec<f32> {
        self.values
    }

    /// The rows `indices`, in that order.
    pub fn select_rows(&self, indices: &[usize]) -> Self {
        let mut values = Vec::with_capacity(indices.len() * self.cols);
        for &i in indices {
            values.extend_from_slice(self.row(i));
        }
        Self::new(indices.len(), self.cols, values)
    }

    /// [`Self::select_rows`] that copies nothing where `indices` are all rows in their order.
    pub fn rows_at(&self, indices: &[usize]) -> Cow<'_, Self> {
        match indices.iter().copied().eq(0..self.rows) {
            true => Cow::Borrowed(self),
            false => Cow::Owned(self.select_rows(indices)),
        }
    }

    /// Some rows that follow each other.
    ///
    /// # Panics
    /// When there are fewer.
    pub fn slice_rows(&self, rows: Range<usize>) -> Self {
        let values = self.values[rows.start * self.cols..rows.end * self.cols].to_vec();
        Self::new(rows.len(), self.cols, values)
    }

    /// The first `n` rows, or all when there are fewer.
    pub fn head(&self, n: usize) -> Self {
        self.slice_rows(0..n.min(self.rows))
    }
}
