//! `latentia decode`

use std::path::Path;

use latentia::{
    DataError, Result,
    artifact::ModelDirectory,
    data::{self, Chunk, ColumnInfo, ColumnKind, Matrix, Preprocess, ReadOptions, Source, Table, Values},
};

use super::Context;
use crate::{Outcome, args::Decode, sink::Sink, stream};

/// Codes to rows.
pub(super) fn run(args: &Decode, context: &Context) -> Outcome {
    let ModelDirectory { model, manifest, .. } = context.open(&args.model)?;
    let decoder = model.require("decode", model.as_decode())?;
    let preprocess = &manifest.preprocess;
    let code = match model.as_encode() {
        Some(encoder) => encoder.code_size(),
        None => model.input_width(),
    };
    let mut source = open(&args.codes, preprocess)?;
    let columns = Columns::find(source.as_ref(), code, preprocess)?;
    let sink = Sink::create(&args.output, preprocess.image)?;
    let bare = sink.is_bare();
    let batch = stream::batch_rows(preprocess.width());
    let (path, total) = (args.codes.clone(), source.rows_hint());
    stream::run(
        move || source.next(batch),
        total,
        |chunk| {
            let codes = columns.codes(&path, &chunk)?;
            let rows = preprocess.inverse(&decoder.decode(&codes)?)?;
            Ok(if bare { rows } else { columns.names(&chunk).beside(rows) })
        },
        sink,
        context,
    )
}

/// Opens codes. The column that names rows is read as text, so that it is repeated as it is.
fn open(path: &Path, preprocess: &Preprocess) -> Result<Box<dyn Source>> {
    let source = data::open(path, &ReadOptions::default())?;
    let name = preprocess.id.clone().unwrap_or_else(|| "row".to_owned());
    // What comes from standard input cannot be opened twice.
    match path.as_os_str() != "-" && source.columns().iter().any(|c| c.name == name) {
        true => data::open(path, &ReadOptions { id: Some(name), ..ReadOptions::default() }),
        false => Ok(source),
    }
}

/// Where the codes lie in a file, and the names of its rows.
struct Columns {
    /// Of each number of a code: the name and the place among the numeric columns.
    codes: Vec<(String, usize)>,
    /// Columns that are repeated: name, kind and place among the columns of its kind.
    kept: Vec<(String, ColumnKind, usize)>,
}

impl Columns {
    /// `code1`, `code2`, … by name, or else all numeric columns when there are as many as a code has numbers.
    fn find(source: &dyn Source, code: usize, preprocess: &Preprocess) -> Result<Self> {
        let placed = places(source.columns());
        let numbers: Vec<_> = placed.iter().filter(|c| c.1 == ColumnKind::Number).collect();
        let named: Option<Vec<_>> = (1..=code)
            .map(|k| numbers.iter().find(|c| c.0 == format!("code{k}")).map(|c| (c.0.clone(), c.2)))
            .collect();
        let more = numbers.iter().any(|c| c.0 == format!("code{}", code + 1));
        let codes = match named {
            Some(codes) if !more => codes,
            None if numbers.len() == code => numbers.iter().map(|c| (c.0.clone(), c.2)).collect(),
            _ => {
                let found = format!("{} numeric columns", numbers.len());
                let expected =
                    format!("{code}, or columns code1 to code{code} as `latentia encode` writes them");
                return Err(DataError::new(source.path(), found, expected).into());
            }
        };
        let id = preprocess.id.as_deref();
        let label = preprocess.label.as_ref().map(|label| label.column.as_str());
        let feature = |name: &str| preprocess.features.iter().any(|f| f.name == name);
        let free = |name: &str| !feature(name) && codes.iter().all(|(code, _)| code != name);
        // The order of columns in a JSON file says nothing: names come first, as everywhere.
        let wanted = id.into_iter().chain(["row"]).chain(label).filter(|name| free(name));
        let kept = wanted.filter_map(|name| placed.iter().find(|c| c.0 == name).cloned()).collect();
        Ok(Self { codes, kept })
    }

    fn codes(&self, file: &Path, chunk: &Chunk) -> Result<Matrix> {
        let mut values = Vec::with_capacity(chunk.rows * self.codes.len());
        for (i, row) in chunk.numbers.iter_rows().enumerate() {
            for (name, j) in &self.codes {
                if !row[*j].is_finite() {
                    let fault = DataError::new(
                        file,
                        "a missing cell or one that is not finite",
                        "a number of a code",
                    );
                    return Err(fault.row(chunk.first_row + i as u64 + 1).column(name).into());
                }
                values.push(row[*j]);
            }
        }
        Ok(Matrix::new(chunk.rows, self.codes.len(), values))
    }

    fn names(&self, chunk: &Chunk) -> Table {
        let mut table = Table::new();
        for (name, kind, j) in &self.kept {
            let values = match kind {
                ColumnKind::Text => Values::Text(chunk.texts[*j].clone()),
                ColumnKind::Number => Values::Numbers(chunk.numbers.iter_rows().map(|row| row[*j]).collect()),
            };
            table.push(name, values);
        }
        table
    }
}

/// Each column with its place among the columns of its kind, as chunks hold them.
fn places(columns: &[ColumnInfo]) -> Vec<(String, ColumnKind, usize)> {
    let (mut numbers, mut texts) = (0, 0);
    let mut next = |kind| {
        let place = match kind {
            ColumnKind::Number => &mut numbers,
            ColumnKind::Text => &mut texts,
        };
        *place += 1;
        *place - 1
    };
    columns.iter().map(|c| (c.name.clone(), c.kind, next(c.kind))).collect()
}
