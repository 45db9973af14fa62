//! Gradients: of the free energy, of the likelihood, of the penalties.

use burn::{
    module::Module,
    tensor::{Device, Tensor},
};

use super::{
    super::{NegativePhase, RbmConfig, module::RbmModule, objective::RbmObjective},
    reference::{BINARY, KINDS, Reference, matrix, rows, states},
};
use crate::{
    codes::to_tensor,
    data::Matrix,
    train::{Objective, StepContext, params::collect_gradients},
};

/// The gradients of `loss(module)`, flattened in the order weight, visible bias, hidden bias.
fn gradients(module: &RbmModule, loss: impl Fn(&RbmModule) -> Tensor<1>) -> Vec<f64> {
    let tracked = module.clone().train();
    let mut found = loss(&tracked).backward();
    let found = collect_gradients(&tracked, &mut found);
    let names = ["weight", "visible_bias", "hidden_bias"];
    names.iter().flat_map(|name| found[*name].values.iter().map(|&g| f64::from(g))).collect()
}

#[test]
fn the_gradient_of_the_free_energy_is_its_finite_difference() {
    for kind in KINDS {
        let x = rows(kind.0, 4);
        let mean =
            |reference: &Reference| x.iter().map(|v| reference.free_energy(v)).sum::<f64>() / x.len() as f64;
        let fresh = || Reference::new(kind, (4, 3), 1.2);
        let v = matrix(&x);
        let found = gradients(&fresh().module(), |module| {
            let v = Tensor::from_inner(to_tensor(v.as_slice().to_vec(), 4, &Device::flex()));
            module.free_energy(v).mean()
        });
        let nudged = |at: usize, by: f64| {
            let mut reference = fresh();
            match at {
                0..12 => reference.w[at / 4][at % 4] += by,
                12..16 => reference.b[at - 12] += by,
                _ => reference.c[at - 16] += by,
            }
            mean(&reference)
        };
        for (at, found) in found.iter().enumerate() {
            let expected = (nudged(at, 1e-5) - nudged(at, -1e-5)) / 2e-5;
            assert!((found - expected).abs() < 1e-5, "{kind:?} {at}: {found} {expected}");
        }
    }
}

/// `−∂ log p` averaged over `x`, by a sum over all states: `⟨∂F⟩_data − ⟨∂F⟩_model`.
fn exact_gradient(reference: &Reference, x: &[Vec<f64>]) -> Vec<f64> {
    let (n, m) = (reference.b.len(), reference.c.len());
    let mut gradient = vec![0.0; m * n + n + m];
    let share = 1.0 / x.len() as f64;
    let all = states(n);
    let model = all.iter().zip(reference.distribution());
    for (v, weight) in x.iter().map(|v| (v, -share)).chain(model) {
        let h = reference.hidden_mean(v);
        for j in 0..m {
            for i in 0..n {
                gradient[j * n + i] += weight * h[j] * v[i];
            }
            gradient[m * n + n + j] += weight * h[j];
        }
        for i in 0..n {
            gradient[m * n + i] += weight * v[i];
        }
    }
    gradient
}

#[test]
fn long_chains_give_the_gradient_of_the_log_likelihood() {
    let reference = Reference::new(BINARY, (4, 3), 1.0);
    // 20000 rows of three patterns: as many chains, whose mean has an error of half a percent.
    let patterns = [[1.0, 0.0, 1.0, 0.0], [0.0, 1.0, 1.0, 1.0], [0.0, 0.0, 0.0, 1.0]];
    let x: Vec<Vec<f64>> = (0..20_000).map(|i| patterns[i % 3].to_vec()).collect();
    let expected = exact_gradient(&reference, &x[..3 * 6666]);
    let x = matrix(&x[..3 * 6666]);
    let none = Matrix::zeros(0, 4);
    let all: Vec<usize> = (0..x.rows()).collect();
    let at = StepContext { seed: 3, epoch: 0, step: 0, global_step: 0, training: true };
    for persistent in [false, true] {
        let config = RbmConfig {
            code: 3,
            gibbs_steps: 60,
            persistent,
            chains: 20_000,
            negative_phase: NegativePhase::Samples,
            weight_cost: 0.0,
            ..RbmConfig::default()
        };
        let device = Device::flex();
        let objective = || RbmObjective::new(&config, &x, &none, 3, &device);
        let found = gradients(&reference.module(), |module| objective().loss(module, &all, at).total);
        for (i, (found, expected)) in found.iter().zip(&expected).enumerate() {
            assert!((found - expected).abs() < 0.015, "{persistent} {i}: {found} {expected}");
        }
        // One step from the data is another gradient: the test above can tell.
        let short = RbmConfig { gibbs_steps: 1, persistent: false, ..config.clone() };
        let of_short = gradients(&reference.module(), |module| {
            RbmObjective::new(&short, &x, &none, 3, &device).loss(module, &all, at).total
        });
        let apart = of_short.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(apart > 0.05, "{apart}");
    }
}

#[test]
fn penalties_have_the_gradient_of_their_definition() {
    let reference = Reference::new(BINARY, (4, 3), 1.0);
    let rows = states(4);
    let x = matrix(&rows);
    let none = Matrix::zeros(0, 4);
    let at = StepContext { seed: 3, epoch: 0, step: 0, global_step: 0, training: true };
    let all: Vec<usize> = (0..x.rows()).collect();
    let of = |weight_cost: f64, activity_cost: f64| {
        let config =
            RbmConfig { code: 3, weight_cost, activity_target: 0.2, activity_cost, ..RbmConfig::default() };
        gradients(&reference.module(), |module| {
            RbmObjective::new(&config, &x, &none, 3, &Device::flex()).loss(module, &all, at).total
        })
    };
    let (plain, weighed, active) = (of(0.0, 0.0), of(0.1, 0.0), of(0.0, 0.5));
    let penalty = |reference: &Reference| {
        (0..3)
            .map(|j| {
                let q = rows.iter().map(|v| reference.hidden_mean(v)[j]).sum::<f64>() / 16.0;
                0.5 * (0.2 * (0.2 / q).ln() + 0.8 * (0.8 / (1.0 - q)).ln())
            })
            .sum::<f64>()
    };
    for at in 0..12 {
        let cost = weighed[at] - plain[at];
        assert!((cost - 0.1 * reference.w[at / 4][at % 4]).abs() < 1e-5, "{at}: {cost}");
        let nudged = |by: f64| {
            let mut reference = Reference::new(BINARY, (4, 3), 1.0);
            reference.w[at / 4][at % 4] += by;
            penalty(&reference)
        };
        let expected = (nudged(1e-5) - nudged(-1e-5)) / 2e-5;
        let found = active[at] - plain[at];
        assert!((found - expected).abs() < 1e-5, "{at}: {found} {expected}");
    }
}
