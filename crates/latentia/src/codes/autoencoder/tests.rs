//! Autoencoders against PyTorch, and against the theory of the linear one.

mod convolutions;
mod fits;
mod gradients;
mod settings;
mod variants;
mod variational;

use std::{ops::Range, path::Path};

use burn::tensor::Device;
use serde::Deserialize;

use super::{
    Autoencoder, AutoencoderConfig, CorruptionKind, Likelihood, LikelihoodKind,
    module::{AutoencoderModule, Rows},
    objective::AutoencoderObjective,
};
use crate::{
    codes::{
        pca::{Pca, PcaConfig},
        squared_errors,
    },
    data::{Dataset, Matrix, ReadOptions, Scale},
    evaluate,
    model::Reconstruct,
    nn::ActivationKind,
    run::Run,
    train::{
        Objective, OptimizerKind, StepContext, TrainConfig,
        params::{HostTensor, Tensors, collect, restore},
        train,
    },
};

#[derive(Deserialize)]
struct Golden {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    activation: ActivationKind,
    likelihood: LikelihoodKind,
    tied: bool,
    optimizer: OptimizerKind,
    x: Vec<f32>,
    start: std::collections::BTreeMap<String, Stored>,
    losses: Vec<f64>,
    gradients: std::collections::BTreeMap<String, Stored>,
    end: std::collections::BTreeMap<String, Stored>,
}

#[derive(Deserialize, Clone)]
struct Stored {
    shape: Vec<usize>,
    values: Vec<f32>,
}

fn host(stored: &std::collections::BTreeMap<String, Stored>) -> Tensors {
    stored
        .iter()
        .map(|(name, s)| (name.clone(), HostTensor { shape: s.shape.clone(), values: s.values.clone() }))
        .collect()
}

