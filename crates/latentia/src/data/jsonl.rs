//! JSON lines: one object a line, its keys are columns.

use std::{
    collections::{HashMap, VecDeque},
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
};

use serde_json::{Map, Value};

use super::{
    Chunk, ColumnInfo, Matrix, Source,
    open::{Bytes, open_bytes, read_error},
    plan::{Plan, Request, Role, roles_of_plan},
    text::{NumberFault, is_missing, is_number, number},
};
use crate::{DataError, Result};

/// Rows that decide which columns there are and what they are.
const SAMPLE_ROWS: usize = 1000;
/// Longest line that is taken for one.
const MAX_LINE: u64 = 1 << 28;

/// One JSON object a line.
pub(crate) struct JsonlSource {
    path: PathBuf,
    reader: BufReader<Bytes>,
    line: u64,
    sample: VecDeque<(u64, Map<String, Value>)>,
    plan: Plan,
    columns: Vec<ColumnInfo>,
    /// Index of each column in the plan.
    index: HashMap<String, usize>,
    row: u64,
    /// Whether a key that the first rows lack is an error: it is for a training file, whose every column counts.
    strict: bool,
}

impl JsonlSource {
    pub(crate) fn open(request: Request<'_>) -> Result<Self> {
        let path = request.path;
        let mut source = Self {
            path: path.to_owned(),
            reader: BufReader::with_capacity(1 << 17, open_bytes(path)?),
            line: 0,
            sample: VecDeque::new(),
            plan: Plan { names: Vec::new(), roles: Vec::new(), targets: Vec::new() },
            columns: Vec::new(),
            index: HashMap::new(),
            row: 0,
            strict: request.schema.is_none(),
        };
        while source.sample.len() < SAMPLE_ROWS {
            match source.object()? {
                Some(object) => source.sample.push_back((source.line, object)),
                None => break,
            }
        }
        if source.sample.is_empty() {
            return Err(DataError::new(path, "an empty file", "rows of data").into());
        }
        let mut names: Vec<String> = Vec::new();
        for key in source.sample.iter().flat_map(|(_, object)| object.keys()) {
            if !source.index.contains_key(key) {
                source.index.insert(key.clone(), names.len());
                names.push(key.clone());
            }
        }
        source.plan = Plan::new(request, names, true)?;
        for j in 0..source.plan.names.len() {
            if source.plan.roles[j] == Role::Infer {
                source.plan.roles[j] = source.infer(&source.plan.names[j]);
            }
        }
        source.columns = source.plan.columns();
        Ok(source)
    }

    /// A column is numeric when at least nine in ten of its cells that are not missing are numbers.
    fn infer(&self, name: &str) -> Role {
        let (mut numbers, mut cells) = (0, 0);
        for value in self.sample.iter().filter_map(|(_, object)| object.get(name)) {
            let (cell, is) = match value {
                Value::Null => (false, false),
                Value::Number(_) | Value::Bool(_) => (true, true),
                Value::String(text) => (!is_missing(text.as_bytes()), is_number(text.as_bytes())),
                Value::Array(_) | Value::Object(_) => (true, true),
            };
            cells += usize::from(cell);
            numbers += usize::from(cell && is);
        }
        if numbers * 10 >= cells * 9 { Role::Number } else { Role::Category }
    }

    /// The object on the next line that is not blank.
    fn object(&mut self) -> Result<Option<Map<String, Value>>> {
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = self.reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut line);
            if read.map_err(|e| read_error(&self.path, &e))? == 0 {
                return Ok(None);
            }
            self.line += 1;
            if !line.trim_ascii().is_empty() {
                break;
            }
        }
        match serde_json::from_slice(&line) {
            Ok(Value::Object(object)) => Ok(Some(object)),
            Ok(_) => {
                Err(DataError::new(&self.path, "another JSON value", "an object").line(self.line).into())
            }
            Err(error) => {
                let found = format!("text that is not JSON ({error})");
                Err(DataError::new(&self.path, found, "one JSON object a line").line(self.line).into())
            }
        }
    }

    /// Adds an object's values to the columns; those it lacks are missing cells.
    fn take(
        &self,
        line: u64,
        object: &Map<String, Value>,
        numbers: &mut Vec<f32>,
        texts: &mut [Vec<Option<String>>],
    ) -> Result<()> {
        let at = |fault: DataError| {
            let fault = fault.row(self.row + 1);
            if line == self.row + 1 { fault } else { fault.line(line) }
        };
        if let Some(key) = object.keys().find(|key| self.strict && !self.index.contains_key(*key)) {
            let expected = "the columns of the first rows";
            return Err(at(DataError::new(&self.path, "a new column", expected).column(key)).into());
        }
        let mut text = 0;
        for (name, role) in self.plan.names.iter().zip(&self.plan.roles) {
            let value = object.get(name).unwrap_or(&Value::Null);
            match role {
                Role::Skip => {}
                Role::Number => {
                    let parsed = match value {
                        Value::Null => Ok(f32::NAN),
                        Value::Bool(value) => Ok(f32::from(u8::from(*value))),
                        Value::Number(value) => match value.as_f64().map(|value| value as f32) {
                            Some(value) if value.is_finite() => Ok(value),
                            _ => Err(NumberFault::Infinite),
                        },
                        Value::String(text) => number(text.as_bytes()),
                        Value::Array(_) | Value::Object(_) => Err(NumberFault::Text),
                    };
                    match parsed {
                        Ok(value) => numbers.push(value),
                        Err(fault) => {
                            return Err(
                                at(fault.error(&self.path, name, value.to_string().as_bytes())).into()
                            );
                        }
                    }
                }
                _ => {
                    texts[text].push(match value {
                        Value::Null => None,
                        Value::String(text) if is_missing(text.as_bytes()) => None,
                        Value::String(text) => Some(text.trim().to_owned()),
                        other => Some(other.to_string()),
                    });
                    text += 1;
                }
            }
        }
        Ok(())
    }
}

impl Source for JsonlSource {
    fn path(&self) -> &Path {
        &self.path
    }

    fn columns(&self) -> &[ColumnInfo] {
        &self.columns
    }

    fn is_named(&self) -> bool {
        true
    }

    roles_of_plan!();

    fn next(&mut self, max_rows: usize) -> Result<Option<Chunk>> {
        let width = self.plan.roles.iter().filter(|role| **role == Role::Number).count();
        let mut numbers = Vec::new();
        let mut texts = vec![Vec::new(); self.columns.len() - width];
        let (first_row, mut rows) = (self.row, 0);
        while rows < max_rows {
            let (line, object) = match self.sample.pop_front() {
                Some(sampled) => sampled,
                None => match self.object()? {
                    Some(object) => (self.line, object),
                    None => break,
                },
            };
            self.take(line, &object, &mut numbers, &mut texts)?;
            self.row += 1;
            rows += 1;
        }
        if rows == 0 {
            return Ok(None);
        }
        Ok(Some(Chunk { first_row, rows, numbers: Matrix::new(rows, width, numbers), texts }))
    }
}
