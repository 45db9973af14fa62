//! Variational autoencoders against what is known in closed form.

use burn::{
    module::Module,
    tensor::{Device, Tensor, TensorData},
};
use rand_distr::{Distribution, StandardNormal};

use super::super::{
    Autoencoder, AutoencoderConfig, Binarize, CodeDistribution, Likelihood, LikelihoodKind, bound,
    code::Posterior,
    module::{AutoencoderModule, Rows},
    noise,
    objective::AutoencoderObjective,
};
use crate::{
    codes::pca::PcaConfig,
    data::{Dataset, Matrix, ReadOptions, Scale},
    model::{Encode, LogLikelihood, Model, Reconstruct, Sample, Score},
    random::{Purpose, stream},
    run::Run,
    train::{
        Ended, Objective, StepContext, TrainConfig,
        params::{HostTensor, Tensors, collect_gradients, host_values},
    },
};

const FEATURES: usize = 5;
const CODE: usize = 2;

fn tensor(values: Vec<f32>, cols: usize) -> Tensor<2> {
    let rows = values.len() / cols;
    Tensor::from_data(TensorData::new(values, [rows, cols]), &Device::flex())
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[test]
fn the_divergence_in_closed_form_is_that_of_samples() {
    let posterior = Posterior::new(tensor(vec![0.7, -1.2, 0.4, -0.9], 2 * CODE));
    let expected: f32 = host_values(posterior.divergence()).iter().sum();
    // By hand: ½ Σ (μ² + σ² − log σ² − 1).
    let by_hand = |m: f32, l: f32| 0.5 * (m * m + l.exp() - l - 1.0);
    assert!((expected - by_hand(0.7, 0.4) - by_hand(-1.2, -0.9)).abs() < 1e-6);
    let n = 200_000;
    let noise = noise::normal(n, CODE, &mut stream(1, Purpose::Sampling, 0, 0), &Device::flex());
    let many = posterior.repeat(n);
    let z = many.sample(noise.clone());
    let ratios = host_values(many.log_ratio(noise, z));
    let sampled = -ratios.iter().map(|&r| f64::from(r)).sum::<f64>() / n as f64;
    assert!((sampled - f64::from(expected)).abs() < 0.01, "{sampled} against {expected}");
}

#[test]
fn the_mean_of_weights_is_taken_without_overflow() {
    let log_w = vec![900.0f32, -2.0, 901.0, -1.0, 899.0, -3.0];
    let log_w = Tensor::<1>::from_data(TensorData::new(log_w, [6]), &Device::flex());
    let found = host_values(bound::importance_weighted(log_w, 3));
    for (found, three) in found.iter().zip([[900.0f64, 901.0, 899.0], [-2.0, -1.0, -3.0]]) {
        let top = three.iter().copied().fold(f64::MIN, f64::max);
        let expected = top + (three.iter().map(|v| (v - top).exp()).sum::<f64>() / 3.0).ln();
        assert!((f64::from(*found) - expected).abs() < 1e-3, "{found} {expected}");
    }
}

/// Over many draws of the noise: the decoder's gradient is that of the bound, the encoder's has its mean and less variance.
#[test]
fn the_doubly_reparameterized_gradient_has_the_same_mean_and_less_variance() {
    let data = plane();
    let x = data.train.x.head(20);
    let once = AutoencoderConfig { hidden: vec![4], samples: 20, ..linear() };
    let twice = AutoencoderConfig { doubly_reparameterized: true, ..once.clone() };
    let device = Device::flex();
    let rows = Rows { features: FEATURES, views: &[], convolutions: &[] };
    let module = AutoencoderModule::init(&once, rows, 1, &device).train();
    let likelihood = Likelihood::new(LikelihoodKind::Gaussian, &[], FEATURES);
    let (items, empty) = ((0..20).collect::<Vec<_>>(), Matrix::zeros(0, FEATURES));
    let draws = 300;
    let gradients = |config: &AutoencoderConfig| -> Vec<Tensors> {
        let training = TrainConfig { batch_size: 20, ..TrainConfig::default() };
        let columns = (0..FEATURES).map(|j| j..j + 1).collect();
        let mut objective =
            AutoencoderObjective::new(config, &likelihood, columns, (&x, &empty), &training, &device);
        let mut of_step = |step: usize| {
            let at = StepContext { seed: 1, epoch: 1, step, global_step: step as u64, training: true };
            collect_gradients(&module, &mut objective.loss(&module, &items, at).total.backward())
        };
        (0..draws).map(&mut of_step).collect()
    };
    let (once, twice) = (gradients(&once), gradients(&twice));
    let (mut variance_once, mut variance_twice) = (0.0, 0.0);
    for key in once[0].keys() {
        for i in 0..once[0][key].values.len() {
            let of = |all: &[Tensors]| all.iter().map(|g| f64::from(g[key].values[i])).collect::<Vec<_>>();
            let (a, b) = (of(&once), of(&twice));
            if !key.starts_with("encoder") {
                let close = a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-3 * (1.0 + a.abs()));
                assert!(close, "{key} {i}");
                continue;
            }
            let variance =
                |v: &[f64]| v.iter().map(|x| (x - mean(v)).powi(2)).sum::<f64>() / (draws - 1) as f64;
            variance_once += variance(&a);
            variance_twice += variance(&b);
            let error = ((variance(&a) + variance(&b)) / draws as f64).sqrt();
            assert!(
                (mean(&a) - mean(&b)).abs() < 5.0 * error,
                "{key} {i}: {} {} {error}",
                mean(&a),
                mean(&b)
            );
        }
    }
    assert!(variance_twice < 0.9 * variance_once, "{variance_twice} {variance_once}");
}

