//! What training minimises: the mean over rows of `−log p(x | h)`, and what corruption, penalties and the distribution
//! of the code make of it.
//!
//! ```text
//! L = E_C(x̃|x) [ −log p(x | h) + Ω(h, x̃) ],   h = f(x̃)
//! ```
//!
//! For a Gaussian code the first term is the bound of [`super::bound`]. Nothing is computed for what is switched off.

use std::{borrow::Cow, ops::Range};

use burn::tensor::{Device, Tensor, TensorData};

use super::{
    bound,
    code::{
        CodeDistribution, Posterior, category_divergence, keep_largest, nearest_vectors, noisy_bits,
        relaxed_categories, straight_through,
    },
    config::AutoencoderConfig,
    corruption::{Binarize, Corruption, binarize_rows, draw_binary},
    jacobian::Jacobian,
    likelihood::{Likelihood, Target},
    module::AutoencoderModule,
    noise,
    penalty::{self, RUNNING, SparsityAverage},
};
use crate::{
    codes::{EVALUATION_ROWS, to_tensor},
    data::Matrix,
    random::Purpose,
    train::{
        Loss, Objective, OptimizerKind, StepContext, TrainConfig,
        params::{HostTensor, Tensors, host_values},
    },
};

/// The objective of an autoencoder on rows in memory.
pub(super) struct AutoencoderObjective<'a> {
    config: &'a AutoencoderConfig,
    likelihood: &'a Likelihood,
    corruption: Option<Corruption>,
    train: Cow<'a, Matrix>,
    validation: Cow<'a, Matrix>,
    /// Steps over which the weight of the divergence rises.
    anneal_steps: f64,
    /// Running mean activation of each unit of the code; empty before the first step.
    running: Vec<f32>,
    device: Device,
}

/// The objective on some rows, term by term.
struct Value {
    /// What is minimised, of every row.
    rows: Tensor<1>,
    /// What belongs to the rows together.
    batch: Option<Tensor<1>>,
    /// Means of the terms after the first.
    terms: Vec<(&'static str, Tensor<1>)>,
    /// The first term of every row.
    likelihood: Tensor<1>,
}

impl Value {
    fn new(likelihood: Tensor<1>) -> Self {
        Self { rows: likelihood.clone(), batch: None, terms: Vec::new(), likelihood }
    }

    fn add(mut self, name: &'static str, term: Tensor<1>) -> Self {
        self.terms.push((name, term.clone().mean()));
        self.rows = self.rows + term;
        self
    }

    /// A term of all rows together, `[1]`.
    fn add_batch(mut self, name: &'static str, term: Tensor<1>) -> Self {
        self.terms.push((name, term.clone()));
        self.batch = Some(self.batch.map_or(term.clone(), |sum| sum + term));
        self
    }

    fn into_loss(mut self) -> Loss {
        let mean = self.rows.mean();
        if !self.terms.is_empty() {
            self.terms.insert(0, ("reconstruction", self.likelihood.mean()));
        }
        Loss { total: self.batch.map_or(mean.clone(), |batch| batch + mean), terms: self.terms }
    }
}

impl<'a> AutoencoderObjective<'a> {
    /// The objective of `config` on these rows, whose `columns` are groups of features.
    pub(super) fn new(
        config: &'a AutoencoderConfig,
        likelihood: &'a Likelihood,
        columns: Vec<Range<usize>>,
        (train, validation): (&'a Matrix, &'a Matrix),
        training: &TrainConfig,
        device: &Device,
    ) -> Self {
        let binary = |x: &'a Matrix, when: &[Binarize]| match when.contains(&config.binarize) {
            true => Cow::Owned(binarize_rows(x)),
            false => Cow::Borrowed(x),
        };
        let steps = match training.optimizer {
            OptimizerKind::Lbfgs => 1,
            _ => train.rows().div_ceil(training.batch_size.max(1)),
        };
        Self {
            config,
            likelihood,
            corruption: Corruption::new(config.corruption, config.corruption_level, columns, train),
            train: binary(train, &[Binarize::Static]),
            validation: binary(validation, &[Binarize::Static, Binarize::Dynamic]),
            anneal_steps: (config.anneal_epochs * steps) as f64,
            running: Vec::new(),
            device: device.clone(),
        }
    }

    /// The objective on `rows`, all chance of it from the streams of `at`.
    fn evaluate(&mut self, model: &AutoencoderModule, mut rows: Matrix, at: StepContext) -> Value {
        if at.training && self.config.binarize == Binarize::Dynamic {
            draw_binary(rows.as_mut_slice(), &mut at.stream(Purpose::Binarize));
        }
        let cols = rows.cols();
        let (input, target) = match &self.corruption {
            None => {
                let x = to_tensor(rows.into_vec(), cols, &self.device);
                (x.clone(), Target { x, weights: None })
            }
            Some(corruption) => {
                let mut corrupted = rows.clone();
                let flags =
                    corruption.apply(&mut corrupted, &self.train, &mut at.stream(Purpose::Corruption));
                let weights = (self.config.emphasis != 0.5).then(|| self.weights(&flags, cols));
                let x = to_tensor(rows.into_vec(), cols, &self.device);
                (to_tensor(corrupted.into_vec(), cols, &self.device), Target { x, weights })
            }
        };
        if !self.config.contracts() {
            let output = model.encoder_output(input);
            return self.of_output(model, output, target, at);
        }
        let (output, derivatives) = model.encoder.forward_with_derivatives(input.clone());
        let value = self.of_output(model, output.clone(), target, at);
        self.contraction(value, model, input, (output, derivatives), at)
    }

