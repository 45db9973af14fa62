//! Optimisers over whole modules.

use std::collections::BTreeMap;

use burn::{
    module::{Module, ModuleMapper, ModuleVisitor, Param},
    tensor::{Gradients, Tensor, TensorData},
};
use latentia_ops::optim::{self, Adam, RmsProp, Sgd};

use super::{
    config::{OptimizerKind, TrainConfig},
    looping::scalar,
    objective::{Loss, Objective, StepContext},
    params::{HostTensor, Tensors, to_host},
};

/// A first-order optimiser and its state for every parameter of a module, by name.
#[derive(Debug)]
pub struct Optimizer {
    config: TrainConfig,
    steps: u64,
    slots: BTreeMap<String, Vec<Tensor<1>>>,
}

/// A step that was taken.
#[derive(Debug)]
pub(super) struct Stepped<M> {
    /// The module after it.
    pub model: M,
    /// The objective before it, mean over the rows.
    pub loss: f64,
    /// Its terms.
    pub terms: Vec<(&'static str, f64)>,
    /// Norm of the gradient before clipping.
    pub norm: f64,
}

/// What was not finite.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Failed {
    /// The objective itself.
    Loss,
    /// The gradient of this parameter.
    Gradient(String),
}

/// The update rule of one step, its learning rate included.
enum Rule {
    Adam(Adam),
    Sgd(Sgd),
    RmsProp(RmsProp),
}

impl Rule {
    fn new(c: &TrainConfig, lr: f64) -> Self {
        match c.optimizer {
            OptimizerKind::RmsProp => Self::RmsProp(RmsProp {
                lr,
                alpha: c.alpha,
                eps: c.epsilon,
                momentum: c.momentum,
                weight_decay: c.weight_decay,
            }),
            OptimizerKind::Sgd => Self::Sgd(Sgd {
                lr,
                momentum: c.momentum,
                nesterov: c.nesterov,
                weight_decay: c.weight_decay,
            }),
            // L-BFGS has its own step; every other kind is a variant of Adam.
            kind => Self::Adam(Adam {
                lr,
                beta1: c.beta1,
                beta2: c.beta2,
                eps: c.epsilon,
                weight_decay: c.weight_decay,
                decoupled: kind == OptimizerKind::AdamW,
            }),
        }
    }
}

/// The names of the tensors of state that each parameter has, as PyTorch calls them.
fn slot_names(kind: OptimizerKind) -> &'static [&'static str] {
    match kind {
        OptimizerKind::Adam | OptimizerKind::AdamW => &["exp_avg", "exp_avg_sq"],
        OptimizerKind::Sgd => &["momentum_buffer"],
        OptimizerKind::RmsProp => &["square_avg", "momentum_buffer"],
        OptimizerKind::Lbfgs => &[],
    }
}

impl Optimizer {
    /// An optimiser before its first step.
    pub fn new(config: &TrainConfig) -> Self {
        Self { config: config.clone(), steps: 0, slots: BTreeMap::new() }
    }

    /// Takes one step on these items; the model is given up when the loss or a gradient is not finite.
    pub(super) fn step<O: Objective>(
        &mut self,
        objective: &mut O,
        model: O::Model,
        items: &[usize],
        at: StepContext,
        learning_rate: f64,
    ) -> Result<Stepped<O::Model>, Failed> {
        let Loss { total, terms } = objective.loss(&model, items, at);
        let loss = scalar(&total);
        if !loss.is_finite() {
            return Err(Failed::Loss);
        }
        let terms = terms.iter().map(|(name, term)| (*name, scalar(term))).collect();
        let mut gradients = total.backward();
        let (clip, clip_value) = (self.config.clip_norm, self.config.clip_value);
        // Without clipping the norm is known after the update, which reads the gradients anyway.
        let known = match clip > 0.0 || clip_value > 0.0 {
            true => Some(gradient_norm(&model, &gradients, clip_value).map_err(Failed::Gradient)?),
            false => None,
        };
        let scale = known.filter(|&norm| clip > 0.0 && norm > clip).map_or(1.0, |norm| clip / norm);
        self.steps += 1;
        let mut update = Update {
            rule: Rule::new(&self.config, learning_rate),
            optimizer: self,
            gradients: &mut gradients,
            scale: scale as f32,
            path: Vec::new(),
            squares: 0.0,
            fault: None,
        };
        let model = model.map(&mut update);
        match update.fault {
            Some(parameter) => Err(Failed::Gradient(parameter)),
            None => Ok(Stepped { model, loss, terms, norm: known.unwrap_or(update.squares.sqrt()) }),
        }
    }

    /// The state as named tensors (`exp_avg.encoder.layers.0.weight`) and the number of steps taken.
    pub fn state(&self) -> (Tensors, u64) {
        let names = slot_names(self.config.optimizer);
        let tensors = self.slots.iter().flat_map(|(parameter, slots)| {
            names.iter().zip(slots).map(move |(slot, t)| (format!("{slot}.{parameter}"), to_host(t.clone())))
        });
        (tensors.collect(), self.steps)
    }

