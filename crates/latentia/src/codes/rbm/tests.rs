//! Machines small enough that every state can be visited: the reference is the definition, in double precision.

mod gradients;
mod learning;
mod reference;

use burn::tensor::Device;

use self::reference::{BINARY, KINDS, Reference, matrix, rbm, rows, states};
use super::{
    RbmConfig, Units, VisibleUnits,
    measure::{Measure, by_batches, score_matching, softplus},
    partition::estimate,
};
use crate::{
    data::{Dataset, Matrix, ReadOptions, Scale},
    model::Encode,
    run::Run,
    train::{OptimizerKind, TrainConfig},
};

#[test]
fn energies_are_those_of_the_definition() {
    for kind in KINDS {
        let reference = Reference::new(kind, (4, 3), 1.2);
        let model = rbm(&reference, 1);
        let v = rows(kind.0, 4);
        let h: Vec<Vec<f64>> = v.iter().map(|v| reference.hidden_mean(v)).collect();
        let energies = model.energy(&matrix(&v), &matrix(&h)).unwrap();
        let free = model.free_energy(&matrix(&v)).unwrap();
        for (i, v) in v.iter().enumerate() {
            let expected = reference.energy(v, &h[i]);
            assert!((energies[i] - expected).abs() < 1e-5, "{kind:?}: {} {expected}", energies[i]);
            let expected = reference.free_energy(v);
            assert!((free[i] - expected).abs() < 1e-5, "{kind:?}: {} {expected}", free[i]);
        }
    }
}

#[test]
fn pseudo_likelihood_is_the_product_of_the_conditionals() {
    for kind in [KINDS[0], KINDS[2]] {
        let reference = Reference::new(kind, (5, 3), 1.5);
        let p = reference.distribution();
        let x = states(5);
        let loss = |s: usize| -> f64 { (0..5).map(|i| -(p[s] / (p[s] + p[s ^ 1 << i])).ln()).sum() };
        let v = matrix(&x);
        let found = Measure::new(0).pseudo_likelihood(&reference.module(), &v, &Device::flex(), 1 << 20);
        for (s, found) in found.iter().enumerate() {
            assert!((found - loss(s)).abs() < 1e-5, "{kind:?} {s}: {found} {}", loss(s));
        }
        // Two of the five units at a time: right in the mean.
        let exact = found.iter().sum::<f64>() / 32.0;
        let estimates = (0..400).map(|seed| {
            let some = Measure::new(seed).pseudo_likelihood(&reference.module(), &v, &Device::flex(), 64);
            some.iter().sum::<f64>() / 32.0
        });
        let mean = estimates.sum::<f64>() / 400.0;
        assert!((mean / exact - 1.0).abs() < 0.02, "{kind:?}: {mean} {exact}");
    }
}

#[test]
fn score_matching_is_made_of_the_derivatives_of_the_free_energy() {
    let reference = Reference::new(KINDS[1], (4, 3), 1.2);
    let x = rows(Units::Gaussian, 4);
    let found = by_batches(&matrix(&x), &Device::flex(), |v| score_matching(&reference.module(), v));
    for (v, found) in x.iter().zip(found) {
        let f = |i: usize, by: f64| {
            let mut v = v.clone();
            v[i] += by;
            reference.free_energy(&v)
        };
        let step = 1e-3;
        let expected: f64 = (0..4)
            .map(|i| {
                let slope = (f(i, step) - f(i, -step)) / (2.0 * step);
                let bend = (f(i, step) - 2.0 * f(i, 0.0) + f(i, -step)) / (step * step);
                0.5 * slope * slope - bend
            })
            .sum();
        assert!((found - expected).abs() < 1e-4, "{found} {expected}");
    }
}

#[test]
fn annealed_importance_sampling_finds_the_partition_function() {
    for kind in KINDS {
        let reference = Reference::new(kind, (10, 6), 0.7);
        let exact = reference.log_partition();
        let found = estimate(&reference.module(), 100, 1000, 0, &Device::flex());
        let apart = (found.log - exact).abs();
        assert!(apart < 4.0 * found.error + 1e-3, "{kind:?}: {found:?} {exact}");
        assert!(found.error < 0.1, "{kind:?}: {found:?}");
        // Independent units are far from it: there is something to find.
        let base = estimate(&reference.module(), 100, 1, 0, &Device::flex());
        assert!((base.log - exact).abs() > apart, "{kind:?}: {base:?} {exact}");
    }
}

#[test]
fn encoding_is_the_mean_of_the_hidden_units() {
    let reference = Reference::new(BINARY, (4, 3), 1.0);
    let x = states(4);
    let codes = rbm(&reference, 1).encode(&matrix(&x)).unwrap();
    for (v, code) in x.iter().zip(codes.iter_rows()) {
        for (found, expected) in code.iter().zip(reference.hidden_mean(v)) {
            assert!((f64::from(*found) - expected).abs() < 1e-6);
        }
    }
    assert!((softplus(-800.0), softplus(800.0)) == (0.0, 800.0));
}

#[test]
fn settings_that_cannot_work_name_their_key() {
    let bad = |f: fn(&mut RbmConfig)| {
        let mut config = RbmConfig::default();
        f(&mut config);
        config.validate().unwrap_err().to_string()
    };
    let cases: [(&str, String); 6] = [
        ("model.code", bad(|c| c.code = 0)),
        ("model.gibbs-steps", bad(|c| c.gibbs_steps = 0)),
        ("model.chains", bad(|c| c.chains = 0)),
        ("model.weight-cost", bad(|c| c.weight_cost = -1.0)),
        ("model.activity-target", bad(|c| c.activity_target = 1.0)),
        (
            "model.hidden-units",
            bad(|c| (c.visible_units, c.hidden_units) = (VisibleUnits::Gaussian, Units::Gaussian)),
        ),
    ];
    let wrong: Vec<_> = cases.iter().filter(|(key, found)| !found.starts_with(key)).collect();
    assert!(wrong.is_empty(), "{wrong:?}");

    let fit = |config: &RbmConfig, values: Vec<f32>, optimizer| {
        let options = ReadOptions { validation: 0.0, scale: Scale::None, ..ReadOptions::default() };
        let data = Dataset::from_matrix(Matrix::new(4, 2, values), &options, 0).unwrap();
        let training = TrainConfig { optimizer, epochs: 1, ..TrainConfig::default() };
        config.fit(&data, &training, &mut Run::default()).unwrap_err().to_string()
    };
    let bernoulli = RbmConfig { visible_units: VisibleUnits::Bernoulli, ..RbmConfig::default() };
    let found = fit(&bernoulli, vec![0.0, 1.0, 0.0, 2.0, 1.0, 0.0, 1.0, 1.0], OptimizerKind::Adam);
    assert!(found.starts_with("model.visible-units") && found.contains("'c2' has 2"), "{found}");
    let found =
        fit(&RbmConfig::default(), vec![0.0, 1.0, 100.0, 2.0, -100.0, 0.0, 50.0, 1.0], OptimizerKind::Adam);
    assert!(found.contains("'c1'") && found.contains("data.scale standard"), "{found}");
    let found = fit(&bernoulli, vec![0.0; 8], OptimizerKind::Lbfgs);
    assert!(found.starts_with("train.optimizer"), "{found}");
    let gaussian_code = RbmConfig { hidden_units: Units::Gaussian, ..RbmConfig::default() };
    let found = fit(&gaussian_code, vec![0.0, 1.0, 0.3, 2.0, -1.0, 0.0, 0.5, 1.0], OptimizerKind::Adam);
    assert!(found.starts_with("model.hidden-units"), "{found}");
}
