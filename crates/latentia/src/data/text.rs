//! Cells of text files.

use std::path::Path;

use super::preprocess::ignore_hint;
use crate::DataError;

/// Whether a cell says that there is no value, as pandas reads it.
pub(crate) fn is_missing(cell: &[u8]) -> bool {
    let cell = cell.trim_ascii();
    match cell.len() {
        0 => true,
        1 => cell == b"?",
        2..=4 => {
            [&b"NA"[..], b"N/A", b"NaN", b"nan", b"null", b"NULL", b"n/a", b"None", b"-nan", b"-NaN", b"<NA>"]
                .contains(&cell)
        }
        _ => false,
    }
}

/// Why a cell is not a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NumberFault {
    Text,
    Infinite,
}

impl NumberFault {
    pub(crate) fn error(self, path: &Path, column: &str, cell: &[u8]) -> DataError {
        let cell = String::from_utf8_lossy(cell.trim_ascii());
        let mut shown: String = cell.chars().take(40).collect();
        if shown.len() < cell.len() {
            shown.push_str("...");
        }
        let fault = DataError::new(path, format!("\"{shown}\""), "").column(column);
        match self {
            Self::Text => DataError { expected: "a number".into(), ..fault }.hint(format!(
                "Use --categorical {column} to read the column as categories or --ignore {column} to leave it out; \
                 an empty cell is a missing one, see --missing"
            )),
            Self::Infinite => {
                DataError { expected: "a finite number".into(), ..fault }.hint(ignore_hint(column))
            }
        }
    }
}

/// The number in a cell, NaN for a missing one.
pub(crate) fn number(cell: &[u8]) -> Result<f32, NumberFault> {
    let parsed = fast_float2::parse::<f32, _>(cell).or_else(|fault| {
        let trimmed = cell.trim_ascii();
        if trimmed.len() < cell.len() { fast_float2::parse::<f32, _>(trimmed) } else { Err(fault) }
    });
    match parsed {
        Ok(value) if value.is_infinite() => Err(NumberFault::Infinite),
        Ok(value) => Ok(value),
        Err(_) if is_missing(cell) => Ok(f32::NAN),
        Err(_) => Err(NumberFault::Text),
    }
}

/// Whether a cell is meant as a number, infinite or not.
pub(crate) fn is_number(cell: &[u8]) -> bool {
    number(cell) != Err(NumberFault::Text)
}

/// A cell that is not UTF-8.
pub(crate) fn text_fault(path: &Path, cell: &[u8]) -> DataError {
    let shown: String = String::from_utf8_lossy(cell).chars().take(40).collect();
    DataError::new(path, format!("bytes that are not UTF-8 (\"{shown}\")"), "text in UTF-8")
        .hint("Convert the file, for example with iconv -f LATIN1 -t UTF-8")
}

/// A number as the name of a class or a row: whole numbers without a point.
pub(crate) fn name(value: f64) -> Option<String> {
    if value.is_nan() { None } else { Some(format!("{value}")) }
}
