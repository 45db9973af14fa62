//! Fitting a restricted Boltzmann machine, and using a fitted one.

use std::sync::OnceLock;

use burn::{
    module::Module,
    tensor::{Device, Tensor},
};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use super::{
    config::{RbmConfig, Units, VisibleUnits},
    measure::by_batches,
    module::RbmModule,
    objective::RbmObjective,
    partition::{self, Partition},
};
use crate::{
    Error, Result,
    codes::{EVALUATION_ROWS, outside, to_tensor},
    data::{Dataset, Matrix, Preprocess, Scale},
    model::{
        Decode, Encode, LogLikelihood, Model, Reconstruct, Sample, Score, Size, capabilities, check_rows,
    },
    random::{Purpose, stream},
    run::Run,
    train::{
        OptimizerKind, TrainConfig, Trained,
        params::{Tensors, collect, count, host_values, restore},
        train,
    },
};

/// Standard deviation of the initial weights (Hinton 2010, section 8).
const WEIGHT_DEVIATION: f64 = 0.01;
/// Mean activations this near to 0 or 1 are taken for this when visible biases are set.
const LEAST_MEAN: f64 = 0.01;
/// Gaussian visible units have variance 1: data of larger deviation is not scaled.
const MOST_DEVIATION: f64 = 10.0;

/// A fitted restricted Boltzmann machine.
#[derive(Debug, Clone)]
pub struct Rbm {
    module: RbmModule,
    sample_steps: usize,
    /// Of the number of runs that was asked for first.
    partition: OnceLock<(usize, Partition)>,
    device: Device,
}

impl RbmConfig {
    /// Fits a machine to the training rows of `data`.
    ///
    /// The result is the model with the weights that `train.keep` names, the settings with `auto` replaced by what it meant
    /// here, and the record of the training with the last weights.
    ///
    /// # Errors
    /// Settings that do not fit the data or each other, a gradient that is not finite, a checkpoint that cannot be written.
    pub fn fit(
        &self,
        data: &Dataset,
        training: &TrainConfig,
        run: &mut Run,
    ) -> Result<(Rbm, RbmConfig, Trained<Tensors>)> {
        self.validate()?;
        if training.optimizer == OptimizerKind::Lbfgs {
            return Err(Error::config(
                "train.optimizer",
                "lbfgs needs an objective with a value, and contrastive divergence has only a gradient: use sgd or adam",
            ));
        }
        let visible = resolve(self.visible_units, data)?;
        let config = Self {
            visible_units: match visible {
                Units::Bernoulli => VisibleUnits::Bernoulli,
                Units::Gaussian => VisibleUnits::Gaussian,
            },
            ..self.clone()
        };
        config.validate()?;
        let module = start(&config, visible, &data.train.x, training.seed, &run.device);
        let mut objective =
            RbmObjective::new(&config, &data.train.x, &data.validation.x, training.seed, &run.device);
        let identity = identity(&config, training, data)?;
        let trained = train(&mut objective, module, training, &identity, run)?;
        let (module, record) = trained.kept(training.keep)?;
        let model = Rbm::new(module, config.sample_steps, &run.device);
        Ok((model, config, record))
    }
}

/// What `auto` means for these rows; and a refusal of units that do not fit them.
fn resolve(units: VisibleUnits, data: &Dataset) -> Result<Units> {
    let not_shares = outside(data, 0.0, 1.0);
    let image = data.image_shape().is_some() && data.preprocess.scale == Scale::Unit;
    match (units, not_shares) {
        (VisibleUnits::Auto, None) if image => Ok(Units::Bernoulli),
        (VisibleUnits::Bernoulli, None) => Ok(Units::Bernoulli),
        (VisibleUnits::Bernoulli, Some((column, value))) => Err(Error::config(
            "model.visible-units",
            format!(
                "bernoulli needs values from 0 to 1, but column '{column}' has {value} after scaling. Use data.scale \
                 min-max, or visible-units gaussian"
            ),
        )),
        (VisibleUnits::Auto | VisibleUnits::Gaussian, _) => match not_standard(data) {
            None => Ok(Units::Gaussian),
            Some((column, deviation)) => Err(Error::config(
                "model.visible-units",
                format!(
                    "gaussian units have variance 1, but column '{column}' has a standard deviation of {deviation:.4} \
                     after scaling. Use data.scale standard"
                ),
            )),
        },
    }
}

/// The first column of training rows whose standard deviation is far above 1.
fn not_standard(data: &Dataset) -> Option<(String, f64)> {
    let deviations = moments(&data.train.x).into_iter().map(|(_, variance)| variance.sqrt());
    let (column, deviation) = deviations.enumerate().find(|(_, deviation)| *deviation > MOST_DEVIATION)?;
    Some((data.preprocess.feature_names()[column].clone(), deviation))
}

