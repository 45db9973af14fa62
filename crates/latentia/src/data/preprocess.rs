//! From the cells of a file to the numbers of a model and back; fitted on the training rows, kept in `model.json`.

use std::{
    collections::{BTreeMap, HashMap},
    ops::Range,
    path::Path,
};

use serde::{Deserialize, Serialize};

use super::ReadOptions;
use super::documents::weigh;
use super::{
    Chunk, ColumnInfo, ColumnKind, ImageShape, Matrix, Missing, RowReader, Scale, Source, Table, Unknown,
    Values, View, Vocabulary, Weighting,
};
use crate::{DataError, Error, Result};

/// How a column becomes features.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FeatureKind {
    /// One feature, `(x - offset) / scale`.
    Number {
        /// Subtracted.
        offset: f32,
        /// Divided by; never zero.
        scale: f32,
        /// Stands for a missing cell, in units of the file.
        fill: f32,
    },
    /// One feature a value: 1 for the cell's value, 0 for the others.
    Category {
        /// The values met in the training rows, sorted.
        values: Vec<String>,
    },
    /// One feature a word of the vocabulary: its weight in the document.
    Text {
        /// What the weight is.
        weighting: Weighting,
        /// The words; in a model directory they have a file of their own.
        #[serde(default, skip_serializing_if = "Vocabulary::is_empty")]
        vocabulary: Vocabulary,
    },
}

/// A column that features come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Feature {
    /// Name of the column.
    pub name: String,
    /// How it becomes features.
    #[serde(flatten)]
    pub kind: FeatureKind,
}

impl Feature {
    /// Number of matrix columns.
    pub fn width(&self) -> usize {
        match &self.kind {
            FeatureKind::Number { .. } => 1,
            FeatureKind::Category { values } => values.len(),
            FeatureKind::Text { vocabulary, .. } => vocabulary.len(),
        }
    }
}

/// The column of classes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelSpec {
    /// Name of the column.
    pub column: String,
    /// The classes: numbers in order of value, else in alphabetical order. Class `k` is `classes[k]`.
    pub classes: Vec<String>,
}

/// The schema of the training file and how its cells become numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Preprocess {
    /// The columns that features come from, in order.
    pub features: Vec<Feature>,
    /// The column of classes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<LabelSpec>,
    /// The column that names rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The column with all the labels of each row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<String>,
    /// The views whose features these are, in order; none where rows have no views.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub views: Vec<View>,
    /// The columns that are to be told from the features, and how their numbers are scaled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<Feature>,
    /// Shape of the images that rows are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageShape>,
    /// How numbers were scaled, never [`Scale::Auto`].
    pub scale: Scale,
    /// What is done with a missing cell.
    pub missing: Missing,
    /// What is done with an unknown category.
    pub unknown: Unknown,
    /// Whether columns are found by name (else by position).
    pub named: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) warnings: Vec<String>,
}

/// Rows ready for a model.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rows {
    /// The features, `[rows, features]`.
    pub x: Matrix,
    /// Class of each row, where the file has the label column; `None` for an empty or unknown class.
    pub labels: Option<Vec<Option<u32>>>,
    /// The scaled targets `[rows, targets]`, where the file has all of their columns; NaN where a cell is missing.
    pub targets: Option<Matrix>,
    /// Name of each row, where the file has the id column.
    pub ids: Option<Vec<String>>,
    /// All the labels of each row as the file has them, where it has such a column.
    pub tags: Option<Vec<String>>,
    /// Row of the file that each row is, counted from 1: rows with missing cells may have been left out.
    pub rows: Vec<u64>,
}

/// Where the features, the label and the id lie in the chunks of one source.
#[derive(Debug, Clone)]
pub(crate) struct Binding {
    /// For each feature, the index among the numeric or among the text columns.
    features: Vec<usize>,
    /// Index of the label, the id and the tags among the text columns.
    label: Option<usize>,
    id: Option<usize>,
    tags: Option<usize>,
    /// Indices of the targets among the numeric columns, where all of them are there.
    targets: Option<Vec<usize>>,
    /// Value or word to position, for each category or text feature.
    categories: Vec<HashMap<String, usize>>,
    classes: HashMap<String, u32>,
    width: usize,
    /// All features are the source's numeric columns, in order.
    straight: bool,
}

impl Preprocess {
    /// Number of features of the model, columns of the matrices.
    pub fn width(&self) -> usize {
        self.features.iter().map(Feature::width).sum()
    }

