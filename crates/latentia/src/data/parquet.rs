//! Apache Parquet, a batch of rows at a time.

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use ::parquet::arrow::{
    ProjectionMask,
    arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder},
};
use arrow_array::{
    Array, ArrayRef, RecordBatch,
    cast::AsArray,
    types::{
        ArrowPrimitiveType, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
        UInt8Type, UInt16Type, UInt32Type, UInt64Type,
    },
};
use arrow_schema::DataType;

use super::{
    Chunk, ColumnInfo, Matrix, Source,
    guard::guard,
    open::open_file,
    plan::{Plan, Request, Role, roles_of_plan},
    text::{self, is_missing, number},
};
use crate::{DataError, Error, Result};

/// Rows decoded at a time: with 64 columns they fill 2 MB, which the second-level cache of a laptop still holds.
const BATCH: usize = 8192;
/// Rows turned from columns to rows at a time, so that the rows written stay in the first-level cache.
const BLOCK: usize = 32;

/// A Parquet file; only the columns that are asked for are decoded.
pub(crate) struct ParquetSource {
    path: PathBuf,
    reader: ParquetRecordBatchReader,
    plan: Plan,
    columns: Vec<ColumnInfo>,
    /// Roles of the columns that are read, in the order of the file.
    roles: Vec<Role>,
    rows: u64,
    row: u64,
    batch: Option<(RecordBatch, usize)>,
}

impl ParquetSource {
    pub(crate) fn open(request: Request<'_>) -> Result<Self> {
        let file = open_file(request.path)?;
        guard(request.path, || Self::open_unguarded(request, file))
    }

    fn open_unguarded(request: Request<'_>, file: File) -> Result<Self> {
        let path = request.path;
        let damaged = |e: ::parquet::errors::ParquetError| {
            DataError::new(path, format!("damaged data ({e})"), "a Parquet file")
                .hint("The file may be cut short: fetch it again")
        };
        let length = file.metadata().map_or(0, |meta| meta.len());
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(damaged)?;
        check_sizes(path, &builder, length)?;
        let schema = builder.schema().clone();
        let names = schema.fields().iter().map(|field| field.name().clone()).collect();
        let mut plan = Plan::new(request, names, true)?;
        for (role, field) in plan.roles.iter_mut().zip(schema.fields()) {
            if *role == Role::Skip {
                continue;
            }
            let inferred = infer(field.data_type()).ok_or_else(|| {
                DataError::new(path, format!("cells of type {}", field.data_type()), "numbers or text")
                    .column(field.name())
                    .hint(format!("Leave the column out with --ignore {}", field.name()))
            })?;
            if *role == Role::Infer {
                *role = inferred;
            }
        }
        let kept: Vec<usize> = (0..plan.roles.len()).filter(|&j| plan.roles[j] != Role::Skip).collect();
        let rows = u64::try_from(builder.metadata().file_metadata().num_rows()).unwrap_or(0);
        if rows == 0 {
            return Err(DataError::new(path, "no rows of data", "rows of data").into());
        }
        let mask = ProjectionMask::roots(builder.parquet_schema(), kept.iter().copied());
        let reader = builder.with_projection(mask).with_batch_size(BATCH).build().map_err(damaged)?;
        Ok(Self {
            path: path.to_owned(),
            reader,
            columns: plan.columns(),
            roles: kept.iter().map(|&j| plan.roles[j]).collect(),
            plan,
            rows,
            row: 0,
            batch: None,
        })
    }

    /// The rows of a batch from `start`, at most `most` of them.
    fn chunk(&self, batch: &RecordBatch, start: usize, most: usize) -> Result<Chunk> {
        let rows = most.min(batch.num_rows() - start);
        let (mut numbers, mut texts) = (Vec::new(), Vec::new());
        for ((array, role), column) in batch.columns().iter().zip(&self.roles).zip(&self.columns) {
            let array = array.slice(start, rows);
            if *role == Role::Number {
                numbers.push(self.numbers(array, column)?);
            } else {
                texts.push(strings(&array).ok_or_else(|| self.changed(column))?);
            }
        }
        let mut values = vec![0.0; rows * numbers.len()];
        let width = numbers.len();
        if width > 0 {
            let slices: Vec<&[f32]> = numbers.iter().map(Numbers::as_slice).collect();
            for (block, out) in values.chunks_mut(BLOCK * width).enumerate() {
                let first = block * BLOCK;
                let count = out.len() / width;
                for (j, column) in slices.iter().enumerate() {
                    let cells = &column[first..first + count];
                    for (row, &value) in out.chunks_exact_mut(width).zip(cells) {
                        row[j] = value;
                    }
                }
            }
        }
        Ok(Chunk { first_row: self.row, rows, numbers: Matrix::new(rows, width, values), texts })
    }

