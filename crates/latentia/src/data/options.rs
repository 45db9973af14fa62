//! What a user can say about a data file: the keys of a recipe's `[data]` table.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Weighting, views};
use crate::{Error, Result};

/// How to read a data file and split its rows. Every field has a default that fits most files.
///
/// A column is named by its header. Where the file has none, columns are called `c1`, `c2`, … (pixels of an image
/// `p1`, `p2`, …); everywhere a position works as well: `1` is the first column, `-1` the last.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct ReadOptions {
    /// Format of the file; `auto` looks at the file name, then at the first bytes.
    pub format: Format,
    /// Character between the cells of a text table; found out from the first lines when not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<char>,
    /// Whether the first line of a text table names the columns; found out from the first lines when not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<bool>,
    /// Column with the class of each row: kept out of the features, used for colours, scores and stratified splits.
    /// In an NPZ file the array with the classes (default `y`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// IDX or NPY file with the class of each row, for images kept apart from their labels; found beside
    /// `*-images-idx3-ubyte` by its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label_file: Option<PathBuf>,
    /// Column that names each row: kept out of the features, repeated in every result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Columns of numbers that a regressor learns to predict: kept out of the features.
    pub target: Vec<String>,
    /// The only columns to use as features, all when empty.
    pub columns: Vec<String>,
    /// Columns to leave out.
    pub ignore: Vec<String>,
    /// Columns to read as categories even though their cells are numbers.
    pub categorical: Vec<String>,
    /// Column with documents: each becomes one feature a word of the vocabulary.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Most words that are features of a document: those in most training documents.
    pub vocabulary: usize,
    /// Words that fewer training documents have are left out of the vocabulary.
    pub min_documents: usize,
    /// Whether to leave English function words (the, of, which) out of the vocabulary.
    pub stop_words: bool,
    /// What the feature of a word is.
    pub weighting: Weighting,
    /// Column with all the labels of each row, separated by spaces, commas or semicolons, where a row may have several:
    /// kept out of the features; rows that share one are alike in `evaluate --retrieval`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<String>,
    /// Array of an NPZ file that holds the rows (default `X`, or the only array with two or more dimensions).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub array: Option<String>,
    /// Height that images of a folder are resized to; that of the first image when not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_height: Option<usize>,
    /// Width that images of a folder are resized to; that of the first image when not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_width: Option<usize>,
    /// Colours of images of a folder; those of the first image when not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_channels: Option<Channels>,
    /// Views of one table: groups of its columns that belong together, each as NAME=FIRST..LAST, NAME=PREFIX* or
    /// NAME=COLUMN+COLUMN; columns in none of them are left out. Views with files of their own are the data itself:
    /// NAME=FILE,NAME=FILE.
    pub views: Vec<String>,
    /// What is read in another way in one view than in the others: VIEW.KEY=VALUE with a key of this section, lists
    /// joined by +.
    pub view_options: Vec<String>,
    /// What to do with an empty cell.
    pub missing: Missing,
    /// How numbers are brought to a common scale.
    pub scale: Scale,
    /// What to do with a category that was not in the training rows.
    pub unknown: Unknown,
    /// Part of the training rows held out to choose when to stop, 0 to 0.9.
    pub validation: f64,
    /// Part of all rows held out for the final figures, 0 to 0.9; nothing when `test` names a file.
    pub test_fraction: f64,
    /// Whether each class has the same share in every split. Needs `label`.
    pub stratify: bool,
    /// Classes to learn nothing from: their rows are left out of training and validation, and stay in the part for the
    /// final figures. Needs `label`.
    pub exclude: Vec<String>,
    /// File with the rows for the final figures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test: Option<PathBuf>,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            format: Format::Auto,
            delimiter: None,
            header: None,
            label: None,
            label_file: None,
            id: None,
            target: Vec::new(),
            columns: Vec::new(),
            ignore: Vec::new(),
            categorical: Vec::new(),
            text: None,
            vocabulary: 2000,
            min_documents: 2,
            stop_words: true,
            weighting: Weighting::Tf,
            tags: None,
            array: None,
            image_height: None,
            image_width: None,
            image_channels: None,
            views: Vec::new(),
            view_options: Vec::new(),
            missing: Missing::Error,
            scale: Scale::Auto,
            unknown: Unknown::Error,
            validation: 0.1,
            test_fraction: 0.0,
            stratify: true,
            exclude: Vec::new(),
            test: None,
        }
    }
}

