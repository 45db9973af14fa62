//! k-means as a kind of model.

use std::path::Path;

use super::k_means::{KMeans, KMeansConfig};
use crate::{
    Result,
    data::{Dataset, Matrix},
    kinds::{Config, Fitted},
    linalg::{check_cols, check_finite},
    model::{Assign, Assignment, Decode, Encode, Model, Reconstruct, Score, Size, capabilities},
    run::Run,
    train::{TrainConfig, params::Tensors},
};

impl KMeans {
    /// The kind's name in recipes.
    pub const KIND: &'static str = "k-means";
}

impl Config for KMeansConfig {
    fn validate(&self) -> Result<()> {
        self.validate()
    }

    fn to_json(&self) -> serde_json::Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    fn fit(&self, data: &Dataset, train: &TrainConfig, _: &mut Run) -> Result<Fitted> {
        let model = self.fit(&data.train.x, train.seed)?;
        Ok(Fitted { model: Box::new(model), config: Config::to_json(self), training: None })
    }
}

/// The clusters that a model directory holds.
pub(crate) fn load(tensors: &Tensors) -> std::result::Result<KMeans, String> {
    KMeans::from_tensors(Path::new(crate::artifact::WEIGHTS), tensors).map_err(|e| e.to_string())
}

/// The code of a row: its distances to the centroids.
impl Encode for KMeans {
    fn code_size(&self) -> usize {
        self.clusters()
    }

    fn encode(&self, x: &Matrix) -> Result<Matrix> {
        self.distances(x)
    }
}

/// The centroid that is nearest.
impl Decode for KMeans {
    fn decode(&self, codes: &Matrix) -> Result<Matrix> {
        check_cols("code", codes, self.clusters())?;
        check_finite("code", codes)?;
        let least = |row: &[f32]| (1..row.len()).fold(0, |best, j| if row[j] < row[best] { j } else { best });
        Ok(self.select(codes.iter_rows().map(|row| least(row) as u32)))
    }
}

impl Reconstruct for KMeans {
    fn reconstruct(&self, x: &Matrix) -> Result<Matrix> {
        self.decode(&self.distances(x)?)
    }
}

impl Score for KMeans {
    fn score(&self, x: &Matrix) -> Result<Vec<f64>> {
        Ok(self.assign(x)?.1.into_iter().map(f64::from).collect())
    }

    fn score_name(&self) -> &'static str {
        "squared distance to the nearest centroid"
    }
}

impl Assign for KMeans {
    fn clusters(&self) -> usize {
        self.clusters()
    }

    fn assign(&self, x: &Matrix) -> Result<Assignment> {
        let (clusters, squares) = self.assign(x)?;
        Ok(Assignment { clusters, distances: squares.into_iter().map(f32::sqrt).collect() })
    }
}

impl Model for KMeans {
    fn kind(&self) -> &'static str {
        Self::KIND
    }

    fn input_width(&self) -> usize {
        self.features()
    }

    fn sizes(&self) -> Vec<Size> {
        vec![
            Size::new("features", self.features()),
            Size::new("clusters", self.clusters()),
            Size::new("parameters", self.features() * self.clusters()),
            Size::new("iterations", self.iterations()),
        ]
    }

    fn tensors(&self) -> Tensors {
        self.to_tensors()
    }

    capabilities!(as_encode: Encode, as_decode: Decode, as_reconstruct: Reconstruct, as_score: Score, as_assign: Assign);
}