    /// Whether rows are documents and nothing else.
    pub fn is_text(&self) -> bool {
        matches!(self.features.as_slice(), [Feature { kind: FeatureKind::Text { .. }, .. }])
    }

    /// Names of the classes, none without a label.
    pub fn classes(&self) -> &[String] {
        self.label.as_ref().map_or(&[], |label| &label.classes)
    }

    /// Each input column with the matrix columns that it became.
    pub fn ranges(&self) -> Vec<(&str, Range<usize>)> {
        let mut start = 0;
        self.features
            .iter()
            .map(|feature| {
                let range = start..start + feature.width();
                start = range.end;
                (feature.name.as_str(), range)
            })
            .collect()
    }

    /// What the error of a row can be told by: each input column with its matrix columns and its place, and of a text each
    /// word, which has no place of its own.
    pub fn cells(&self) -> Vec<(&str, Range<usize>, Option<usize>)> {
        let mut cells = Vec::new();
        for (place, (feature, (name, range))) in self.features.iter().zip(self.ranges()).enumerate() {
            match &feature.kind {
                FeatureKind::Text { vocabulary, .. } => {
                    cells.extend(
                        vocabulary.words.iter().zip(range).map(|(word, i)| (word.as_str(), i..i + 1, None)),
                    );
                }
                _ => cells.push((name, range, Some(place))),
            }
        }
        cells
    }

    /// Name of each matrix column: the input column, `column=value` for a category, the word for a text.
    pub fn feature_names(&self) -> Vec<String> {
        let mut names = Vec::with_capacity(self.width());
        for feature in &self.features {
            match &feature.kind {
                FeatureKind::Number { .. } => names.push(feature.name.clone()),
                FeatureKind::Category { values } => {
                    names.extend(values.iter().map(|value| format!("{}={value}", feature.name)));
                }
                FeatureKind::Text { vocabulary, .. } => names.extend(vocabulary.words.iter().cloned()),
            }
        }
        names
    }

    /// Takes the vocabularies out, each under the name of its column: they are kept apart from the rest.
    pub(crate) fn take_vocabularies(&mut self) -> BTreeMap<String, Vocabulary> {
        let taken = self.features.iter_mut().filter_map(|feature| match &mut feature.kind {
            FeatureKind::Text { vocabulary, .. } => Some((feature.name.clone(), std::mem::take(vocabulary))),
            _ => None,
        });
        taken.collect()
    }

    /// Puts back what [`Self::take_vocabularies`] took; the error is a sentence about the first that does not fit.
    pub(crate) fn put_vocabularies(
        &mut self,
        mut taken: BTreeMap<String, Vocabulary>,
    ) -> std::result::Result<(), String> {
        for feature in &mut self.features {
            let FeatureKind::Text { vocabulary, .. } = &mut feature.kind else { continue };
            *vocabulary = taken
                .remove(&feature.name)
                .filter(|found| found.is_sound() && !found.is_empty())
                .ok_or_else(|| {
                format!("found no vocabulary of column '{}', expected one", feature.name)
            })?;
        }
        match taken.keys().next() {
            Some(name) => Err(format!("found a vocabulary of '{name}', which is no column of documents")),
            None => Ok(()),
        }
    }

    /// Plain sentences about what the user may want to know: constant columns, rows left out.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Opens a further file of the same schema, or the training file of a data set of the [catalogue](super::catalogue). Of the options, only those that say how to read bytes count (format,
    /// delimiter, header, array, label file); columns, label and scaling are those of the training file.
    ///
    /// # Errors
    /// A column is missing, an array has another width, or the file cannot be read.
    pub fn open(&self, path: impl AsRef<Path>, options: &ReadOptions) -> Result<RowReader> {
        self.open_from(path, options, &[])
    }

    /// The options with which a further file is read, so that its columns get the kinds of the training file.
    pub(crate) fn encode_options(&self, options: &ReadOptions) -> ReadOptions {
        let category = |f: &&Feature| matches!(f.kind, FeatureKind::Category { .. });
        ReadOptions {
            label: self.label.as_ref().map(|label| label.column.clone()),
            id: self.id.clone(),
            text: None,
            tags: self.tags.clone(),
            columns: Vec::new(),
            ignore: Vec::new(),
            views: Vec::new(),
            view_options: Vec::new(),
            target: Vec::new(),
            categorical: self.features.iter().filter(category).map(|f| f.name.clone()).collect(),
            image_height: self.image.map(|shape| shape.height),
            image_width: self.image.map(|shape| shape.width),
            image_channels: self.image.map(|shape| match shape.channels {
                1 => super::Channels::Grey,
                _ => super::Channels::Rgb,
            }),
            ..options.clone()
        }
    }

