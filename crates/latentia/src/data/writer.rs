//! Results out: CSV, JSON lines, Parquet, NPY or an image, by the name of the file; never half-written.

use std::{
    fs,
    io::{self, BufWriter, Seek, SeekFrom, Stdout, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use ::parquet::{arrow::ArrowWriter, basic::Compression, file::properties::WriterProperties};
use arrow_array::{ArrayRef, Float32Array, Int64Array, RecordBatch, StringArray};
use flate2::write::GzEncoder;
use tempfile::NamedTempFile;

use super::{ImageShape, Matrix, Table, Values, image_grid::image_grid};
use crate::{Error, Result};

/// Bytes of an NPY header: enough for any shape, so that it can be written again when the rows are counted.
const NPY_HEADER: usize = 128;

/// Writes tables one after the other to a file whose name says the format: `.csv`, `.tsv`, `.jsonl` (each also with
/// `.gz`), `.parquet`, `.npy`, `.png`; `-` is CSV on standard output.
///
/// Everything goes to a temporary file in the same folder, which takes the name at [`Writer::finish`]: a run that is
/// killed leaves what was there before.
pub struct Writer {
    path: PathBuf,
    sink: Sink,
    names: Vec<String>,
    rows: u64,
    image: Option<ImageShape>,
}

enum Sink {
    Csv(Box<csv::Writer<Out>>),
    Jsonl(Out),
    Parquet(NamedTempFile, Option<Box<ArrowWriter<fs::File>>>),
    Npy(Out, bool),
    Png(NamedTempFile, Vec<f32>),
}

enum Out {
    Stdout(BufWriter<Stdout>),
    Plain(BufWriter<NamedTempFile>),
    Gzip(GzEncoder<BufWriter<NamedTempFile>>),
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stdout(out) => out.write(bytes),
            Self::Plain(out) => out.write(bytes),
            Self::Gzip(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(out) => out.flush(),
            Self::Plain(out) => out.flush(),
            Self::Gzip(out) => out.flush(),
        }
    }
}

impl Out {
    /// The temporary file, complete.
    fn finish(self) -> io::Result<Option<NamedTempFile>> {
        let buffered = match self {
            Self::Stdout(mut out) => return out.flush().map(|()| None),
            Self::Plain(out) => out,
            Self::Gzip(out) => out.finish()?,
        };
        buffered.into_inner().map(Some).map_err(io::IntoInnerError::into_error)
    }
}

impl Writer {
    /// Begins a file. A PNG needs the shape of the images that rows are.
    ///
    /// # Errors
    /// [`Error::Config`] for an unknown ending, [`Error::Io`] when the folder cannot be written to.
    pub fn create(path: impl AsRef<Path>, image: Option<ImageShape>) -> Result<Self> {
        let path = path.as_ref().to_owned();
        let name = path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
        let (stem, packed) = name.strip_suffix(".gz").map_or((name.as_str(), false), |stem| (stem, true));
        let ending = stem.rsplit_once('.').map_or("", |(_, ending)| ending);
        let out = |packed: bool| -> Result<Out> {
            let file = BufWriter::with_capacity(1 << 17, temporary(&path)?);
            Ok(if packed {
                Out::Gzip(GzEncoder::new(file, flate2::Compression::default()))
            } else {
                Out::Plain(file)
            })
        };
        let table = |out, delimiter| {
            Sink::Csv(Box::new(csv::WriterBuilder::new().delimiter(delimiter).from_writer(out)))
        };
        let sink = match ending {
            _ if name == "-" => table(Out::Stdout(BufWriter::new(io::stdout())), b','),
            "csv" => table(out(packed)?, b','),
            "tsv" => table(out(packed)?, b'\t'),
            "jsonl" | "ndjson" => Sink::Jsonl(out(packed)?),
            "parquet" if !packed => Sink::Parquet(temporary(&path)?, None),
            "npy" if !packed => Sink::Npy(out(false)?, false),
            "png" if !packed && image.is_none() => {
                return Err(Error::config("output", "rows that are not images cannot be written as PNG"));
            }
            "png" if !packed => Sink::Png(temporary(&path)?, Vec::new()),
            _ => {
                let known = ".csv, .tsv, .jsonl (also .gz), .parquet, .npy or .png";
                return Err(Error::config("output", format!("'{}' does not end in {known}", path.display())));
            }
        };
        Ok(Self { path, sink, names: Vec::new(), rows: 0, image })
    }

    /// Writes the rows of a table; every table has the columns of the first.
    ///
    /// # Errors
    /// [`Error::Config`] when the format cannot hold the columns, [`Error::Io`] when writing fails.
    pub fn write(&mut self, table: &Table) -> Result<()> {
        let names: Vec<String> = table.columns().iter().map(|(name, _)| name.clone()).collect();
        let first = self.names.is_empty();
        if first {
            self.names = names;
        } else if self.names != names {
            return Err(Error::config("output", "every table must have the columns of the first"));
        }
        self.rows += table.rows() as u64;
        let failed = |error: io::Error| Error::io(&self.path, "write", error);
        match &mut self.sink {
            Sink::Csv(writer) => write_csv(writer, table, first).map_err(|e| failed(fault_of(e))),
            Sink::Jsonl(out) => write_jsonl(out, table).map_err(failed),
            Sink::Parquet(file, writer) => write_parquet(file, writer, table).map_err(failed),
            Sink::Npy(out, whole) => {
                if first {
                    numbers_only(table, "NPY")?;
                    *whole = table.columns().iter().all(|(_, values)| matches!(values, Values::Integers(_)));
                    out.write_all(&[0; NPY_HEADER]).map_err(failed)?;
                }
                write_npy(out, table, *whole).map_err(failed)
            }
            Sink::Png(_, values) => {
                let shape = self.image.map_or(0, |shape| shape.len());
                let numbers: Vec<&Vec<f32>> =
                    table.columns().iter().filter_map(|(_, values)| number(values)).collect();
                if numbers.len() != shape {
                    let message =
                        format!("{} columns of numbers are not images of {shape} values", numbers.len());
                    return Err(Error::config("output", message));
                }
                for i in 0..table.rows() {
                    values.extend(numbers.iter().map(|column| column[i]));
                }
                Ok(())
            }
        }
    }

    /// Completes the file and gives it its name.
    ///
    /// # Errors
    /// [`Error::Io`] when writing fails; what was there before is then still there.
    pub fn finish(self) -> Result<()> {
        let failed = |error: io::Error| Error::io(&self.path, "write", error);
        let file = match self.sink {
            Sink::Csv(writer) => match writer.into_inner() {
                Ok(out) => out.finish().map_err(failed)?,
                Err(error) => return Err(failed(error.into_error())),
            },
            Sink::Jsonl(out) => out.finish().map_err(failed)?,
            Sink::Parquet(file, writer) => {
                if let Some(writer) = writer {
                    writer.close().map_err(|e| failed(io::Error::other(e)))?;
                }
                Some(file)
            }
            Sink::Npy(out, whole) => {
                let mut file = out.finish().map_err(failed)?;
                if let Some(file) = &mut file {
                    let header = npy_header(self.rows, self.names.len(), whole);
                    file.seek(SeekFrom::Start(0)).and_then(|_| file.write_all(&header)).map_err(failed)?;
                }
                file
            }
            Sink::Png(mut file, values) => {
                if let Some(shape) = self.image {
                    let x = Matrix::new(values.len() / shape.len().max(1), shape.len(), values);
                    image_grid(&x, shape, &mut file).map_err(|e| failed(io::Error::other(e)))?;
                }
                Some(file)
            }
        };
        let Some(file) = file else { return Ok(()) };
        file.as_file().sync_all().map_err(failed)?;
        file.persist(&self.path).map(drop).map_err(|e| failed(e.error))
    }
}

/// A temporary file in the folder of `path`, with the permissions of an ordinary one.
fn temporary(path: &Path) -> Result<NamedTempFile> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder).map_err(|e| Error::io(path, "create", e))
}

