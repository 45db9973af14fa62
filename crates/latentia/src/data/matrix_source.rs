//! Rows that are in memory already.

use std::path::Path;

use super::ReadOptions;
use super::{
    Chunk, ColumnInfo, Matrix, Source,
    plan::{Plan, Request, Role, numbered},
};
use crate::Result;

/// Name of the column of classes that come apart from the rows.
pub(crate) const LABEL: &str = "label";

/// A matrix as a source of one chunk.
pub(crate) struct MatrixSource {
    chunk: Option<Chunk>,
    columns: Vec<ColumnInfo>,
    rows: u64,
    labelled: bool,
}

impl MatrixSource {
    pub(crate) fn new(x: Matrix, labels: Option<&[String]>, options: &ReadOptions) -> Result<Self> {
        let request = Request { path: Path::new("matrix"), options, schema: None };
        let mut plan = Plan::new(request, numbered('c', x.cols()), false)?;
        plan.infer_numbers();
        let rows = x.rows();
        let keep: Vec<usize> = (0..x.cols()).filter(|&j| plan.roles[j] == Role::Number).collect();
        let texts = |j: usize| x.iter_rows().map(|row| super::text::name(f64::from(row[j]))).collect();
        let mut chunk = Chunk {
            rows,
            texts: (0..x.cols())
                .filter(|&j| !matches!(plan.roles[j], Role::Number | Role::Skip))
                .map(texts)
                .collect(),
            ..Chunk::default()
        };
        let mut columns = plan.columns();
        chunk.numbers = if keep.len() == x.cols() {
            x
        } else {
            let values = x.iter_rows().flat_map(|row| keep.iter().map(|&j| row[j])).collect();
            Matrix::new(rows, keep.len(), values)
        };
        if let Some(labels) = labels {
            columns.push(ColumnInfo { name: LABEL.to_owned(), kind: super::ColumnKind::Text });
            chunk.texts.push(labels.iter().cloned().map(Some).collect());
        }
        Ok(Self { chunk: Some(chunk), columns, rows: rows as u64, labelled: labels.is_some() })
    }
}

impl Source for MatrixSource {
    fn path(&self) -> &Path {
        Path::new("matrix")
    }

    fn columns(&self) -> &[ColumnInfo] {
        &self.columns
    }

    fn is_named(&self) -> bool {
        false
    }

    fn rows_hint(&self) -> Option<u64> {
        Some(self.rows)
    }

    fn label(&self) -> Option<&str> {
        self.labelled.then_some(LABEL)
    }

    fn id(&self) -> Option<&str> {
        None
    }

    fn next(&mut self, _max_rows: usize) -> Result<Option<Chunk>> {
        Ok(self.chunk.take().filter(|chunk| chunk.rows > 0))
    }
}
