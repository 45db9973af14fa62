//! A text file whose every line is a document: one side of a parallel corpus.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
};

use super::{MAX_FILE, TEXT};
use crate::{
    DataError, Result,
    data::{
        Chunk, ColumnInfo, ColumnKind, FeatureKind, Matrix, Source,
        open::{Bytes, open_bytes, read_error},
        plan::Request,
        text::text_fault,
    },
};

/// Languages whose codes are endings of files of sentences, `train.de`: the custom of parallel corpora.
const LANGUAGES: [&str; 32] = [
    "ar", "bg", "ca", "cs", "da", "de", "el", "en", "es", "et", "fa", "fi", "fr", "he", "hi", "hr", "hu",
    "it", "ja", "ko", "lt", "lv", "nl", "no", "pt", "ro", "ru", "sk", "sv", "tr", "uk", "zh",
];

/// Whether the ending of a file's name is a language.
pub(crate) fn is_language(extension: &str) -> bool {
    LANGUAGES.contains(&extension)
}

/// One document a line.
pub(crate) struct LinesSource {
    path: PathBuf,
    lines: BufReader<Bytes>,
    columns: Vec<ColumnInfo>,
    row: u64,
}

impl LinesSource {
    pub(crate) fn open(request: Request<'_>) -> Result<Self> {
        let path = request.path;
        if let Some(label) = request.options.label.as_ref().filter(|_| request.schema.is_none()) {
            let expected = "no label: a line is a document and nothing else";
            return Err(DataError::new(path, format!("the label \"{label}\""), expected).into());
        }
        let name = match request.schema.map(|schema| schema.features.as_slice()) {
            None => TEXT.to_owned(),
            Some([feature]) if matches!(feature.kind, FeatureKind::Text { .. }) => feature.name.clone(),
            Some(features) => {
                let expected = format!("the {} columns of the training file", features.len());
                return Err(DataError::new(path, "documents", expected).into());
            }
        };
        let columns = vec![ColumnInfo { name, kind: ColumnKind::Text }];
        Ok(Self { path: path.to_owned(), lines: BufReader::new(open_bytes(path)?), columns, row: 0 })
    }

    /// The next line without its end; `None` after the last.
    fn line(&mut self) -> Result<Option<String>> {
        let mut bytes = Vec::new();
        let limited = &mut std::io::Read::take(&mut self.lines, MAX_FILE);
        let read = limited.read_until(b'\n', &mut bytes).map_err(|e| read_error(&self.path, &e))?;
        if read == 0 {
            return Ok(None);
        }
        if read as u64 == MAX_FILE {
            let found = format!("a line of {} MB or more", MAX_FILE >> 20);
            return Err(DataError::new(&self.path, found, "one document a line").row(self.row + 1).into());
        }
        while matches!(bytes.last(), Some(b'\n' | b'\r')) {
            bytes.pop();
        }
        String::from_utf8(bytes).map(Some).map_err(|e| {
            let around = &e.as_bytes()[e.utf8_error().valid_up_to().saturating_sub(20)..];
            text_fault(&self.path, &around[..around.len().min(40)]).row(self.row + 1).into()
        })
    }
}

impl Source for LinesSource {
    fn path(&self) -> &Path {
        &self.path
    }

    fn columns(&self) -> &[ColumnInfo] {
        &self.columns
    }

    fn is_named(&self) -> bool {
        true
    }

    fn text(&self) -> Option<&str> {
        self.columns.first().map(|column| column.name.as_str())
    }

    fn id(&self) -> Option<&str> {
        None
    }

    fn label(&self) -> Option<&str> {
        None
    }

    fn next(&mut self, max_rows: usize) -> Result<Option<Chunk>> {
        let first_row = self.row;
        let mut texts = Vec::new();
        while texts.len() < max_rows
            && let Some(line) = self.line()?
        {
            self.row += 1;
            texts.push(Some(line));
        }
        let rows = texts.len();
        let chunk = Chunk { first_row, rows, numbers: Matrix::zeros(rows, 0), texts: vec![texts] };
        Ok((rows > 0).then_some(chunk))
    }
}
