//! What a training loop needs to know of the thing it trains.

use burn::{module::Module, tensor::Tensor};

use super::params::Tensors;
use crate::random::{self, Purpose};

/// Where in a run a batch is: the key of its random streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepContext {
    /// The seed of the run.
    pub seed: u64,
    /// Epoch, from 0.
    pub epoch: usize,
    /// Step in the epoch, from 0.
    pub step: usize,
    /// Step in the run, from 0.
    pub global_step: u64,
    /// Whether this is training (corruption, sampling and dropout are on) or evaluation.
    pub training: bool,
}

impl StepContext {
    /// The stream of random numbers of this step for `purpose`.
    pub fn stream(&self, purpose: Purpose) -> rand_chacha::ChaCha8Rng {
        random::stream(self.seed, purpose, self.epoch as u64, self.step as u64)
    }
}

/// The value of an objective on a batch: what is minimised, and the terms it is the sum of.
#[derive(Debug)]
pub struct Loss {
    /// The mean over the rows of the batch, of shape `[1]`.
    pub total: Tensor<1>,
    /// Its terms by name, for the history; empty when there is only one.
    pub terms: Vec<(&'static str, Tensor<1>)>,
}

/// Something trainable: a module, and a loss on batches of the rows it is trained on.
///
/// The loop asks for an order of the training items, cuts it into batches and minimises [`Objective::loss`].
pub trait Objective {
    /// What is trained.
    type Model: Module;

    /// Number of training items (rows, sequences, windows).
    fn items(&self) -> usize;

    /// The order of the items in an epoch; by default a fresh permutation every epoch.
    fn order(&self, seed: u64, epoch: usize) -> Vec<usize> {
        random::permutation(self.items(), &mut random::stream(seed, Purpose::Shuffle, epoch as u64, 0))
    }

    /// The loss on these training items.
    fn loss(&mut self, model: &Self::Model, items: &[usize], at: StepContext) -> Loss;

    /// The loss on the validation rows, `None` when there are none. `model` is without autodiff.
    fn validate(&mut self, model: &Self::Model, at: StepContext) -> Option<f64>;

    /// What [`Objective::validate`] measures, on training rows: for an objective whose loss has the right gradient but a
    /// value that says nothing. `None` where the loss is comparable as it is.
    fn measure_training(&mut self, _model: &Self::Model, _at: StepContext) -> Option<f64> {
        None
    }

    /// What else is worth a line in the history after an epoch. `model` is without autodiff.
    fn metrics(&mut self, _model: &Self::Model, _at: StepContext) -> Vec<(&'static str, f64)> {
        Vec::new()
    }

    /// What the objective carries from step to step besides the weights; part of every checkpoint.
    fn state(&self) -> Tensors {
        Tensors::new()
    }

    /// Goes on from what [`Objective::state`] gave.
    ///
    /// # Errors
    /// A sentence that says what does not fit.
    fn restore_state(&mut self, state: Tensors) -> Result<(), String> {
        match state.keys().next() {
            None => Ok(()),
            Some(name) => Err(format!("nothing in this run carries the tensor '{name}'")),
        }
    }
}
