//! A whole data file in memory, split and scaled.

use std::path::{Path, PathBuf};

use super::ReadOptions;
use super::{
    CHUNK_ROWS, Chunk, ImageShape, Matrix, Missing, Preprocess, Rows, Source,
    catalogue::file_or_name,
    fingerprint::Fingerprint,
    fit::{Labels, check_rows, fit, labels},
    held::Held,
    matrix_source::MatrixSource,
    open,
    plan::Request,
    preprocess::{by_kind, canonical},
    split::{Part, assign},
};
use crate::{
    DataError, Error, Result,
    run::{Cancel, Progress, Silent},
};

/// Some rows of a data set, ready for a model.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Split {
    /// The features, `[rows, features]`.
    pub x: Matrix,
    /// Class of each row, an index into [`Dataset::classes`].
    pub labels: Option<Vec<u32>>,
    /// The scaled numbers to be told from the features, `[rows, targets]`.
    pub targets: Option<Matrix>,
    /// Name of each row.
    pub ids: Option<Vec<String>>,
    /// All the labels of each row as the file has them, where it has such a column.
    pub tags: Option<Vec<String>>,
    /// Row of its file that each row is, counted from 1.
    pub rows: Vec<u64>,
}

impl Split {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.x.rows()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds what is known of further rows beside their numbers.
    fn add(&mut self, rows: Rows) {
        self.rows.extend(rows.rows);
        if let Some(labels) = rows.labels {
            self.labels.get_or_insert_default().extend(labels.into_iter().flatten());
        }
        if let Some(ids) = rows.ids {
            self.ids.get_or_insert_default().extend(ids);
        }
        if let Some(tags) = rows.tags {
            self.tags.get_or_insert_default().extend(tags);
        }
    }
}

/// A data set in memory: its splits and how they came from the file.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// Rows to learn from.
    pub train: Split,
    /// Rows that say when to stop; may be empty.
    pub validation: Split,
    /// Rows for the final figures; may be empty.
    pub test: Split,
    /// Schema and scaling, fitted to the training rows.
    pub preprocess: Preprocess,
    /// The files that the rows came from: the training file, then the test file where there is one.
    pub sources: Vec<PathBuf>,
    /// SHA-256 of the columns and the parsed cells of all files, in hexadecimal: equal for equal data in any format.
    pub fingerprint: String,
}

impl Dataset {
    /// Reads a file, splits its rows by the seed and fits the preprocessing to the training rows.
    ///
    /// `path` may also be the name of a data set of the [catalogue](super::catalogue).
    ///
    /// # Errors
    /// A fault of the file or of the options, fewer than two rows, or no feature left.
    pub fn load(path: impl AsRef<Path>, options: &ReadOptions, seed: u64) -> Result<Self> {
        Self::load_with(path, options, seed, &mut Silent, &Cancel::default())
    }

    /// [`Dataset::load`] that tells how far it has come, and stops when it is asked to.
    ///
    /// # Errors
    /// As [`Dataset::load`], and [`Error::Cancelled`].
    pub fn load_with(
        path: impl AsRef<Path>,
        options: &ReadOptions,
        seed: u64,
        progress: &mut dyn Progress,
        cancel: &Cancel,
    ) -> Result<Self> {
        let (path, options) = file_or_name(path.as_ref(), options)?;
        let mut source = open::open(&path, &options)?;
        Self::from_source(source.as_mut(), &options, seed, progress, cancel)
    }

    /// Rows of numbers that are in memory already; columns are called `c1`, `c2`, ….
    ///
    /// # Errors
    /// As [`Dataset::load`].
    pub fn from_matrix(x: Matrix, options: &ReadOptions, seed: u64) -> Result<Self> {
        let source = &mut MatrixSource::new(in_memory(options), x, None)?;
        Self::from_source(source, options, seed, &mut Silent, &Cancel::default())
    }

    /// As [`Dataset::from_matrix`], with the class of each row.
    ///
    /// # Errors
    /// As [`Dataset::load`], and when there are not as many labels as rows.
    pub fn from_labelled(x: Matrix, labels: &[String], options: &ReadOptions, seed: u64) -> Result<Self> {
        if labels.len() != x.rows() {
            return Err(Error::config("labels", format!("{} labels for {} rows", labels.len(), x.rows())));
        }
        let source = &mut MatrixSource::new(in_memory(options), x, Some(labels))?;
        Self::from_source(source, options, seed, &mut Silent, &Cancel::default())
    }