    fn changed(&self, column: &ColumnInfo) -> DataError {
        DataError::new(&self.path, "cells of another type", "cells of the type in the header")
            .column(&column.name)
    }

    fn numbers(&self, array: ArrayRef, column: &ColumnInfo) -> Result<Numbers> {
        if array.null_count() == 0 && array.as_primitive_opt::<Float32Type>().is_some() {
            return Ok(Numbers::Whole(array));
        }
        let wide = match array.data_type() {
            DataType::Null => Some(vec![f32::NAN; array.len()]),
            DataType::Boolean => array.as_boolean_opt().map(|bools| {
                bools.iter().map(|cell| cell.map_or(f32::NAN, |cell| f32::from(u8::from(cell)))).collect()
            }),
            DataType::Int8 => converted::<Int8Type>(&array, f32::from),
            DataType::Int16 => converted::<Int16Type>(&array, f32::from),
            DataType::Int32 => converted::<Int32Type>(&array, |v| v as f32),
            DataType::Int64 => converted::<Int64Type>(&array, |v| v as f32),
            DataType::UInt8 => converted::<UInt8Type>(&array, f32::from),
            DataType::UInt16 => converted::<UInt16Type>(&array, f32::from),
            DataType::UInt32 => converted::<UInt32Type>(&array, |v| v as f32),
            DataType::UInt64 => converted::<UInt64Type>(&array, |v| v as f32),
            DataType::Float16 => converted::<Float16Type>(&array, f32::from),
            DataType::Float32 => converted::<Float32Type>(&array, |v| v),
            DataType::Float64 => converted::<Float64Type>(&array, |v| v as f32),
            _ => {
                // Numbers written as text: the training file had numbers in this column.
                let cells = strings(&array).ok_or_else(|| self.changed(column))?;
                let parsed = cells.iter().enumerate().map(|(i, cell)| {
                    let cell = cell.as_deref().unwrap_or_default().as_bytes();
                    let row = self.row + i as u64 + 1;
                    number(cell)
                        .map_err(|fault| Error::from(fault.error(&self.path, &column.name, cell).row(row)))
                });
                Some(parsed.collect::<Result<Vec<f32>>>()?)
            }
        };
        wide.map(Numbers::Made).ok_or_else(|| self.changed(column).into())
    }
}

impl Source for ParquetSource {
    fn path(&self) -> &Path {
        &self.path
    }

    fn columns(&self) -> &[ColumnInfo] {
        &self.columns
    }

    fn is_named(&self) -> bool {
        true
    }

    fn rows_hint(&self) -> Option<u64> {
        Some(self.rows)
    }

    roles_of_plan!();

    fn next(&mut self, max_rows: usize) -> Result<Option<Chunk>> {
        let (batch, start) = match self.batch.take() {
            Some(left) => left,
            None => {
                let (path, reader) = (&self.path, &mut self.reader);
                let next = guard(path, || match reader.next() {
                    None => Ok(None),
                    Some(Ok(batch)) => Ok(Some(batch)),
                    Some(Err(error)) => {
                        Err(DataError::new(path, format!("damaged data ({error})"), "a Parquet file").into())
                    }
                })?;
                match next {
                    Some(batch) => (batch, 0),
                    None => return Ok(None),
                }
            }
        };
        let path = self.path.clone();
        let chunk = guard(&path, || self.chunk(&batch, start, max_rows))?;
        self.row += chunk.rows as u64;
        if start + chunk.rows < batch.num_rows() {
            self.batch = Some((batch, start + chunk.rows));
        }
        Ok(Some(chunk))
    }
}

/// A numeric column, as it lies in the batch where that will do.
enum Numbers {
    Whole(ArrayRef),
    Made(Vec<f32>),
}

impl Numbers {
    fn as_slice(&self) -> &[f32] {
        match self {
            Self::Whole(array) => array.as_primitive::<Float32Type>().values(),
            Self::Made(values) => values,
        }
    }
}

