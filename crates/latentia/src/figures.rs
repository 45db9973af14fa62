//! How good a model is, with the honest baseline beside it.

use serde::{Deserialize, Serialize};

use crate::{
    Result,
    evaluate::{self, Recall},
};

/// The figures of a fitted model.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Reconstruction of each part of the data.
    pub parts: Vec<PartFigures>,
    /// Mean squared error of PCA at several code sizes, on the part that `comparison` names.
    pub pca_curve: Vec<PcaPoint>,
    /// Clusters of each part of the data, where the model has them.
    #[serde(default)]
    pub clusters: Vec<ClusterFigures>,
    /// k-nearest-neighbour accuracy, where there are labels.
    pub neighbours: Option<NeighbourFigures>,
    /// How faithful maps of the codes in the plane are: the model's own, then that of PCA.
    #[serde(default)]
    pub maps: Vec<MapFigures>,
    /// How often the class of a row is told right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prediction: Option<PredictionFigures>,
    /// How far the numbers of a row are told from what they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regression: Option<RegressionFigures>,
    /// Search by code, where there are labels and the rows are documents or the codes bits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retrieval: Option<RetrievalFigures>,
    /// What each view of a row says of the others, where rows have views.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub views: Option<ViewFigures>,
    /// How likely held-out rows are, where the model can tell.
    pub likelihood: Option<LikelihoodFigures>,
    /// Where a row counts as unusual.
    pub threshold: Option<Threshold>,
    /// How well scores find the rows of the class that `anomaly.unusual` names.
    #[serde(default)]
    pub detection: Option<DetectionFigures>,
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

/// The clusters of a part of the data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClusterFigures {
    /// `train`, `validation` or `test`.
    pub part: String,
    /// Rows of each cluster.
    pub sizes: Vec<usize>,
    /// Squared distances of the rows to the centroids of their clusters, summed.
    pub inertia: f64,
    /// How well the clusters agree with the classes, where there are labels.
    pub agreement: Option<Agreement>,
}

/// How well clusters agree with classes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Agreement {
    /// Share of rows in the cluster that stands for their class, clusters and classes paired one to one as well as can be.
    pub accuracy: f64,
    /// Normalised mutual information.
    pub nmi: f64,
    /// Adjusted Rand index.
    pub ari: f64,
}

impl Agreement {
    /// Of clusters with the labels of the same rows.
    ///
    /// # Errors
    /// When the lists are empty or of different lengths.
    pub fn of(labels: &[u32], clusters: &[u32]) -> Result<Self> {
        Ok(Self {
            accuracy: evaluate::clustering_accuracy(labels, clusters)?,
            nmi: evaluate::normalized_mutual_information(labels, clusters)?,
            ari: evaluate::adjusted_rand_index(labels, clusters)?,
        })
    }
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

impl MapFigures {
    /// Name and value of what tells how faithful the map is.
    pub fn faithfulness(&self) -> [(&'static str, f64); 2] {
        [("trustworthiness", self.trustworthiness), ("continuity", self.continuity)]
    }
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

/// How far the numbers of a row are told from what they are, in units of the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RegressionFigures {
    /// The model on each part of the data, each target in turn.
    pub parts: Vec<RegressionPart>,
    /// Simple models learnt from the same rows, on the part that [`Figures::comparison`] names.
    pub baselines: Vec<RegressionPart>,
}

/// How far one number is told from what it is on some rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RegressionPart {
    /// The part of the data; for a baseline what it is.
    pub name: String,
    /// The column.
    pub target: String,
    /// Rows.
    pub rows: usize,
    /// Root of the mean squared error.
    pub rmse: f64,
    /// Mean absolute error.
    pub mae: f64,
    /// Share of the variance that is told; `None` where there is none.
    pub r_squared: Option<f64>,
}

/// Precision of searches: the share of rows with a label of the query among the nearest ones, averaged over the queries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RetrievalFigures {
    /// Nearest rows that count.
    pub k: usize,
    /// Rows that were searched: those that were not held out as queries.
    pub searched: usize,
    /// Rows that were searched for.
    pub queries: usize,
    /// Whether codes are bits, compared by how many differ.
    pub bits: bool,
    /// By code.
    pub in_code: f64,
    /// By PCA codes of the same size, as bits where the codes are bits.
    pub in_pca: Option<f64>,
    /// By the cosine of the angle between inputs.
    pub in_input: f64,
}