    /// Finds the columns of this schema in a source.
    pub(crate) fn bind(&self, source: &dyn Source) -> Result<Binding> {
        let (mut numbers, mut texts) = (HashMap::new(), HashMap::new());
        for column in source.columns() {
            let of_kind = match column.kind {
                ColumnKind::Number => &mut numbers,
                ColumnKind::Text => &mut texts,
            };
            let next = of_kind.len();
            of_kind.entry(column.name.as_str()).or_insert(next);
        }
        let mut binding = Binding {
            features: Vec::with_capacity(self.features.len()),
            label: self.label.as_ref().and_then(|label| texts.get(label.column.as_str()).copied()),
            id: self.id.as_ref().and_then(|id| texts.get(id.as_str()).copied()),
            tags: self.tags.as_ref().and_then(|tags| texts.get(tags.as_str()).copied()),
            targets: self.targets.iter().map(|target| numbers.get(target.name.as_str()).copied()).collect(),
            categories: Vec::new(),
            classes: self.classes().iter().cloned().zip(0..).collect(),
            width: self.width(),
            straight: false,
        };
        for feature in &self.features {
            let name = feature.name.as_str();
            let index = match &feature.kind {
                FeatureKind::Number { .. } => numbers.get(name),
                FeatureKind::Category { values } => {
                    binding.categories.push(values.iter().cloned().zip(0..).collect());
                    texts.get(name)
                }
                FeatureKind::Text { vocabulary, .. } => {
                    binding.categories.push(vocabulary.words.iter().cloned().zip(0..).collect());
                    texts.get(name)
                }
            };
            match index {
                Some(&index) => binding.features.push(index),
                None => {
                    let [found, expected] = match feature.kind {
                        FeatureKind::Number { .. } => ["text", "numbers as in the training file"],
                        FeatureKind::Category { .. } | FeatureKind::Text { .. } => {
                            ["numbers", "text as in the training file"]
                        }
                    };
                    return Err(DataError::new(source.path(), found, expected).column(&feature.name).into());
                }
            }
        }
        binding.straight = binding.categories.is_empty()
            && numbers.len() == binding.features.len()
            && binding.features.iter().enumerate().all(|(j, &index)| j == index);
        Ok(binding)
    }

    /// The rows of a chunk; those of `keep` where given (indices within the chunk).
    pub(crate) fn apply(
        &self,
        file: &Path,
        binding: &Binding,
        chunk: &Chunk,
        keep: Option<&[usize]>,
    ) -> Result<Rows> {
        let mut rows = Rows {
            labels: binding.label.map(|_| Vec::new()),
            ids: binding.id.map(|_| Vec::new()),
            tags: binding.tags.map(|_| Vec::new()),
            ..Rows::default()
        };
        let count = keep.map_or(chunk.rows, <[usize]>::len);
        let mut values = vec![0.0; count * binding.width];
        let mut targets = Vec::new();
        let mut filled = 0;
        for k in 0..count {
            let i = keep.map_or(k, |keep| keep[k]);
            let out = &mut values[filled * binding.width..(filled + 1) * binding.width];
            let complete = if binding.straight {
                self.straight_row(chunk.numbers.row(i), out)
            } else {
                self.mixed_row(binding, chunk, i, out)
            };
            if !complete && self.check_row(file, binding, chunk, i)? && self.missing == Missing::Drop {
                out.fill(0.0);
                continue;
            }
            if let (Some(labels), Some(index)) = (&mut rows.labels, binding.label) {
                let class = chunk.texts[index][i].as_deref();
                labels.push(class.and_then(|class| binding.classes.get(&*canonical(class)).copied()));
            }
            if let (Some(ids), Some(index)) = (&mut rows.ids, binding.id) {
                ids.push(chunk.texts[index][i].clone().unwrap_or_default());
            }
            if let (Some(tags), Some(index)) = (&mut rows.tags, binding.tags) {
                tags.push(chunk.texts[index][i].clone().unwrap_or_default());
            }
            for (target, &index) in self.targets.iter().zip(binding.targets.iter().flatten()) {
                if let FeatureKind::Number { offset, scale, .. } = target.kind {
                    targets.push((chunk.numbers.row(i)[index] - offset) / scale);
                }
            }
            rows.rows.push(chunk.first_row + i as u64 + 1);
            filled += 1;
        }
        let told = binding.targets.as_ref().filter(|targets| !targets.is_empty());
        rows.targets = told.map(|told| Matrix::new(filled, told.len(), targets));
        values.truncate(filled * binding.width);
        rows.x = Matrix::new(filled, binding.width, values);
        Ok(rows)
    }

