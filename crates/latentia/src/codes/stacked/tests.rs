//! Stacking: where the weights of each layer end up, what it is good for, and that a stop in any layer changes nothing.

use burn::tensor::Device;

use super::{Pretrain, Stack, check};
use crate::{
    codes::{
        autoencoder::{AutoencoderConfig, LikelihoodKind},
        rbm::{Rbm, RbmConfig, Units, VisibleUnits},
    },
    data::{Dataset, Matrix, ReadOptions, Scale},
    model::{Encode, Reconstruct},
    nn::ActivationKind,
    run::{Cancel, Progress, Run},
    train::{
        Ended, OptimizerKind, TrainConfig,
        params::{HostTensor, Tensors},
    },
};

/// Smooth bumps at random places on 16 pixels, values from 0 to 1.
fn bumps(rows: usize) -> Dataset {
    let mut x = Matrix::zeros(rows, 16);
    for i in 0..rows {
        let (centre, width) = ((i as f32 * 0.377).fract() * 15.0, 1.0 + (i as f32 * 0.618).fract());
        for (j, value) in x.row_mut(i).iter_mut().enumerate() {
            *value = (-((j as f32 - centre) / width).powi(2)).exp();
        }
    }
    let options = ReadOptions { scale: Scale::None, ..ReadOptions::default() };
    Dataset::from_matrix(x, &options, 0).unwrap()
}

fn deep(pretrain: Pretrain) -> AutoencoderConfig {
    AutoencoderConfig {
        hidden: vec![24, 12],
        code: 3,
        activation: ActivationKind::Sigmoid,
        likelihood: LikelihoodKind::Bernoulli,
        pretrain,
        pretrain_epochs: 3,
        ..AutoencoderConfig::default()
    }
}

fn training(epochs: usize) -> TrainConfig {
    TrainConfig { epochs, batch_size: 32, learning_rate: 0.005, patience: 0, ..TrainConfig::default() }
}

fn pretrained(config: &AutoencoderConfig, data: &Dataset) -> Tensors {
    let training = training(1);
    let stack = Stack { config, data, training: &training, identity: "test" };
    let mut run = Run::default();
    let done = stack.pretrain(Tensors::new(), &mut run).unwrap();
    assert_eq!(done.ended, Ended::Completed);
    assert_eq!(run.task, Run::default().task);
    let epochs = done.history.iter().filter(|r| r.stage.as_deref() == Some("layer 2 of 3, 24-12")).count();
    assert_eq!(epochs, 3);
    done.tensors
}

/// A machine of the weights that layer `layer` of three has in the whole.
fn machine(tensors: &Tensors, layer: usize, hidden: Units) -> Rbm {
    let of = |name: String| tensors[&name].clone();
    let weight = of(format!("encoder.layers.{layer}.weight"));
    let config = RbmConfig {
        code: weight.shape[0],
        visible_units: VisibleUnits::Bernoulli,
        hidden_units: hidden,
        ..RbmConfig::default()
    };
    let rows = Matrix::zeros(2, weight.shape[1]);
    let options = ReadOptions { validation: 0.0, scale: Scale::None, ..ReadOptions::default() };
    let preprocess = Dataset::from_matrix(rows, &options, 0).unwrap().preprocess;
    let tensors = Tensors::from([
        ("weight".to_owned(), weight),
        ("visible_bias".to_owned(), of(format!("decoder.layers.{}.bias", 2 - layer))),
        ("hidden_bias".to_owned(), of(format!("encoder.layers.{layer}.bias"))),
    ]);
    Rbm::from_tensors(&config, &preprocess, &tensors, &Device::flex()).unwrap()
}

#[test]
fn machines_unroll_into_encoder_and_decoder() {
    let data = bumps(300);
    let tensors = pretrained(&deep(Pretrain::Rbm), &data);
    for layer in 0..3 {
        let up = &tensors[&format!("encoder.layers.{layer}.weight")];
        let down = &tensors[&format!("decoder.layers.{}.weight", 2 - layer)];
        let (rows, cols) = (up.shape[0], up.shape[1]);
        assert_eq!(down.shape, [cols, rows]);
        for i in 0..rows {
            for j in 0..cols {
                assert_eq!(up.values[i * cols + j], down.values[j * rows + i]);
            }
        }
    }
    // The whole with these weights is the machines one after the other: binary units, then a real code.
    let machines = [Units::Bernoulli, Units::Bernoulli, Units::Gaussian]
        .into_iter()
        .enumerate()
        .map(|(layer, hidden)| machine(&tensors, layer, hidden))
        .collect::<Vec<_>>();
    let codes = machines.iter().fold(data.train.x.clone(), |x, m| m.encode(&x).unwrap());
    let config = AutoencoderConfig { pretrain: Pretrain::None, ..deep(Pretrain::None) };
    let whole = crate::codes::autoencoder::Autoencoder::from_tensors(
        &config,
        &data.preprocess,
        &tensors,
        &Device::flex(),
    )
    .unwrap();
    let found = whole.encode(&data.train.x).unwrap();
    let apart = found.as_slice().iter().zip(codes.as_slice()).map(|(a, b)| (a - b).abs());
    assert!(apart.fold(0f32, f32::max) < 1e-5);
    // A machine that has learned rebuilds better than the mean does.
    let error = |x: &Matrix, y: &Matrix| crate::codes::squared_errors(x, y).iter().sum::<f64>();
    let rebuilt = machines[0].reconstruct(&data.train.x).unwrap();
    let idle = machine(
        &tensors
            .iter()
            .map(|(name, t)| (name.clone(), HostTensor { values: vec![0.0; t.values.len()], ..t.clone() }))
            .collect(),
        0,
        Units::Bernoulli,
    );
    let of_idle = idle.reconstruct(&data.train.x).unwrap();
    assert!(error(&data.train.x, &rebuilt) < 0.8 * error(&data.train.x, &of_idle));
}

