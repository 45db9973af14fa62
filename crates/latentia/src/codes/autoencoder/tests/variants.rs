//! What each variant is for, seen on the digits that come with the library.

use super::super::{
    Autoencoder, AutoencoderConfig, CodeDistribution, CorruptionKind, LikelihoodKind, SparsityAverage,
    jacobian::Jacobian,
};
use crate::{
    codes::{squared_errors, to_tensor},
    data::{Dataset, Matrix, ReadOptions},
    evaluate,
    model::{Decode, Denoise, Encode, Model, Reconstruct, Sample},
    nn::ActivationKind,
    run::Run,
    train::{EpochRecord, TrainConfig, params::host_values},
};

fn digits() -> Dataset {
    let options = ReadOptions { validation: 0.0, test_fraction: 0.3, ..ReadOptions::default() };
    Dataset::load("digits", &options, 0).unwrap()
}

fn fit(config: &AutoencoderConfig, data: &Dataset, epochs: usize) -> (Autoencoder, Vec<EpochRecord>) {
    let training =
        TrainConfig { epochs, batch_size: 32, learning_rate: 0.003, patience: 0, ..TrainConfig::default() };
    let (model, _, trained) = config.fit(data, &training, &mut Run::default()).unwrap();
    (model, trained.history)
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn base() -> AutoencoderConfig {
    AutoencoderConfig { hidden: vec![64], code: 16, ..AutoencoderConfig::default() }
}

#[test]
fn a_denoising_autoencoder_undoes_its_corruption_better_than_a_plain_one() {
    let data = digits();
    let (plain, _) = fit(&base(), &data, 12);
    for (corruption, level) in [
        (CorruptionKind::Masking, 0.3),
        (CorruptionKind::Gaussian, 0.3),
        (CorruptionKind::SaltAndPepper, 0.2),
        (CorruptionKind::Swap, 0.3),
    ] {
        let config = AutoencoderConfig { corruption, corruption_level: level, ..base() };
        let (model, _) = fit(&config, &data, 12);
        let x = &data.test.x;
        let corrupted = model.corrupt(x, 7).unwrap().unwrap();
        let error = |back: &Matrix| mean(&squared_errors(x, back));
        let noise = error(&corrupted);
        let ours = error(&model.denoise(&corrupted).unwrap());
        let theirs = error(&plain.reconstruct(&corrupted).unwrap());
        assert!(ours < 0.7 * noise && ours < 0.9 * theirs, "{corruption:?}: {noise}, {ours}, {theirs}");
        assert_eq!(model.corrupt(x, 7).unwrap().unwrap(), corrupted, "the seed decides");
        assert_eq!(model.denoise(x).unwrap(), model.reconstruct(x).unwrap());
    }
    assert!(plain.corrupt(&data.test.x, 7).unwrap().is_none());
}

#[test]
fn emphasis_on_corrupted_cells_rebuilds_them_better() {
    let data = digits();
    let error_of_masked = |emphasis: f64| {
        let config = AutoencoderConfig {
            corruption: CorruptionKind::Masking,
            emphasis,
            corruption_level: 0.5,
            ..base()
        };
        let (model, _) = fit(&config, &data, 10);
        let x = &data.test.x;
        let corrupted = model.corrupt(x, 7).unwrap().unwrap();
        let back = model.denoise(&corrupted).unwrap();
        let (mut masked, mut others) = (0.0, 0.0);
        for ((x, c), b) in x.as_slice().iter().zip(corrupted.as_slice()).zip(back.as_slice()) {
            let error = f64::from(x - b).powi(2);
            if x == c { others += error } else { masked += error }
        }
        (masked, others)
    };
    let (even, emphasised) = (error_of_masked(0.5), error_of_masked(1.0));
    assert!(emphasised.0 < even.0 && emphasised.1 > even.1, "{even:?} {emphasised:?}");
}

#[test]
fn sparse_codes_have_the_activity_that_was_asked_for() {
    let data = digits();
    let sigmoid = AutoencoderConfig { code: 48, code_activation: ActivationKind::Sigmoid, ..base() };
    let activity = |config: &AutoencoderConfig| {
        let (model, history) = fit(config, &data, 15);
        let codes = model.encode(&data.test.x).unwrap();
        (mean(&codes.as_slice().iter().map(|&v| f64::from(v)).collect::<Vec<_>>()), history)
    };
    let (without, history) = activity(&sigmoid);
    assert!(history[0].train_terms.is_empty());
    for sparsity_average in [SparsityAverage::Batch, SparsityAverage::Running] {
        let config =
            AutoencoderConfig { sparsity: 1.0, sparsity_target: 0.1, sparsity_average, ..sigmoid.clone() };
        let (with, history) = activity(&config);
        assert!((with - 0.1).abs() < 0.02 && without > 0.2, "{sparsity_average:?}: {with} against {without}");
        let terms = &history[14].train_terms;
        let sum: f64 = terms.values().sum();
        assert!(terms.contains_key("sparsity") && (sum - history[14].train_loss).abs() < 1e-3, "{terms:?}");
    }
    let size = |l1: f64| {
        let (model, _) = fit(&AutoencoderConfig { l1, ..base() }, &data, 10);
        let codes = model.encode(&data.test.x).unwrap();
        mean(&codes.as_slice().iter().map(|&v| f64::from(v.abs())).collect::<Vec<_>>())
    };
    assert!(size(0.05) < 0.6 * size(0.0));
    let (model, _) = fit(&AutoencoderConfig { code: 40, top_k: 5, ..base() }, &data, 5);
    let codes = model.encode(&data.test.x).unwrap();
    assert!(codes.iter_rows().all(|code| code.iter().filter(|v| **v != 0.0).count() <= 5));
}

#[test]
fn contraction_makes_codes_change_less_with_their_input() {
    let data = digits();
    let config = AutoencoderConfig { code_activation: ActivationKind::Sigmoid, hidden: vec![], ..base() };
    let deep = AutoencoderConfig { hidden: vec![32], activation: ActivationKind::Tanh, code: 24, ..base() };
    for config in [config, deep] {
        let norm = |contraction: f64, hessian: f64| {
            let config = AutoencoderConfig { contraction, hessian, ..config.clone() };
            let (model, _) = fit(&config, &data, 8);
            let x = to_tensor(data.test.x.as_slice().to_vec(), model.input, &model.device);
            let (_, derivatives) = model.module.encoder.forward_with_derivatives(x);
            let jacobian = Jacobian::new(&model.module.encoder, &derivatives, config.code, None);
            host_values(jacobian.squared_norm().mean())[0]
        };
        let (without, with) = (norm(0.0, 0.0), norm(0.3, 0.0));
        assert!(with < 0.6 * without, "{with} against {without}");
        assert!(norm(0.3, 0.3).is_finite());
    }
}

#[test]
fn binary_codes_are_bits_that_tell_digits_apart() {
    let data = digits();
    for (code_noise, straight_through) in [(0.0, true), (2.0, true), (4.0, false)] {
        let config = AutoencoderConfig {
            code: 24,
            code_distribution: CodeDistribution::Binary,
            code_noise,
            straight_through,
            ..base()
        };
        let (model, _) = fit(&config, &data, 20);
        let codes = model.encode(&data.test.x).unwrap();
        assert!(codes.as_slice().iter().all(|v| *v == 0.0 || *v == 1.0));
        // Most bits are of use: neither always on nor always off.
        let shares: Vec<f64> =
            (0..24).map(|j| mean(&codes.iter_rows().map(|c| f64::from(c[j])).collect::<Vec<_>>())).collect();
        assert!(shares.iter().filter(|s| (0.05..0.95).contains(*s)).count() >= 16, "{shares:?}");
        let train = model.encode(&data.train.x).unwrap();
        let (a, b) = (data.train.labels.as_ref().unwrap(), data.test.labels.as_ref().unwrap());
        let accuracy = evaluate::knn_accuracy(&train, a, &codes, b, 5).unwrap();
        assert!(accuracy > 0.8, "noise {code_noise}: {accuracy}");
        // The bits alone rebuild the digit: better than the mean digit does.
        let errors = mean(&squared_errors(&data.test.x, &model.reconstruct(&data.test.x).unwrap()));
        assert!(errors < 3.0, "noise {code_noise}: {errors}");
        assert!(model.as_sample().is_none());
    }
}

#[test]
fn discrete_codes_learn() {
    let data = digits();
    let categorical = AutoencoderConfig {
        code: 40,
        categories: 10,
        code_distribution: CodeDistribution::Categorical,
        beta: 0.1,
        anneal_epochs: 5,
        ..base()
    };
    let quantized = AutoencoderConfig { code_distribution: CodeDistribution::Quantized, ..base() };
    for config in [categorical, quantized] {
        let (model, history) = fit(&config, &data, 15);
        let kind = config.code_distribution;
        let reconstruction = |r: &EpochRecord| r.train_terms["reconstruction"];
        assert!(reconstruction(&history[14]) < 0.8 * reconstruction(&history[0]), "{kind:?}: {history:?}");
        let codes = model.encode(&data.test.x).unwrap();
        let errors = mean(&squared_errors(&data.test.x, &model.decode(&codes).unwrap()));
        assert!(errors < 3.0, "{kind:?}: {errors}");
        match kind {
            CodeDistribution::Categorical => {
                assert!(codes.as_slice().chunks(10).all(|v| v.iter().sum::<f32>() == 1.0));
                assert_eq!(model.sample(3, 1).unwrap().rows(), 3);
            }
            _ => {
                let book = host_values(model.module.vectors());
                let known = |v: &[f32]| book.chunks(4).any(|e| e == v);
                assert!(codes.as_slice().chunks(4).all(known));
                assert!(model.as_sample().is_none());
            }
        }
    }
}

#[test]
fn likelihood_of_digits_is_bernoulli_by_itself() {
    let (model, _) = fit(&base(), &digits(), 1);
    assert_eq!(model.config.likelihood, LikelihoodKind::Bernoulli);
}