/// `log N(x; b, W Wᵀ + σ² I)` by Cholesky decomposition: what a linear decoder `x ~ N(W z + b, σ² I)` gives exactly.
fn exact(x: &[f32], w: &[f32], b: &[f32], variance: f64) -> f64 {
    let n = x.len();
    let code = w.len() / n;
    let mut c = vec![0f64; n * n];
    for i in 0..n {
        for j in 0..n {
            c[i * n + j] = (0..code).map(|k| f64::from(w[i * code + k]) * f64::from(w[j * code + k])).sum();
        }
        c[i * n + i] += variance;
    }
    let (mut squares, mut log_det, mut y) = (0.0, 0.0, vec![0f64; n]);
    for i in 0..n {
        for j in 0..=i {
            let dot: f64 = (0..j).map(|k| c[i * n + k] * c[j * n + k]).sum();
            c[i * n + j] = match i == j {
                true => (c[i * n + i] - dot).sqrt(),
                false => (c[i * n + j] - dot) / c[j * n + j],
            };
        }
        let dot: f64 = (0..i).map(|k| c[i * n + k] * y[k]).sum();
        y[i] = (f64::from(x[i]) - f64::from(b[i]) - dot) / c[i * n + i];
        squares += y[i] * y[i];
        log_det += 2.0 * c[i * n + i].ln();
    }
    -0.5 * (squares + log_det + n as f64 * (2.0 * std::f64::consts::PI).ln())
}

fn linear() -> AutoencoderConfig {
    AutoencoderConfig {
        hidden: vec![],
        code: CODE,
        likelihood: LikelihoodKind::Gaussian,
        code_distribution: CodeDistribution::Gaussian,
        learn_variance: true,
        ..AutoencoderConfig::default()
    }
}

/// 1500 rows of a plane in five columns with noise of deviation 0.5.
fn plane() -> Dataset {
    let mut rng = stream(3, Purpose::Report, 0, 0);
    let mut draw = || -> f32 { StandardNormal.sample(&mut rng) };
    let directions = [[1.5, -0.5, 0.8, 0.0, 0.3], [0.2, 0.9, -0.4, 1.1, 0.0f32]];
    let mut x = Matrix::zeros(1500, FEATURES);
    for i in 0..1500 {
        let z = [draw(), draw()];
        for (j, value) in x.row_mut(i).iter_mut().enumerate() {
            *value = 1.0 + z[0] * directions[0][j] + z[1] * directions[1][j] + 0.5 * draw();
        }
    }
    let options = ReadOptions { scale: Scale::None, validation: 0.2, ..ReadOptions::default() };
    Dataset::from_matrix(x, &options, 0).unwrap()
}

fn weights(values: &[(&str, &[usize], Vec<f32>)]) -> Tensors {
    let host =
        |shape: &[usize], values: &[f32]| HostTensor { shape: shape.to_vec(), values: values.to_vec() };
    values.iter().map(|(name, shape, v)| ((*name).to_owned(), host(shape, v))).collect()
}

#[test]
fn bounds_rise_with_their_samples_to_the_exact_likelihood_of_a_linear_model() {
    let data = plane();
    let w: Vec<f32> = vec![1.2, 0.3, -0.4, 0.8, 0.9, -0.2, 0.1, 1.0, 0.2, 0.1];
    let b = vec![0.9f32, 1.1, 1.0, 0.8, 1.2];
    let variance = 0.4f32;
    // An encoder that is far from the posterior.
    let encoder: Vec<f32> = (0..4 * FEATURES).map(|i| 0.25 * (i as f32 * 1.3).sin()).collect();
    let tensors = weights(&[
        ("encoder.layers.0.weight", &[4, FEATURES], encoder),
        ("encoder.layers.0.bias", &[4], vec![0.1, -0.1, -0.5, -0.7]),
        ("decoder.layers.0.weight", &[FEATURES, CODE], w.clone()),
        ("decoder.layers.0.bias", &[FEATURES], b.clone()),
        ("log_variance", &[1], vec![variance.ln()]),
    ]);
    let model = Autoencoder::from_tensors(&linear(), &data.preprocess, &tensors, &Device::flex()).unwrap();
    let x = data.train.x.head(60);
    let truth = mean(&x.iter_rows().map(|row| exact(row, &w, &b, f64::from(variance))).collect::<Vec<_>>());
    let estimate = |k| mean(&model.log_likelihood(&x, k).unwrap());
    let bounds = [1, 10, 100, 5000].map(estimate);
    assert!(bounds.windows(2).all(|b| b[1] > b[0]), "{bounds:?}");
    assert!(bounds[0] < truth - 0.5 && (bounds[3] - truth).abs() < 0.05, "{bounds:?} to {truth}");
    let score = mean(&model.score(&x).unwrap());
    assert!(-score < truth, "the score is a bound");
    // An estimate belongs to its row, whatever stands beside it.
    let alone = model.log_likelihood(&x.select_rows(&[7]), 300).unwrap()[0];
    assert!((alone - model.log_likelihood(&x, 300).unwrap()[7]).abs() < 1e-4);
}