    /// As [`Dataset::from_matrix`], of images: a row has the channels one after the other, each row by row, and its values go
    /// from 0 to `range`, which [`Scale::Unit`](super::Scale::Unit) divides by.
    ///
    /// # Errors
    /// As [`Dataset::load`], and when the rows are not of the shape's length.
    pub fn from_images(
        x: Matrix,
        shape: ImageShape,
        range: f32,
        options: &ReadOptions,
        seed: u64,
    ) -> Result<Self> {
        if x.cols() != shape.len() {
            let message = format!("rows have {} numbers, {shape:?} has {}", x.cols(), shape.len());
            return Err(Error::config("images", message));
        }
        let mut source = MatrixSource::new(in_memory(options), x, None)?;
        source.images(shape, range);
        Self::from_source(&mut source, options, seed, &mut Silent, &Cancel::default())
    }

    fn from_source(
        source: &mut dyn Source,
        options: &ReadOptions,
        seed: u64,
        progress: &mut dyn Progress,
        cancel: &Cancel,
    ) -> Result<Self> {
        options.validate()?;
        let mut hash = Fingerprint::new(source);
        let mut chunks = Vec::new();
        let mut count = 0;
        progress.begin("reading rows", source.rows_hint().unwrap_or(0));
        while let Some(chunk) = source.next(CHUNK_ROWS)? {
            if cancel.is_asked() {
                return Err(Error::Cancelled);
            }
            hash.add(&chunk);
            count += chunk.rows;
            chunks.push(Held::from(chunk));
            progress.advance(count as u64, "");
        }
        progress.end();
        check_rows(source, count)?;
        let labels = labels(source, &chunks)?;
        let mut parts = vec![Part::Train; count];
        let dropped =
            if options.missing == Missing::Drop { drop_incomplete(source, &chunks, &mut parts) } else { 0 };
        if let Some(labels) = &labels {
            let missing = |i: &usize| labels.classes[*i] == u32::MAX && parts[*i] != Part::Dropped;
            if let Some(i) = (0..count).find(missing) {
                return Err(DataError::new(source.path(), "a missing cell", "the class of the row")
                    .row(i as u64 + 1)
                    .column(&labels.spec.column)
                    .hint("Use --missing drop to leave such rows out")
                    .into());
            }
        }
        check_rows(source, count - dropped)?;
        let classes = labels.as_ref().filter(|_| options.stratify).map(|labels| labels.classes.as_slice());
        assign(&mut parts, classes, options.validation, options.test_fraction, seed);
        exclude(&options.exclude, labels.as_ref(), &mut parts)?;
        let mut preprocess = fit(source, &chunks, &parts, labels.map(|labels| labels.spec), options)?;
        if dropped > 0 {
            preprocess.warnings.push(format!("{dropped} of {count} rows were left out: a cell is missing"));
        }
        let [train, validation, mut test] = scatter(&preprocess, source, chunks, &parts)?;
        let mut sources = vec![source.path().to_owned()];
        if let Some(file) = &options.test {
            test = read_test(&preprocess, file, options, &mut hash)?;
            sources.push(file.clone());
        }
        Ok(Self { train, validation, test, preprocess, sources, fingerprint: hash.finish() })
    }

    /// Names of the classes, none without a label.
    pub fn classes(&self) -> &[String] {
        self.preprocess.classes()
    }

    /// Shape of the images that rows are.
    pub fn image_shape(&self) -> Option<ImageShape> {
        self.preprocess.image
    }

    /// Number of features.
    pub fn width(&self) -> usize {
        self.train.x.cols()
    }
}

/// Takes the rows of these classes out of training and validation.
fn exclude(names: &[String], labels: Option<&Labels>, parts: &mut [Part]) -> Result<()> {
    for name in names {
        let wrong = |why: String| Error::config("data.exclude", format!("no class '{name}', {why}"));
        let labels = labels.ok_or_else(|| wrong("the rows have no label: give data.label".into()))?;
        let known = &labels.spec.classes;
        let name = canonical(name);
        let class = known.iter().position(|class| *class == name);
        let class = class.ok_or_else(|| wrong(format!("the classes are {}", known.join(", "))))? as u32;
        for (part, _) in parts.iter_mut().zip(&labels.classes).filter(|(_, c)| **c == class) {
            if matches!(part, Part::Train | Part::Validation) {
                *part = Part::Dropped;
            }
        }
    }
    match names.is_empty() || parts.contains(&Part::Train) {
        true => Ok(()),
        false => Err(Error::config("data.exclude", "no class is left to learn from")),
    }
}

/// Rows in memory have no file to name in errors.
fn in_memory(options: &ReadOptions) -> Request<'_> {
    Request { path: Path::new("matrix"), options, schema: None }
}

