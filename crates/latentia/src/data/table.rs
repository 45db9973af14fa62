//! Results as named columns.

/// Cells of a column.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Numbers; NaN is written as an empty cell.
    Numbers(Vec<f32>),
    /// Whole numbers: classes, clusters, row numbers.
    Integers(Vec<i64>),
    /// Text; `None` is written as an empty cell.
    Text(Vec<Option<String>>),
}

impl Values {
    /// Number of cells.
    pub fn len(&self) -> usize {
        match self {
            Self::Numbers(v) => v.len(),
            Self::Integers(v) => v.len(),
            Self::Text(v) => v.len(),
        }
    }

    /// Whether there are no cells.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Named columns of equal length: codes, scores, reconstructions, assignments.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Table {
    columns: Vec<(String, Values)>,
}

impl Table {
    /// A table without columns.
    pub fn new() -> Self {
        Self::default()
    }

    /// This table with one more column.
    ///
    /// # Panics
    /// When its length is not that of the columns before it: that is a mistake of the caller, not of the data.
    pub fn with(mut self, name: impl Into<String>, values: Values) -> Self {
        self.push(name, values);
        self
    }

    /// Adds a column.
    ///
    /// # Panics
    /// As [`Table::with`].
    pub fn push(&mut self, name: impl Into<String>, values: Values) {
        let name = name.into();
        if let Some((_, first)) = self.columns.first() {
            assert_eq!(values.len(), first.len(), "rows of column \"{name}\"");
        }
        self.columns.push((name, values));
    }

    /// The columns of both tables, these first.
    ///
    /// # Panics
    /// As [`Table::with`].
    pub fn beside(mut self, right: Self) -> Self {
        right.columns.into_iter().for_each(|(name, values)| self.push(name, values));
        self
    }

    /// Adds the columns of a matrix, called `prefix1`, `prefix2`, ….
    pub fn push_matrix(&mut self, prefix: &str, x: &super::Matrix) {
        let mut columns = vec![Vec::with_capacity(x.rows()); x.cols()];
        for row in x.iter_rows() {
            for (column, &value) in columns.iter_mut().zip(row) {
                column.push(value);
            }
        }
        for (j, column) in columns.into_iter().enumerate() {
            self.push(format!("{prefix}{}", j + 1), Values::Numbers(column));
        }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.columns.first().map_or(0, |(_, values)| values.len())
    }

    /// Names and cells, in order.
    pub fn columns(&self) -> &[(String, Values)] {
        &self.columns
    }

    /// The cells of a column.
    pub fn column(&self, name: &str) -> Option<&Values> {
        self.columns.iter().find(|(n, _)| n == name).map(|(_, values)| values)
    }
}
