//! Rows as they come from a file: numbers and text in chunks, nothing scaled yet.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Matrix, views::SourceView};
use crate::Result;

/// What the cells of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// Numbers; a missing cell is NaN.
    Number,
    /// Text; a missing cell is `None`.
    Text,
}

/// Name and kind of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnInfo {
    /// Name from the header, or `c1`, `c2`, … by position.
    pub name: String,
    /// What its cells are.
    pub kind: ColumnKind,
}

/// Sides of the images that rows are. A row holds `channels × height × width` values in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageShape {
    /// 1 (grey) or 3 (red, green, blue).
    pub channels: usize,
    /// Number of pixel rows.
    pub height: usize,
    /// Number of pixel columns.
    pub width: usize,
}

impl ImageShape {
    /// Values of one image.
    pub fn len(&self) -> usize {
        self.channels * self.height * self.width
    }

    /// Whether there are no values at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Some consecutive rows of a [`Source`].
///
/// Numeric columns lie together row by row, as every reader but Parquet's meets them and as every model wants them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Chunk {
    /// Rows of the file before this chunk.
    pub first_row: u64,
    /// Number of rows.
    pub rows: usize,
    /// The numeric columns in the order of [`Source::columns`], `[rows, numeric columns]`; NaN is a missing cell.
    pub numbers: Matrix,
    /// The text columns in the order of [`Source::columns`], each with one cell a row.
    pub texts: Vec<Vec<Option<String>>>,
}

/// A data file that is being read.
pub trait Source: Send {
    /// The file as the user named it.
    fn path(&self) -> &Path;

    /// The columns. Those that the options leave out are not among them.
    fn columns(&self) -> &[ColumnInfo];

    /// Whether names come from the file (matched by name) or from positions (matched by number).
    fn is_named(&self) -> bool;

    /// Number of rows, where the file says so.
    fn rows_hint(&self) -> Option<u64> {
        None
    }

    /// Shape of the images that the numeric columns are.
    fn image_shape(&self) -> Option<ImageShape> {
        None
    }

    /// The greatest magnitude that the file's number type can hold where that is the scale of the data: 255 for 8-bit
    /// images.
    fn range(&self) -> Option<f32> {
        None
    }

    /// Column that names rows, where the options name one.
    fn id(&self) -> Option<&str>;

    /// Column with the classes, where the options or the file name one.
    fn label(&self) -> Option<&str>;

    /// Column with documents, where the options or the file name one.
    fn text(&self) -> Option<&str> {
        None
    }

    /// All such columns: several where there are several views.
    fn texts(&self) -> Vec<&str> {
        self.text().into_iter().collect()
    }

    /// The views whose columns these are; none where the file is one view.
    fn views(&self) -> &[SourceView] {
        &[]
    }

    /// Column with all the labels of each row, where the options or the file name one.
    fn tags(&self) -> Option<&str> {
        None
    }

    /// Numeric columns that are to be told from the others, as the options name them.
    fn targets(&self) -> &[String] {
        &[]
    }

    /// At most `max_rows` further rows, `None` after the last.
    ///
    /// # Errors
    /// A fault of the file, with its row and column.
    fn next(&mut self, max_rows: usize) -> Result<Option<Chunk>>;
}