/// Marks the rows that have a missing cell, and counts them.
fn drop_incomplete(source: &dyn Source, chunks: &[Held], parts: &mut [Part]) -> usize {
    let (_, texts) = by_kind(source.columns());
    let asides = [source.id(), source.tags()];
    let is_aside = |k: usize| asides.contains(&Some(source.columns()[texts[k]].name.as_str()));
    let mut dropped = 0;
    let mut parts = parts.iter_mut();
    for chunk in chunks {
        let numbers = chunk.numbers();
        for (i, part) in (0..chunk.rows).zip(&mut parts) {
            let number = numbers.cols() > 0 && numbers.row(i).iter().any(|value| value.is_nan());
            let text = || chunk.texts.iter().enumerate().any(|(k, cells)| cells[i].is_none() && !is_aside(k));
            if number || text() {
                *part = Part::Dropped;
                dropped += 1;
            }
        }
    }
    dropped
}

/// Brings each chunk's rows to their splits, some at a time, giving the chunk's memory back before the next.
fn scatter(
    preprocess: &Preprocess,
    source: &dyn Source,
    chunks: Vec<Held>,
    parts: &[Part],
) -> Result<[Split; 3]> {
    let binding = preprocess.bind(source)?;
    let width = preprocess.width();
    let wanted = [Part::Train, Part::Validation, Part::Test];
    let mut splits: [Split; 3] = Default::default();
    let mut values: [Vec<f32>; 3] = wanted.map(|part| {
        let rows = parts.iter().filter(|&&p| p == part).count();
        Vec::with_capacity(rows * width)
    });
    let mut targets: [Vec<f32>; 3] = Default::default();
    let mut start = 0;
    for chunk in chunks.into_iter().map(Chunk::from) {
        let here = &parts[start..start + chunk.rows];
        start += chunk.rows;
        for first in (0..chunk.rows).step_by(CHUNK_ROWS) {
            let piece = first..chunk.rows.min(first + CHUNK_ROWS);
            for (k, part) in wanted.iter().enumerate() {
                let keep: Vec<usize> = piece.clone().filter(|&i| here[i] == *part).collect();
                if keep.is_empty() {
                    continue;
                }
                let rows = preprocess.apply(source.path(), &binding, &chunk, Some(&keep))?;
                values[k].extend_from_slice(rows.x.as_slice());
                if let Some(y) = &rows.targets {
                    check_targets(preprocess, source.path(), y, &rows.rows)?;
                    targets[k].extend_from_slice(y.as_slice());
                }
                splits[k].add(rows);
            }
        }
    }
    for ((split, values), targets) in splits.iter_mut().zip(values).zip(targets) {
        split.x = Matrix::new(split.rows.len(), width, values);
        if !preprocess.targets.is_empty() {
            split.targets = Some(Matrix::new(split.rows.len(), preprocess.targets.len(), targets));
        }
        if preprocess.label.is_some() {
            split.labels.get_or_insert_default();
        }
        if preprocess.id.is_some() {
            split.ids.get_or_insert_default();
        }
        if preprocess.tags.is_some() {
            split.tags.get_or_insert_default();
        }
    }
    Ok(splits)
}

/// Reads the test file by the schema of the training file.
fn read_test(
    preprocess: &Preprocess,
    file: &Path,
    options: &ReadOptions,
    hash: &mut Fingerprint,
) -> Result<Split> {
    let options = ReadOptions { label_file: None, ..options.clone() };
    let rows = preprocess.open(file, &options)?.read_all()?;
    if rows.x.rows() == 0 {
        return Err(DataError::new(file, "no rows of data", "rows to test with").into());
    }
    hash.add_matrix(&rows.x);
    let labels = match (rows.labels, &preprocess.label) {
        (Some(labels), Some(spec)) => {
            if let Some(i) = labels.iter().position(Option::is_none) {
                return Err(DataError::new(
                    file,
                    "no class or one that is not in the training file",
                    "a known class",
                )
                .row(rows.rows[i])
                .column(&spec.column)
                .into());
            }
            Some(labels.into_iter().flatten().collect())
        }
        _ => None,
    };
    match &rows.targets {
        Some(y) => check_targets(preprocess, file, y, &rows.rows)?,
        None if preprocess.targets.is_empty() => {}
        None => {
            let column = &preprocess.targets[0].name;
            return Err(DataError::new(file, "no such column", "the targets of the training file")
                .column(column)
                .into());
        }
    }
    Ok(Split { x: rows.x, labels, targets: rows.targets, ids: rows.ids, tags: rows.tags, rows: rows.rows })
}

/// Refuses targets that are missing or not finite: nothing can stand for what is to be learnt.
fn check_targets(preprocess: &Preprocess, file: &Path, y: &Matrix, rows: &[u64]) -> Result<()> {
    let Some(at) = y.as_slice().iter().position(|v| !v.is_finite()) else { return Ok(()) };
    let found = if y.as_slice()[at].is_nan() { "a missing cell" } else { "an infinite number" };
    Err(DataError::new(file, found, "a number to learn from")
        .row(rows[at / y.cols()])
        .column(&preprocess.targets[at % y.cols()].name)
        .hint("Use --missing drop to leave rows with missing cells out")
        .into())
}
