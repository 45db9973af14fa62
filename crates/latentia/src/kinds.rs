//! Every kind of model in one table: what recipes can name, `fit` can fit and a model directory can hold.

use burn::tensor::Device;
use serde_json::Value;

use crate::{
    Error, Result,
    clusters::k_means::{KMeans, KMeansConfig},
    codes::{
        autoencoder::{Autoencoder, AutoencoderConfig},
        manifold::{GraphEmbedding, GraphEmbeddingConfig, Method},
        pca::{Pca, PcaConfig},
        rbm::{Rbm, RbmConfig},
    },
    data::{Dataset, Preprocess},
    model::Model,
    predict::{Classifier, ClassifierConfig, Regressor, RegressorConfig},
    recipe::{self, Key, nearest},
    run::Run,
    train::{TrainConfig, Trained, params::Tensors},
};

/// A kind of model.
pub struct Kind {
    /// Its name in recipes and on the command line.
    pub name: &'static str,
    /// What it is, in a sentence.
    pub about: &'static str,
    /// Whether it is trained step by step (or computed at once).
    pub trains: bool,
    /// The keys of its `[model]` table.
    pub keys: fn() -> Vec<Key>,
    parse: fn(Value) -> Result<Box<dyn Config>>,
    load: Load,
}

/// Makes a fitted model from its settings, schema and weights; the error is a sentence about the weights.
type Load = fn(&Value, &Preprocess, &Tensors, &Device) -> std::result::Result<Box<dyn Model>, String>;

impl std::fmt::Debug for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for Kind {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Kind {
    /// The settings in `model` (without `kind`), defaults filled in and checked.
    pub fn parse(&self, model: Value) -> Result<Box<dyn Config>> {
        let config = (self.parse)(model)?;
        config.validate()?;
        Ok(config)
    }

    /// A fitted model from its settings, schema and weights.
    pub(crate) fn load(
        &self,
        config: &Value,
        preprocess: &Preprocess,
        tensors: &Tensors,
        device: &Device,
    ) -> std::result::Result<Box<dyn Model>, String> {
        (self.load)(config, preprocess, tensors, device)
    }
}

/// The settings of some kind of model.
pub trait Config {
    /// Checks every field; the error names the recipe key.
    fn validate(&self) -> Result<()>;
    /// The settings as a recipe holds them, every default filled in.
    fn to_json(&self) -> Value;
    /// Fits a model to the training rows of `data`.
    fn fit(&self, data: &Dataset, train: &TrainConfig, run: &mut Run) -> Result<Fitted>;
}

/// A model that was just fitted.
pub struct Fitted {
    /// The model.
    pub model: Box<dyn Model>,
    /// Its settings, every `auto` replaced by what it meant for this data.
    pub config: Value,
    /// How training went, with the last weights; `None` for a kind that is computed at once.
    pub training: Option<Trained<Tensors>>,
}

/// Every kind.
pub const KINDS: &[Kind] = &[
    Kind {
        name: Autoencoder::KIND,
        about: "encoder and decoder networks that learn a code by rebuilding their input",
        trains: true,
        keys: recipe::model_keys::<AutoencoderConfig>,
        parse: parse::<AutoencoderConfig>,
        load: |config, preprocess, tensors, device| {
            let config = serde_json::from_value(config.clone()).map_err(|e| e.to_string())?;
            Ok(Box::new(Autoencoder::from_tensors(&config, preprocess, tensors, device)?))
        },
    },
    Kind {
        name: Pca::KIND,
        about: "principal component analysis, the linear code of least squared error",
        trains: false,
        keys: recipe::model_keys::<PcaConfig>,
        parse: parse::<PcaConfig>,
        load: |_, _, tensors, _| Ok(Box::new(crate::codes::load_pca(tensors)?)),
    },
    Kind {
        name: Method::Isomap.kind(),
        about: "codes that keep the distances along the graph of nearest neighbours",
        trains: false,
        keys: || GraphEmbeddingConfig::keys(Method::Isomap),
        parse: |model| Ok(Box::new(GraphEmbeddingConfig::parse(Method::Isomap, model)?)),
        load: |config, preprocess, tensors, _| load_graph(Method::Isomap, config, preprocess, tensors),
    },
    Kind {
        name: Method::LaplacianEigenmaps.kind(),
        about: "codes that keep neighbours in the graph of nearest rows near each other",
        trains: false,
        keys: || GraphEmbeddingConfig::keys(Method::LaplacianEigenmaps),
        parse: |model| Ok(Box::new(GraphEmbeddingConfig::parse(Method::LaplacianEigenmaps, model)?)),
        load: |config, preprocess, tensors, _| {
            load_graph(Method::LaplacianEigenmaps, config, preprocess, tensors)
        },
    },
    Kind {
        name: Method::Lle.kind(),
        about: "locally linear embedding, codes that are rebuilt from their neighbours as the rows are",
        trains: false,
        keys: || GraphEmbeddingConfig::keys(Method::Lle),
        parse: |model| Ok(Box::new(GraphEmbeddingConfig::parse(Method::Lle, model)?)),
        load: |config, preprocess, tensors, _| load_graph(Method::Lle, config, preprocess, tensors),
    },
    Kind {
        name: Classifier::KIND,
        about: "dense layers that predict the class of a row, on the input or on the codes of another model",
        trains: true,
        keys: recipe::model_keys::<ClassifierConfig>,
        parse: parse::<ClassifierConfig>,
        load: |config, preprocess, tensors, device| {
            Ok(Box::new(Classifier::from_tensors(config, preprocess, tensors, device)?))
        },
    },
    Kind {
        name: Regressor::KIND,
        about: "dense layers that predict numbers of a row, on the input or on the codes of another model",
        trains: true,
        keys: recipe::model_keys::<RegressorConfig>,
        parse: parse::<RegressorConfig>,
        load: |config, preprocess, tensors, device| {
            Ok(Box::new(Regressor::from_tensors(config, preprocess, tensors, device)?))
        },
    },
    Kind {
        name: Rbm::KIND,
        about: "a restricted Boltzmann machine, which learns a code and a distribution that can be sampled",
        trains: true,
        keys: recipe::model_keys::<RbmConfig>,
        parse: parse::<RbmConfig>,
        load: |config, preprocess, tensors, device| {
            let config = serde_json::from_value(config.clone()).map_err(|e| e.to_string())?;
            Ok(Box::new(Rbm::from_tensors(&config, preprocess, tensors, device)?))
        },
    },
    Kind {
        name: KMeans::KIND,
        about: "k-means, groups of rows around centroids of least squared distance",
        trains: false,
        keys: recipe::model_keys::<KMeansConfig>,
        parse: parse::<KMeansConfig>,
        load: |_, _, tensors, _| Ok(Box::new(crate::clusters::load_k_means(tensors)?)),
    },
];

fn parse<T: Config + serde::de::DeserializeOwned + 'static>(model: Value) -> Result<Box<dyn Config>> {
    match model {
        Value::Object(keys) => Ok(Box::new(recipe::read::<T>("model", &keys)?)),
        other => Err(Error::config("model", format!("found {other}, expected a table"))),
    }
}