/// Mean and variance of every column.
fn moments(x: &Matrix) -> Vec<(f64, f64)> {
    let n = x.rows().max(1) as f64;
    let mut sums = vec![(0.0, 0.0); x.cols()];
    for row in x.iter_rows() {
        for (sum, &value) in sums.iter_mut().zip(row) {
            sum.0 += f64::from(value) / n;
        }
    }
    for row in x.iter_rows() {
        for (sum, &value) in sums.iter_mut().zip(row) {
            sum.1 += (f64::from(value) - sum.0).powi(2) / n;
        }
    }
    sums
}

/// Small random weights, visible biases that alone give the mean of the data (Hinton 2010, section 8), hidden biases that
/// give the activity that is aimed at.
fn start(config: &RbmConfig, visible: Units, x: &Matrix, seed: u64, device: &Device) -> RbmModule {
    let logit = |p: f64| (p / (1.0 - p)).ln();
    let bias = |(mean, _): (f64, f64)| match visible {
        Units::Bernoulli => logit(mean.clamp(LEAST_MEAN, 1.0 - LEAST_MEAN)) as f32,
        Units::Gaussian => mean as f32,
    };
    let visible_bias: Vec<f32> = moments(x).into_iter().map(bias).collect();
    let of_hidden = match config.activity_target {
        0.0 => 0.0,
        target => logit(target) as f32,
    };
    let mut rng = stream(seed, Purpose::Init, 0, 0);
    let draw = |rng: &mut ChaCha8Rng| -> f64 { StandardNormal.sample(rng) };
    let weight = (0..config.code * x.cols()).map(|_| (WEIGHT_DEVIATION * draw(&mut rng)) as f32).collect();
    let hidden_bias = vec![of_hidden; config.code];
    RbmModule::new((visible, config.hidden_units), weight, visible_bias, hidden_bias, device)
}

/// A digest of everything the weights depend on.
fn identity(config: &RbmConfig, training: &TrainConfig, data: &Dataset) -> Result<String> {
    let text = serde_json::to_string(&(Rbm::KIND, config, training, &data.preprocess, &data.fingerprint))
        .map_err(|e| Error::config("recipe", e.to_string()))?;
    Ok(crate::artifact::files::sha256(text.as_bytes()))
}

impl Rbm {
    /// The kind's name in recipes.
    pub const KIND: &'static str = "rbm";

    pub(super) fn new(module: RbmModule, sample_steps: usize, device: &Device) -> Self {
        Self { module, sample_steps, partition: OnceLock::new(), device: device.clone() }
    }

    /// A fitted model from its settings (`auto` resolved), schema and weights.
    ///
    /// # Errors
    /// A sentence that names the first weight that does not fit.
    pub fn from_tensors(
        config: &RbmConfig,
        preprocess: &Preprocess,
        tensors: &Tensors,
        device: &Device,
    ) -> std::result::Result<Self, String> {
        let visible = match config.visible_units {
            VisibleUnits::Bernoulli => Units::Bernoulli,
            VisibleUnits::Gaussian => Units::Gaussian,
            VisibleUnits::Auto => return Err("the settings do not say what the visible units are".into()),
        };
        let (inputs, code) = (preprocess.width(), config.code);
        let empty = |n: usize| vec![0.0; n];
        let units = (visible, config.hidden_units);
        let module = RbmModule::new(units, empty(code * inputs), empty(inputs), empty(code), device);
        Ok(Self::new(restore(module, tensors)?.valid(), config.sample_steps, device))
    }

    fn visible(&self) -> usize {
        self.module.visible_bias.val().dims()[0]
    }

    fn hidden(&self) -> usize {
        self.module.hidden_bias.val().dims()[0]
    }

    /// Applies `f` to `x` some rows at a time; `cols` is the width of what it returns.
    fn by_batches(&self, x: &Matrix, cols: usize, f: impl Fn(Tensor<2>) -> Tensor<2>) -> Matrix {
        let mut values = Vec::with_capacity(x.rows() * cols);
        for chunk in x.as_slice().chunks(EVALUATION_ROWS * x.cols().max(1)) {
            values.extend(host_values(f(to_tensor(chunk.to_vec(), x.cols(), &self.device))));
        }
        Matrix::new(x.rows(), cols, values)
    }