/// What each view of a row says of the others.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ViewFigures {
    /// The part of the data that was measured on.
    pub part: String,
    /// Its rows, as far as they were.
    pub rows: usize,
    /// Names of the views.
    pub views: Vec<String>,
    /// How well each view is rebuilt from all and from each.
    pub errors: Vec<ViewError>,
    /// How well a code from one view finds that of the same row from another.
    pub searches: Vec<ViewSearch>,
    /// What codes from all views and from each tell of the class, where there are labels.
    pub neighbours: Vec<ViewNeighbours>,
}

impl ViewFigures {
    /// The mean of `figure` over the searches; `None` where one is not known.
    pub fn mean_over_searches(&self, figure: impl Fn(&ViewSearch) -> Option<f64>) -> Option<f64> {
        let values: Option<Vec<f64>> = self.searches.iter().map(figure).collect();
        values.filter(|values| !values.is_empty()).map(|v| v.iter().sum::<f64>() / v.len() as f64)
    }

    /// The errors of views that are rebuilt from another one.
    pub fn across(&self) -> impl Iterator<Item = &ViewError> {
        self.errors.iter().filter(|error| error.from.as_ref().is_some_and(|from| *from != error.of))
    }
}

/// How well a view is rebuilt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ViewError {
    /// The view that was known; `None` for all.
    pub from: Option<String>,
    /// The view that was rebuilt.
    pub of: String,
    /// Squared error summed over its features, averaged over the rows, in scaled units.
    pub squared_error: f64,
    /// The same of ridge regression; of PCA with a code of the same size where `of` was known.
    pub linear: Option<f64>,
    /// The same of the mean of the training rows.
    pub mean: Option<f64>,
}

/// How well a code from one view finds that of the same row from another, by the cosine of their angle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ViewSearch {
    /// The view of the query.
    pub from: String,
    /// The view of the rows that are searched.
    pub to: String,
    /// How far down the row itself is found.
    pub recall: Recall,
    /// The same by canonical correlation analysis with codes of the same size.
    pub linear: Option<Recall>,
}

/// Accuracy of a vote of the nearest training rows, which are coded from all views, on rows coded from some.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ViewNeighbours {
    /// The view that was known; `None` for all.
    pub from: Option<String>,
    /// Neighbours that vote.
    pub k: usize,
    /// Share classified right by their codes.
    pub in_code: f64,
    /// Share classified right by PCA codes of the same size, missing views being 0.
    pub in_pca: Option<f64>,
    /// Share classified right by the scaled features of that view, of all views for all.
    pub in_view: f64,
}

/// An estimate of the likelihood of rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LikelihoodFigures {
    /// The part of the data the rows are of.
    pub part: String,
    /// Its rows.
    pub rows: usize,
    /// Samples of the code of each row.
    pub samples: usize,
    /// `−log p(x)` in nats, the mean over the rows: an estimate from above that falls with the number of samples.
    pub negative_log: f64,
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
    /// Its rows.
    #[serde(default)]
    pub rows: usize,
}

/// How well scores find the rows of a class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DetectionFigures {
    /// The class whose rows are unusual.
    pub class: String,
    /// The part of the data that was scored.
    pub part: String,
    /// Its rows.
    pub rows: usize,
    /// Its rows of that class.
    pub unusual: usize,
    /// Area under the ROC curve: how often an unusual row scores higher than another.
    pub auroc: f64,
    /// Average precision; the share of unusual rows is what guessing gives.
    pub average_precision: f64,
    /// Share of unusual rows among as many of highest score as there are unusual ones.
    pub precision_at_n: f64,
    /// Share of unusual rows among those above the threshold; `None` when none is above it.
    pub precision: Option<f64>,
    /// Share of the unusual rows that is above the threshold.
    pub recall: Option<f64>,
}

impl DetectionFigures {
    /// The figures of scores; `unusual` says which rows are.
    ///
    /// # Errors
    /// No rows of the class, or none of the others.
    pub fn of(
        class: &str,
        part: &str,
        unusual: &[bool],
        scores: &[f64],
        threshold: Option<f64>,
    ) -> Result<Self> {
        let n = unusual.iter().filter(|&&u| u).count();
        let above = threshold.map(|threshold| {
            let called = || unusual.iter().zip(scores).filter(move |(_, score)| **score > threshold);
            (called().count(), called().filter(|(unusual, _)| **unusual).count())
        });
        Ok(Self {
            class: class.to_owned(),
            part: part.to_owned(),
            rows: scores.len(),
            unusual: n,
            auroc: evaluate::roc_auc(unusual, scores)?,
            average_precision: evaluate::average_precision(unusual, scores)?,
            precision_at_n: evaluate::precision_at(unusual, scores, n)?,
            precision: above
                .filter(|(called, _)| *called > 0)
                .map(|(called, hits)| hits as f64 / called as f64),
            recall: above.map(|(_, hits)| hits as f64 / n as f64),
        })
    }
}
