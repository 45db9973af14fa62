//! Chains, and machines that learn by them.

use burn::tensor::Device;

use super::{
    super::{NegativePhase, RbmConfig, VisibleUnits, objective::RbmObjective},
    reference::{BINARY, Reference, log_sum_exp, matrix, states},
};
use crate::{
    codes::to_tensor,
    data::{Dataset, Matrix, ReadOptions, Scale},
    model::{LogLikelihood, Sample},
    run::Run,
    train::{
        Objective, OptimizerKind, TrainConfig,
        params::{HostTensor, Tensors, host_values},
    },
};

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
