//! Delimited text.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    io::{BufReader, Cursor, Read},
    path::{Path, PathBuf},
};

use ::csv::{ByteRecord, Reader, ReaderBuilder};

use super::{
    Chunk, ColumnInfo, Matrix, Source,
    open::{Bytes, open_bytes, read_error},
    plan::{Plan, Request, Role, numbered, roles_of_plan},
    text::{is_missing, number, text_fault},
};
use crate::{DataError, Result};

/// Rows that decide what a column is.
const SAMPLE_ROWS: usize = 1000;
/// Fewer rows than that when they are very long.
const SAMPLE_BYTES: usize = 16 << 20;

/// Delimited text: one record a row.
pub(crate) struct CsvSource {
    path: PathBuf,
    reader: Reader<BufReader<Bytes>>,
    /// Records read to find out about the columns, not yet handed out.
    sample: VecDeque<ByteRecord>,
    record: ByteRecord,
    plan: Plan,
    columns: Vec<ColumnInfo>,
    named: bool,
    row: u64,
}

impl CsvSource {
    pub(crate) fn open(request: Request<'_>, delimiter: Option<char>) -> Result<Self> {
        let path = request.path;
        let mut bytes = open_bytes(path)?;
        let mut head = Vec::new();
        bytes.by_ref().take(1 << 16).read_to_end(&mut head).map_err(|e| read_error(path, &e))?;
        if head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff]) {
            return Err(DataError::new(path, "text in UTF-16", "text in UTF-8").into());
        }
        let start = if head.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        let delimiter = delimiter.map_or_else(|| sniff(&head[start..]), |c| c as u8);
        let mut cursor = Cursor::new(head);
        cursor.set_position(start as u64);
        let bytes: Bytes = Box::new(cursor.chain(bytes));
        let mut reader = ReaderBuilder::new()
            .delimiter(delimiter)
            .has_headers(false)
            .flexible(true)
            .buffer_capacity(1 << 17)
            .from_reader(BufReader::with_capacity(1 << 17, bytes));

        let mut sample = VecDeque::new();
        let mut size = 0;
        while sample.len() <= 1 || (sample.len() <= SAMPLE_ROWS && size < SAMPLE_BYTES) {
            let mut record = ByteRecord::new();
            if !read(path, &mut reader, &mut record)? {
                break;
            }
            size += record.as_slice().len() + record.len() * size_of::<usize>();
            sample.push_back(record);
        }
        let Some(first) = sample.front() else {
            return Err(DataError::new(path, "an empty file", "rows of data").into());
        };
        let named = request.options.header.unwrap_or_else(|| is_header(&sample));
        let names = if named { header(path, first)? } else { numbered('c', first.len()) };
        if named {
            sample.pop_front();
            if sample.is_empty() {
                return Err(DataError::new(path, "a header and no rows", "rows of data").into());
            }
        }
        let mut plan = Plan::new(request, names, named)?;
        for (j, role) in plan.roles.iter_mut().enumerate().filter(|(_, role)| **role == Role::Infer) {
            *role = infer(&sample, j);
        }
        let columns = plan.columns();
        Ok(Self {
            path: path.to_owned(),
            reader,
            sample,
            record: ByteRecord::new(),
            plan,
            columns,
            named,
            row: 0,
        })
    }

    /// Adds the cells of the current record to the columns.
    fn take(&self, numbers: &mut Vec<f32>, texts: &mut [Vec<Option<String>>]) -> Result<()> {
        let (row, line) = (self.row + 1, self.record.position().map(::csv::Position::line));
        let at = |error: DataError| {
            let error = error.row(row);
            match line {
                Some(line) if line != row => error.line(line),
                _ => error,
            }
        };
        if self.record.len() != self.plan.roles.len() {
            let found = format!("{} cells", self.record.len());
            let expected = format!("{}, as many as there are columns", self.plan.roles.len());
            return Err(at(DataError::new(&self.path, found, expected)).into());
        }
        let mut text = 0;
        for (j, (cell, role)) in self.record.iter().zip(&self.plan.roles).enumerate() {
            match role {
                Role::Skip => {}
                Role::Number => match number(cell) {
                    Ok(value) => numbers.push(value),
                    Err(fault) => return Err(at(fault.error(&self.path, &self.plan.names[j], cell)).into()),
                },
                _ => {
                    let cell = cell.trim_ascii();
                    let value = match std::str::from_utf8(cell) {
                        _ if is_missing(cell) => None,
                        Ok(value) => Some(value.to_owned()),
                        Err(_) => {
                            return Err(at(text_fault(&self.path, cell).column(&self.plan.names[j])).into());
                        }
                    };
                    texts[text].push(value);
                    text += 1;
                }
            }
        }
        Ok(())
    }
}

