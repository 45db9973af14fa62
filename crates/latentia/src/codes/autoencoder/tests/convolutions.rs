//! Convolutional autoencoders against PyTorch, by differences, on the digits that come with the library, and what is refused.

use std::{collections::BTreeMap, path::Path};

use burn::{module::Module, tensor::Device};
use serde::Deserialize;

use super::{
    super::{
        Autoencoder, AutoencoderConfig, Binarize, CodeDistribution, ContractionEstimate, CorruptionKind,
        Likelihood, LikelihoodKind,
        jacobian::Jacobian,
        module::{AutoencoderModule, Rows},
        objective::AutoencoderObjective,
    },
    Stored, at, difference,
    gradients::{differences, differing_slopes},
    host,
};
use crate::{
    codes::{pca::PcaConfig, squared_errors, stacked::Pretrain, to_tensor},
    data::{Dataset, ImageShape, Matrix, ReadOptions},
    model::{Model, Reconstruct, Sample},
    nn::ActivationKind,
    run::Run,
    train::{
        Objective, TrainConfig,
        params::{collect, collect_gradients, host_values, restore},
        train,
    },
};

#[derive(Deserialize)]
struct Golden {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    image: [usize; 3],
    channels: Vec<usize>,
    kernel: usize,
    stride: usize,
    activation: ActivationKind,
    tied: bool,
    likelihood: LikelihoodKind,
    x: Vec<f32>,
    start: BTreeMap<String, Stored>,
    losses: Vec<f64>,
    gradients: BTreeMap<String, Stored>,
    end: BTreeMap<String, Stored>,
}

/// `x`, whose rows are images of `[channels, height, width]`, as data.
fn images(x: Matrix, [channels, height, width]: [usize; 3]) -> Dataset {
    let options = ReadOptions { validation: 0.0, scale: crate::data::Scale::None, ..ReadOptions::default() };
    Dataset::from_images(x, ImageShape { channels, height, width }, 1.0, &options, 0).unwrap()
}

#[test]
fn losses_gradients_and_steps_are_those_of_pytorch() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/data/convolutions.json");
    let golden: Golden = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    assert!(golden.cases.len() >= 5);
    for case in golden.cases {
        let name = format!("{:?} {:?} {:?} tied {}", case.image, case.channels, case.activation, case.tied);
        let config = AutoencoderConfig {
            channels: case.channels,
            kernel: case.kernel,
            stride: case.stride,
            hidden: vec![4],
            code: 2,
            activation: case.activation,
            tied: case.tied,
            likelihood: case.likelihood,
            ..AutoencoderConfig::default()
        };
        let features: usize = case.image.iter().product();
        let x = Matrix::new(5, features, case.x.clone());
        let data = images(x.clone(), case.image);
        let convolutions = config.convolutions(&data.preprocess).unwrap();
        let likelihood = Likelihood::new(case.likelihood, &[], features);
        let training = TrainConfig {
            epochs: 3,
            batch_size: 5,
            learning_rate: 0.01,
            patience: 0,
            ..TrainConfig::default()
        };
        let empty = Matrix::zeros(0, features);
        let columns = (0..features).map(|j| j..j + 1).collect();
        let device = Device::flex();
        let mut objective =
            AutoencoderObjective::new(&config, &likelihood, columns, (&x, &empty), &training, &device);
        let module = AutoencoderModule::init(
            &config,
            Rows { features, views: &[], convolutions: &convolutions },
            0,
            &device,
        );
        let module = restore(module, &host(&case.start)).unwrap();

        let tracked = module.clone().train();
        let loss = objective.loss(&tracked, &[0, 1, 2, 3, 4], at(0));
        let mut gradients = loss.total.backward();
        let found = collect_gradients(&tracked, &mut gradients);
        let apart = difference(&found, &host(&case.gradients));
        assert!(apart < 1e-5, "{name}: gradients differ by {apart}");

        let trained = train(&mut objective, module, &training, "golden", &mut Run::default()).unwrap();
        for (epoch, (record, loss)) in trained.history.iter().zip(&case.losses).enumerate() {
            let found = record.train_loss;
            assert!((found - loss).abs() < 2e-5 * loss.abs().max(1.0), "{name}: {epoch}: {found}, {loss}");
        }
        let apart = difference(&collect(&trained.last), &host(&case.end));
        assert!(apart < 2e-4, "{name}: weights differ by {apart} after three steps");
    }
}

const IMAGE: [usize; 3] = [3, 6, 5];

/// Twelve small images of three colours.
fn rows() -> Matrix {
    let values = (0..12 * 90).map(|i| 0.5 + 0.45 * (i as f32 * 0.37).sin() * (i as f32 * 0.011).cos());
    Matrix::new(12, 90, values.collect())
}

fn small() -> AutoencoderConfig {
    AutoencoderConfig {
        channels: vec![3, 2],
        hidden: vec![5],
        code: 3,
        activation: ActivationKind::Tanh,
        likelihood: LikelihoodKind::Gaussian,
        ..AutoencoderConfig::default()
    }
}