fn number(values: &Values) -> Option<&Vec<f32>> {
    match values {
        Values::Numbers(values) => Some(values),
        _ => None,
    }
}

fn numbers_only(table: &Table, format: &str) -> Result<()> {
    match table.columns().iter().find(|(_, values)| matches!(values, Values::Text(_))) {
        Some((name, _)) => {
            let message =
                format!("{format} holds numbers only, and column \"{name}\" is text: write .csv or .parquet");
            Err(Error::config("output", message))
        }
        None => Ok(()),
    }
}

fn write_csv(
    writer: &mut csv::Writer<Out>,
    table: &Table,
    first: bool,
) -> std::result::Result<(), csv::Error> {
    use std::fmt::Write;
    if first {
        writer.write_record(table.columns().iter().map(|(name, _)| name))?;
    }
    let mut cell = String::new();
    for i in 0..table.rows() {
        for (_, values) in table.columns() {
            cell.clear();
            // Formatting into a string cannot fail.
            let _ = match values {
                Values::Numbers(v) if v[i].is_nan() => Ok(()),
                Values::Numbers(v) => write!(cell, "{}", v[i]),
                Values::Integers(v) => write!(cell, "{}", v[i]),
                Values::Text(v) => cell.write_str(v[i].as_deref().unwrap_or_default()),
            };
            writer.write_field(&cell)?;
        }
        writer.write_record(None::<&[u8]>)?;
    }
    Ok(())
}