impl Source for CsvSource {
    fn path(&self) -> &Path {
        &self.path
    }

    fn columns(&self) -> &[ColumnInfo] {
        &self.columns
    }

    fn is_named(&self) -> bool {
        self.named
    }

    roles_of_plan!();

    fn next(&mut self, max_rows: usize) -> Result<Option<Chunk>> {
        let width = self.plan.roles.iter().filter(|role| **role == Role::Number).count();
        let mut numbers = Vec::new();
        let mut texts = vec![Vec::new(); self.columns.len() - width];
        let first_row = self.row;
        let mut rows = 0;
        while rows < max_rows {
            match self.sample.pop_front() {
                Some(record) => self.record = record,
                None if read(&self.path, &mut self.reader, &mut self.record)? => {}
                None => break,
            }
            self.take(&mut numbers, &mut texts)?;
            self.row += 1;
            rows += 1;
        }
        if rows == 0 {
            return Ok(None);
        }
        Ok(Some(Chunk { first_row, rows, numbers: Matrix::new(rows, width, numbers), texts }))
    }
}

fn read(path: &Path, reader: &mut Reader<BufReader<Bytes>>, record: &mut ByteRecord) -> Result<bool> {
    reader.read_byte_record(record).map_err(|error| {
        let text = error.to_string();
        match error.into_kind() {
            ::csv::ErrorKind::Io(error) => read_error(path, &error),
            _ => DataError::new(path, text, "delimited text").into(),
        }
    })
}

/// The delimiter that splits the first lines most evenly.
fn sniff(head: &[u8]) -> u8 {
    const LINES: usize = 20;
    let mut best = (b',', 0);
    for candidate in [b',', b'\t', b';', b'|'] {
        let (mut quoted, mut count, mut counts) = (false, 0usize, Vec::new());
        for &byte in head {
            match byte {
                b'"' => quoted = !quoted,
                b'\n' if !quoted => {
                    counts.push(count);
                    count = 0;
                    if counts.len() == LINES {
                        break;
                    }
                }
                _ if byte == candidate && !quoted => count += 1,
                _ => {}
            }
        }
        if counts.is_empty() {
            counts.push(count);
        }
        let least = counts.iter().copied().min().unwrap_or(0);
        if least > best.1 {
            best = (candidate, least);
        }
    }
    best.0
}

/// A first row is a header when none of its cells is a number and it stands out from the rows below: some column has
/// numbers there, or none of its cells comes again.
fn is_header(sample: &VecDeque<ByteRecord>) -> bool {
    let Some(first) = sample.front() else { return false };
    if first.iter().any(|cell| matches!(number(cell), Ok(x) if !x.is_nan())) || first.iter().all(is_missing) {
        return false;
    }
    let numeric = |j: usize| {
        let mut cells =
            sample.iter().skip(1).filter_map(|record| record.get(j)).filter(|cell| !is_missing(cell));
        cells.next().is_some_and(|cell| number(cell).is_ok())
    };
    let again = |j: usize| sample.iter().skip(1).any(|record| record.get(j) == first.get(j));
    (0..first.len()).any(numeric) || !(0..first.len()).any(again)
}

/// Names of the columns: empty ones by position, repeated ones told apart by a number.
fn header(path: &Path, record: &ByteRecord) -> Result<Vec<String>> {
    let mut seen = HashSet::new();
    let mut copies: HashMap<String, usize> = HashMap::new();
    let mut names = Vec::with_capacity(record.len());
    for (j, cell) in record.iter().enumerate() {
        let cell = cell.trim_ascii();
        let text = std::str::from_utf8(cell)
            .map_err(|_| text_fault(path, cell).line(1).column(format!("c{}", j + 1)))?;
        let base = if text.is_empty() { format!("c{}", j + 1) } else { text.to_owned() };
        let mut name = base.clone();
        while !seen.insert(name.clone()) {
            let copy = copies.entry(base.clone()).or_insert(0);
            *copy += 1;
            name = format!("{base}.{copy}");
        }
        names.push(name);
    }
    Ok(names)
}

/// A column is numeric when at least nine in ten of its cells that are not missing are numbers.
fn infer(sample: &VecDeque<ByteRecord>, j: usize) -> Role {
    let (mut numbers, mut cells) = (0, 0);
    for cell in sample.iter().filter_map(|record| record.get(j)).filter(|cell| !is_missing(cell)) {
        cells += 1;
        numbers += usize::from(super::text::is_number(cell));
    }
    if numbers * 10 >= cells * 9 { Role::Number } else { Role::Category }
}