    /// `E(v, h)` of every pair of rows.
    ///
    /// # Errors
    /// Rows of another width than the machine has units, or not as many of one as of the other.
    pub fn energy(&self, v: &Matrix, h: &Matrix) -> Result<Vec<f64>> {
        check_rows("the features of the model", v, self.visible())?;
        check_rows("the numbers of a code", h, self.hidden())?;
        if v.rows() != h.rows() {
            return Err(Error::config("data", format!("found {} rows and {} codes", v.rows(), h.rows())));
        }
        let tensor = |x: &Matrix| to_tensor(x.as_slice().to_vec(), x.cols(), &self.device);
        let energies = host_values(self.module.energy(tensor(v), tensor(h)));
        Ok(energies.into_iter().map(f64::from).collect())
    }

    /// `F(v) = −log Σ_h exp(−E(v, h))` of every row.
    ///
    /// # Errors
    /// Rows of another width than the machine has visible units.
    pub fn free_energy(&self, v: &Matrix) -> Result<Vec<f64>> {
        check_rows("the features of the model", v, self.visible())?;
        Ok(by_batches(v, &self.device, |v| self.module.free_energy(v)))
    }

    /// `log Z` by annealed importance sampling over 1000 temperatures with so many runs; what was found last is kept.
    pub fn partition(&self, runs: usize) -> Partition {
        let estimate = || partition::estimate(&self.module, runs, partition::TEMPERATURES, 0, &self.device);
        let &(kept, found) = self.partition.get_or_init(|| (runs, estimate()));
        if kept == runs { found } else { estimate() }
    }
}

impl LogLikelihood for Rbm {
    /// `log p(v) = −F(v) − log Z` of every row, `log Z` by so many runs of annealed importance sampling.
    fn log_likelihood(&self, v: &Matrix, samples: usize) -> Result<Vec<f64>> {
        let free = self.free_energy(v)?;
        let log_z = self.partition(samples.max(1)).log;
        Ok(free.into_iter().map(|f| -f - log_z).collect())
    }

    fn figure_samples(&self) -> usize {
        0
    }
}

impl Encode for Rbm {
    fn code_size(&self) -> usize {
        self.hidden()
    }

    /// The mean of `p(h | v)`.
    fn encode(&self, x: &Matrix) -> Result<Matrix> {
        check_rows("the features of the model", x, self.visible())?;
        Ok(self.by_batches(x, self.hidden(), |v| self.module.hidden_mean(v)))
    }
}

impl Decode for Rbm {
    /// The mean of `p(v | h)`.
    fn decode(&self, codes: &Matrix) -> Result<Matrix> {
        check_rows("the numbers of a code", codes, self.hidden())?;
        Ok(self.by_batches(codes, self.visible(), |h| self.module.visible_mean(h)))
    }
}

impl Reconstruct for Rbm {
    /// One mean field step up and one down.
    fn reconstruct(&self, x: &Matrix) -> Result<Matrix> {
        check_rows("the features of the model", x, self.visible())?;
        let round_trip = |v| self.module.visible_mean(self.module.hidden_mean(v));
        Ok(self.by_batches(x, self.visible(), round_trip))
    }
}

impl Score for Rbm {
    /// `F(v)`: the smaller, the more probable. It may be below 0, as probabilities are known up to `Z` only.
    fn score(&self, x: &Matrix) -> Result<Vec<f64>> {
        self.free_energy(x)
    }

    fn score_name(&self) -> &'static str {
        "free energy, up to a constant minus the log-likelihood"
    }
}

impl Sample for Rbm {
    /// The mean of `p(v | h)` at the end of independent Gibbs chains, which start from the machine without its weights.
    fn sample(&self, n: usize, seed: u64) -> Result<Matrix> {
        let mut values = Vec::with_capacity(n * self.visible());
        for (block, first) in (0..n).step_by(EVALUATION_ROWS).enumerate() {
            let rows = EVALUATION_ROWS.min(n - first);
            let mut rng = stream(seed, Purpose::Sampling, u64::MAX, block as u64);
            let rest = Tensor::<2>::zeros([rows, self.hidden()], &self.device);
            let mut v = self.module.visible.sample(self.module.visible_mean(rest), &mut rng);
            for step in 1..=self.sample_steps {
                v = self.module.gibbs(v, step < self.sample_steps, &mut rng);
            }
            values.extend(host_values(v));
        }
        Ok(Matrix::new(n, self.visible(), values))
    }
}

impl Model for Rbm {
    fn kind(&self) -> &'static str {
        Self::KIND
    }

    fn input_width(&self) -> usize {
        self.visible()
    }

    fn sizes(&self) -> Vec<Size> {
        vec![
            Size::new("features", self.visible()),
            Size::new("code", self.hidden()),
            Size::new("parameters", count(&self.module)),
        ]
    }

    fn tensors(&self) -> Tensors {
        collect(&self.module)
    }

    capabilities!(as_encode: Encode, as_decode: Decode, as_reconstruct: Reconstruct, as_score: Score, as_sample: Sample, as_log_likelihood: LogLikelihood);
}
