//! Machines small enough that every state can be visited: the reference is the definition, in double precision.

use burn::{
    module::Module,
    tensor::{Device, Tensor},
};

use super::{
    NegativePhase, Rbm, RbmConfig, Units, VisibleUnits,
    measure::{Measure, by_batches, score_matching, softplus},
    module::{HALF_LOG_TWO_PI, RbmModule},
    objective::RbmObjective,
    partition::estimate,
};
use crate::{
    codes::to_tensor,
    data::{Dataset, Matrix, ReadOptions, Scale},
    model::{Encode, LogLikelihood, Sample},
    run::Run,
    train::{
        Objective, OptimizerKind, StepContext, TrainConfig,
        params::{HostTensor, Tensors, collect_gradients, host_values},
    },
};

/// The same machine by its definition.
struct Reference {
    w: Vec<Vec<f64>>,
    b: Vec<f64>,
    c: Vec<f64>,
    visible: Units,
    hidden: Units,
}

/// Every assignment of 0 and 1 to `n` units.
fn states(n: usize) -> Vec<Vec<f64>> {
    (0..1u32 << n).map(|s| (0..n).map(|i| f64::from(s >> i & 1)).collect()).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn log_sum_exp(values: &[f64]) -> f64 {
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    most + values.iter().map(|v| (v - most).exp()).sum::<f64>().ln()
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

impl Reference {
    /// A machine of `[hidden, visible]` weights of about `scale`.
    fn new((visible, hidden): (Units, Units), (n, m): (usize, usize), scale: f64) -> Self {
        let w = (0..m).map(|j| (0..n).map(|i| scale * ((j * n + i) as f64 * 1.7 + 0.4).sin()).collect());
        let b = (0..n).map(|i| 0.4 * (i as f64 * 2.1).cos()).collect();
        let c = (0..m).map(|j| 0.5 * (j as f64 * 1.3 + 1.0).sin()).collect();
        Self { w: w.collect(), b, c, visible, hidden }
    }

    fn module(&self) -> RbmModule {
        let single = |v: &[f64]| v.iter().map(|&v| v as f32).collect::<Vec<_>>();
        let w = self.w.iter().flat_map(|row| single(row)).collect();
        RbmModule::new((self.visible, self.hidden), w, single(&self.b), single(&self.c), &Device::flex())
    }

    fn layer(units: Units, x: &[f64], bias: &[f64]) -> f64 {
        match units {
            Units::Bernoulli => -dot(x, bias),
            Units::Gaussian => x.iter().zip(bias).map(|(x, b)| 0.5 * (x - b).powi(2)).sum(),
        }
    }

    fn energy(&self, v: &[f64], h: &[f64]) -> f64 {
        let coupling: f64 = self.w.iter().zip(h).map(|(w, h)| h * dot(w, v)).sum();
        Self::layer(self.visible, v, &self.b) + Self::layer(self.hidden, h, &self.c) - coupling
    }

    /// `−log Σ_h exp(−E)`; for Gaussian hidden units the integral, which is one of a single unit for each, by the
    /// trapezoid rule.
    fn free_energy(&self, v: &[f64]) -> f64 {
        match self.hidden {
            Units::Bernoulli => {
                let all: Vec<f64> = states(self.c.len()).iter().map(|h| -self.energy(v, h)).collect();
                -log_sum_exp(&all)
            }
            Units::Gaussian => {
                let of_units: f64 = (self.w.iter().zip(&self.c))
                    .map(|(w, c)| {
                        let step = 0.01;
                        let grid = (-3000..=3000).map(|k| f64::from(k) * step);
                        let values: Vec<f64> =
                            grid.map(|h| h * dot(w, v) - 0.5 * (h - c).powi(2) + f64::ln(step)).collect();
                        log_sum_exp(&values)
                    })
                    .sum();
                Self::layer(self.visible, v, &self.b) - of_units
            }
        }
    }

    /// `log Z` of a machine with at least one binary layer.
    fn log_partition(&self) -> f64 {
        let all: Vec<f64> = match self.visible {
            Units::Bernoulli => states(self.b.len()).iter().map(|v| -self.free_energy(v)).collect(),
            // Σ_h ∫ exp(−E) dv, the integral of each unit with its mean at b + Wᵀ h.
            Units::Gaussian => states(self.c.len())
                .iter()
                .map(|h| {
                    let of_units = (0..self.b.len()).map(|i| {
                        let a: f64 = self.w.iter().zip(h).map(|(w, h)| w[i] * h).sum();
                        HALF_LOG_TWO_PI + a * self.b[i] + 0.5 * a * a
                    });
                    dot(h, &self.c) + of_units.sum::<f64>()
                })
                .collect(),
        };
        log_sum_exp(&all)
    }

    /// `p(v)` of every binary `v`.
    fn distribution(&self) -> Vec<f64> {
        let log_z = self.log_partition();
        states(self.b.len()).iter().map(|v| (-self.free_energy(v) - log_z).exp()).collect()
    }

    /// `p(h_j = 1 | v)`.
    fn hidden_mean(&self, v: &[f64]) -> Vec<f64> {
        self.w.iter().zip(&self.c).map(|(w, c)| sigmoid(c + dot(w, v))).collect()
    }
}

const BINARY: (Units, Units) = (Units::Bernoulli, Units::Bernoulli);
const KINDS: [(Units, Units); 3] =
    [BINARY, (Units::Gaussian, Units::Bernoulli), (Units::Bernoulli, Units::Gaussian)];

fn matrix(rows: &[Vec<f64>]) -> Matrix {
    let values = rows.iter().flatten().map(|&v| v as f32).collect();
    Matrix::new(rows.len(), rows[0].len(), values)
}

/// Rows that fit the visible units.
fn rows(visible: Units, n: usize) -> Vec<Vec<f64>> {
    match visible {
        Units::Bernoulli => states(n),
        Units::Gaussian => {
            (0..9).map(|r| (0..n).map(|i| 1.5 * ((r * n + i) as f64 * 0.9).sin()).collect()).collect()
        }
    }
}

fn rbm(reference: &Reference, sample_steps: usize) -> Rbm {
    Rbm::new(reference.module(), sample_steps, &Device::flex())
}

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

/// Counts of rows by state, as shares.
fn shares(rows: &Matrix) -> Vec<f64> {
    let mut shares = vec![0.0; 1 << rows.cols()];
    for row in rows.iter_rows() {
        let state = row.iter().enumerate().map(|(i, &v)| usize::from(v > 0.5) << i).sum::<usize>();
        shares[state] += 1.0 / rows.rows() as f64;
    }
    shares
}

#[test]
fn gibbs_chains_reach_the_distribution_of_the_machine() {
    let reference = Reference::new(BINARY, (4, 3), 1.0);
    let module = reference.module();
    let mut rng = crate::random::stream(1, crate::random::Purpose::Sampling, 0, 0);
    let mut v = to_tensor(vec![1.0; 40_000 * 4], 4, &Device::flex());
    for _ in 0..60 {
        v = module.gibbs(v, true, &mut rng);
    }
    let found = shares(&Matrix::new(40_000, 4, host_values(v)));
    let expected = reference.distribution();
    let apart = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).sum::<f64>() / 2.0;
    assert!(apart < 0.015, "total variation {apart}");
}

/// Rows of four bits with these shares in 64ths, the other states never.
const KNOWN: [(usize, usize); 5] = [(0b0011, 24), (0b1100, 20), (0b0110, 12), (0b1111, 4), (0b0000, 4)];

#[test]
fn a_machine_learns_a_known_distribution() {
    let states_of = |copies: usize| {
        KNOWN.iter().flat_map(move |&(state, share)| std::iter::repeat_n(state, share * copies))
    };
    let values = states_of(4).flat_map(|s| (0..4).map(move |i| (s >> i & 1) as f32)).collect();
    let x = Matrix::new(256, 4, values);
    let options = ReadOptions { validation: 0.0, scale: Scale::None, ..ReadOptions::default() };
    let data = Dataset::from_matrix(x.clone(), &options, 0).unwrap();
    let expected = shares(&x);
    let training = TrainConfig {
        epochs: 800,
        batch_size: 256,
        learning_rate: 2.0,
        optimizer: OptimizerKind::Sgd,
        momentum: 0.5,
        schedule: crate::train::Schedule::Cosine,
        ..TrainConfig::default()
    };
    for persistent in [false, true] {
        let config = RbmConfig {
            code: 10,
            visible_units: VisibleUnits::Bernoulli,
            gibbs_steps: 5,
            persistent,
            chains: 256,
            sample_steps: 100,
            negative_phase: NegativePhase::Samples,
            weight_cost: 0.0,
            ..RbmConfig::default()
        };
        let (model, _, trained) = config.fit(&data, &training, &mut Run::default()).unwrap();
        let all = matrix(&states(4));
        let free = model.free_energy(&all).unwrap();
        let log_z = log_sum_exp(&free.iter().map(|f| -f).collect::<Vec<_>>());
        let divergence: f64 = expected
            .iter()
            .zip(&free)
            .filter(|(p, _)| **p > 0.0)
            .map(|(p, f)| p * (p.ln() + f + log_z))
            .sum();
        // Independent bits with the right means are 1.3 nats away.
        assert!(
            divergence < if persistent { 0.25 } else { 0.1 },
            "persistent {persistent}: {divergence} nats from the data"
        );
        let (first, last) = (&trained.history[0], &trained.history[799]);
        assert!(last.train_loss < first.train_loss - 0.5, "{} {}", first.train_loss, last.train_loss);
        assert!(last.metrics.contains_key("free energy of training rows"), "{last:?}");
        assert!((model.partition(100).log - log_z).abs() < 0.1, "{:?} {log_z}", model.partition(100));
        let likely = model.log_likelihood(&all, 100).unwrap().iter().map(|l| l.exp()).sum::<f64>();
        assert!((likely - 1.0).abs() < 0.1, "probabilities sum to {likely}");
        // What it draws is what it saw.
        let drawn = shares(&model.sample(4000, 1).unwrap());
        let seen: f64 = KNOWN.iter().map(|&(state, _)| drawn[state]).sum();
        assert!(seen > 0.8, "{drawn:?}");
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
fn chains_of_another_run_are_refused() {
    let x = matrix(&states(4));
    let none = Matrix::zeros(0, 4);
    let device = Device::flex();
    let tensors = |rows: usize| {
        Tensors::from([(
            "chains".to_owned(),
            HostTensor { shape: vec![rows, 4], values: vec![0.0; rows * 4] },
        )])
    };
    let config = RbmConfig { code: 3, persistent: true, chains: 7, ..RbmConfig::default() };
    let mut objective = RbmObjective::new(&config, &x, &none, 0, &device);
    objective.restore_state(tensors(7)).unwrap();
    assert_eq!(objective.state(), tensors(7));
    assert!(objective.restore_state(tensors(8)).unwrap_err().contains("[8, 4]"));
    assert!(objective.restore_state(Tensors::new()).is_err());
    let config = RbmConfig { persistent: false, ..config };
    assert!(RbmObjective::new(&config, &x, &none, 0, &device).restore_state(tensors(7)).is_err());
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