/// Loads a graph embedding.
fn load_graph(
    method: Method,
    config: &Value,
    preprocess: &Preprocess,
    tensors: &Tensors,
) -> std::result::Result<Box<dyn Model>, String> {
    let config = GraphEmbeddingConfig::parse(method, config.clone()).map_err(|e| e.to_string())?;
    Ok(Box::new(GraphEmbedding::from_tensors(config, preprocess.width(), tensors)?))
}

/// The kind of that name.
pub fn find(name: &str) -> Result<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name).ok_or_else(|| {
        let near = nearest(name, KINDS.iter().map(|k| k.name));
        let hint = near.map(|n| format!(", did you mean '{n}'?")).unwrap_or_default();
        Error::config("model.kind", format!("no kind '{name}', expected {}{hint}", names()))
    })
}

/// The names of all kinds, for people.
pub fn names() -> String {
    KINDS.iter().map(|k| k.name).collect::<Vec<_>>().join(", ")
}

impl Config for AutoencoderConfig {
    fn validate(&self) -> Result<()> {
        self.validate()
    }

    fn to_json(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    fn fit(&self, data: &Dataset, train: &TrainConfig, run: &mut Run) -> Result<Fitted> {
        let (model, config, training) = self.fit(data, train, run)?;
        Ok(Fitted { model: Box::new(model), config: Config::to_json(&config), training: Some(training) })
    }
}

impl Config for RbmConfig {
    fn validate(&self) -> Result<()> {
        self.validate()
    }

    fn to_json(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    fn fit(&self, data: &Dataset, train: &TrainConfig, run: &mut Run) -> Result<Fitted> {
        let (model, config, training) = self.fit(data, train, run)?;
        Ok(Fitted { model: Box::new(model), config: Config::to_json(&config), training: Some(training) })
    }
}