    /// `α` for corrupted entries and `β = 1 − α` for the others, twice, so that equal weights are 1 (Vincent et al. 2010,
    /// equation 8).
    fn weights(&self, corrupted: &[bool], cols: usize) -> Tensor<2> {
        let alpha = self.config.emphasis as f32;
        let weight = |&c: &bool| 2.0 * if c { alpha } else { 1.0 - alpha };
        to_tensor(corrupted.iter().map(weight).collect(), cols, &self.device)
    }

    /// The objective from what the encoder returned, but for contraction.
    fn of_output(
        &mut self,
        model: &AutoencoderModule,
        output: Tensor<2>,
        target: Target,
        at: StepContext,
    ) -> Value {
        let config = self.config;
        let mut rng = at.stream(Purpose::Sampling);
        let decoded = |code: Tensor<2>| {
            let likelihood = self.likelihood.of_target(model.decode(code), &target, model.log_variance());
            Value::new(likelihood)
        };
        let (value, h) = match config.code_distribution {
            CodeDistribution::Deterministic => {
                let h = keep_largest(output, config.top_k);
                (decoded(h.clone()), h)
            }
            CodeDistribution::Gaussian => {
                let posterior = Posterior::new(output);
                let mean = posterior.mean.clone();
                (self.of_posterior(model, posterior, target, at), mean)
            }
            CodeDistribution::Binary => {
                let soft = burn::tensor::activation::sigmoid(output.clone());
                (decoded(noisy_bits(output, config, &mut rng)), soft)
            }
            CodeDistribution::Categorical => {
                let value = decoded(relaxed_categories(output.clone(), config, &mut rng));
                let divergence = category_divergence(output.clone(), config.categories);
                (value.add("divergence", divergence * self.divergence_weight(at)), output)
            }
            CodeDistribution::Quantized => {
                // ‖sg[h] − e‖² + c ‖h − sg[e]‖² (van den Oord et al. 2017, equation 3).
                let vectors = nearest_vectors(output.clone(), model.vectors());
                let squares = |a: Tensor<2>, b: Tensor<2>| (a - b).square().sum_dim(1).squeeze_dim(1);
                let value = decoded(straight_through(vectors.clone(), output.clone()));
                let codebook = squares(output.clone().detach(), vectors.clone());
                let commitment = squares(output.clone(), vectors.detach()) * config.commitment;
                (value.add("codebook", codebook).add("commitment", commitment), output)
            }
        };
        self.penalties(value, h, at)
    }

    /// The bound on `−log p(x)` of a Gaussian code.
    fn of_posterior(
        &self,
        model: &AutoencoderModule,
        posterior: Posterior,
        target: Target,
        at: StepContext,
    ) -> Value {
        let config = self.config;
        let beta = self.divergence_weight(at);
        let [rows, code] = posterior.mean.dims();
        let noise =
            noise::normal(rows * config.samples, code, &mut at.stream(Purpose::Sampling), &self.device);
        let decode = |z: Tensor<2>| {
            let target = target.clone().repeat(config.samples);
            self.likelihood.of_target(model.decode(z), &target, model.log_variance())
        };
        if config.samples > 1 {
            let posterior = posterior.repeat(config.samples);
            let z = posterior.sample(noise.clone());
            let log_w = match config.doubly_reparameterized && at.training {
                false => posterior.log_ratio(noise, z.clone()) * beta - decode(z),
                true => {
                    let fixed = posterior.detach();
                    let log_w =
                        |z: Tensor<2>| fixed.log_ratio(fixed.noise(z.clone()), z.clone()) * beta - decode(z);
                    let shares = bound::shares(log_w(z.clone().detach()), config.samples);
                    // The value of z, and its gradient times the share: the bound's own gradient has the other.
                    let moving = (z.clone() - z.clone().detach()) * shares.unsqueeze_dim::<2>(1);
                    log_w(z.detach() + moving)
                }
            };
            return Value::new(bound::importance_weighted(log_w, config.samples).neg());
        }
        let value = Value::new(decode(posterior.sample(noise)));
        let divergence = posterior.divergence();
        match config.free_bits > 0.0 {
            true => {
                let each = divergence.mean_dim(0).clamp_min(config.free_bits);
                value.add_batch("divergence", each.sum() * beta)
            }
            false => value.add("divergence", divergence.sum_dim(1).squeeze_dim(1) * beta),
        }
    }

    /// `β`, risen in part while it is annealed. Validation looks at the whole of it, so that epochs compare.
    fn divergence_weight(&self, at: StepContext) -> f64 {
        let risen = match at.training && self.anneal_steps > 0.0 {
            true => (at.global_step as f64 / self.anneal_steps).min(1.0),
            false => 1.0,
        };
        self.config.beta * risen
    }