#[test]
fn gradients_of_the_whole_objective_are_the_limit_of_differences() {
    use CodeDistribution::{Binary, Gaussian};
    let s = small;
    let x = rows();
    let data = images(x.clone(), IMAGE);
    let bernoulli = LikelihoodKind::Bernoulli;
    let variants = [
        ("plain", s()),
        ("no dense layer between", AutoencoderConfig { hidden: vec![], ..s() }),
        ("tied", AutoencoderConfig { tied: true, activation: ActivationKind::Softplus, ..s() }),
        (
            "denoising, sparse",
            AutoencoderConfig {
                corruption: CorruptionKind::Masking,
                emphasis: 0.8,
                sparsity: 0.3,
                code_activation: ActivationKind::Sigmoid,
                ..s()
            },
        ),
        (
            "variational, bernoulli",
            AutoencoderConfig { code_distribution: Gaussian, likelihood: bernoulli, ..s() },
        ),
        (
            "importance weighted, learnt variance",
            AutoencoderConfig { code_distribution: Gaussian, samples: 3, learn_variance: true, ..s() },
        ),
        (
            "binary",
            AutoencoderConfig { code_distribution: Binary, code_noise: 1.0, straight_through: false, ..s() },
        ),
        ("contractive", AutoencoderConfig { contraction: 0.4, ..s() }),
        ("contractive, one dense layer", AutoencoderConfig { contraction: 0.4, hidden: vec![], ..s() }),
        (
            "contractive, estimated",
            AutoencoderConfig {
                contraction: 0.4,
                hessian: 0.3,
                contraction_estimate: ContractionEstimate::Stochastic,
                activation: ActivationKind::Gelu,
                ..s()
            },
        ),
    ];
    let mut wrong = Vec::new();
    for (name, config) in variants {
        let likelihood = Likelihood::new(config.likelihood, &[], 90).with_variance(config.variance);
        let columns = (0..90).map(|j| j..j + 1).collect();
        let convolutions = config.convolutions(&data.preprocess).unwrap();
        let rows = Rows { features: x.cols(), views: &[], convolutions: &convolutions };
        wrong.extend(differing_slopes(name, &config, &x, (&likelihood, columns), rows));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_jacobian_goes_through_convolutions() {
    let x = rows();
    let data = images(x.clone(), IMAGE);
    let device = Device::flex();
    for hidden in [vec![], vec![5]] {
        let config = AutoencoderConfig { hidden, ..small() };
        let convolutions = config.convolutions(&data.preprocess).unwrap();
        let module = AutoencoderModule::init(
            &config,
            Rows { features: 90, views: &[], convolutions: &convolutions },
            2,
            &device,
        );
        let input = to_tensor(x.as_slice().to_vec(), 90, &device);
        let (_, derivatives) = module.encoder.forward_with_derivatives(input);
        let entries = host_values(Jacobian::new(&module.encoder, &derivatives, 3, None).entries());
        let expected = differences(&module, &x, 3);
        let apart = entries.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0f32, f32::max);
        assert!(entries.len() == expected.len() && apart < 2e-3, "{apart}");
    }
}

fn digits() -> Dataset {
    let options = ReadOptions { validation: 0.0, test_fraction: 0.3, ..ReadOptions::default() };
    Dataset::load("digits", &options, 0).unwrap()
}

fn fit(config: &AutoencoderConfig, data: &Dataset, epochs: usize) -> Autoencoder {
    let training =
        TrainConfig { epochs, batch_size: 32, learning_rate: 0.003, patience: 0, ..TrainConfig::default() };
    config.fit(data, &training, &mut Run::default()).unwrap().0
}

#[test]
fn a_convolutional_code_of_digits_beats_pca_of_its_size() {
    let data = digits();
    let config = AutoencoderConfig {
        channels: vec![16, 32],
        hidden: vec![64],
        code: 8,
        ..AutoencoderConfig::default()
    };
    let model = fit(&config, &data, 30);
    let pca = PcaConfig { code: 8, ..PcaConfig::default() }.fit(&data.train.x, 0).unwrap();
    let mean = |errors: Vec<f64>| errors.iter().sum::<f64>() / errors.len() as f64;
    let x = &data.test.x;
    let ours = mean(squared_errors(x, &model.reconstruct(x).unwrap()));
    let theirs = mean(pca.squared_errors(x).unwrap());
    assert!(ours < 0.7 * theirs, "squared error {ours} against {theirs} of PCA");
}

#[test]
fn a_variational_convolutional_model_learns_and_draws_images() {
    let data = digits();
    let config = AutoencoderConfig {
        channels: vec![8, 16],
        kernel: 4,
        hidden: vec![],
        code: 8,
        activation: ActivationKind::Softplus,
        code_distribution: CodeDistribution::Gaussian,
        binarize: Binarize::Static,
        ..AutoencoderConfig::default()
    };
    let training = TrainConfig {
        epochs: 12,
        batch_size: 32,
        learning_rate: 0.003,
        patience: 0,
        ..TrainConfig::default()
    };
    let (model, _, trained) = config.fit(&data, &training, &mut Run::default()).unwrap();
    let (first, last) = (trained.history[0].train_loss, trained.history[11].train_loss);
    assert!(last < 0.75 * first, "{first} to {last}");
    let drawn = model.sample(4, 1).unwrap();
    assert!(
        (drawn.rows(), drawn.cols()) == (4, 64) && drawn.as_slice().iter().all(|v| (0.0..=1.0).contains(v))
    );
    let tensors = model.tensors();
    assert_eq!(tensors["encoder.convolutions.1.weight"].shape, [16, 8, 4, 4]);
    assert_eq!(tensors["decoder.convolutions.1.weight"].shape, [8, 1, 4, 4]);
    assert_eq!(tensors["encoder.layers.0.weight"].shape, [16, 16 * 2 * 2]);
}

#[test]
fn sides_come_back_exactly_whatever_the_kernel_and_the_stride() {
    for (height, width, channels) in [(28, 28, 1), (13, 12, 3), (11, 17, 1)] {
        for (kernel, stride) in [(1, 1), (2, 2), (3, 2), (4, 3), (5, 2), (3, 1)] {
            let config = AutoencoderConfig { channels: vec![2, 3], kernel, stride, ..small() };
            let features = height * width * channels;
            let x = Matrix::new(4, features, (0..4 * features).map(|i| (i as f32).sin()).collect());
            let data = images(x.clone(), [channels, height, width]);
            let model = match config.fit(
                &data,
                &TrainConfig { epochs: 1, ..TrainConfig::default() },
                &mut Run::default(),
            ) {
                Ok((model, ..)) => model,
                Err(e) => panic!("{height} x {width}, kernel {kernel}, stride {stride}: {e}"),
            };
            let back = model.reconstruct(&x).unwrap();
            assert!(
                (back.rows(), back.cols()) == (4, features) && back.as_slice().iter().all(|v| v.is_finite())
            );
        }
    }
    // An odd kernel makes ⌈n / stride⌉ places of n: 28, 14, 7, 4.
    let config = AutoencoderConfig { channels: vec![16, 32, 32], kernel: 5, ..small() };
    let data = images(Matrix::zeros(3, 784), [1, 28, 28]);
    let sides: Vec<_> = config
        .convolutions(&data.preprocess)
        .unwrap()
        .iter()
        .map(|g| (g.map_height(), g.map_width()))
        .collect();
    assert_eq!(sides, [(14, 14), (7, 7), (4, 4)]);
}

#[test]
fn rows_of_another_length_are_no_images() {
    let shape = ImageShape { channels: 1, height: 2, width: 3 };
    let refused =
        Dataset::from_images(Matrix::zeros(4, 5), shape, 1.0, &ReadOptions::default(), 0).unwrap_err();
    assert!(refused.to_string().contains("rows have 5 numbers"), "{refused}");
}

#[test]
fn what_does_not_fit_the_images_is_refused_before_training() {
    let table = Dataset::from_matrix(rows(), &ReadOptions::default(), 0).unwrap();
    let digits = digits();
    let s = small;
    let cases = [
        (&table, s(), "model.channels: convolutions need rows that are images, found 90 columns"),
        (&digits, AutoencoderConfig { kernel: 9, ..s() }, "model.kernel: found 9, expected at most 8"),
        (
            &digits,
            AutoencoderConfig { channels: vec![4; 4], ..s() },
            "model.channels: found 4 convolutions, but number 3 would be given a map of 2 x 2",
        ),
        (
            &digits,
            AutoencoderConfig { channels: vec![4, 0], ..s() },
            "model.channels: found a convolution with 0",
        ),
        (&digits, AutoencoderConfig { kernel: 0, ..s() }, "model.kernel: found 0"),
        (&digits, AutoencoderConfig { stride: 4, ..s() }, "model.stride: found 4, expected 1 to 3"),
        (&digits, AutoencoderConfig { stride: 0, ..s() }, "model.stride: found 0"),
        (
            &digits,
            AutoencoderConfig { channels: vec![1 << 20], stride: 1, ..s() },
            "model.channels: the last map would have 8 x 8 x 1048576",
        ),
        (
            &digits,
            AutoencoderConfig { view_hidden: vec![4], ..s() },
            "model.view-hidden: found layers for each view and model.channels",
        ),
        (
            &digits,
            AutoencoderConfig { pretrain: Pretrain::Autoencoder, ..s() },
            "model.pretrain: trains dense layers one by one",
        ),
    ];
    for (data, config, words) in cases {
        let error = config.fit(data, &TrainConfig::default(), &mut Run::default()).unwrap_err().to_string();
        assert!(error.starts_with(words), "{error}\nexpected {words}");
    }
}
