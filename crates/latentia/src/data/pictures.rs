//! Rows as pictures to look at.

use super::{Matrix, Preprocess, Scale, Values};
use crate::Result;

impl Preprocess {
    /// Scaled rows as images with values from 0 to 1, the channels of a pixel together; none where rows are not images.
    pub(crate) fn pictures(&self, x: &Matrix) -> Result<Vec<Vec<f32>>> {
        let Some(shape) = self.image else { return Ok(Vec::new()) };
        let pixels = shape.height * shape.width;
        let interleave = |value: &dyn Fn(usize) -> f32| -> Vec<f32> {
            let at = |p: usize| (0..shape.channels).map(move |c| c * pixels + p);
            (0..pixels).flat_map(at).map(|i| value(i).clamp(0.0, 1.0)).collect()
        };
        if self.scale == Scale::Unit {
            return Ok(x.iter_rows().map(|row| interleave(&|i| row[i])).collect());
        }
        let table = self.inverse(x)?;
        let numbers = table.columns().iter().filter_map(|(_, values)| match values {
            Values::Numbers(v) => Some(v.as_slice()),
            _ => None,
        });
        let columns: Vec<&[f32]> = numbers.collect();
        let most = columns.iter().flat_map(|c| c.iter()).fold(0f32, |m, &v| m.max(v));
        // Pixels are bytes or shares of 1.
        let unit = if most > 1.5 { 255.0 } else { 1.0 };
        Ok((0..x.rows()).map(|row| interleave(&|i| columns[i][row] / unit)).collect())
    }
}
