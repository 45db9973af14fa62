//! Full-batch L-BFGS (Liu & Nocedal 1989) with a strong Wolfe line search, on Burn's implementation.

use burn::{
    module::Module,
    optim::{GradientsAccumulator, GradientsParams, LBFGS, LBFGSConfig, LineSearchFn},
    tensor::Bytes,
};

use super::objective::{Objective, StepContext};
use super::optimizer::{Failed, Stepped};
use super::{looping::scalar, params::host_values};

/// Objective evaluations allowed in one line search.
const MAX_EVALUATIONS: usize = 25;

/// L-BFGS and its history of steps.
pub(super) struct Lbfgs(LBFGS);

impl std::fmt::Debug for Lbfgs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Lbfgs")
    }
}

impl Default for Lbfgs {
    fn default() -> Self {
        let config = LBFGSConfig::new()
            .with_max_iter(1)
            .with_max_eval(Some(MAX_EVALUATIONS))
            .with_line_search_fn(LineSearchFn::StrongWolfe);
        Self(config.init())
    }
}

impl Lbfgs {
    /// One iteration over all `items`, evaluated `chunk` rows at a time so that memory stays bounded.
    ///
    /// The same rows and the same random streams serve every evaluation of a line search: without that a line has no
    /// minimum to find.
    pub(super) fn step<O: Objective>(
        &mut self,
        objective: &mut O,
        model: O::Model,
        items: &[usize],
        at: StepContext,
        chunk: usize,
    ) -> Result<Stepped<O::Model>, Failed> {
        let mut seen: Option<Stepped<()>> = None;
        let (model, _) = self.0.step(1.0, model, |model: O::Model| {
            let value = evaluate(objective, &model, items, at, chunk);
            let loss = value.loss;
            seen.get_or_insert(Stepped { model: (), loss, terms: value.terms, norm: value.norm });
            (loss, value.gradients)
        });
        let Some(first) = seen else { return Err(Failed::Loss) };
        if !first.loss.is_finite() {
            return Err(Failed::Loss);
        }
        if !first.norm.is_finite() {
            return Err(Failed::Gradient("the parameters".into()));
        }
        Ok(Stepped { model, loss: first.loss, terms: first.terms, norm: first.norm })
    }

    /// The history, to write into a checkpoint.
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, String> {
        self.0.into_bytes().map(|b| b.to_vec()).map_err(|e| e.to_string())
    }

    /// The state [`Lbfgs::to_bytes`] gave.
    pub(super) fn from_bytes(bytes: Vec<u8>) -> Result<Self, String> {
        Self::default().0.from_bytes(Bytes::from_bytes_vec(bytes)).map(Self).map_err(|e| e.to_string())
    }
}

struct Value {
    loss: f64,
    terms: Vec<(&'static str, f64)>,
    gradients: GradientsParams,
    norm: f64,
}

fn evaluate<O: Objective>(
    objective: &mut O,
    model: &O::Model,
    items: &[usize],
    at: StepContext,
    chunk: usize,
) -> Value {
    let mut sum = 0.0;
    let mut terms: Vec<(&'static str, f64)> = Vec::new();
    let mut gradients = GradientsAccumulator::new();
    for (step, rows) in items.chunks(chunk).enumerate() {
        let share = rows.len() as f64 / items.len() as f64;
        let loss = objective.loss(model, rows, StepContext { step, ..at });
        sum += scalar(&loss.total) * share;
        for (i, (name, term)) in loss.terms.iter().enumerate() {
            let value = scalar(term) * share;
            match terms.get_mut(i) {
                Some(term) => term.1 += value,
                None => terms.push((name, value)),
            }
        }
        let of_chunk = (loss.total * share).backward();
        gradients.accumulate(model, GradientsParams::from_grads(of_chunk, model));
    }
    let gradients = gradients.grads();
    let norm = norm(model, &gradients);
    Value { loss: sum, terms, gradients, norm }
}

/// `√Σ g²` over all parameters.
fn norm<M: Module>(model: &M, gradients: &GradientsParams) -> f64 {
    struct Squares<'a>(&'a GradientsParams, f64);
    impl burn::module::ModuleVisitor for Squares<'_> {
        fn visit_float<const D: usize>(&mut self, param: &burn::module::Param<burn::tensor::Tensor<D>>) {
            if let Some(g) = self.0.get::<D>(param.id) {
                self.1 += host_values(g).iter().map(|&g| f64::from(g).powi(2)).sum::<f64>();
            }
        }
    }
    let mut squares = Squares(gradients, 0.0);
    model.visit(&mut squares);
    squares.1.sqrt()
}
