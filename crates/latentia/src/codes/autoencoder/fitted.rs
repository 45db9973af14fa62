//! Fitting an autoencoder, and using a fitted one.

use burn::{
    module::Module,
    tensor::{Device, Tensor},
};

use super::{
    config::AutoencoderConfig,
    likelihood::{Likelihood, LikelihoodKind},
    module::AutoencoderModule,
    objective::AutoencoderObjective,
};
use crate::{
    Error, Result,
    codes::{EVALUATION_ROWS, outside, squared_errors, stacked::Stack, to_tensor},
    data::{Dataset, FeatureKind, Matrix, Preprocess, Scale},
    model::{Decode, Encode, Model, Reconstruct, Score, Size, check_rows},
    run::Run,
    train::{
        TrainConfig, Trained,
        params::{Tensors, collect, count, host_values, restore},
    },
};

/// A fitted autoencoder.
#[derive(Debug, Clone)]
pub struct Autoencoder {
    module: AutoencoderModule,
    likelihood: Likelihood,
    input: usize,
    code: usize,
    device: Device,
}

/// What training gave besides the model.
type Training = Trained<Tensors>;

impl AutoencoderConfig {
    /// Fits an autoencoder to the training rows of `data`.
    ///
    /// The result is the model with the weights that `train.keep` names, the settings with every `auto` replaced by what
    /// it meant here, and the record of the training with the last weights.
    ///
    /// # Errors
    /// Settings that do not fit the data, a loss that is not finite, a checkpoint that cannot be written.
    pub fn fit(
        &self,
        data: &Dataset,
        training: &TrainConfig,
        run: &mut Run,
    ) -> Result<(Autoencoder, AutoencoderConfig, Training)> {
        self.validate()?;
        let config = Self { likelihood: resolve(self.likelihood, data)?, ..self.clone() };
        let input = data.width();
        let likelihood = Likelihood::new(config.likelihood, &groups(&data.preprocess), input);
        let identity = identity(&config, training, data)?;
        let module = AutoencoderModule::init(&config, input, training.seed, &run.device);
        let mut objective = AutoencoderObjective {
            likelihood: &likelihood,
            train: &data.train.x,
            validation: &data.validation.x,
            device: run.device.clone(),
        };
        let stack = Stack { config: &config, data, training, identity: &identity };
        let trained = stack.train(&mut objective, module, run)?;
        let (module, record) = trained.kept(training.keep)?;
        let model = Autoencoder { module, likelihood, input, code: config.code, device: run.device.clone() };
        Ok((model, config, record))
    }
}

/// A digest of everything the weights depend on.
fn identity(config: &AutoencoderConfig, training: &TrainConfig, data: &Dataset) -> Result<String> {
    let text = serde_json::to_string(&(config, training, &data.preprocess, &data.fingerprint))
        .map_err(|e| Error::config("recipe", e.to_string()))?;
    Ok(crate::artifact::files::sha256(text.as_bytes()))
}

/// The groups of features that are one distribution: the values of a category, the words of a text.
fn groups(preprocess: &Preprocess) -> Vec<std::ops::Range<usize>> {
    let ranges = preprocess.ranges().into_iter().zip(&preprocess.features);
    ranges
        .filter(|(_, feature)| {
            matches!(feature.kind, FeatureKind::Category { .. } | FeatureKind::Text { .. })
        })
        .map(|((_, range), _)| range)
        .collect()
}

/// What `auto` means for these rows; and a refusal of a likelihood that does not fit them.
fn resolve(kind: LikelihoodKind, data: &Dataset) -> Result<LikelihoodKind> {
    match kind {
        LikelihoodKind::Auto => {
            let image = data.image_shape().is_some();
            Ok(if image && data.preprocess.scale == Scale::Unit && outside(data, 0.0, 1.0).is_none() {
                LikelihoodKind::Bernoulli
            } else if !groups(&data.preprocess).is_empty() {
                LikelihoodKind::Categorical
            } else {
                LikelihoodKind::Gaussian
            })
        }
        LikelihoodKind::Bernoulli => match outside(data, 0.0, 1.0) {
            None => Ok(kind),
            Some((column, value)) => Err(Error::config(
                "model.likelihood",
                format!(
                    "bernoulli needs values from 0 to 1, but column '{column}' has {value} after scaling. Use \
                     data.scale min-max, or likelihood gaussian"
                ),
            )),
        },
        LikelihoodKind::Categorical if groups(&data.preprocess).is_empty() => {
            match outside(data, 0.0, f32::INFINITY) {
                None => Ok(kind),
                Some((column, value)) => Err(Error::config(
                    "model.likelihood",
                    format!(
                        "categorical needs categories or counts, but column '{column}' has {value}. Use \
                         data.scale none for counts, or likelihood gaussian"
                    ),
                )),
            }
        }
        _ => Ok(kind),
    }
}