    /// The optimiser with the state that [`Optimizer::state`] gave.
    ///
    /// # Errors
    /// A sentence about the first tensor that is not part of such a state.
    pub fn restore(
        config: &TrainConfig,
        tensors: &Tensors,
        steps: u64,
        device: &burn::tensor::Device,
    ) -> Result<Self, String> {
        let names = slot_names(config.optimizer);
        let mut slots: BTreeMap<String, Vec<Tensor<1>>> = BTreeMap::new();
        for (slot, name) in names.iter().enumerate() {
            let prefix = format!("{name}.");
            for (key, HostTensor { shape, values }) in tensors {
                let Some(parameter) = key.strip_prefix(&prefix) else { continue };
                let state = slots.entry(parameter.to_owned()).or_default();
                if state.len() != slot || shape.len() != 1 {
                    return Err(format!("the optimiser state '{key}' does not fit this run"));
                }
                state.push(Tensor::from_data(TensorData::new(values.clone(), shape.clone()), device));
            }
        }
        if slots.values().any(|s| s.len() != names.len()) || slots.len() * names.len() != tensors.len() {
            return Err("the optimiser state is not that of this run".into());
        }
        Ok(Self { config: config.clone(), steps, slots })
    }

    /// One parameter, flattened: the update of its kind, and the sum of its squared gradients.
    fn update(
        &mut self,
        name: &str,
        theta: Tensor<1>,
        g: Tensor<1>,
        rule: &Rule,
        scale: f32,
    ) -> (Tensor<1>, f64) {
        let clip = self.config.clip_value;
        let g = if clip > 0.0 { g.clamp(-clip, clip) } else { g };
        let fresh = || Tensor::zeros([theta.dims()[0]], &theta.device());
        let mut slots = self.slots.remove(name).unwrap_or_default().into_iter();
        let mut slot = || slots.next().unwrap_or_else(fresh);
        let (theta, slots, squares) = match rule {
            Rule::Adam(config) => {
                let (m, v) = (slot(), slot());
                let ([theta, m, v], squares) = optim::adam(config, self.steps, scale, [theta, g, m, v]);
                (theta, vec![m, v], squares)
            }
            Rule::RmsProp(config) => {
                let (square, velocity) = (slot(), slot());
                let ([theta, square, velocity], squares) =
                    optim::rmsprop(config, scale, [theta, g, square, velocity]);
                (theta, vec![square, velocity], squares)
            }
            Rule::Sgd(config) => {
                let velocity = slot();
                let ([theta, velocity], squares) = optim::sgd(config, scale, [theta, g, velocity]);
                (theta, vec![velocity], squares)
            }
        };
        self.slots.insert(name.to_owned(), slots);
        (theta, squares)
    }
}

/// `√Σ g²` over all gradients of `module`, each value clipped to `clip_value` first where that is above 0;
/// or the name of the first parameter whose gradient is not finite.
pub(super) fn gradient_norm<M: Module>(
    module: &M,
    gradients: &Gradients,
    clip_value: f64,
) -> Result<f64, String> {
    struct Norm<'a> {
        gradients: &'a Gradients,
        clip_value: f64,
        path: Vec<String>,
        squares: f64,
        fault: Option<String>,
    }
    impl ModuleVisitor for Norm<'_> {
        fn enter_module(&mut self, name: &str, _: &str) {
            self.path.push(name.to_owned());
        }
        fn exit_module(&mut self, _: &str, _: &str) {
            self.path.pop();
        }
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let Some(g) = param.val().grad(self.gradients) else { return };
            let squares = optim::sum_of_squares(&g);
            if !squares.is_finite() {
                self.fault.get_or_insert(self.path.join("."));
            }
            self.squares += if self.clip_value > 0.0 {
                optim::sum_of_squares(&g.clamp(-self.clip_value, self.clip_value))
            } else {
                squares
            };
        }
    }
    let mut visitor = Norm { gradients, clip_value, path: Vec::new(), squares: 0.0, fault: None };
    module.visit(&mut visitor);
    match visitor.fault {
        Some(parameter) => Err(parameter),
        None => Ok(visitor.squares.sqrt()),
    }
}

struct Update<'a> {
    optimizer: &'a mut Optimizer,
    gradients: &'a mut Gradients,
    rule: Rule,
    scale: f32,
    path: Vec<String>,
    /// Of all gradients so far.
    squares: f64,
    /// The first parameter whose gradient is not finite.
    fault: Option<String>,
}

impl ModuleMapper for Update<'_> {
    fn enter_module(&mut self, name: &str, _: &str) {
        self.path.push(name.to_owned());
    }
    fn exit_module(&mut self, _: &str, _: &str) {
        self.path.pop();
    }
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, tensor, mapper) = param.consume();
        let Some(g) = tensor.grad_remove(self.gradients) else {
            return Param::from_mapped_value(id, tensor, mapper);
        };
        let shape = tensor.dims();
        let len: usize = shape.iter().product();
        // Dropping the autodiff handle first leaves one owner of the values: the update is in place.
        let theta: Tensor<1> = tensor.inner().reshape([len]);
        let name = self.path.join(".");
        let (theta, squares) = self.optimizer.update(&name, theta, g.reshape([len]), &self.rule, self.scale);
        self.squares += squares;
        if !squares.is_finite() {
            self.fault.get_or_insert(name);
        }
        let tensor = Tensor::<D>::from_inner(theta.reshape(shape)).require_grad();
        Param::from_mapped_value(id, tensor, mapper)
    }
}
