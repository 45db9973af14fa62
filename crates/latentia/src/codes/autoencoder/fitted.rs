//! Fitting an autoencoder, and using a fitted one.

use std::ops::Range;

use burn::{
    module::Module,
    tensor::{Device, Tensor},
};

use super::{
    config::AutoencoderConfig,
    likelihood::Likelihood,
    module::{AutoencoderModule, Rows},
    objective::AutoencoderObjective,
    penalty::SparsityAverage,
    start::restart,
    views,
};
use crate::{
    Error, Result,
    codes::{EVALUATION_ROWS, stacked::Stack, to_tensor},
    data::{Dataset, Matrix, Preprocess},
    run::Run,
    train::{
        OptimizerKind, TrainConfig, Trained,
        params::{Tensors, digest, host_values, restore},
    },
};

/// A fitted autoencoder.
#[derive(Debug, Clone)]
pub struct Autoencoder {
    pub(super) module: AutoencoderModule,
    pub(super) likelihood: Likelihood,
    pub(super) config: AutoencoderConfig,
    /// The features of each column, or of each view where views are dropped.
    pub(super) columns: Vec<Range<usize>>,
    pub(super) input: usize,
    pub(super) device: Device,
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
        let config = views::resolve(self, data)?;
        // What `auto` came to may not go with the other settings.
        config.validate()?;
        if config.sparsity_average == SparsityAverage::Running && training.optimizer == OptimizerKind::Lbfgs {
            return Err(Error::config(
                "model.sparsity-average",
                "a running mean changes between the evaluations of a line search: use batch with optimizer lbfgs",
            ));
        }
        let input = data.width();
        let convolutions = config.convolutions(&data.preprocess)?;
        let columns = views::cells(&config, &data.preprocess);
        let likelihood = views::likelihood(&config, &data.preprocess);
        let views = views::ranges(&data.preprocess);
        let rows = Rows { features: input, views: &views, convolutions: &convolutions };
        let mut module = AutoencoderModule::init(&config, rows, training.seed, &run.device);
        let mut identity = identity(&config, training, data)?;
        if let Some(dir) = &config.start {
            let weights;
            (module, weights) = restart(module, dir, &data.preprocess, &run.device)?;
            identity.push_str(&digest(&weights));
        }
        let mut objective = AutoencoderObjective::new(
            &config,
            &likelihood,
            columns.clone(),
            (&data.train.x, &data.validation.x),
            training,
            &run.device,
        );
        let stack = Stack { config: &config, data, training, identity: &identity };
        let trained = stack.train(&mut objective, module, run)?;
        let (module, record) = trained.kept(training.keep)?;
        let device = run.device.clone();
        let model = Autoencoder { module, likelihood, config: config.clone(), columns, input, device };
        Ok((model, config, record))
    }
}

/// A digest of everything the weights depend on but those they start from. The directory of these may have moved: what it
/// holds counts.
fn identity(config: &AutoencoderConfig, training: &TrainConfig, data: &Dataset) -> Result<String> {
    let config = AutoencoderConfig { start: None, ..config.clone() };
    let text = serde_json::to_string(&(config, training, &data.preprocess, &data.fingerprint))
        .map_err(|e| Error::config("recipe", e.to_string()))?;
    Ok(crate::artifact::files::sha256(text.as_bytes()))
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
        let convolutions = config.convolutions(preprocess).map_err(|e| e.to_string())?;
        views::parse(&config.view_likelihoods).map_err(|e| e.to_string())?;
        let views = views::ranges(preprocess);
        let rows = Rows { features: input, views: &views, convolutions: &convolutions };
        let module = AutoencoderModule::init(config, rows, 0, device);
        Ok(Self {
            module: restore(module, tensors)?.valid(),
            likelihood: views::likelihood(config, preprocess),
            config: config.clone(),
            columns: views::cells(config, preprocess),
            input,
            device: device.clone(),
        })
    }

    /// Applies `f` to `x` some rows at a time; `cols` is the width of what it returns.
    pub(super) fn by_batches(&self, x: &Matrix, cols: usize, f: impl Fn(Tensor<2>) -> Tensor<2>) -> Matrix {
        let mut values = Vec::with_capacity(x.rows() * cols);
        for chunk in x.as_slice().chunks(EVALUATION_ROWS * x.cols().max(1)) {
            let y = f(to_tensor(chunk.to_vec(), x.cols(), &self.device));
            values.extend(host_values(y));
        }
        Matrix::new(x.rows(), cols, values)
    }
}
