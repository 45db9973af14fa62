//! PCA as a kind of model.

use std::{collections::BTreeMap, path::Path};

use super::pca::{Pca, PcaConfig};
use crate::{
    Result,
    data::{Dataset, Matrix},
    kinds::{Config, Fitted},
    model::{Decode, Encode, Model, Reconstruct, Score, Size, capabilities},
    run::Run,
    train::{
        TrainConfig,
        params::{HostTensor, Tensors},
    },
};

impl Pca {
    /// The kind's name in recipes.
    pub const KIND: &'static str = "pca";
}

impl Config for PcaConfig {
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

/// The PCA that a model directory holds.
pub(crate) fn load(tensors: &Tensors) -> std::result::Result<Pca, String> {
    let named = tensors.iter().map(|(name, t)| (name.clone(), (t.shape.clone(), t.values.clone())));
    Pca::from_tensors(Path::new(crate::artifact::WEIGHTS), named.collect::<BTreeMap<_, _>>())
        .map_err(|e| e.to_string())
}

/// What [`load`] needs.
pub(crate) fn tensors(pca: &Pca) -> Tensors {
    let tensors = pca.to_tensors().into_iter();
    tensors.map(|(name, (shape, values))| (name, HostTensor { shape, values })).collect()
}

impl Encode for Pca {
    fn code_size(&self) -> usize {
        self.code()
    }

    fn encode(&self, x: &Matrix) -> Result<Matrix> {
        self.encode(x)
    }
}

impl Decode for Pca {
    fn decode(&self, codes: &Matrix) -> Result<Matrix> {
        self.decode(codes)
    }
}

impl Reconstruct for Pca {
    fn reconstruct(&self, x: &Matrix) -> Result<Matrix> {
        self.reconstruct(x)
    }
}

impl Score for Pca {
    fn score(&self, x: &Matrix) -> Result<Vec<f64>> {
        self.squared_errors(x)
    }

    fn score_name(&self) -> &'static str {
        "squared error summed over the features"
    }
}

impl Model for Pca {
    fn kind(&self) -> &'static str {
        Self::KIND
    }

    fn input_width(&self) -> usize {
        self.features()
    }

    fn sizes(&self) -> Vec<Size> {
        let parameters = self.features() * (self.code() + 1);
        vec![
            Size::new("features", self.features()),
            Size::new("code", self.code()),
            Size::new("parameters", parameters),
        ]
    }

    fn tensors(&self) -> Tensors {
        tensors(self)
    }

    capabilities!(as_encode: Encode, as_decode: Decode, as_reconstruct: Reconstruct, as_score: Score);
}
