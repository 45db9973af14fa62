//! Rows that are in memory already.

use std::path::{Path, PathBuf};

use super::{
    Chunk, ColumnInfo, ImageShape, Matrix, Source,
    plan::{Plan, Request, Role, numbered},
};
use crate::Result;

/// Name of the column of classes that come apart from the rows.
pub(crate) const LABEL: &str = "label";

/// A matrix as a source of one chunk.
pub(crate) struct MatrixSource {
    path: PathBuf,
    chunk: Option<Chunk>,
    columns: Vec<ColumnInfo>,
    rows: u64,
    label: Option<String>,
    id: Option<String>,
    targets: Vec<String>,
    image: Option<(ImageShape, f32)>,
}

impl MatrixSource {
    /// The label of the request is a column of the matrix unless there are labels apart.
    pub(crate) fn new(request: Request<'_>, x: Matrix, labels: Option<&[String]>) -> Result<Self> {
        let mut options = request.options.clone();
        if labels.is_some() {
            options.label = None;
        }
        let request = Request { options: &options, ..request };
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
        let label = plan.name_of(Role::Label).map(str::to_owned).or(labels.map(|_| LABEL.to_owned()));
        let id = plan.name_of(Role::Id).map(str::to_owned);
        Ok(Self {
            path: request.path.to_owned(),
            chunk: Some(chunk),
            columns,
            rows: rows as u64,
            label,
            id,
            targets: plan.targets,
            image: None,
        })
    }

    /// Says that rows are images whose values go from 0 to `range`.
    pub(crate) fn images(&mut self, shape: ImageShape, range: f32) {
        self.image = Some((shape, range));
    }
}

impl Source for MatrixSource {
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
        Some(self.rows)
    }

    fn label(&self) -> Option<&str> {
        self.label.as_deref()
    }

    fn image_shape(&self) -> Option<ImageShape> {
        self.image.map(|(shape, _)| shape)
    }

    fn range(&self) -> Option<f32> {
        self.image.map(|(_, range)| range)
    }

    fn targets(&self) -> &[String] {
        &self.targets
    }

    fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    fn next(&mut self, _max_rows: usize) -> Result<Option<Chunk>> {
        Ok(self.chunk.take().filter(|chunk| chunk.rows > 0))
    }
}