#[test]
fn a_linear_variational_autoencoder_comes_to_probabilistic_pca() {
    // Lucas, Tucker, Grosse & Norouzi 2019: its bound has no other maximum, and is tight there.
    let data = plane();
    let training = TrainConfig {
        epochs: 60,
        batch_size: 50,
        learning_rate: 0.01,
        patience: 0,
        schedule: crate::train::Schedule::Cosine,
        ..TrainConfig::default()
    };
    let (model, _, trained) = linear().fit(&data, &training, &mut Run::default()).unwrap();
    assert_eq!(trained.ended, Ended::Completed);
    // Tipping & Bishop 1999: W = U (Λ − σ² I)^½, σ² the mean of the other eigenvalues.
    let pca = PcaConfig { code: FEATURES, ..PcaConfig::default() }.fit(&data.train.x, 0).unwrap();
    let spread: Vec<f64> = pca.explained_variance().iter().map(|&v| f64::from(v)).collect();
    let variance = mean(&spread[CODE..]);
    let mut w = vec![0f32; FEATURES * CODE];
    for k in 0..CODE {
        for j in 0..FEATURES {
            w[j * CODE + k] = pca.components().row(k)[j] * (spread[k] - variance).sqrt() as f32;
        }
    }
    let mut b = vec![0f32; FEATURES];
    for row in data.train.x.iter_rows() {
        b.iter_mut().zip(row).for_each(|(b, v)| *b += v / data.train.x.rows() as f32);
    }
    let x = &data.train.x;
    let best = mean(&x.iter_rows().map(|row| exact(row, &w, &b, variance)).collect::<Vec<_>>());
    let ours = mean(&model.log_likelihood(x, 50).unwrap());
    let bound = -mean(&model.score(x).unwrap());
    assert!(ours < best + 0.01, "{ours} against {best}: nothing linear is likelier");
    assert!(ours > best - 0.03 && bound > best - 0.05, "{ours} and {bound} against {best}");
    let learnt = f64::from(model.tensors()["log_variance"].values[0]).exp();
    assert!((learnt / variance - 1.0).abs() < 0.1, "{learnt} against {variance}");
}

#[test]
fn a_variational_autoencoder_of_digits_makes_digits_up() {
    let options = ReadOptions { validation: 0.1, test_fraction: 0.2, ..ReadOptions::default() };
    let data = Dataset::load("digits", &options, 0).unwrap();
    let config = AutoencoderConfig {
        hidden: vec![64],
        code: 6,
        code_distribution: CodeDistribution::Gaussian,
        binarize: Binarize::Dynamic,
        anneal_epochs: 3,
        ..AutoencoderConfig::default()
    };
    let training = TrainConfig {
        epochs: 25,
        batch_size: 32,
        learning_rate: 0.003,
        patience: 0,
        ..TrainConfig::default()
    };
    let fit = |samples| {
        let config = AutoencoderConfig { samples, ..config.clone() };
        config.fit(&data, &training, &mut Run::default()).unwrap().0
    };
    let model = fit(1);
    let x = &data.test.x;
    let bound = -mean(&model.score(x).unwrap());
    let likelihood = mean(&model.log_likelihood(x, 100).unwrap());
    // Without a model, a pixel is a coin of its mean; most of what is left is the chance of grey pixels themselves.
    let chance: Vec<f64> = (0..64)
        .map(|j| mean(&data.train.x.iter_rows().map(|r| f64::from(r[j])).collect::<Vec<_>>()))
        .collect();
    let coins: f64 = chance.iter().map(|p| p * p.max(1e-9).ln() + (1.0 - p) * (1.0 - p).max(1e-9).ln()).sum();
    assert!(bound < likelihood && likelihood > coins + 2.0, "{bound}, {likelihood}, {coins}");
    assert_eq!(model.score(x).unwrap(), model.score(x).unwrap());
    let weighted = mean(&fit(8).log_likelihood(x, 100).unwrap());
    assert!(weighted > likelihood - 0.5, "{weighted} against {likelihood}");
    // Made-up digits look like digits: the model rebuilds them as well as real ones.
    let made = model.sample(200, 1).unwrap();
    assert_eq!(made, model.sample(200, 1).unwrap());
    let error = |x: &Matrix| mean(&crate::codes::squared_errors(x, &model.reconstruct(x).unwrap()));
    assert!(error(&made) < 1.5 * error(x), "{} against {}", error(&made), error(x));
    assert_eq!(model.encode(x).unwrap().cols(), 6);
    assert!(Model::as_log_likelihood(&model).is_some());
}
