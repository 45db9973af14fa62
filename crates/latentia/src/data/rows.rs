//! A further file as rows for a fitted model, a chunk at a time.

use std::path::Path;

use super::{Preprocess, Rows, Source, preprocess::Binding};
use crate::Result;

/// Reads a file as rows for a fitted model, in flat memory; made by [`Preprocess::open`].
pub struct RowReader {
    preprocess: Preprocess,
    source: Box<dyn Source>,
    binding: Binding,
}

impl RowReader {
    pub(crate) fn new(preprocess: Preprocess, source: Box<dyn Source>) -> Result<Self> {
        let binding = preprocess.bind(source.as_ref())?;
        Ok(Self { preprocess, source, binding })
    }

    /// The file as the user named it.
    pub fn path(&self) -> &Path {
        self.source.path()
    }

    /// Number of rows, where the file says so.
    pub fn rows_hint(&self) -> Option<u64> {
        self.source.rows_hint()
    }

    /// At most `max_rows` further rows, `None` after the last. There may be none when all of a chunk were left out.
    ///
    /// # Errors
    /// A fault of the file, with its row and column.
    pub fn next(&mut self, max_rows: usize) -> Result<Option<Rows>> {
        match self.source.next(max_rows.max(1))? {
            Some(chunk) => self.preprocess.apply(self.source.path(), &self.binding, &chunk, None).map(Some),
            None => Ok(None),
        }
    }

    /// All further rows at once.
    ///
    /// # Errors
    /// As [`RowReader::next`].
    pub fn read_all(mut self) -> Result<Rows> {
        let mut all = Rows::default();
        let (mut values, mut count) = (Vec::new(), 0);
        let mut targets: Option<Vec<f32>> = None;
        while let Some(rows) = self.next(super::CHUNK_ROWS)? {
            count += rows.x.rows();
            values.extend_from_slice(rows.x.as_slice());
            all.rows.extend(rows.rows);
            if let Some(labels) = rows.labels {
                all.labels.get_or_insert_default().extend(labels);
            }
            if let Some(y) = rows.targets {
                targets.get_or_insert_default().extend_from_slice(y.as_slice());
            }
            if let Some(tags) = rows.tags {
                all.tags.get_or_insert_default().extend(tags);
            }
            if let Some(ids) = rows.ids {
                all.ids.get_or_insert_default().extend(ids);
            }
        }
        all.x = super::Matrix::new(count, self.preprocess.width(), values);
        let told = self.preprocess.targets.len();
        all.targets = targets.map(|values| super::Matrix::new(count, told, values));
        Ok(all)
    }
}