impl Autoencoder {
    /// The kind's name in recipes.
    pub const KIND: &'static str = "autoencoder";

    /// A fitted model from its settings (every `auto` resolved), schema and weights.
    ///
    /// # Errors
    /// A sentence that names the first weight that does not fit.
    pub fn from_tensors(
        config: &AutoencoderConfig,
        preprocess: &Preprocess,
        tensors: &Tensors,
        device: &Device,
    ) -> std::result::Result<Self, String> {
        let input = preprocess.width();
        let module = AutoencoderModule::init(config, input, 0, device);
        Ok(Self {
            module: restore(module, tensors)?.valid(),
            likelihood: Likelihood::new(config.likelihood, &groups(preprocess), input),
            input,
            code: config.code,
            device: device.clone(),
        })
    }

    /// Applies `f` to `x` some rows at a time; `cols` is the width of what it returns.
    fn by_batches(&self, x: &Matrix, cols: usize, f: impl Fn(Tensor<2>) -> Tensor<2>) -> Matrix {
        let mut values = Vec::with_capacity(x.rows() * cols);
        for chunk in x.as_slice().chunks(EVALUATION_ROWS * x.cols().max(1)) {
            let y = f(to_tensor(chunk.to_vec(), x.cols(), &self.device));
            values.extend(host_values(y));
        }
        Matrix::new(x.rows(), cols, values)
    }
}

impl Encode for Autoencoder {
    fn code_size(&self) -> usize {
        self.code
    }

    fn encode(&self, x: &Matrix) -> Result<Matrix> {
        check_rows("the features of the model", x, self.input)?;
        Ok(self.by_batches(x, self.code, |x| self.module.encode(x)))
    }
}

impl Decode for Autoencoder {
    fn decode(&self, codes: &Matrix) -> Result<Matrix> {
        check_rows("the numbers of a code", codes, self.code)?;
        Ok(self.by_batches(codes, self.input, |h| self.likelihood.mean(self.module.decode(h))))
    }
}

impl Reconstruct for Autoencoder {
    fn reconstruct(&self, x: &Matrix) -> Result<Matrix> {
        check_rows("the features of the model", x, self.input)?;
        let round_trip = |x| self.likelihood.mean(self.module.decode(self.module.encode(x)));
        Ok(self.by_batches(x, self.input, round_trip))
    }
}

impl Score for Autoencoder {
    fn score(&self, x: &Matrix) -> Result<Vec<f64>> {
        Ok(squared_errors(x, &self.reconstruct(x)?))
    }

    fn score_name(&self) -> &'static str {
        "squared error summed over the features"
    }
}

impl Model for Autoencoder {
    fn kind(&self) -> &'static str {
        Self::KIND
    }

    fn input_width(&self) -> usize {
        self.input
    }

    fn sizes(&self) -> Vec<Size> {
        vec![
            Size::new("features", self.input),
            Size::new("code", self.code),
            Size::new("parameters", count(&self.module)),
        ]
    }

    fn tensors(&self) -> Tensors {
        collect(&self.module)
    }

    fn as_encode(&self) -> Option<&dyn Encode> {
        Some(self)
    }

    fn as_decode(&self) -> Option<&dyn Decode> {
        Some(self)
    }

    fn as_reconstruct(&self) -> Option<&dyn Reconstruct> {
        Some(self)
    }

    fn as_score(&self) -> Option<&dyn Score> {
        Some(self)
    }
}