impl ReadOptions {
    /// Checks what can be checked without the file.
    ///
    /// # Errors
    /// [`Error::Config`] naming the key, as `data.validation`.
    pub fn validate(&self) -> Result<()> {
        for (key, part) in [("data.validation", self.validation), ("data.test-fraction", self.test_fraction)]
        {
            if !(0.0..=0.9).contains(&part) {
                return Err(Error::config(
                    key,
                    format!("{part} is not a part of the rows between 0 and 0.9"),
                ));
            }
        }
        if self.test.is_some() && self.test_fraction > 0.0 {
            return Err(Error::config(
                "data.test-fraction",
                "give either a test file or a part of the rows, not both",
            ));
        }
        for (key, side) in [("data.image-height", self.image_height), ("data.image-width", self.image_width)]
        {
            if side.is_some_and(|side| side == 0 || side > MAX_IMAGE_SIDE) {
                return Err(Error::config(key, format!("must be between 1 and {MAX_IMAGE_SIDE} pixels")));
            }
        }
        if self.delimiter.is_some_and(|c| !c.is_ascii() || c == '"' || c == '\n' || c == '\r') {
            return Err(Error::config(
                "data.delimiter",
                "must be one ASCII character other than a quote or a line end",
            ));
        }
        if self.label.is_some() && self.label == self.id {
            return Err(Error::config("data.id", "the same column cannot be the label and the id"));
        }
        let asides = [&self.label, &self.id, &self.tags];
        if self.text.is_some() && asides.contains(&&self.text) {
            return Err(Error::config(
                "data.text",
                "the column of documents cannot be the label, the id or the tags",
            ));
        }
        if self.vocabulary == 0 || self.vocabulary > MAX_VOCABULARY {
            let message = format!("found {}, expected 1 to {MAX_VOCABULARY} words", self.vocabulary);
            return Err(Error::config("data.vocabulary", message));
        }
        views::check_groups(&self.views)?;
        views::check_settings(&self.view_options)?;
        if self.min_documents == 0 {
            return Err(Error::config("data.min-documents", "found 0, expected at least 1"));
        }
        Ok(())
    }
}

/// Most words of a vocabulary: rows are dense, and a million features a row is more than any model here takes.
const MAX_VOCABULARY: usize = 1 << 20;

/// Largest side of an image, in pixels: beyond it a damaged header is likelier than a picture.
pub(crate) const MAX_IMAGE_SIDE: usize = 16_384;

/// Format of a data file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// By file name, then by the first bytes.
    #[default]
    Auto,
    /// Comma-separated (or otherwise delimited) text, may be gzipped.
    Csv,
    /// Tab-separated text, may be gzipped.
    Tsv,
    /// One array as NumPy writes it.
    Npy,
    /// Several arrays as NumPy writes them.
    Npz,
    /// The format of MNIST, may be gzipped.
    Idx,
    /// Apache Parquet.
    Parquet,
    /// One JSON object a line, may be gzipped.
    Jsonl,
    /// A PNG or JPEG image, or a folder of them.
    Images,
    /// A .txt file that is one document, or a folder of them; sub-folders are classes.
    Texts,
    /// A text file whose every line is a document, may be gzipped: one side of a parallel corpus, `train.de`.
    Lines,
    /// The SGML files of Reuters-21578.
    Reuters,
}

/// Colours of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Channels {
    /// One value a pixel.
    Grey,
    /// Three values a pixel.
    Rgb,
}

/// What to do with an empty cell of a feature.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Missing {
    /// Stop with the row and the column.
    #[default]
    Error,
    /// The column's mean in the training rows; for categories, all zero.
    Mean,
    /// Leave the row out.
    Drop,
    /// The number 0 of the file; for categories, all zero.
    Zero,
}

/// How numbers are brought to a common scale; fitted on the training rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Scale {
    /// `unit` for images, `standard` for tables.
    #[default]
    Auto,
    /// As in the file.
    None,
    /// To 0..1 by each column's least and greatest value.
    MinMax,
    /// To mean 0 and standard deviation 1, column by column.
    Standard,
    /// Divided by the known range of the data: 255 for 8-bit images, else the greatest magnitude of all columns.
    Unit,
}

/// What to do with a category that was not in the training rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Unknown {
    /// Stop with the row and the column.
    #[default]
    Error,
    /// All zero: none of the known categories.
    Zero,
}