    /// Adds the penalties on the code `h`.
    fn penalties(&mut self, mut value: Value, h: Tensor<2>, at: StepContext) -> Value {
        let config = self.config;
        if config.l1 > 0.0 {
            value = value.add("l1", penalty::l1(h.clone()) * config.l1);
        }
        if config.sparsity > 0.0 {
            let mean: Tensor<1> = h.mean_dim(0).squeeze_dim(0);
            let mean = match config.sparsity_average == SparsityAverage::Running && at.training {
                true => self.running_mean(mean),
                false => mean,
            };
            let divergence = penalty::kl_sparsity(mean, config.sparsity_target);
            value = value.add_batch("sparsity", divergence * config.sparsity);
        }
        value
    }

    /// The running mean in value, the mean of the step in the gradient.
    fn running_mean(&mut self, mean: Tensor<1>) -> Tensor<1> {
        let now = host_values(mean.clone().detach());
        if self.running.is_empty() {
            self.running = now;
        } else {
            for (running, now) in self.running.iter_mut().zip(now) {
                *running = (RUNNING * f64::from(*running) + (1.0 - RUNNING) * f64::from(now)) as f32;
            }
        }
        let running =
            Tensor::<1>::from_data(TensorData::new(self.running.clone(), [self.running.len()]), &self.device);
        let apart = running - mean.clone().detach();
        mean + apart
    }

    /// Adds `λ ‖J‖²_F` and `γ ‖J(x) − J(x + ε)‖²_F` (Rifai et al. 2011, ICML and ECML).
    fn contraction(
        &self,
        mut value: Value,
        model: &AutoencoderModule,
        input: Tensor<2>,
        (output, derivatives): (Tensor<2>, Vec<Tensor<2>>),
        at: StepContext,
    ) -> Value {
        let config = self.config;
        let mut rng = at.stream(Purpose::Projection);
        let [rows, cols] = input.dims();
        let layers = model.encoder.convolutions.len() + model.encoder.layers.len();
        let exact = config.contraction_estimate.is_exact(layers, config.code);
        let v = (!exact).then(|| noise::signs(rows, config.code, &mut rng, &self.device));
        let jacobian = |output: Tensor<2>, derivatives: Vec<Tensor<2>>| {
            let derivatives = model.code_derivatives(output, derivatives);
            Jacobian::new(&model.encoder, &derivatives, config.code, v.clone())
        };
        if config.contraction > 0.0 {
            let norm = jacobian(output.clone(), derivatives.clone()).squared_norm();
            value = value.add("contraction", norm * config.contraction);
        }
        if config.hessian > 0.0 {
            let noise = noise::normal(rows, cols, &mut rng, &self.device) * config.hessian_noise;
            let (there, of_there) = model.encoder.forward_with_derivatives(input + noise);
            let change = jacobian(output, derivatives).minus(jacobian(there, of_there));
            value = value.add("hessian", change.squared_norm() * config.hessian);
        }
        value
    }
}

/// Where validation takes its chance from: the same in every epoch, another for each chunk of rows.
fn fixed(at: StepContext, chunk: usize) -> StepContext {
    StepContext { epoch: usize::MAX, step: chunk, training: false, ..at }
}

/// The name of the running mean in a checkpoint.
const RUNNING_MEAN: &str = "running_mean";

impl Objective for AutoencoderObjective<'_> {
    type Model = AutoencoderModule;

    fn items(&self) -> usize {
        self.train.rows()
    }

    fn loss(&mut self, model: &AutoencoderModule, items: &[usize], at: StepContext) -> Loss {
        let rows = self.train.select_rows(items);
        self.evaluate(model, rows, at).into_loss()
    }

    fn validate(&mut self, model: &AutoencoderModule, at: StepContext) -> Option<f64> {
        let rows = self.validation.rows();
        if rows == 0 {
            return None;
        }
        let mut sum = 0.0;
        for (chunk, first) in (0..rows).step_by(EVALUATION_ROWS).enumerate() {
            let n = EVALUATION_ROWS.min(rows - first);
            let value = self.evaluate(model, self.validation.slice_rows(first..first + n), fixed(at, chunk));
            sum += host_values(value.rows).iter().map(|&l| f64::from(l)).sum::<f64>();
            if let Some(batch) = value.batch {
                sum += f64::from(host_values(batch)[0]) * n as f64;
            }
        }
        Some(sum / rows as f64)
    }

    fn state(&self) -> Tensors {
        let mean = HostTensor { shape: vec![self.running.len()], values: self.running.clone() };
        match self.running.is_empty() {
            true => Tensors::new(),
            false => Tensors::from([(RUNNING_MEAN.to_owned(), mean)]),
        }
    }

    fn restore_state(&mut self, mut state: Tensors) -> Result<(), String> {
        self.running = state.remove(RUNNING_MEAN).map(|mean| mean.values).unwrap_or_default();
        match state.keys().next() {
            None => Ok(()),
            Some(name) => Err(format!("nothing in this run carries the tensor '{name}'")),
        }
    }
}