    /// Whether all cells were finite; the usual case, kept free of branches so that it is vectorised.
    fn straight_row(&self, row: &[f32], out: &mut [f32]) -> bool {
        let mut finite = true;
        for ((out, &value), feature) in out.iter_mut().zip(row).zip(&self.features) {
            if let FeatureKind::Number { offset, scale, fill } = feature.kind {
                finite &= value.is_finite();
                let value = if value.is_nan() { fill } else { value };
                *out = (value - offset) / scale;
            }
        }
        finite
    }

    /// As [`Self::straight_row`], with columns picked and categories spread.
    fn mixed_row(&self, binding: &Binding, chunk: &Chunk, i: usize, out: &mut [f32]) -> bool {
        let mut complete = true;
        let (mut at, mut category) = (0, 0);
        for (feature, &index) in self.features.iter().zip(&binding.features) {
            match &feature.kind {
                FeatureKind::Number { offset, scale, fill } => {
                    let value = chunk.numbers.row(i)[index];
                    complete &= value.is_finite();
                    out[at] = (if value.is_nan() { *fill } else { value } - offset) / scale;
                    at += 1;
                }
                FeatureKind::Category { values } => {
                    let position = chunk.texts[index][i].as_deref().and_then(|text| {
                        let known = &binding.categories[category];
                        known.get(text).or_else(|| known.get(&*canonical(text)))
                    });
                    match position {
                        Some(&position) => out[at + position] = 1.0,
                        None => complete = false,
                    }
                    at += values.len();
                    category += 1;
                }
                FeatureKind::Text { weighting, vocabulary } => {
                    let words = &mut out[at..at + vocabulary.len()];
                    match chunk.texts[index][i].as_deref() {
                        Some(text) => {
                            weigh(text, vocabulary, &binding.categories[category], *weighting, words);
                        }
                        None => complete = false,
                    }
                    at += vocabulary.len();
                    category += 1;
                }
            }
        }
        complete
    }

    /// Whether row `i` has a missing cell; an error for the first cell that the policies do not cover.
    fn check_row(&self, file: &Path, binding: &Binding, chunk: &Chunk, i: usize) -> Result<bool> {
        let fault = |feature: &Feature, found: String, expected: &str, hint: String| -> Result<bool> {
            let row = chunk.first_row + i as u64 + 1;
            Err(DataError::new(file, found, expected).row(row).column(&feature.name).hint(hint).into())
        };
        let (mut category, mut missing) = (0, false);
        for (feature, &index) in self.features.iter().zip(&binding.features) {
            match &feature.kind {
                FeatureKind::Number { .. } => {
                    let value = chunk.numbers.row(i)[index];
                    missing |= value.is_nan();
                    if value.is_infinite() {
                        return fault(
                            feature,
                            format!("{value}"),
                            "a finite number",
                            ignore_hint(&feature.name),
                        );
                    }
                    if value.is_nan() && self.missing == Missing::Error {
                        return fault(feature, "a missing cell".into(), "a number", MISSING_HINT.into());
                    }
                }
                FeatureKind::Category { values } => {
                    category += 1;
                    missing |= chunk.texts[index][i].is_none();
                    match chunk.texts[index][i].as_deref() {
                        None if self.missing == Missing::Error => {
                            return fault(
                                feature,
                                "a missing cell".into(),
                                "a category",
                                MISSING_HINT.into(),
                            );
                        }
                        Some(text) if self.unknown == Unknown::Error => {
                            let known = &binding.categories[category - 1];
                            if !known.contains_key(text) && !known.contains_key(&*canonical(text)) {
                                let hint = nearest(text, values.iter().map(String::as_str))
                                    .map_or(String::new(), |near| format!("The nearest is \"{near}\". "));
                                let hint = format!("{hint}Use --unknown zero to read it as none of them");
                                return fault(
                                    feature,
                                    format!("\"{text}\""),
                                    "a category of the training file",
                                    hint,
                                );
                            }
                        }
                        _ => {}
                    }
                }
                FeatureKind::Text { .. } => {
                    category += 1;
                    if chunk.texts[index][i].is_none() {
                        missing = true;
                        if self.missing == Missing::Error {
                            return fault(
                                feature,
                                "a missing cell".into(),
                                "a document",
                                MISSING_HINT.into(),
                            );
                        }
                    }
                }
            }
        }
        Ok(missing)
    }