fn converted<T: ArrowPrimitiveType>(
    array: &ArrayRef,
    convert: impl Fn(T::Native) -> f32,
) -> Option<Vec<f32>> {
    let array = array.as_primitive_opt::<T>()?;
    let mut values: Vec<f32> = array.values().iter().map(|&value| convert(value)).collect();
    if let Some(nulls) = array.nulls().filter(|nulls| nulls.null_count() > 0) {
        for (value, valid) in values.iter_mut().zip(nulls) {
            if !valid {
                *value = f32::NAN;
            }
        }
    }
    Some(values)
}

/// The cells as text: of a text column, or of numbers that name classes or rows.
fn strings(array: &ArrayRef) -> Option<Vec<Option<String>>> {
    fn text(cell: Option<&str>) -> Option<String> {
        cell.filter(|cell| !is_missing(cell.as_bytes())).map(|cell| cell.trim().to_owned())
    }
    fn whole<T: ArrowPrimitiveType>(array: &ArrayRef) -> Option<Vec<Option<String>>>
    where
        T::Native: std::fmt::Display,
    {
        Some(array.as_primitive_opt::<T>()?.iter().map(|cell| cell.map(|cell| cell.to_string())).collect())
    }
    match array.data_type() {
        DataType::Null => Some(vec![None; array.len()]),
        DataType::Utf8 => Some(array.as_string_opt::<i32>()?.iter().map(text).collect()),
        DataType::LargeUtf8 => Some(array.as_string_opt::<i64>()?.iter().map(text).collect()),
        DataType::Utf8View => Some(array.as_string_view_opt()?.iter().map(text).collect()),
        DataType::Boolean => {
            Some(array.as_boolean_opt()?.iter().map(|cell| cell.map(|cell| cell.to_string())).collect())
        }
        DataType::Int8 => whole::<Int8Type>(array),
        DataType::Int16 => whole::<Int16Type>(array),
        DataType::Int32 => whole::<Int32Type>(array),
        DataType::Int64 => whole::<Int64Type>(array),
        DataType::UInt8 => whole::<UInt8Type>(array),
        DataType::UInt16 => whole::<UInt16Type>(array),
        DataType::UInt32 => whole::<UInt32Type>(array),
        DataType::UInt64 => whole::<UInt64Type>(array),
        DataType::Float32 => {
            let cells = array.as_primitive_opt::<Float32Type>()?.iter();
            Some(cells.map(|cell| cell.and_then(|cell| text::name(f64::from(cell)))).collect())
        }
        DataType::Float64 => Some(
            array.as_primitive_opt::<Float64Type>()?.iter().map(|cell| cell.and_then(text::name)).collect(),
        ),
        DataType::Dictionary(..) => {
            let dictionary = array.as_any_dictionary_opt()?;
            let values = strings(dictionary.values())?;
            let keys = if values.is_empty() { vec![0; array.len()] } else { dictionary.normalized_keys() };
            let cell =
                |(i, key): (usize, usize)| if array.is_null(i) { None } else { values.get(key).cloned()? };
            Some(keys.into_iter().enumerate().map(cell).collect())
        }
        _ => None,
    }
}

/// What cells of a type are, none when they are neither numbers nor text.
fn infer(data_type: &DataType) -> Option<Role> {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Some(Role::Category),
        DataType::Dictionary(_, values) => infer(values).map(|_| Role::Category),
        DataType::Null | DataType::Boolean | DataType::Float16 => Some(Role::Number),
        other if other.is_integer() || matches!(other, DataType::Float32 | DataType::Float64) => {
            Some(Role::Number)
        }
        _ => None,
    }
}

/// Refuses a file whose header places data outside of it, before anything is set aside for them.
fn check_sizes(path: &Path, builder: &ParquetRecordBatchReaderBuilder<File>, length: u64) -> Result<()> {
    let groups = builder.metadata().row_groups();
    let outside = groups.iter().flat_map(|group| group.columns()).any(|column| {
        let (start, size) = column.byte_range();
        start.checked_add(size).is_none_or(|end| end > length) || column.num_values() < 0
    });
    let rows = groups
        .iter()
        .try_fold(0i64, |sum, group| sum.checked_add(group.num_rows()).filter(|_| group.num_rows() >= 0));
    if outside || rows != Some(builder.metadata().file_metadata().num_rows()) {
        let hint = "The file may be cut short: fetch it again";
        return Err(DataError::new(path, "a header that does not fit the data", "a Parquet file")
            .hint(hint)
            .into());
    }
    Ok(())
}