/// The fault of the system behind one of the CSV writer, so that callers can tell a closed pipe from a full disk.
fn fault_of(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(fault) => fault,
        other => io::Error::other(format!("{other:?}")),
    }
}

fn write_jsonl(out: &mut Out, table: &Table) -> io::Result<()> {
    let keys: Vec<String> = table
        .columns()
        .iter()
        .map(|(name, _)| serde_json::to_string(name))
        .collect::<std::result::Result<_, _>>()?;
    for i in 0..table.rows() {
        for (j, (key, (_, values))) in keys.iter().zip(table.columns()).enumerate() {
            write!(out, "{}{key}: ", if j == 0 { "{" } else { ", " })?;
            match values {
                Values::Numbers(v) if !v[i].is_finite() => write!(out, "null")?,
                Values::Numbers(v) => write!(out, "{}", v[i])?,
                Values::Integers(v) => write!(out, "{}", v[i])?,
                Values::Text(v) => serde_json::to_writer(&mut *out, &v[i])?,
            }
        }
        writeln!(out, "}}")?;
    }
    Ok(())
}

fn write_parquet(
    file: &NamedTempFile,
    writer: &mut Option<Box<ArrowWriter<fs::File>>>,
    table: &Table,
) -> io::Result<()> {
    let array = |values: &Values| -> ArrayRef {
        match values {
            Values::Numbers(v) => {
                Arc::new(v.iter().map(|&x| Some(x).filter(|x| !x.is_nan())).collect::<Float32Array>())
            }
            Values::Integers(v) => Arc::new(Int64Array::from(v.clone())),
            Values::Text(v) => Arc::new(v.iter().map(Option::as_deref).collect::<StringArray>()),
        }
    };
    let columns = table.columns().iter().map(|(name, values)| (name.as_str(), array(values), true));
    let batch = RecordBatch::try_from_iter_with_nullable(columns).map_err(io::Error::other)?;
    let writer = match writer {
        Some(writer) => writer,
        None => {
            let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
            let new = ArrowWriter::try_new(file.as_file().try_clone()?, batch.schema(), Some(properties));
            writer.insert(Box::new(new.map_err(io::Error::other)?))
        }
    };
    writer.write(&batch).map_err(io::Error::other)
}

fn write_npy(out: &mut Out, table: &Table, whole: bool) -> io::Result<()> {
    for i in 0..table.rows() {
        for (_, values) in table.columns() {
            match values {
                Values::Integers(v) if whole => out.write_all(&v[i].to_le_bytes())?,
                Values::Integers(v) => out.write_all(&(v[i] as f32).to_le_bytes())?,
                Values::Numbers(v) => out.write_all(&v[i].to_le_bytes())?,
                Values::Text(_) => {}
            }
        }
    }
    Ok(())
}

/// The header of NPY format version 1, padded to [`NPY_HEADER`] bytes.
fn npy_header(rows: u64, columns: usize, whole: bool) -> Vec<u8> {
    let kind = if whole { "<i8" } else { "<f4" };
    let text = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({rows}, {columns}), }}");
    let mut header = b"\x93NUMPY\x01\x00".to_vec();
    header.extend(((NPY_HEADER - 10) as u16).to_le_bytes());
    header.extend(text.as_bytes());
    header.resize(NPY_HEADER - 1, b' ');
    header.push(b'\n');
    header
}
