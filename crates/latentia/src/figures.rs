//! How good a model is, with the honest baseline beside it.

use serde::{Deserialize, Serialize};

/// The figures of a fitted model.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Reconstruction of each part of the data.
    pub parts: Vec<PartFigures>,
    /// Mean squared error of PCA at several code sizes, on the part that `comparison` names.
    pub pca_curve: Vec<PcaPoint>,
    /// k-nearest-neighbour accuracy, where there are labels.
    pub neighbours: Option<NeighbourFigures>,
    /// How faithful maps of the codes in the plane are: the model's own, then that of PCA.
    #[serde(default)]
    pub maps: Vec<MapFigures>,
    /// How often the class of a row is told right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prediction: Option<PredictionFigures>,
    /// Where a row counts as unusual.
    pub threshold: Option<Threshold>,
    /// The part of the data that baselines are compared on: test, validation or train.
    pub comparison: String,
}

/// Reconstruction error on a part of the data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PartFigures {
    /// `train`, `validation` or `test`.
    pub part: String,
    /// Its rows.
    pub rows: usize,
    /// Squared error summed over the features, averaged over the rows, in scaled units.
    pub squared_error: f64,
    /// The same of PCA with as many components as the code has numbers, fitted to the training rows.
    pub pca_squared_error: Option<f64>,
}

/// PCA with some number of components.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PcaPoint {
    /// Components.
    pub code: usize,
    /// Squared error summed over the features, averaged over the rows.
    pub squared_error: f64,
}

/// Accuracy of a k-nearest-neighbour vote among the training rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NeighbourFigures {
    /// Neighbours that vote.
    pub k: usize,
    /// Training rows that were searched.
    pub searched: usize,
    /// Rows that were classified.
    pub queries: usize,
    /// Share classified right by their codes.
    pub in_code: f64,
    /// Share classified right by PCA codes of the same size.
    pub in_pca: Option<f64>,
    /// Share classified right by the scaled input.
    pub in_input: f64,
}

/// How faithful a map in the plane is to the rows it is of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MapFigures {
    /// Whose map: the kind of the model, or `PCA`.
    pub name: String,
    /// Rows that were measured.
    pub rows: usize,
    /// Neighbours that were compared.
    pub k: usize,
    /// 1 when no row has neighbours on the map that are far from it in the input.
    pub trustworthiness: f64,
    /// 1 when no row has lost neighbours of the input on the map.
    pub continuity: f64,
    /// Share of rows whose nearest neighbours on the map, themselves left out, have their class; where there are labels.
    pub neighbour_accuracy: Option<f64>,
}

/// How often the class of a row is told right.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PredictionFigures {
    /// Labelled rows that were learnt from.
    pub learnt: usize,
    /// The model on each part of the data.
    pub parts: Vec<PredictionPart>,
    /// Simple classifiers learnt from the same rows, on the part that [`Figures::comparison`] names.
    pub baselines: Vec<PredictionPart>,
    /// Rows of that part with class `i` told to be of class `j`, `[i][j]`.
    pub confusion: Vec<Vec<u64>>,
}

/// How often the class is told right on some rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PredictionPart {
    /// The part of the data; for a baseline what it is.
    pub name: String,
    /// Rows.
    pub rows: usize,
    /// Share of rows told right.
    pub accuracy: f64,
    /// The mean of that share over the classes.
    pub balanced_accuracy: f64,
    /// Mean of `−log p(class)`, in nats.
    pub log_loss: f64,
}

/// Where a row counts as unusual, and why there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Threshold {
    /// Scores above this are unusual.
    pub value: f64,
    /// The quantile of the scores it is.
    pub quantile: f64,
    /// The part of the data the scores are of.
    pub part: String,
}