#[test]
fn tied_decoders_take_biases_alone() {
    let data = bumps(100);
    for pretrain in [Pretrain::Rbm, Pretrain::Autoencoder] {
        let config = AutoencoderConfig { tied: true, ..deep(pretrain) };
        let tensors = pretrained(&config, &data);
        let decoder: Vec<_> = tensors.keys().filter(|name| name.starts_with("decoder")).collect();
        assert_eq!(decoder, ["decoder.layers.0.bias", "decoder.layers.1.bias", "decoder.layers.2.bias"]);
    }
}

#[test]
fn pretrained_layers_start_ahead_of_random_ones() {
    let data = bumps(600);
    let loss = |pretrain: Pretrain| {
        let config = AutoencoderConfig { pretrain_epochs: 15, ..deep(pretrain) };
        let (_, _, record) = config.fit(&data, &training(3), &mut Run::default()).unwrap();
        assert_eq!(record.history.len(), 3);
        assert_eq!(record.pretraining.is_empty(), pretrain == Pretrain::None);
        record.history[2].validation_loss.unwrap()
    };
    let random = loss(Pretrain::None);
    for pretrain in [Pretrain::Autoencoder, Pretrain::Rbm] {
        let found = loss(pretrain);
        assert!(found < 0.95 * random, "{pretrain:?}: {found} against {random} from random weights");
    }
}

/// Asks to stop at the `left`-th step of all layers and the whole together.
struct StopAfter {
    left: usize,
    cancel: Cancel,
}

impl Progress for StopAfter {
    fn begin(&mut self, _: &str, _: u64) {}
    fn advance(&mut self, _: u64, _: &str) {
        self.left = self.left.wrapping_sub(1);
        if self.left == 0 {
            self.cancel.ask();
        }
    }
    fn end(&mut self) {}
}

#[test]
fn a_stop_in_any_layer_changes_no_bit() {
    let data = bumps(100);
    for pretrain in [Pretrain::Rbm, Pretrain::Autoencoder] {
        let config = AutoencoderConfig { pretrain_epochs: 2, ..deep(pretrain) };
        let training = training(2);
        let (_, _, whole) = config.fit(&data, &training, &mut Run::default()).unwrap();
        let steps = data.train.len().div_ceil(32);
        // Within layer 1, at its end, in the middle of layer 3, and in the training of the whole.
        for left in [1, 2 * steps, 5 * steps + 1, 7 * steps] {
            let place = tempfile::tempdir().unwrap();
            let mut run = Run { checkpoints: Some(place.path().to_owned()), ..Run::default() };
            run.progress = Box::new(StopAfter { left, cancel: run.cancel.clone() });
            let (_, _, stopped) = config.fit(&data, &training, &mut run).unwrap();
            assert_eq!(stopped.ended, Ended::Cancelled, "{pretrain:?} {left}");
            let mut run = Run { checkpoints: Some(place.path().to_owned()), resume: true, ..Run::default() };
            let (_, _, resumed) = config.fit(&data, &training, &mut run).unwrap();
            assert_eq!(resumed.last, whole.last, "{pretrain:?} stopped after {left} steps");
            assert_eq!(resumed.pretraining.len(), whole.pretraining.len());
            // The layers of another run are refused.
            let other = AutoencoderConfig { pretrain_epochs: 3, ..config.clone() };
            let mut run = Run { checkpoints: Some(place.path().to_owned()), resume: true, ..Run::default() };
            let error = other.fit(&data, &training, &mut run).unwrap_err().to_string();
            assert!(error.contains("layer-1") && error.contains("another run"), "{error}");
        }
    }
}

#[test]
fn settings_that_cannot_be_stacked_name_their_key() {
    let bad = |f: fn(&mut AutoencoderConfig)| {
        let mut config = deep(Pretrain::Rbm);
        f(&mut config);
        check(&config).unwrap_err().to_string()
    };
    let cases = [
        ("model.pretrain-epochs", bad(|c| c.pretrain_epochs = 0)),
        ("model.pretrain-learning-rate", bad(|c| c.pretrain_learning_rate = -1.0)),
        ("model.activation", bad(|c| c.activation = ActivationKind::Elu)),
        ("model.code-activation", bad(|c| c.code_activation = ActivationKind::Relu)),
        ("model.likelihood", bad(|c| c.likelihood = LikelihoodKind::Categorical)),
    ];
    let wrong: Vec<_> = cases.iter().filter(|(key, found)| !found.starts_with(key)).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    // Whatever the likelihood turns out to be.
    let config =
        AutoencoderConfig { hidden: vec![], likelihood: LikelihoodKind::Auto, ..deep(Pretrain::Rbm) };
    let training = TrainConfig { optimizer: OptimizerKind::Adam, ..training(1) };
    let error = config.fit(&bumps(50), &training, &mut Run::default()).unwrap_err().to_string();
    assert!(error.starts_with("model.code-activation"), "{error}");
}
