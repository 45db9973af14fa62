//! From the cells of a file to the numbers of a model and back; fitted on the training rows, kept in `model.json`.

mod apply;
mod inverse;

use std::{collections::BTreeMap, ops::Range, path::Path};

use serde::{Deserialize, Serialize};

use super::{
    Channels, ColumnInfo, ColumnKind, ImageShape, Missing, ReadOptions, RowReader, Scale, Unknown, View,
    Vocabulary, Weighting,
};
use crate::Result;
pub(crate) use apply::Binding;
pub use apply::Rows;

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

impl Preprocess {
    /// Number of features of the model, columns of the matrices.
    pub fn width(&self) -> usize {
        self.features.iter().map(Feature::width).sum()
    }

    /// Whether rows are documents and nothing else.
    pub fn is_text(&self) -> bool {
        matches!(self.features.as_slice(), [Feature { kind: FeatureKind::Text { .. }, .. }])
    }

    /// Refuses columns of features other than those that `fitted` has, in its order; `what` was fitted to them.
    pub(crate) fn check_columns(&self, fitted: &Self, what: &str) -> std::result::Result<(), String> {
        let (found, expected) = (self.features.len(), fitted.features.len());
        if found != expected {
            return Err(format!(
                "the data has {found} columns of features, the {what} was fitted to {expected}"
            ));
        }
        match self.features.iter().zip(&fitted.features).find(|(a, b)| a.name != b.name) {
            Some((a, b)) => {
                Err(format!("the data has column '{}' where the {what} has '{}'", a.name, b.name))
            }
            None => Ok(()),
        }
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
                1 => Channels::Grey,
                _ => Channels::Rgb,
            }),
            ..options.clone()
        }
    }
}

pub(crate) fn ignore_hint(column: &str) -> String {
    format!("Leave the column out with --ignore {column}, or the row by editing the file")
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
