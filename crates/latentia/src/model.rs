//! What a fitted model can do, whatever its kind.

use serde::{Deserialize, Serialize};

use crate::{
    Error, Result,
    data::{Dataset, Matrix, Split},
    linalg::first_not_finite,
    report::Section,
    train::params::Tensors,
};

/// `h = f(x)`: rows to codes.
pub trait Encode {
    /// Numbers in a code.
    fn code_size(&self) -> usize;
    /// The codes `[rows, code]` of preprocessed rows `[rows, features]`.
    fn encode(&self, x: &Matrix) -> Result<Matrix>;
}

/// `x̂ = g(h)`: codes to rows.
pub trait Decode {
    /// The preprocessed rows `[rows, features]` of codes `[rows, code]`.
    fn decode(&self, codes: &Matrix) -> Result<Matrix>;
}

/// `x̂ = g(f(x))`.
pub trait Reconstruct {
    /// The reconstructions of preprocessed rows, of the same shape.
    fn reconstruct(&self, x: &Matrix) -> Result<Matrix>;
}

/// How unusual a row is.
pub trait Score {
    /// One number a row, larger for rows that fit the model worse.
    fn score(&self, x: &Matrix) -> Result<Vec<f64>>;
    /// What the number is, for people: "squared error summed over the columns".
    fn score_name(&self) -> &'static str;
    /// Whether the score is `Σ_j (x_j − x̂_j)²` of the model's reconstruction, to the bit: who has one need not compute the other.
    fn is_reconstruction_error(&self) -> bool {
        false
    }
    /// What each feature adds to the score, `[rows, features]`, so that a row sums to its score; `None` where the score
    /// keeps no such account.
    fn contributions(&self, x: &Matrix) -> Result<Option<Matrix>> {
        let _ = x;
        Ok(None)
    }
}

/// New rows like those it learned from.
pub trait Sample {
    /// `n` preprocessed rows, a function of the model, `n` and the seed.
    fn sample(&self, n: usize, seed: u64) -> Result<Matrix>;
}

/// `x̂` for rows that may be corrupted.
pub trait Denoise {
    /// The clean rows that the model sees behind these, of the same shape.
    fn denoise(&self, x: &Matrix) -> Result<Matrix>;
    /// The rows as the model was taught to see them: corrupted, by this seed; `None` when it learned from clean rows.
    fn corrupt(&self, x: &Matrix, seed: u64) -> Result<Option<Matrix>>;
}

/// `log p(x)`.
pub trait LogLikelihood {
    /// An estimate for each row, in nats, by this many samples of its code, with whose number it rises to `log p(x)`, or by
    /// this many runs that estimate the normalising constant.
    fn log_likelihood(&self, x: &Matrix, samples: usize) -> Result<Vec<f64>>;
    /// How many samples the figures of a fit take; 0 leaves the figure out.
    fn figure_samples(&self) -> usize;
}

/// Which cluster a row belongs to.
pub trait Assign {
    /// Number of clusters.
    fn clusters(&self) -> usize;
    /// The cluster of every preprocessed row.
    fn assign(&self, x: &Matrix) -> Result<Assignment>;
}

/// The clusters of some rows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Assignment {
    /// The cluster of each row, from 0.
    pub clusters: Vec<u32>,
    /// Its distance to the centroid of that cluster.
    pub distances: Vec<f32>,
}

/// The class of a row.
pub trait Predict {
    /// `p(y | x)`: the probability of every class, `[rows, classes]`, for preprocessed rows.
    fn probabilities(&self, x: &Matrix) -> Result<Matrix>;
    /// How many labelled training rows it was allowed to learn from; 0 for all.
    fn labelled(&self) -> usize;
}

/// The numbers that rows are told by others of their columns.
pub trait Regress {
    /// How many numbers a row has.
    fn targets(&self) -> usize;
    /// The scaled targets `[rows, targets]` of preprocessed rows.
    fn predict(&self, x: &Matrix) -> Result<Matrix>;
}

