//! Borrowed matrix views: a slice, a shape and two strides.

/// A read-only matrix over a slice: element `(i, j)` is `data[i * row_stride + j * col_stride]`.
#[derive(Clone, Copy, Debug)]
pub struct MatRef<'a> {
    data: &'a [f32],
    rows: usize,
    cols: usize,
    row_stride: usize,
    col_stride: usize,
}

/// A writable matrix over a slice whose rows do not overlap: one of the two strides is 1.
#[derive(Debug)]
pub struct MatMut<'a> {
    data: &'a mut [f32],
    rows: usize,
    cols: usize,
    row_stride: usize,
    col_stride: usize,
}

/// Number of elements a strided matrix spans, from its first to its last.
fn span(rows: usize, cols: usize, row_stride: usize, col_stride: usize) -> usize {
    if rows == 0 || cols == 0 {
        return 0;
    }
    let last = (rows - 1)
        .checked_mul(row_stride)
        .zip((cols - 1).checked_mul(col_stride))
        .and_then(|(r, c)| r.checked_add(c))
        .and_then(|l| l.checked_add(1));
    last.unwrap_or_else(|| {
        panic!("a {rows} x {cols} matrix with strides {row_stride}, {col_stride} overflows")
    })
}

#[track_caller]
fn check_span(len: usize, rows: usize, cols: usize, row_stride: usize, col_stride: usize) {
    let need = span(rows, cols, row_stride, col_stride);
    assert!(
        len >= need,
        "a {rows} x {cols} matrix with strides {row_stride}, {col_stride} needs {need} elements, the slice has {len}"
    );
}

impl<'a> MatRef<'a> {
    /// A row-major matrix: rows lie one after the other.
    ///
    /// # Panics
    /// If the slice is shorter than `rows * cols`.
    #[track_caller]
    pub fn new(data: &'a [f32], rows: usize, cols: usize) -> Self {
        Self::with_strides(data, rows, cols, cols, 1)
    }

    /// A matrix with any strides (in elements).
    ///
    /// # Panics
    /// If the last element lies outside the slice.
    #[track_caller]
    pub fn with_strides(
        data: &'a [f32],
        rows: usize,
        cols: usize,
        row_stride: usize,
        col_stride: usize,
    ) -> Self {
        check_span(data.len(), rows, cols, row_stride, col_stride);
        Self { data, rows, cols, row_stride, col_stride }
    }

    /// The transposed view of the same elements.
    pub fn t(self) -> Self {
        Self {
            data: self.data,
            rows: self.cols,
            cols: self.rows,
            row_stride: self.col_stride,
            col_stride: self.row_stride,
        }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Distance between two rows, in elements.
    pub fn row_stride(&self) -> usize {
        self.row_stride
    }

    /// Distance between two columns, in elements.
    pub fn col_stride(&self) -> usize {
        self.col_stride
    }

    /// The elements, from the first of the matrix on.
    pub fn data(&self) -> &'a [f32] {
        self.data
    }

    /// The element in row `i`, column `j`.
    pub fn get(&self, i: usize, j: usize) -> f32 {
        assert!(i < self.rows && j < self.cols, "({i}, {j}) lies outside {} x {}", self.rows, self.cols);
        self.data[i * self.row_stride + j * self.col_stride]
    }

    /// Row `i` as a slice, where rows are contiguous.
    pub fn row(&self, i: usize) -> &'a [f32] {
        assert!(self.col_stride == 1 || self.cols <= 1, "the rows of this matrix are not contiguous");
        assert!(i < self.rows, "row {i} of {}", self.rows);
        if self.cols == 0 { &[] } else { &self.data[i * self.row_stride..][..self.cols] }
    }
}

impl<'a> MatMut<'a> {
    /// A row-major matrix: rows lie one after the other.
    ///
    /// # Panics
    /// If the slice is shorter than `rows * cols`.
    #[track_caller]
    pub fn new(data: &'a mut [f32], rows: usize, cols: usize) -> Self {
        Self::with_row_stride(data, rows, cols, cols)
    }

    /// A row-major matrix whose rows start `row_stride` elements apart.
    ///
    /// # Panics
    /// If rows would overlap or the last element lies outside the slice.
    #[track_caller]
    pub fn with_row_stride(data: &'a mut [f32], rows: usize, cols: usize, row_stride: usize) -> Self {
        assert!(
            rows <= 1 || row_stride >= cols,
            "rows of {cols} elements overlap with a row stride of {row_stride}"
        );
        check_span(data.len(), rows, cols, row_stride, 1);
        Self { data, rows, cols, row_stride, col_stride: 1 }
    }

    /// The transposed view of the same elements.
    pub fn t(self) -> Self {
        Self {
            data: self.data,
            rows: self.cols,
            cols: self.rows,
            row_stride: self.col_stride,
            col_stride: self.row_stride,
        }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Distance between two rows, in elements.
    pub fn row_stride(&self) -> usize {
        self.row_stride
    }

    /// Distance between two columns, in elements.
    pub fn col_stride(&self) -> usize {
        self.col_stride
    }

    /// The same matrix, to read.
    pub fn as_ref(&self) -> MatRef<'_> {
        MatRef {
            data: self.data,
            rows: self.rows,
            cols: self.cols,
            row_stride: self.row_stride,
            col_stride: self.col_stride,
        }
    }

    /// The elements, from the first of the matrix on.
    pub fn data_mut(&mut self) -> &mut [f32] {
        self.data
    }
}
