use burn::module::Module;
use latentia_kernels::recurrent::{Layer, Stepper};

use super::{CellKind, Recurrent};
use crate::{Error, Result, train::params::to_host};

/// Recurrent layers over sequences that arrive step by step: weights on the host, packed once. After the first step of a
/// batch size nothing is allocated.
pub struct RecurrentStepper {
    layers: Vec<Stepper>,
    inputs: usize,
    hidden: usize,
    memory: bool,
}

impl RecurrentStepper {
    pub(super) fn new(module: &Recurrent) -> Result<Self> {
        let config = module.config();
        if config.bidirectional {
            return Err(Error::config(
                "model.bidirectional",
                "found true, but step by step only the past is known: expected false",
            ));
        }
        let layers = module.valid().layers.into_iter().map(|layer| {
            let weights = [layer.weight_ih, layer.weight_hh].map(|weight| to_host(weight.val()));
            let biases = [layer.bias_ih, layer.bias_hh].map(|bias| bias.map(|bias| to_host(bias.val())));
            Stepper::new(&Layer {
                cell: config.cell.cell(),
                inputs: weights[0].shape[1],
                hidden: config.hidden,
                weight_ih: &weights[0].values,
                weight_hh: &weights[1].values,
                bias_ih: biases[0].as_ref().map(|bias| &bias.values[..]),
                bias_hh: biases[1].as_ref().map(|bias| &bias.values[..]),
            })
        });
        Ok(Self {
            layers: layers.collect(),
            inputs: config.inputs,
            hidden: config.hidden,
            memory: config.cell == CellKind::Lstm,
        })
    }

    /// The states of all layers before and after one step: `x`: `[B, I]`, `h` and the LSTM's `c`: `[L, B, H]`. Returns those of
    /// the last layer, `[B, H]`.
    ///
    /// # Errors
    /// A length that does not fit, or `c` missing for an LSTM or given for another cell.
    pub fn step<'a>(&mut self, x: &[f32], h: &'a mut [f32], mut c: Option<&mut [f32]>) -> Result<&'a [f32]> {
        let batch = x.len() / self.inputs;
        let len = batch * self.hidden;
        let states = self.layers.len() * len;
        let cells = if self.memory { Some(states) } else { None };
        if x.len() != batch * self.inputs || h.len() != states || c.as_ref().map(|c| c.len()) != cells {
            return Err(Error::config(
                "recurrent step",
                format!(
                    "found x, h and c of {}, {} and {:?} values, expected {} a row, {states} and {cells:?}",
                    x.len(),
                    h.len(),
                    c.map(|c| c.len()),
                    self.inputs
                ),
            ));
        }
        for (i, layer) in self.layers.iter_mut().enumerate() {
            let (below, own) = h.split_at_mut(i * len);
            let x = if i == 0 { x } else { &below[(i - 1) * len..] };
            let c = c.as_deref_mut().map(|c| &mut c[i * len..(i + 1) * len]);
            layer.step(x, &mut own[..len], c);
        }
        Ok(&h[states - len..])
    }
}