fn golden() -> Golden {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/data/autoencoder.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn at(step: usize) -> StepContext {
    StepContext { seed: 0, epoch: step, step: 0, global_step: step as u64, training: true }
}

/// The largest difference between tensors of the same names.
fn difference(a: &Tensors, b: &Tensors) -> f32 {
    assert_eq!(a.keys().collect::<Vec<_>>(), b.keys().collect::<Vec<_>>());
    let pairs = a.values().zip(b.values()).flat_map(|(a, b)| a.values.iter().zip(&b.values));
    pairs.map(|(a, b)| (a - b).abs()).fold(0f32, f32::max)
}

#[test]
fn losses_gradients_and_steps_are_those_of_pytorch() {
    for case in golden().cases {
        let name =
            format!("{:?} {:?} tied {} {:?}", case.activation, case.likelihood, case.tied, case.optimizer);
        let config = AutoencoderConfig {
            hidden: vec![4],
            code: 2,
            activation: case.activation,
            tied: case.tied,
            likelihood: case.likelihood,
            ..AutoencoderConfig::default()
        };
        let x = Matrix::new(7, 5, case.x.clone());
        let none: &[Range<usize>] = &[];
        let likelihood = Likelihood::new(case.likelihood, none, 5);
        let empty = Matrix::zeros(0, 5);
        let training = TrainConfig {
            epochs: 3,
            batch_size: 7,
            learning_rate: 0.01,
            optimizer: case.optimizer,
            nesterov: case.optimizer == OptimizerKind::Sgd,
            weight_decay: 0.1,
            patience: 0,
            ..TrainConfig::default()
        };
        let mut objective = AutoencoderObjective::new(
            &config,
            &likelihood,
            (0..5).map(|j| j..j + 1).collect(),
            (&x, &empty),
            &training,
            &Device::flex(),
        );
        let rows = Rows { features: 5, ..Rows::default() };
        let module = AutoencoderModule::init(&config, rows, 0, &Device::flex());
        let module = restore(module, &host(&case.start)).unwrap();

        let tracked = burn::module::Module::train(module.clone());
        let loss = objective.loss(&tracked, &[0, 1, 2, 3, 4, 5, 6], at(0));
        let mut gradients = loss.total.backward();
        let found = crate::train::params::collect_gradients(&tracked, &mut gradients);
        let apart = difference(&found, &host(&case.gradients));
        assert!(apart < 1e-5, "{name}: gradients differ by {apart}");

        let trained = train(&mut objective, module, &training, "golden", &mut Run::default()).unwrap();
        for (epoch, (record, loss)) in trained.history.iter().zip(&case.losses).enumerate() {
            assert!(
                (record.train_loss - loss).abs() < 2e-5 * loss.abs().max(1.0),
                "{name}: epoch {epoch}: {} against {loss}",
                record.train_loss
            );
        }
        let apart = difference(&collect(&trained.last), &host(&case.end));
        // Adam divides by the root of tiny squares: rounding is amplified where a gradient is almost 0.
        assert!(apart < 2e-4, "{name}: weights differ by {apart} after three steps");
    }
}

/// Rows in a three-dimensional subspace of eight columns, with some noise.
fn rows_near_a_subspace() -> Matrix {
    let (n, d) = (400, 8);
    let mut values = Vec::with_capacity(n * d);
    for i in 0..n {
        let t = i as f32;
        let h = [(t * 0.7).sin() * 3.0, (t * 1.3).cos() * 2.0, (t * 2.9).sin()];
        for j in 0..d {
            let u = j as f32;
            let signal = h[0] * (u * 0.9).cos() + h[1] * (u * 1.7).sin() + h[2] * (u * 2.3).cos();
            values.push(signal + 0.05 * (t * 3.1 + u * 5.3).sin());
        }
    }
    Matrix::new(n, d, values)
}

/// A model, PCA with a code of three, and the ratio of their squared errors on the training rows.
fn beside_pca(data: &Dataset, config: &AutoencoderConfig, epochs: usize) -> (Autoencoder, Pca, f64) {
    let optimizer = OptimizerKind::Lbfgs;
    let training = TrainConfig { epochs, optimizer, batch_size: 400, ..TrainConfig::default() };
    let (model, _, _) = config.fit(data, &training, &mut Run::default()).unwrap();
    let pca = PcaConfig { code: 3, ..PcaConfig::default() }.fit(&data.train.x, 0).unwrap();
    let x = &data.train.x;
    let ours: f64 = squared_errors(x, &model.reconstruct(x).unwrap()).iter().sum();
    let theirs: f64 = pca.squared_errors(x).unwrap().iter().sum();
    (model, pca, ours / theirs)
}

#[test]
fn a_linear_autoencoder_finds_the_subspace_of_pca() {
    let options = ReadOptions { validation: 0.0, scale: Scale::None, ..ReadOptions::default() };
    let data = Dataset::from_matrix(rows_near_a_subspace(), &options, 0).unwrap();
    let config = AutoencoderConfig {
        hidden: vec![],
        code: 3,
        activation: ActivationKind::Identity,
        likelihood: LikelihoodKind::Gaussian,
        ..AutoencoderConfig::default()
    };
    let (model, pca, ratio) = beside_pca(&data, &config, 150);
    assert!((ratio - 1.0).abs() < 0.005, "{ratio} of the squared error of PCA");
    // The columns of the decoder's weight span the principal subspace (Baldi & Hornik 1989).
    let weight = &crate::model::Model::tensors(&model)["decoder.layers.0.weight"];
    let directions = Matrix::new(8, 3, weight.values.clone());
    let mut transposed = Matrix::zeros(3, 8);
    for i in 0..3 {
        for j in 0..8 {
            transposed.row_mut(i)[j] = directions.row(j)[i];
        }
    }
    let angles = evaluate::principal_angles(&transposed, pca.components()).unwrap();
    let largest = angles.iter().copied().fold(0f64, f64::max);
    assert!(largest.to_degrees() < 1.0, "largest principal angle {} degrees", largest.to_degrees());
}

#[test]
fn a_linear_autoencoder_of_views_rebuilds_as_well_as_pca_of_all_columns() {
    let options = ReadOptions {
        validation: 0.0,
        scale: Scale::None,
        views: vec!["a=c1..c3".into(), "b=c4..c8".into()],
        ..ReadOptions::default()
    };
    let data = Dataset::from_matrix(rows_near_a_subspace(), &options, 0).unwrap();
    let config = AutoencoderConfig {
        view_hidden: vec![5],
        hidden: vec![],
        code: 3,
        activation: ActivationKind::Identity,
        ..AutoencoderConfig::default()
    };
    let (.., ratio) = beside_pca(&data, &config, 200);
    assert!((ratio - 1.0).abs() < 0.01, "{ratio} of the squared error of PCA");
}

#[test]
fn dropping_views_teaches_each_half_of_a_digit_about_the_other() {
    let options = ReadOptions {
        views: vec!["left=c1..c32".into(), "right=c33..c64".into()],
        test_fraction: 0.2,
        ..ReadOptions::default()
    };
    let data = Dataset::load("digits", &options, 0).unwrap();
    let across = |corruption| {
        let config = AutoencoderConfig {
            view_hidden: vec![32],
            hidden: vec![32],
            code: 16,
            corruption,
            corruption_level: 0.6,
            likelihood: LikelihoodKind::Bernoulli,
            ..AutoencoderConfig::default()
        };
        let training = TrainConfig { epochs: 30, learning_rate: 0.003, ..TrainConfig::default() };
        let (model, _, _) = config.fit(&data, &training, &mut Run::default()).unwrap();
        let figures =
            crate::fit::view_figures(&model, &data.preprocess, &data.test.x, "test").unwrap().unwrap();
        let errors: Vec<f64> = figures.across().map(|error| error.squared_error).collect();
        assert_eq!((errors.len(), figures.errors.len(), figures.searches.len()), (2, 6, 2));
        let recall = figures.mean_over_searches(|search| Some(search.recall.at_10)).unwrap();
        (errors.iter().sum::<f64>() / 2.0, recall)
    };
    let mean = data.train.x.iter_rows().fold(vec![0f32; 64], |mut sums, row| {
        sums.iter_mut().zip(row).for_each(|(sum, v)| *sum += v / data.train.len() as f32);
        sums
    });
    let nothing = data
        .test
        .x
        .iter_rows()
        .map(|row| row.iter().zip(&mean).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>());
    let nothing = nothing.sum::<f64>() / data.test.len() as f64 / 2.0;
    let (plain, dropped) = (across(CorruptionKind::None), across(CorruptionKind::Views));
    assert!(dropped.0 < 0.7 * plain.0 && dropped.0 < 0.8 * nothing, "{plain:?}, {dropped:?}, mean {nothing}");
    assert!(dropped.1 > plain.1 && dropped.1 > 0.15, "{plain:?}, {dropped:?}");
}

#[test]
fn overcomplete_and_tied_autoencoders_learn() {
    let options = ReadOptions { validation: 0.0, ..ReadOptions::default() };
    let data = Dataset::from_matrix(rows_near_a_subspace(), &options, 0).unwrap();
    for (code, tied) in [(20, false), (4, true)] {
        let config = AutoencoderConfig {
            hidden: vec![16],
            code,
            tied,
            activation: ActivationKind::Tanh,
            ..AutoencoderConfig::default()
        };
        let training = TrainConfig { epochs: 60, learning_rate: 0.01, ..TrainConfig::default() };
        let (_, _, trained) = config.fit(&data, &training, &mut Run::default()).unwrap();
        let (first, last) = (trained.history[0].train_loss, trained.history[59].train_loss);
        assert!(last < 0.1 * first, "code {code}, tied {tied}: {first} to {last}");
    }
}
