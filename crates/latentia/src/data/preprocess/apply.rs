//! Cells to features: the columns of a schema found in a source, and its chunks made into rows.

use std::{collections::HashMap, path::Path};

use super::{
    super::{Chunk, ColumnKind, Matrix, Missing, Source, Unknown, documents::weigh},
    Feature, FeatureKind, Preprocess, canonical, ignore_hint, nearest,
};
use crate::{DataError, Result};

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
}

const MISSING_HINT: &str =
    "Use --missing mean, --missing zero or --missing drop, or leave the column out with --ignore";
