//! Contrastive divergence as the gradient of a difference of free energies.
//!
//! The log-likelihood has the gradient `∂ log p(v) = −∂F(v) + E_model[∂F]`. Contrastive divergence replaces the expectation by
//! a sample `v⁻` from few Gibbs steps, so that it follows the gradient of `F(v) − F(v⁻)` with `v⁻` held constant: its
//! statistics take the probabilities of the hidden units on both sides, as Hinton (2010, section 3) advises. The value of
//! that difference says nothing of how good the model is; [`measure`](super::measure) does.

use burn::{
    module::Module,
    tensor::{Device, Tensor, TensorData},
};

use super::{config::RbmConfig, measure::Measure, module::RbmModule};
use crate::{
    codes::to_tensor,
    data::Matrix,
    random::{Purpose, permutation, stream},
    train::{
        Loss, Objective, StepContext,
        params::{HostTensor, Tensors, to_host},
    },
};

/// Training rows that are measured beside the validation rows.
const MEASURED_ROWS: usize = 2000;
/// The state of the persistent chains in a checkpoint.
const CHAINS: &str = "chains";

/// The objective of a restricted Boltzmann machine on rows in memory.
pub(super) struct RbmObjective<'a> {
    config: &'a RbmConfig,
    train: &'a Matrix,
    validation: &'a Matrix,
    /// Training rows to compare the validation rows with.
    measured: Matrix,
    measure: Measure,
    /// The persistent chains: `[chains, visible]`.
    chains: Option<Tensor<2>>,
    device: Device,
}

impl<'a> RbmObjective<'a> {
    /// The objective; persistent chains start at training rows.
    pub(super) fn new(
        config: &'a RbmConfig,
        train: &'a Matrix,
        validation: &'a Matrix,
        seed: u64,
        device: &Device,
    ) -> Self {
        let most = if validation.rows() > 0 { validation.rows() } else { MEASURED_ROWS };
        let mut chosen = permutation(train.rows(), &mut stream(seed, Purpose::Report, 2, 0));
        let starts: Vec<usize> = chosen.iter().copied().cycle().take(config.chains).collect();
        chosen.truncate(most.min(MEASURED_ROWS));
        chosen.sort_unstable();
        let start = || to_tensor(train.select_rows(&starts).into_vec(), train.cols(), device);
        Self {
            config,
            train,
            validation,
            measured: train.select_rows(&chosen),
            measure: Measure::new(seed),
            chains: config.persistent.then(start),
            device: device.clone(),
        }
    }

    /// `v⁻`: the end of the chains that start at `v`, or of the persistent ones.
    fn negative(&mut self, model: &RbmModule, v: &Tensor<2>, at: StepContext) -> Tensor<2> {
        let mut rng = at.stream(Purpose::Sampling);
        let mut chain = self.chains.take().unwrap_or_else(|| v.clone());
        for _ in 0..self.config.gibbs_steps {
            chain = model.gibbs(chain, self.config.samples_visible(), &mut rng);
        }
        if self.config.persistent {
            self.chains = Some(chain.clone());
        }
        chain
    }

    /// `Σ_j KL(target ‖ q_j)`, `q_j` the mean activation of unit `j` on these rows.
    fn activity(&self, model: &RbmModule, v: Tensor<2>) -> Tensor<1> {
        let target = self.config.activity_target;
        let q = model.hidden_mean(v).mean_dim(0).clamp(1e-6, 1.0 - 1e-6);
        let on = q.clone().log() * target;
        let off = (q.neg() + 1.0).log() * (1.0 - target);
        let entropy = target * target.ln() + (1.0 - target) * (1.0 - target).ln();
        (on + off).sum().neg() + entropy * self.config.code as f64
    }
}

impl Objective for RbmObjective<'_> {
    type Model = RbmModule;

    fn items(&self) -> usize {
        self.train.rows()
    }

    fn loss(&mut self, model: &RbmModule, items: &[usize], at: StepContext) -> Loss {
        let v = to_tensor(self.train.select_rows(items).into_vec(), self.train.cols(), &self.device);
        let negative = Tensor::from_inner(self.negative(&model.valid(), &v, at));
        let v = Tensor::from_inner(v);
        let difference = model.free_energy(v.clone()).mean() - model.free_energy(negative).mean();
        let mut terms = vec![("free energy difference", difference)];
        if self.config.weight_cost > 0.0 {
            let cost = model.weight.val().square().sum() * (0.5 * self.config.weight_cost);
            terms.push(("weight cost", cost));
        }
        if self.config.activity_target > 0.0 && self.config.activity_cost > 0.0 {
            terms.push(("activity", self.activity(model, v) * self.config.activity_cost));
        }
        let parts = terms.iter().map(|(_, term)| term.clone());
        let total = parts.reduce(|a, b| a + b).unwrap_or_else(|| Tensor::zeros([1], &self.device));
        Loss { total, terms }
    }

    fn validate(&mut self, model: &RbmModule, _: StepContext) -> Option<f64> {
        (self.validation.rows() > 0).then(|| self.measure.mean_loss(model, self.validation, &self.device))
    }

    fn measure_training(&mut self, model: &RbmModule, _: StepContext) -> Option<f64> {
        Some(self.measure.mean_loss(model, &self.measured, &self.device))
    }

    /// The mean free energy of training rows and of validation rows: a gap that widens is overfitting (Hinton 2010,
    /// section 6).
    fn metrics(&mut self, model: &RbmModule, _: StepContext) -> Vec<(&'static str, f64)> {
        let train = self.measure.mean_free_energy(model, &self.measured, &self.device);
        let mut metrics = vec![("free energy of training rows", train)];
        if self.validation.rows() > 0 {
            let validation = self.measure.mean_free_energy(model, self.validation, &self.device);
            metrics.push(("free energy of validation rows", validation));
            metrics.push(("free energy gap", validation - train));
        }
        metrics
    }

    fn state(&self) -> Tensors {
        self.chains.iter().map(|chains| (CHAINS.to_owned(), to_host(chains.clone()))).collect()
    }

    fn restore_state(&mut self, mut state: Tensors) -> Result<(), String> {
        let Some(chains) = &self.chains else {
            return match state.keys().next() {
                None => Ok(()),
                Some(name) => Err(format!("nothing in this run carries the tensor '{name}'")),
            };
        };
        let expected = chains.dims();
        match state.remove(CHAINS) {
            Some(HostTensor { shape, values }) if shape == expected => {
                self.chains = Some(Tensor::from_data(TensorData::new(values, expected), &self.device));
                Ok(())
            }
            Some(HostTensor { shape, .. }) => {
                Err(format!("the persistent chains have shape {shape:?}, this run needs {expected:?}"))
            }
            None => Err("the persistent chains are missing".into()),
        }
    }
}
