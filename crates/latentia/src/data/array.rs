//! Numeric arrays on disk: element types, shapes, and reading them row by row in flat memory.

use std::{
    io::{Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use super::{
    Chunk, ColumnInfo, ColumnKind, ImageShape, Matrix, ReadOptions, Source,
    element::Element,
    open::read_error,
    options::MAX_IMAGE_SIDE,
    plan::{Plan, Request, Role, numbered},
    text,
};
use crate::{DataError, Error, Result};

/// More columns than this are a damaged header rather than data.
const MAX_COLUMNS: usize = 1 << 22;
/// Bytes of elements held at a time.
const BUFFER: usize = 32 << 20;

/// What an array file says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) element: Element,
    pub(crate) shape: Vec<usize>,
    /// The first index varies fastest.
    pub(crate) fortran: bool,
}

/// A file that can be read from any position.
pub(crate) trait Random: Read + Seek + Send {}
impl<T: Read + Seek + Send> Random for T {}

/// Where the elements come from.
pub(crate) enum Elements {
    /// One after the other.
    Stream(Box<dyn Read + Send>),
    /// From any position; the elements begin at this offset.
    Random(Box<dyn Random>, u64),
}

/// One class a row, kept apart from the rows.
pub(crate) struct LabelArray {
    pub(crate) name: String,
    pub(crate) values: Vec<f64>,
}

/// The layout of rows in an array.
struct Layout {
    rows: usize,
    columns: usize,
    image: Option<ImageShape>,
    /// Stored column of each column, where they differ.
    order: Option<Vec<usize>>,
}

/// An array of numbers whose first index counts rows.
pub(crate) struct ArraySource {
    path: PathBuf,
    elements: Elements,
    element: Element,
    fortran: bool,
    layout: Layout,
    plan: Plan,
    columns: Vec<ColumnInfo>,
    labels: Option<LabelArray>,
    row: usize,
    bytes: Vec<u8>,
}

impl Layout {
    fn new(path: &Path, header: &Header) -> Result<Self> {
        let fault = |found: String| {
            let expected = "[rows, columns], [rows, height, width] or [rows, height, width, channels]";
            DataError::new(path, found, expected)
        };
        let shape = &header.shape;
        if !(1..=4).contains(&shape.len()) {
            return Err(fault(format!("an array of {} dimensions", shape.len())).into());
        }
        let rest = &shape[1..];
        let columns = rest.iter().try_fold(1usize, |n, &side| n.checked_mul(side)).unwrap_or(usize::MAX);
        if columns > MAX_COLUMNS {
            return Err(fault(format!("an array of shape {shape:?}")).into());
        }
        if columns == 0 || shape[0] == 0 {
            return Err(
                DataError::new(path, format!("an empty array of shape {shape:?}"), "rows of data").into()
            );
        }
        // Colours come last in files of images (NumPy, TensorFlow) and first in a row (PyTorch).
        let colours_last =
            rest.len() == 3 && matches!(rest[2], 1 | 3) && !(matches!(rest[0], 1 | 3) && rest[2] == 1);
        let image = match *rest {
            [height, width] => Some(ImageShape { channels: 1, height, width }),
            [height, width, channels] if colours_last => Some(ImageShape { channels, height, width }),
            [channels @ (1 | 3), height, width] => Some(ImageShape { channels, height, width }),
            [_, _, _] => {
                return Err(fault(format!("an array of shape {shape:?}, neither 1 nor 3 channels")).into());
            }
            _ => None,
        };
        if image.is_some_and(|image| image.height > MAX_IMAGE_SIDE || image.width > MAX_IMAGE_SIDE) {
            return Err(fault(format!("an array of shape {shape:?}")).into());
        }
        let mut order: Vec<usize> = (0..columns).collect();
        if header.fortran && rest.len() > 1 {
            for (column, stored) in order.iter_mut().enumerate() {
                let (mut left, mut at) = (column, 0);
                for (k, &side) in rest.iter().enumerate().rev() {
                    at += (left % side) * rest[..k].iter().product::<usize>();
                    left /= side;
                }
                *stored = at;
            }
        }
        if let (true, Some(ImageShape { channels, height, width })) = (colours_last, image) {
            let pixels = height * width;
            let last: Vec<usize> =
                (0..columns).map(|c| order[(c % pixels) * channels + c / pixels]).collect();
            order = last;
        }
        let order =
            Some(order).filter(|order| order.iter().enumerate().any(|(column, &stored)| column != stored));
        Ok(Self { rows: shape[0], columns, image, order })
    }
}

impl ArraySource {
    pub(crate) fn new(
        request: Request<'_>,
        header: Header,
        mut elements: Elements,
        labels: Option<LabelArray>,
    ) -> Result<Self> {
        let path = request.path;
        let layout = Layout::new(path, &header)?;
        let size = header.element.size();
        let total = (layout.rows as u64).checked_mul((layout.columns * size) as u64);
        let Some(total) = total else {
            return Err(DataError::new(
                path,
                format!("an array of shape {:?}", header.shape),
                "a smaller one",
            )
            .into());
        };
        if let Some(labels) = labels.as_ref().filter(|labels| labels.values.len() != layout.rows) {
            let found = format!("{} labels for {} rows", labels.values.len(), layout.rows);
            return Err(DataError::new(path, found, "one a row").into());
        }
        if let Elements::Random(file, start) = &mut elements {
            let end = file.seek(SeekFrom::End(0)).map_err(|e| Error::io(path, "read", e))?;
            if end.saturating_sub(*start) < total {
                let found = format!("{} bytes of elements", end.saturating_sub(*start));
                return Err(DataError::new(path, found, format!("{total} for shape {:?}", header.shape))
                    .hint("The file is cut short: fetch it again")
                    .into());
            }
            file.seek(SeekFrom::Start(*start)).map_err(|e| Error::io(path, "read", e))?;
        }
        if let (Elements::Stream(stream), true) = (&mut elements, header.fortran && header.shape.len() > 1) {
            // A packed column-major array can only be turned in memory.
            let mut all = Vec::new();
            stream.take(total).read_to_end(&mut all).map_err(|e| read_error(path, &e))?;
            if (all.len() as u64) < total {
                return Err(read_error(path, &std::io::ErrorKind::UnexpectedEof.into()));
            }
            elements = Elements::Random(Box::new(std::io::Cursor::new(all)), 0);
        }
        let mut options = request.options.clone();
        if labels.is_some() {
            options.label = None;
        }
        let prefix = if layout.image.is_some() { 'p' } else { 'c' };
        let request = Request { options: &options, ..request };
        let mut plan = Plan::new(request, numbered(prefix, layout.columns), false)?;
        plan.infer_numbers();
        let mut columns = plan.columns();
        if let Some(labels) = &labels {
            columns.push(ColumnInfo { name: labels.name.clone(), kind: ColumnKind::Text });
        }
        Ok(Self {
            path: path.to_owned(),
            elements,
            element: header.element,
            fortran: header.fortran && header.shape.len() > 1,
            layout,
            plan,
            columns,
            labels,
            row: 0,
            bytes: Vec::new(),
        })
    }

    /// Fills `self.bytes` with the elements of `rows` rows, by row or (Fortran) by column.
    fn read(&mut self, rows: usize) -> Result<()> {
        let size = self.element.size();
        let wanted = rows * self.layout.columns * size;
        self.bytes.clear();
        let read = match &mut self.elements {
            Elements::Stream(stream) => stream.take(wanted as u64).read_to_end(&mut self.bytes),
            Elements::Random(file, _) if !self.fortran => {
                file.take(wanted as u64).read_to_end(&mut self.bytes)
            }
            Elements::Random(file, start) => {
                let (count, before) = (rows * size, self.row * size);
                let (stride, start) = ((self.layout.rows * size) as u64, *start + before as u64);
                (0..self.layout.columns as u64).try_fold(0, |read, j| {
                    file.seek(SeekFrom::Start(start + j * stride))?;
                    Ok(read + file.take(count as u64).read_to_end(&mut self.bytes)?)
                })
            }
        };
        match read {
            Ok(n) if n == wanted => Ok(()),
            Ok(_) => {
                Err(DataError::new(&self.path, "the end of the file", format!("{} rows", self.layout.rows))
                    .row((self.row + self.bytes.len() / (self.layout.columns * size) + 1) as u64)
                    .hint("The file is cut short: fetch it again")
                    .into())
            }
            Err(error) => Err(read_error(&self.path, &error)),
        }
    }

    /// Where the element of row `i` and column `j` begins in `self.bytes`, for a chunk of `rows` rows.
    fn at(&self, i: usize, j: usize, rows: usize) -> usize {
        let j = self.layout.order.as_ref().map_or(j, |order| order[j]);
        self.element.size() * if self.fortran { j * rows + i } else { i * self.layout.columns + j }
    }
}

impl Source for ArraySource {
    fn path(&self) -> &Path {
        &self.path
    }

    fn columns(&self) -> &[ColumnInfo] {
        &self.columns
    }

    fn is_named(&self) -> bool {
        false
    }

    fn rows_hint(&self) -> Option<u64> {
        Some(self.layout.rows as u64)
    }

    fn image_shape(&self) -> Option<ImageShape> {
        self.layout.image.filter(|_| self.plan.roles.iter().all(|role| *role == Role::Number))
    }

    fn range(&self) -> Option<f32> {
        (self.layout.image.is_some() && self.element.is_byte()).then_some(255.0)
    }

    fn label(&self) -> Option<&str> {
        self.labels.as_ref().map(|labels| labels.name.as_str()).or_else(|| self.plan.name_of(Role::Label))
    }

    fn targets(&self) -> &[String] {
        &self.plan.targets
    }

    fn id(&self) -> Option<&str> {
        self.plan.name_of(Role::Id)
    }

    fn next(&mut self, max_rows: usize) -> Result<Option<Chunk>> {
        let most = (BUFFER / (self.layout.columns * self.element.size())).max(1);
        let rows = max_rows.min(most).min(self.layout.rows - self.row);
        if rows == 0 {
            return Ok(None);
        }
        self.read(rows)?;
        let numeric: Vec<usize> =
            (0..self.layout.columns).filter(|&j| self.plan.roles[j] == Role::Number).collect();
        let mut values = Vec::with_capacity(rows * numeric.len());
        if numeric.len() == self.layout.columns && self.layout.order.is_none() && !self.fortran {
            self.element.decode(&self.bytes, &mut values);
        } else {
            let mut stored = Vec::with_capacity(rows * self.layout.columns);
            self.element.decode(&self.bytes, &mut stored);
            let size = self.element.size();
            for i in 0..rows {
                values.extend(numeric.iter().map(|&j| stored[self.at(i, j, rows) / size]));
            }
        }
        let cells = |j: usize| -> Vec<Option<String>> {
            let size = self.element.size();
            let cell = |i: usize| {
                let at = self.at(i, j, rows);
                self.element.name(&self.bytes[at..at + size])
            };
            (0..rows).map(cell).collect()
        };
        let apart = |role: Role| !matches!(role, Role::Number | Role::Skip);
        let mut texts: Vec<_> =
            (0..self.layout.columns).filter(|&j| apart(self.plan.roles[j])).map(cells).collect();
        if let Some(labels) = &self.labels {
            texts.push(
                labels.values[self.row..self.row + rows].iter().map(|&value| text::name(value)).collect(),
            );
        }
        let first_row = self.row as u64;
        self.row += rows;
        Ok(Some(Chunk { first_row, rows, numbers: Matrix::new(rows, numeric.len(), values), texts }))
    }
}

/// Reads a whole array of one dimension as classes.
pub(crate) fn read_labels(
    path: &Path,
    name: &str,
    header: &Header,
    stream: &mut dyn Read,
) -> Result<LabelArray> {
    let [rows] = *header.shape.iter().copied().filter(|&side| side != 1).collect::<Vec<_>>().as_slice()
    else {
        let found = format!("labels of shape {:?}", header.shape);
        return Err(DataError::new(path, found, "one label a row").into());
    };
    let wanted = (rows as u64).saturating_mul(header.element.size() as u64);
    let mut bytes = Vec::new();
    stream.take(wanted).read_to_end(&mut bytes).map_err(|e| read_error(path, &e))?;
    if (bytes.len() as u64) < wanted {
        return Err(read_error(path, &std::io::ErrorKind::UnexpectedEof.into()));
    }
    let values = bytes.chunks_exact(header.element.size()).map(|bytes| header.element.value(bytes)).collect();
    Ok(LabelArray { name: name.to_owned(), values })
}

/// The name that labels kept in their own file go by.
pub(crate) fn label_name(options: &ReadOptions) -> &str {
    options.label.as_deref().unwrap_or(super::matrix_source::LABEL)
}
