//! Features back to cells, in units of the file.

use std::ops::Range;

use super::{
    super::{Matrix, Table, Values},
    Feature, FeatureKind, Preprocess,
};
use crate::{Error, Result};

/// Words that stand for a text made from features.
const SHOWN_WORDS: usize = 10;

impl Preprocess {
    /// What each target was divided by.
    pub(crate) fn target_scales(&self) -> Vec<f64> {
        let scale = |target: &Feature| match target.kind {
            FeatureKind::Number { scale, .. } => f64::from(scale),
            _ => 1.0,
        };
        self.targets.iter().map(scale).collect()
    }

    /// Scaled targets `[rows, targets]` in units of the file.
    pub fn unscale_targets(&self, y: &Matrix) -> Matrix {
        let mut y = y.clone();
        for row in 0..y.rows() {
            for (value, target) in y.row_mut(row).iter_mut().zip(&self.targets) {
                if let FeatureKind::Number { offset, scale, .. } = target.kind {
                    *value = (f64::from(*value) * f64::from(scale) + f64::from(offset)) as f32;
                }
            }
        }
        y
    }

    /// Features back in units of the file, one column for each input column: numbers unscaled, of each category the
    /// value with the greatest feature, of each text the words of greatest weight.
    ///
    /// # Errors
    /// [`Error::Config`] when `x` has another width than this schema.
    pub fn inverse(&self, x: &Matrix) -> Result<Table> {
        self.inverse_of(x, &[])
    }

    /// As [`Preprocess::inverse`], with the columns of the views `to` alone; those of all when there are none.
    ///
    /// # Errors
    /// As [`Preprocess::inverse`], and a view that is not known.
    pub fn inverse_of(&self, x: &Matrix, to: &[String]) -> Result<Table> {
        self.check_views("--to", to)?;
        if x.cols() != self.width() {
            return Err(Error::config("x", format!("{} columns, expected {}", x.cols(), self.width())));
        }
        let mut table = Table::new();
        let left_out: Vec<Range<usize>> = self
            .view_features()
            .into_iter()
            .zip(&self.views)
            .filter(|(_, view)| !to.is_empty() && !to.contains(&view.name))
            .map(|(range, _)| range)
            .collect();
        for (j, (feature, (_, range))) in self.features.iter().zip(self.ranges()).enumerate() {
            if left_out.iter().any(|range| range.contains(&j)) {
                continue;
            }
            let values = match &feature.kind {
                FeatureKind::Number { offset, scale, .. } => {
                    Values::Numbers(x.iter_rows().map(|row| row[range.start] * scale + offset).collect())
                }
                FeatureKind::Category { values } => {
                    let value = |row: &[f32]| values.get(argmax(&row[range.clone()])).cloned();
                    Values::Text(x.iter_rows().map(value).collect())
                }
                FeatureKind::Text { vocabulary, .. } => {
                    let words = |row: &[f32]| {
                        let heaviest = vocabulary.heaviest(&row[range.clone()], SHOWN_WORDS);
                        Some(heaviest.into_iter().map(|(word, _)| word).collect::<Vec<_>>().join(" "))
                    };
                    Values::Text(x.iter_rows().map(words).collect())
                }
            };
            table.push(&feature.name, values);
        }
        Ok(table)
    }
}

/// Position of the greatest value, the first of equals.
fn argmax(values: &[f32]) -> usize {
    let mut best = 0;
    for (k, &value) in values.iter().enumerate() {
        if value > values[best] {
            best = k;
        }
    }
    best
}
