//! A further file as rows for a fitted model, a chunk at a time.

use std::{ops::Range, path::Path};

use super::{Matrix, Preprocess, Rows, Source, preprocess::Binding};
use crate::Result;

/// Reads a file as rows for a fitted model, in flat memory; made by [`Preprocess::open`].
pub struct RowReader {
    preprocess: Preprocess,
    source: Box<dyn Source>,
    binding: Binding,
    /// Where the features that are read lie among all `width`; nowhere in particular when they are all.
    places: Vec<Range<usize>>,
    width: usize,
}

impl RowReader {
    /// Reads by a schema whose features are the columns `places` of rows of `width`; all where there are none.
    pub(crate) fn new(
        preprocess: Preprocess,
        source: Box<dyn Source>,
        (places, width): (Vec<Range<usize>>, usize),
    ) -> Result<Self> {
        let binding = preprocess.bind(source.as_ref())?;
        Ok(Self { preprocess, source, binding, places, width })
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
            Some(chunk) => {
                let rows = self.preprocess.apply(self.source.path(), &self.binding, &chunk, None)?;
                Ok(Some(self.place(rows)))
            }
            None => Ok(None),
        }
    }

    /// Rows with the features of the views that are not read, which are 0.
    fn place(&self, rows: Rows) -> Rows {
        if rows.x.cols() == self.width {
            return rows;
        }
        let mut x = Matrix::zeros(rows.x.rows(), self.width);
        for (i, row) in rows.x.iter_rows().enumerate() {
            let mut from = 0;
            for place in &self.places {
                x.row_mut(i)[place.clone()].copy_from_slice(&row[from..from + place.len()]);
                from += place.len();
            }
        }
        Rows { x, ..rows }
    }

    /// All further rows at once.
    ///
    /// # Errors
    /// As [`RowReader::next`].
    pub fn read_all(mut self) -> Result<Rows> {
        let mut all = Rows::default();
        let (mut values, mut count) = (Vec::new(), 0);
        let hint = self.rows_hint().and_then(|rows| usize::try_from(rows).ok()).unwrap_or(0);
        // Of a file that says more than there is room for, rows take what they need as they come.
        values.try_reserve_exact(hint.saturating_mul(self.width)).unwrap_or_default();
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
        all.x = Matrix::new(count, self.width, values);
        let told = self.preprocess.targets.len();
        all.targets = targets.map(|values| Matrix::new(count, told, values));
        Ok(all)
    }
}
