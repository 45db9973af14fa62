//! Recurrent layers: cells, layers, directions, dropout between them.

mod config;
mod stepper;

use std::sync::Arc;

use burn::{
    module::{Content, Module, ModuleDisplay, ModuleDisplayDefault, ModuleMapper, ModuleVisitor, Param},
    tensor::{Device, Tensor},
};
use latentia_ops::{Recurrence, RecurrentDropout, RecurrentWeights, Workspaces, recurrent};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

pub use config::{CellKind, RecurrentConfig};
pub use latentia_ops::RecurrentStates;
pub use stepper::RecurrentStepper;

use crate::{Error, Result};

/// Recurrent layers with the parameters of PyTorch's `RNN`, `LSTM` and `GRU`, under the same names: `weight_ih_l0`, `weight_hh_l0`,
/// `bias_ih_l0`, `bias_hh_l0`, then those of the other direction with `_reverse` and of the next layer with `_l1`.
#[derive(Debug, Clone)]
pub struct Recurrent {
    config: RecurrentConfig,
    /// Layer 0 forward, layer 0 reverse, layer 1 forward and so on.
    layers: Vec<Direction>,
    workspaces: Workspaces,
}

/// One layer in one direction.
#[derive(Module, Debug)]
struct Direction {
    weight_ih: Param<Tensor<2>>,
    weight_hh: Param<Tensor<2>>,
    bias_ih: Option<Param<Tensor<1>>>,
    bias_hh: Option<Param<Tensor<1>>>,
}

/// What a call of [`Recurrent::forward`] has besides the input.
#[derive(Debug, Default)]
pub struct RecurrentContext<'a> {
    /// Steps of each row of the batch; all of them without it.
    pub lengths: Option<&'a [usize]>,
    /// States to start from; zeros without them.
    pub states: Option<RecurrentStates>,
    /// Where dropout masks are drawn from; nothing is dropped without it, as in evaluation.
    pub dropout: Option<&'a mut ChaCha8Rng>,
}

impl Recurrent {
    /// What the layers were made from.
    pub fn config(&self) -> &RecurrentConfig {
        &self.config
    }

    /// All states of the last layer, `[T, B, D·H]` (`[B, T, D·H]` if `batch_first`), and the last states of every layer and
    /// direction, `[L·D, B, H]`, for `x`: `[T, B, I]` or `[B, T, I]`.
    ///
    /// # Errors
    /// A shape or length that does not fit.
    pub fn forward(&self, x: Tensor<3>, context: RecurrentContext) -> Result<(Tensor<3>, RecurrentStates)> {
        let RecurrentContext { lengths, states, dropout } = context;
        let x = if self.config.batch_first { x.swap_dims(0, 1) } else { x };
        let [steps, batch, _] = x.dims();
        self.check(x.dims(), lengths, states.as_ref())?;
        let settings = Recurrence {
            cell: self.config.cell.cell(),
            bidirectional: self.config.bidirectional,
            lengths: lengths.map(Arc::from),
            dropout: dropout.map_or(RecurrentDropout::None, |rng| self.masks(steps, batch, rng)),
            workspaces: self.workspaces.clone(),
        };
        let weights: Vec<RecurrentWeights> = self.layers.iter().map(Direction::weights).collect();
        let (y, states) = recurrent(&settings, x, &weights, states);
        Ok((if self.config.batch_first { y.swap_dims(0, 1) } else { y }, states))
    }

    /// A copy of the layers for sequences that arrive step by step.
    ///
    /// # Errors
    /// If a layer also runs from the end of the sequence, which a step does not know.
    pub fn stepper(&self) -> Result<RecurrentStepper> {
        RecurrentStepper::new(self)
    }

    fn check(
        &self,
        [steps, batch, inputs]: [usize; 3],
        lengths: Option<&[usize]>,
        states: Option<&RecurrentStates>,
    ) -> Result<()> {
        let wrong = |found: String, expected: String| {
            Err(Error::config("recurrent layers", format!("found {found}, expected {expected}")))
        };
        if inputs != self.config.inputs {
            return wrong(format!("inputs of {inputs} features"), self.config.inputs.to_string());
        }
        if let Some(lengths) = lengths {
            if lengths.len() != batch {
                return wrong(format!("{} lengths", lengths.len()), format!("one for each of {batch} rows"));
            }
            if let Some(row) = lengths.iter().position(|&length| length > steps) {
                return wrong(format!("length {} of row {row}", lengths[row]), format!("at most {steps}"));
            }
        }
        let Some(RecurrentStates { h, c }) = states else { return Ok(()) };
        let shape = [self.layers.len(), batch, self.config.hidden];
        for state in std::iter::once(h).chain(c) {
            if state.dims() != shape {
                return wrong(format!("states of shape {:?}", state.dims()), format!("{shape:?}"));
            }
        }
        if c.is_some() != (self.config.cell == CellKind::Lstm) {
            return wrong("states of another cell".into(), format!("those of {:?}", self.config.cell));
        }
        Ok(())
    }

