//! What recurrent layers are made of.

use burn::{
    module::Param,
    tensor::{Device, TensorData},
};
use latentia_ops::{Activation, Cell, MOST_LAYERS, Workspaces};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Direction, Recurrent};
use crate::{
    Error, Result,
    nn::{ActivationKind, Initializer},
    random::{Purpose, stream},
};

/// The recurrent unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CellKind {
    /// `h' = tanh(W x + U h + b)` (Elman 1990).
    Rnn,
    /// The same with `max(·, 0)`.
    RnnRelu,
    /// The same without an activation.
    RnnIdentity,
    /// Long short-term memory (Hochreiter & Schmidhuber 1997) with a forget gate (Gers et al. 2000).
    Lstm,
    /// Gated recurrent unit (Cho et al. 2014) that resets after the recurrent product, as PyTorch's does.
    Gru,
    /// Gated recurrent unit that resets before the recurrent product, as in the paper.
    GruResetBefore,
}

impl CellKind {
    /// The unit itself.
    pub fn cell(self) -> Cell {
        match self {
            Self::Rnn => Cell::Rnn(Activation::Tanh),
            Self::RnnRelu => Cell::Rnn(Activation::Relu),
            Self::RnnIdentity => Cell::Rnn(Activation::Identity),
            Self::Lstm => Cell::Lstm,
            Self::Gru => Cell::Gru { reset_before: false },
            Self::GruResetBefore => Cell::Gru { reset_before: true },
        }
    }
}

/// Recurrent layers on top of each other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct RecurrentConfig {
    /// The recurrent unit.
    pub cell: CellKind,
    /// Features of the input.
    pub inputs: usize,
    /// Units of a layer in one direction.
    pub hidden: usize,
    /// Number of layers.
    pub layers: usize,
    /// Whether every layer also runs from the end of the sequence to its start.
    pub bidirectional: bool,
    /// Whether gates have biases.
    pub bias: bool,
    /// Share of the units dropped between layers in training.
    pub dropout: f64,
    /// Whether the same units are dropped at every step of a sequence (Gal & Ghahramani 2016).
    pub variational: bool,
    /// Whether sequences are `[batch, time, features]` instead of `[time, batch, features]`.
    pub batch_first: bool,
    /// Largest absolute value of initial weights and biases (0: 1 / √hidden).
    pub range: f64,
    /// Whether recurrent weights of each gate start as an orthogonal matrix (Saxe et al. 2014).
    pub orthogonal: bool,
    /// LSTM: what the forget gate's bias starts from (Jozefowicz et al. 2015 suggest 1); without it, random as the others.
    pub forget_bias: Option<f64>,
}

impl Default for RecurrentConfig {
    fn default() -> Self {
        Self {
            cell: CellKind::Lstm,
            inputs: 1,
            hidden: 128,
            layers: 1,
            bidirectional: false,
            bias: true,
            dropout: 0.0,
            variational: false,
            batch_first: false,
            range: 0.0,
            orthogonal: false,
            forget_bias: None,
        }
    }
}

impl RecurrentConfig {
    /// D: 1 or 2.
    pub fn directions(&self) -> usize {
        1 + usize::from(self.bidirectional)
    }

    /// Features of the output: `D·H`.
    pub fn outputs(&self) -> usize {
        self.directions() * self.hidden
    }

    /// Checks every field; the error names it.
    pub fn validate(&self) -> Result<()> {
        for (key, value) in
            [("model.inputs", self.inputs), ("model.hidden", self.hidden), ("model.layers", self.layers)]
        {
            if value == 0 {
                return Err(Error::config(key, "found 0, expected at least 1"));
            }
        }
        let most = MOST_LAYERS / self.directions();
        if self.layers > most {
            return Err(Error::config(
                "model.layers",
                format!("found {}, expected at most {most}", self.layers),
            ));
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return Err(Error::config(
                "model.dropout",
                format!("found {}, expected 0 or more and below 1", self.dropout),
            ));
        }
        if !(self.range.is_finite() && self.range >= 0.0) {
            return Err(Error::config("model.range", format!("found {}, expected 0 or more", self.range)));
        }
        if let Some(bias) = self.forget_bias {
            if self.cell != CellKind::Lstm || !self.bias {
                return Err(Error::config("model.forget-bias", "needs cell lstm with bias true"));
            }
            if !bias.is_finite() {
                return Err(Error::config("model.forget-bias", format!("found {bias}, expected a number")));
            }
        }
        Ok(())
    }

    /// The layers with random weights, all parameters uniform in ±1/√hidden (PyTorch's choice) unless the settings say otherwise.
    ///
    /// `key` keeps the random streams of several modules of a model apart.
    ///
    /// # Errors
    /// Settings that [`validate`](Self::validate) refuses.
    pub fn init(&self, seed: u64, key: u64, device: &Device) -> Result<Recurrent> {
        self.validate()?;
        let directions = self.directions();
        let layers = (0..self.layers * directions).map(|i| {
            let inputs = if i < directions { self.inputs } else { self.outputs() };
            self.direction(inputs, &mut stream(seed, Purpose::Init, key, i as u64), device)
        });
        Ok(Recurrent { config: self.clone(), layers: layers.collect(), workspaces: Workspaces::default() })
    }

    fn direction(&self, inputs: usize, rng: &mut ChaCha8Rng, device: &Device) -> Direction {
        let (hidden, gates) = (self.hidden, self.cell.cell().gates());
        let rows = gates * hidden;
        let range = if self.range > 0.0 { self.range } else { 1.0 / (hidden as f64).sqrt() };
        let mut uniform =
            |n: usize| -> Vec<f32> { (0..n).map(|_| rng.random_range(-range..range) as f32).collect() };
        let (weight_ih, mut weight_hh) = (uniform(rows * inputs), uniform(rows * hidden));
        let mut biases = self.bias.then(|| [uniform(rows), uniform(rows)]);
        if self.orthogonal {
            weight_hh.clear();
            for _ in 0..gates {
                let identity = ActivationKind::Identity;
                weight_hh.extend(Initializer::Orthogonal.weights(hidden, hidden, identity, rng));
            }
        }
        if let (Some([ih, hh]), Some(bias)) = (&mut biases, self.forget_bias) {
            ih[hidden..2 * hidden].fill(bias as f32);
            hh[hidden..2 * hidden].fill(0.0);
        }
        let [bias_ih, bias_hh] = match biases {
            Some(biases) => biases.map(|b| Some(Param::from_data(TensorData::new(b, [rows]), device))),
            None => [None, None],
        };
        Direction {
            weight_ih: Param::from_data(TensorData::new(weight_ih, [rows, inputs]), device),
            weight_hh: Param::from_data(TensorData::new(weight_hh, [rows, hidden]), device),
            bias_ih,
            bias_hh,
        }
    }
}
