//! `log Z` by annealed importance sampling (Neal 2001; Salakhutdinov & Murray 2008).

use burn::tensor::{Device, Tensor, activation};
use latentia_ops::{Activation, Orientation, dense};

use super::{
    config::Units,
    measure::softplus,
    module::{HALF_LOG_TWO_PI, RbmModule},
};
use crate::{
    random::{Purpose, stream},
    train::params::host_values,
};

/// Temperatures between independent units and the machine.
pub(super) const TEMPERATURES: usize = 1000;

/// An estimate of the logarithm of the normalising constant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Partition {
    /// `log Z`.
    pub log: f64,
    /// Its standard error, as far as the runs themselves can tell.
    pub error: f64,
}

/// Estimates `log Z` with `runs` runs over `temperatures` steps.
///
/// The machine at inverse temperature `β` has the weights `β W` and the same biases. At `β = 0` its units are independent and
/// `Z_0` is a product. A run starts with an exact sample there and multiplies `p*_β(v) / p*_β'(v)` from each temperature to the
/// next, with a Gibbs step in between; the mean of these products is an unbiased estimate of `Z / Z_0`.
pub(super) fn estimate(
    model: &RbmModule,
    runs: usize,
    temperatures: usize,
    seed: u64,
    device: &Device,
) -> Partition {
    let mut rng = stream(seed, Purpose::Report, 4, 0);
    let (b, c) = (host_values(model.visible_bias.val()), host_values(model.hidden_bias.val()));
    let start = log_base(model.visible, &b) + log_base(model.hidden, &c);
    let rest = Tensor::<2>::zeros([runs, c.len()], device);
    let mut v = model.visible.sample(model.visible_mean(rest), &mut rng);
    let mut weights = vec![0.0; runs];
    let (weight, c) = (model.weight.val(), model.hidden_bias.val().unsqueeze::<2>());
    for step in 1..=temperatures {
        let share = |step: usize| step as f64 / temperatures as f64;
        let (before, beta) = (share(step - 1), share(step));
        let u = dense(v, weight.clone(), None, Activation::Identity, Orientation::OutIn);
        let (cold, hot) = (c.clone() + u.clone() * beta, c.clone() + u * before);
        // The difference unit by unit: the two sums are large and almost equal.
        let gain = of_hidden(model.hidden, cold.clone()) - of_hidden(model.hidden, hot);
        for (w, gain) in weights.iter_mut().zip(host_values(gain.sum_dim(1))) {
            *w += f64::from(gain);
        }
        let mean = match model.hidden {
            Units::Bernoulli => activation::sigmoid(cold),
            Units::Gaussian => cold,
        };
        let h = model.hidden.sample(mean, &mut rng) * beta;
        v = model.visible.sample(model.down(h, model.visible.link()), &mut rng);
    }
    let most = weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let shares: Vec<f64> = weights.iter().map(|w| (w - most).exp()).collect();
    let n = runs as f64;
    let mean = shares.iter().sum::<f64>() / n;
    let variance = shares.iter().map(|s| (s - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
    Partition { log: start + most + mean.ln(), error: (variance / n).sqrt() / mean }
}

/// What a hidden unit of total input `a` adds to `log p*(v)`, up to a constant.
fn of_hidden(units: Units, a: Tensor<2>) -> Tensor<2> {
    match units {
        Units::Bernoulli => activation::softplus(a, 1.0),
        Units::Gaussian => a.square() * 0.5,
    }
}

/// `log Σ_v exp(−V(v))` of units with these biases, the sum an integral for Gaussian ones.
fn log_base(units: Units, bias: &[f32]) -> f64 {
    match units {
        Units::Bernoulli => bias.iter().map(|&b| softplus(f64::from(b))).sum(),
        Units::Gaussian => HALF_LOG_TWO_PI * bias.len() as f64,
    }
}