/// A fitted model of any kind. A capability a kind lacks is `None`.
pub trait Model: Send {
    /// The kind, as in recipes.
    fn kind(&self) -> &'static str;
    /// Number of features it takes.
    fn input_width(&self) -> usize;
    /// Its sizes, for people and for the manifest.
    fn sizes(&self) -> Vec<Size>;
    /// Its weights.
    fn tensors(&self) -> Tensors;
    /// Rows to codes.
    fn as_encode(&self) -> Option<&dyn Encode> {
        None
    }
    /// Codes to rows.
    fn as_decode(&self) -> Option<&dyn Decode> {
        None
    }
    /// Rows to reconstructions.
    fn as_reconstruct(&self) -> Option<&dyn Reconstruct> {
        None
    }
    /// Rows to scores.
    fn as_score(&self) -> Option<&dyn Score> {
        None
    }
    /// Rows to classes.
    fn as_predict(&self) -> Option<&dyn Predict> {
        None
    }
    /// Rows to numbers.
    fn as_regress(&self) -> Option<&dyn Regress> {
        None
    }
    /// Nothing to rows.
    fn as_sample(&self) -> Option<&dyn Sample> {
        None
    }
    /// Rows to rows without noise.
    fn as_denoise(&self) -> Option<&dyn Denoise> {
        None
    }
    /// Rows to how likely they are.
    fn as_log_likelihood(&self) -> Option<&dyn LogLikelihood> {
        None
    }
    /// Rows to clusters.
    fn as_assign(&self) -> Option<&dyn Assign> {
        None
    }
    /// What only this kind has to show in a report, from held-out rows of the data it was fitted to.
    fn sections(&self, _rows: &Split, _data: &Dataset) -> Result<Vec<Section>> {
        Ok(Vec::new())
    }
}

/// In an `impl Model`, the capabilities that every model of the kind has.
macro_rules! capabilities {
    ($($as_it:ident: $It:ident),* $(,)?) => {
        $(fn $as_it(&self) -> Option<&dyn $It> {
            Some(self)
        })*
    };
}
pub(crate) use capabilities;

/// A size of a model: `{"name": "code", "value": 30}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    /// What is counted.
    pub name: String,
    /// How many.
    pub value: usize,
}

impl Size {
    /// A size.
    pub fn new(name: &str, value: usize) -> Self {
        Self { name: name.to_owned(), value }
    }
}

impl dyn Model {
    /// The capability behind a verb, or an error that says what this model can do instead.
    pub fn require<'a, T: ?Sized>(&'a self, verb: &'static str, capability: Option<&'a T>) -> Result<&'a T> {
        capability.ok_or_else(|| Error::Unsupported {
            kind: self.kind().to_owned(),
            verb,
            instead: self.verbs().join(", "),
            who_can: who_can(verb),
        })
    }

    /// The verbs this model knows.
    pub fn verbs(&self) -> Vec<&'static str> {
        let known = [
            ("encode", self.as_encode().is_some()),
            ("decode", self.as_decode().is_some()),
            ("reconstruct", self.as_reconstruct().is_some()),
            ("score", self.as_score().is_some()),
            ("denoise", self.as_denoise().is_some()),
            ("classify", self.as_predict().is_some()),
            ("predict", self.as_regress().is_some()),
            ("sample", self.as_sample().is_some()),
            ("cluster", self.as_assign().is_some()),
        ];
        known.into_iter().filter_map(|(verb, can)| can.then_some(verb)).collect()
    }
}

/// Which models know a verb, for whoever asked one that does not.
fn who_can(verb: &str) -> &'static str {
    match verb {
        "encode" | "index" | "search" => "Every kind that learns codes can",
        "decode" | "reconstruct" | "score" | "compress" | "decompress" => {
            "The kinds pca, autoencoder, rbm and k-means can"
        }
        "denoise" => "The kind autoencoder can, best when fitted with --corruption",
        "classify" => "The kind classifier can",
        "predict" => "The kind regressor can",
        "cluster" => "The kind k-means can",
        "sample" => {
            "The kind rbm can, and autoencoder when fitted with --code-distribution gaussian or categorical"
        }
        // `evaluate --importance-samples`
        _ => "The kind rbm can, and autoencoder when fitted with --code-distribution gaussian",
    }
}

/// Refuses rows of another width than the model was fitted on, and values that are not finite.
pub(crate) fn check_rows(what: &str, x: &Matrix, width: usize) -> Result<()> {
    if x.cols() != width {
        return Err(Error::config("data", format!("found {} columns, expected {width}: {what}", x.cols())));
    }
    if let Some(at) = first_not_finite(x) {
        let (row, column) = (at / width + 1, at % width + 1);
        return Err(Error::config(
            "data",
            format!("row {row}, column {column}: found {}, expected a finite number", x.as_slice()[at]),
        ));
    }
    Ok(())
}
