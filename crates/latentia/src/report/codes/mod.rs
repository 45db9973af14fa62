//! The report of a model that learns codes.

mod render;

use super::{
    chart::{Group, PixelSize, Threshold},
    page::{Card, Section},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Everything the report of a code-learning model shows. Parts that are empty or `None` are left out of the page.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CodesReport {
    /// The heading: what was learned from what.
    pub title: String,
    /// The kind of the model: "Denoising autoencoder".
    pub kind: String,
    /// What a reader in a hurry should take away, in a sentence or two.
    pub summary: String,
    /// The key figures.
    pub facts: Vec<Card>,
    /// What the reader should be wary of, in plain sentences.
    pub warnings: Vec<String>,
    /// The command that made the model.
    pub command: String,
    /// The recipe as run, as TOML.
    pub recipe: String,
    /// One record per epoch.
    pub history: Vec<EpochRecord>,
    /// The epoch whose weights were kept.
    pub best_epoch: Option<usize>,
    /// The codes in two dimensions.
    pub map: Option<CodeMap>,
    /// Rows and what the model returns for them.
    pub reconstructions: Option<Reconstructions>,
    /// The reconstruction error of each row.
    pub errors: Option<RowErrors>,
    /// The model beside principal component analysis.
    pub baseline: Option<Baseline>,
    /// The weights of the first layer as images.
    pub filters: Option<Filters>,
    /// What only this variant has to show: traversals, activations, singular values.
    pub extra: Vec<Section>,
}

/// What one epoch of training came to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EpochRecord {
    /// The epoch, from 1.
    pub epoch: usize,
    /// The objective on the training rows.
    pub train: f64,
    /// The objective on the validation rows.
    pub validation: Option<f64>,
    /// The parts of the objective by name: likelihood term, penalties, divergence to the prior.
    pub terms: BTreeMap<String, f64>,
    /// The learning rate.
    pub learning_rate: Option<f64>,
    /// The norm of the gradient, averaged over the steps.
    pub gradient_norm: Option<f64>,
    /// How long the epoch took.
    pub seconds: Option<f64>,
}

/// The codes in two dimensions.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CodeMap {
    /// One point per row.
    pub points: Vec<(f64, f64)>,
    /// The class of each point as an index into `class_names`; empty when the rows have none.
    pub classes: Vec<usize>,
    /// The names of the classes.
    pub class_names: Vec<String>,
    /// The names of the two axes.
    pub axis_names: [String; 2],
    /// How the map was made, in one sentence.
    pub how: String,
}

/// Rows and what the model returns for them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reconstructions {
    /// The rows are images.
    Images(ImagePairs),
    /// The rows are rows of a table: those reconstructed worst, the worst first.
    Rows(Vec<WorstRow>),
}

/// Images and their reconstructions.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ImagePairs {
    /// The size of each image.
    pub size: PixelSize,
    /// The inputs, values from 0 to 1.
    pub inputs: Vec<Vec<f32>>,
    /// The reconstruction of each input.
    pub reconstructions: Vec<Vec<f32>>,
    /// The corrupted input that the reconstruction was made from, for a denoising model; empty otherwise.
    pub corrupted: Vec<Vec<f32>>,
    /// What each pair is: its class or row; may be empty.
    pub names: Vec<String>,
}

/// A badly reconstructed row of a table.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct WorstRow {
    /// Which row: its number or identifier.
    pub name: String,
    /// Its reconstruction error.
    pub error: f64,
    /// The columns that contribute most, the largest share first.
    pub columns: Vec<WorstColumn>,
}

/// A column of a badly reconstructed row.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct WorstColumn {
    /// The name of the column.
    pub name: String,
    /// What the row holds, in the unit of the data.
    pub found: String,
    /// What the model returned, in the same unit.
    pub reconstructed: String,
    /// Its share of the error of the row, from 0 to 1.
    pub share: f64,
}

/// The reconstruction error of each row.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RowErrors {
    /// What the error is: "squared error per row".
    pub name: String,
    /// The errors of the training rows and of rows the model has not seen.
    pub groups: Vec<Group>,
    /// From which error on a row is called unusual.
    pub threshold: Option<Threshold>,
}

/// The model beside principal component analysis.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Baseline {
    /// What the error is, and of which rows: "mean squared error, test rows".
    pub error_name: String,
    /// The error of principal component analysis by code size.
    pub pca: Vec<(usize, f64)>,
    /// Code size and error of the model.
    pub model: Option<(usize, f64)>,
    /// What is compared.
    pub metrics: Vec<Metric>,
    /// The model, principal component analysis and whatever else was compared.
    pub rows: Vec<Comparison>,
}

/// A figure to compare by.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Metric {
    /// Its name: "k-NN accuracy".
    pub name: String,
    /// Whether larger is better.
    pub higher_is_better: bool,
}

/// One row of the comparison.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Comparison {
    /// What was measured: "Autoencoder, 16 units".
    pub name: String,
    /// One value per metric; `None` where it does not apply.
    pub values: Vec<Option<f64>>,
}

/// The weights of the first layer as images.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Filters {
    /// The size of each filter.
    pub size: PixelSize,
    /// The weights of each unit, any scale.
    pub weights: Vec<Vec<f32>>,
}
