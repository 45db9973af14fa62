//! The analysis of rows that come block by block.

use std::mem;

use super::scatter::{Centred, lower};
use super::solve::{F32_RANGE, Rows, finish, from_covariance};
use super::{Pca, PcaConfig};
use crate::Result;
use crate::data::Matrix;
use crate::linalg::{check_cols, finite_sums};

/// Rows that are gathered before their products are formed, whatever blocks they come in.
const PIECE: usize = 2000;

/// From this number of columns on products are formed in `f32`: in `f64` they would take longer than to read the rows.
const F32_COLS: usize = 400;

pub(super) fn fit(config: &PcaConfig, blocks: impl IntoIterator<Item = Result<Matrix>>) -> Result<Pca> {
    let mut sums: Option<Sums<'_>> = None;
    for block in blocks {
        let block = block?;
        sums.get_or_insert_with(|| Sums::new(config, block.cols())).add(&block)?;
    }
    sums.unwrap_or_else(|| Sums::new(config, 0)).finish()
}

/// Sums over the rows so far.
struct Sums<'a> {
    config: &'a PcaConfig,
    cols: usize,
    /// Rows that wait for a whole piece.
    waiting: Vec<f32>,
    rows: usize,
    /// What products are formed about; exact in `f32`. None before the first piece.
    shift: Option<Vec<f64>>,
    columns: Vec<f64>,
    /// `Σ (x − s)(x − s)ᵀ`, `[cols, cols]`, lower half.
    products: Vec<f64>,
    largest: f32,
    single: bool,
}

impl<'a> Sums<'a> {
    fn new(config: &'a PcaConfig, cols: usize) -> Self {
        Self {
            config,
            cols,
            waiting: Vec::with_capacity(PIECE * cols),
            rows: 0,
            shift: None,
            columns: vec![0.0; cols],
            products: vec![0.0; cols * cols],
            largest: 0.0,
            single: false,
        }
    }

    fn add(&mut self, block: &Matrix) -> Result<()> {
        check_cols("input", block, self.cols)?;
        let mut values = block.as_slice();
        while !values.is_empty() {
            let taken;
            (taken, values) = values.split_at(values.len().min(PIECE * self.cols - self.waiting.len()));
            self.waiting.extend_from_slice(taken);
            if self.waiting.len() == PIECE * self.cols {
                self.add_piece()?;
            }
        }
        Ok(())
    }

    fn add_piece(&mut self) -> Result<()> {
        let piece = Matrix::new(self.waiting.len() / self.cols, self.cols, mem::take(&mut self.waiting));
        let (sums, largest) = finite_sums(&piece, self.rows)?;
        let shift = self.shift.get_or_insert_with(|| match self.config.centre {
            true => sums.iter().map(|s| f64::from((s / piece.rows() as f64) as f32)).collect(),
            false => vec![0.0; self.cols],
        });
        let centred = Centred { x: &piece, mean: shift };
        if self.cols >= F32_COLS && F32_RANGE.contains(&f64::from(largest)) {
            centred.add_covariance::<f32>(&mut self.products);
            self.single = true;
        } else {
            centred.add_covariance::<f64>(&mut self.products);
        }
        self.columns.iter_mut().zip(sums).for_each(|(all, sum)| *all += sum);
        self.rows += piece.rows();
        self.largest = self.largest.max(largest);
        self.waiting = piece.into_vec();
        self.waiting.clear();
        Ok(())
    }

    fn finish(mut self) -> Result<Pca> {
        if !self.waiting.is_empty() {
            self.add_piece()?;
        }
        self.config.check_shape(self.rows, self.cols)?;
        let Self { config, cols, columns, mut products, shift, largest, single, rows: count, .. } = self;
        let n = count as f64;
        let column_means: Vec<f64> = columns.iter().map(|sum| sum / n).collect();
        let off: Vec<f64> = match (config.centre, shift) {
            (true, Some(shift)) => column_means.iter().zip(shift).map(|(mean, s)| mean - s).collect(),
            _ => vec![0.0; cols],
        };
        for (i, row) in products.chunks_exact_mut(cols).enumerate() {
            row[..=i].iter_mut().zip(&off).for_each(|(sum, off_j)| *sum -= n * off[i] * off_j);
        }
        let trace: f64 = (0..cols).map(|j| products[j * cols + j]).sum();
        let of_means = if config.centre { 0.0 } else { n * column_means.iter().map(|m| m * m).sum::<f64>() };
        let squares_about_mean = (trace - of_means).max(0.0);
        let found = from_covariance(&lower(&products, cols), config.code, single)?;
        finish(
            config,
            found,
            &Rows { count, column_means: &column_means, squares_about_mean, largest, single },
        )
    }
}