    /// What each target was divided by.
    pub(crate) fn target_scales(&self) -> Vec<f64> {
        let scale = |target: &Feature| match target.kind {
            FeatureKind::Number { scale, .. } => f64::from(scale),
            _ => 1.0,
        };
        self.targets.iter().map(scale).collect()
    }

    /// Scaled targets `[rows, targets]` in units of the file.
    pub fn unscale_targets(&self, y: &Matrix) -> Matrix {
        let mut y = y.clone();
        for row in 0..y.rows() {
            for (value, target) in y.row_mut(row).iter_mut().zip(&self.targets) {
                if let FeatureKind::Number { offset, scale, .. } = target.kind {
                    *value = (f64::from(*value) * f64::from(scale) + f64::from(offset)) as f32;
                }
            }
        }
        y
    }

    /// Features back in units of the file, one column for each input column: numbers unscaled, of each category the
    /// value with the greatest feature, of each text the words of greatest weight.
    ///
    /// # Errors
    /// [`Error::Config`] when `x` has another width than this schema.
    pub fn inverse(&self, x: &Matrix) -> Result<Table> {
        self.inverse_of(x, &[])
    }

    /// As [`Preprocess::inverse`], with the columns of the views `to` alone; those of all when there are none.
    ///
    /// # Errors
    /// As [`Preprocess::inverse`], and a view that is not known.
    pub fn inverse_of(&self, x: &Matrix, to: &[String]) -> Result<Table> {
        self.check_views("--to", to)?;
        if x.cols() != self.width() {
            return Err(Error::config("x", format!("{} columns, expected {}", x.cols(), self.width())));
        }
        let mut table = Table::new();
        let left_out: Vec<Range<usize>> = self
            .view_features()
            .into_iter()
            .zip(&self.views)
            .filter(|(_, view)| !to.is_empty() && !to.contains(&view.name))
            .map(|(range, _)| range)
            .collect();
        for (j, (feature, (_, range))) in self.features.iter().zip(self.ranges()).enumerate() {
            if left_out.iter().any(|range| range.contains(&j)) {
                continue;
            }
            let values = match &feature.kind {
                FeatureKind::Number { offset, scale, .. } => {
                    Values::Numbers(x.iter_rows().map(|row| row[range.start] * scale + offset).collect())
                }
                FeatureKind::Category { values } => {
                    let value = |row: &[f32]| values.get(argmax(&row[range.clone()])).cloned();
                    Values::Text(x.iter_rows().map(value).collect())
                }
                FeatureKind::Text { vocabulary, .. } => {
                    let words = |row: &[f32]| {
                        let heaviest = vocabulary.heaviest(&row[range.clone()], SHOWN_WORDS);
                        Some(heaviest.into_iter().map(|(word, _)| word).collect::<Vec<_>>().join(" "))
                    };
                    Values::Text(x.iter_rows().map(words).collect())
                }
            };
            table.push(&feature.name, values);
        }
        Ok(table)
    }
}

/// Words that stand for a text made from features.
const SHOWN_WORDS: usize = 10;

pub(crate) const MISSING_HINT: &str =
    "Use --missing mean, --missing zero or --missing drop, or leave the column out with --ignore";

pub(crate) fn ignore_hint(column: &str) -> String {
    format!("Leave the column out with --ignore {column}, or the row by editing the file")
}

/// Position of the greatest value, the first of equals.
fn argmax(values: &[f32]) -> usize {
    let mut best = 0;
    for (k, &value) in values.iter().enumerate() {
        if value > values[best] {
            best = k;
        }
    }
    best
}

/// The name most like `name`, when one is like it at all.
pub(crate) fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    names
        .map(|other| (strsim::jaro_winkler(&name.to_lowercase(), &other.to_lowercase()), other))
        .filter(|(likeness, _)| *likeness > 0.6)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, other)| other)
}

/// One spelling for a class that is a whole number: `3.0` and `3` are one class.
pub(crate) fn canonical(class: &str) -> std::borrow::Cow<'_, str> {
    let whole = class
        .strip_suffix(".0")
        .filter(|head| head.trim_start_matches('-').bytes().all(|b| b.is_ascii_digit()));
    whole.filter(|head| !head.trim_start_matches('-').is_empty()).unwrap_or(class).into()
}

/// Indices of the numeric columns and of the text columns among `columns`.
pub(crate) fn by_kind(columns: &[ColumnInfo]) -> (Vec<usize>, Vec<usize>) {
    (0..columns.len()).partition(|&j| columns[j].kind == ColumnKind::Number)
}