    /// Fresh dropout masks: each unit is kept if 32 random bits are at least `p 2³²`.
    fn masks(&self, steps: usize, batch: usize, rng: &mut ChaCha8Rng) -> RecurrentDropout {
        let p = self.config.dropout;
        let steps = if self.config.variational { 1 } else { steps };
        let len = (self.config.layers - 1) * steps * batch * self.config.outputs();
        if p == 0.0 || len == 0 {
            return RecurrentDropout::None;
        }
        let (threshold, kept) = ((p * 2f64.powi(32)) as u32, (1.0 / (1.0 - p)) as f32);
        let mask: Arc<[f32]> =
            (0..len).map(|_| if rng.next_u32() < threshold { 0.0 } else { kept }).collect();
        if self.config.variational {
            RecurrentDropout::Sequences(mask)
        } else {
            RecurrentDropout::Steps(mask)
        }
    }

    /// The end of the names of layer `i`: `_l0`, `_l0_reverse`, `_l1` …
    fn suffix(&self, i: usize) -> String {
        let directions = self.config.directions();
        format!("_l{}{}", i / directions, if i % directions == 1 { "_reverse" } else { "" })
    }
}

impl Direction {
    fn weights(&self) -> RecurrentWeights {
        let biases = self.bias_ih.as_ref().zip(self.bias_hh.as_ref());
        RecurrentWeights {
            weight_ih: self.weight_ih.val(),
            weight_hh: self.weight_hh.val(),
            biases: biases.map(|(ih, hh)| [ih.val(), hh.val()]),
        }
    }
}

/// Written by hand for the names: Burn's own would be those of the fields, `layers.0.weight_ih`.
impl Module for Recurrent {
    fn visit<V: ModuleVisitor>(&self, visitor: &mut V) {
        fn enter<V: ModuleVisitor, M: Module>(visitor: &mut V, name: &str, suffix: &str, parameter: &M) {
            let name = format!("{name}{suffix}");
            visitor.enter_module(&name, "Recurrent");
            parameter.visit(visitor);
            visitor.exit_module(&name, "Recurrent");
        }
        for (i, layer) in self.layers.iter().enumerate() {
            let suffix = self.suffix(i);
            enter(visitor, "weight_ih", &suffix, &layer.weight_ih);
            enter(visitor, "weight_hh", &suffix, &layer.weight_hh);
            if let (Some(bias_ih), Some(bias_hh)) = (&layer.bias_ih, &layer.bias_hh) {
                enter(visitor, "bias_ih", &suffix, bias_ih);
                enter(visitor, "bias_hh", &suffix, bias_hh);
            }
        }
    }

    fn map<Mapper: ModuleMapper>(mut self, mapper: &mut Mapper) -> Self {
        fn enter<Mapper: ModuleMapper, M: Module>(
            mapper: &mut Mapper,
            name: &str,
            suffix: &str,
            parameter: M,
        ) -> M {
            let name = format!("{name}{suffix}");
            mapper.enter_module(&name, "Recurrent");
            let parameter = parameter.map(mapper);
            mapper.exit_module(&name, "Recurrent");
            parameter
        }
        let layers = std::mem::take(&mut self.layers).into_iter().enumerate();
        let layers = layers.map(|(i, Direction { weight_ih, weight_hh, bias_ih, bias_hh })| {
            let suffix = self.suffix(i);
            Direction {
                weight_ih: enter(mapper, "weight_ih", &suffix, weight_ih),
                weight_hh: enter(mapper, "weight_hh", &suffix, weight_hh),
                bias_ih: bias_ih.map(|bias| enter(mapper, "bias_ih", &suffix, bias)),
                bias_hh: bias_hh.map(|bias| enter(mapper, "bias_hh", &suffix, bias)),
            }
        });
        let layers = layers.collect();
        Self { layers, ..self }
    }

    fn collect_devices(&self, devices: Vec<Device>) -> Vec<Device> {
        self.layers.collect_devices(devices)
    }

    fn fork(self, device: &Device) -> Self {
        Self { layers: self.layers.fork(device), ..self }
    }

    fn to_device(self, device: &Device) -> Self {
        Self { layers: self.layers.to_device(device), ..self }
    }

    fn train(self) -> Self {
        Self { layers: self.layers.train(), ..self }
    }

    fn valid(&self) -> Self {
        Self { config: self.config.clone(), layers: self.layers.valid(), workspaces: self.workspaces.clone() }
    }

    fn materialize(self) -> Self {
        Self { layers: self.layers.materialize(), ..self }
    }
}

impl ModuleDisplayDefault for Recurrent {
    fn content(&self, content: Content) -> Option<Content> {
        let RecurrentConfig { cell, inputs, hidden, layers, bidirectional, .. } = &self.config;
        content
            .add_debug_attribute("cell", cell)
            .add_debug_attribute("inputs", inputs)
            .add_debug_attribute("hidden", hidden)
            .add_debug_attribute("layers", layers)
            .add_debug_attribute("bidirectional", bidirectional)
            .optional()
    }
}

impl ModuleDisplay for Recurrent {}

#[cfg(test)]
mod tests;
