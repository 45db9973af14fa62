use std::borrow::Cow;

use burn::{module::Module, tensor::Device};
use serde::Deserialize;

use super::{
    Classifier, ClassifierConfig, labelled_rows,
    module::PredictorModule,
    objective::{PredictorObjective, Told},
    rows::{class_weights, targets},
};
use crate::{
    Run,
    codes::to_tensor,
    data::{Dataset, Matrix, ReadOptions, Scale},
    evaluate,
    fit::Predictions,
    model::Predict,
    nn::{ActivationKind, Initializer, LayerStackConfig},
    train::{
        Objective, OptimizerKind, StepContext, TrainConfig,
        params::{HostTensor, collect, collect_gradients, host_values, restore},
    },
};

#[derive(Deserialize)]
struct Golden {
    rows: usize,
    cols: usize,
    x: Vec<f32>,
    labels: Vec<u32>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    probabilities: Vec<f64>,
    log_loss: f64,
    balanced_accuracy: f64,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("../../tests/golden/predict.json")).unwrap()
}

fn fit(x: &Matrix, labels: &[u32], config: &ClassifierConfig, training: &TrainConfig) -> Classifier {
    let names: Vec<String> = labels.iter().map(u32::to_string).collect();
    let options = ReadOptions { scale: Scale::None, validation: 0.0, ..ReadOptions::default() };
    let data = Dataset::from_labelled(x.clone(), &names, &options, 0).unwrap();
    config.fit(&data, training, &mut Run::default()).unwrap().0
}

#[test]
fn without_hidden_layers_it_is_scikit_learns_logistic_regression() {
    let g = golden();
    let x = Matrix::new(g.rows, g.cols, g.x.clone());
    for case in &g.cases {
        let config = ClassifierConfig {
            hidden: Vec::new(),
            balanced: case.name == "balanced",
            ..ClassifierConfig::default()
        };
        let training = TrainConfig {
            optimizer: OptimizerKind::Lbfgs,
            learning_rate: 1.0,
            epochs: 200,
            ..TrainConfig::default()
        };
        let found = fit(&x, &g.labels, &config, &training).probabilities(&x).unwrap();
        let pairs = found.as_slice().iter().zip(&case.probabilities);
        let apart = pairs.map(|(a, b)| (f64::from(*a) - b).abs()).fold(0.0, f64::max);
        assert!(apart < 2e-4, "{}: {apart}", case.name);
        let figures = Predictions::new(&found, &g.labels).figures("all", &g.labels).unwrap();
        assert!((figures.log_loss - case.log_loss).abs() < 1e-4, "{}: {figures:?}", case.name);
        assert!(
            (figures.balanced_accuracy - case.balanced_accuracy).abs() < 1e-9,
            "{}: {figures:?}",
            case.name
        );
    }
}

#[test]
fn gradients_are_those_of_finite_differences() {
    let g = golden();
    let x = Matrix::new(g.rows, g.cols, g.x.clone());
    let device = Device::flex();
    let config = ClassifierConfig {
        hidden: vec![4],
        activation: ActivationKind::Tanh,
        dropout: 0.4,
        label_smoothing: 0.1,
        balanced: true,
        ..ClassifierConfig::default()
    };
    let encoder = LayerStackConfig {
        convolutions: &[],
        direction: latentia_ops::Direction::Down,
        widths: &[4, 3],
        activation: ActivationKind::Tanh,
        last: ActivationKind::Tanh,
        initializer: Initializer::Auto,
        tied: false,
        stream: 0,
    };
    let at = StepContext { seed: 5, epoch: 0, step: 0, global_step: 0, training: true };
    let module =
        PredictorModule::init(config.head(), Some(encoder.init(1, &device)), 3, 3, 1, &device).train();
    let weights = class_weights(&g.labels, 3, true);
    let mut objective = PredictorObjective {
        told: Told::Classes,
        train: (Cow::Borrowed(&x), Cow::Owned(targets(&g.labels, &weights, config.label_smoothing))),
        validation: (Cow::Owned(Matrix::zeros(0, 4)), Cow::Owned(Matrix::zeros(0, 3))),
        dropout: config.dropout,
        device,
    };
    let items: Vec<usize> = (0..12).chain(60..70).chain(85..95).collect();
    let loss = objective.loss(&module, &items, at).total;
    let gradients = collect_gradients(&module, &mut loss.backward());
    let tensors = collect(&module);
    assert_eq!(gradients.len(), tensors.len());
    let mut value = |name: &str, i: usize, by: f32| {
        let mut moved = tensors.clone();
        if let Some(HostTensor { values, .. }) = moved.get_mut(name) {
            values[i] += by;
        }
        let module = restore(module.clone(), &moved).unwrap();
        f64::from(host_values(objective.loss(&module, &items, at).total)[0])
    };
    for (name, gradient) in &gradients {
        for (i, &g) in gradient.values.iter().enumerate() {
            let step = 1e-2f32;
            let slope = (value(name, i, step) - value(name, i, -step)) / f64::from(2.0 * step);
            assert!((slope - f64::from(g)).abs() < 2e-3, "{name}[{i}]: {slope} {g}");
        }
    }
}

#[test]
fn dropout_leaves_out_its_share_in_training_and_nothing_else() {
    let device = Device::flex();
    let config = ClassifierConfig { hidden: vec![400], ..ClassifierConfig::default() };
    let module = PredictorModule::init(config.head(), None, 3, 2, 0, &device);
    let x = || to_tensor(vec![0.3, -1.0, 0.5], 3, &device);
    let whole = host_values(module.forward(x(), None));
    let at = |step| StepContext { seed: 0, epoch: 0, step, global_step: 0, training: true };
    let dropped = |step| {
        let rng = at(step).stream(crate::random::Purpose::Dropout);
        host_values(module.forward(x(), Some((0.25, rng))))
    };
    assert_eq!(dropped(1), dropped(1));
    assert_ne!(dropped(1), dropped(2));
    // The mean over masks is the whole network's output, since nothing nonlinear follows.
    let mut mean = [0.0; 2];
    for step in 0..600 {
        dropped(step).iter().zip(&mut mean).for_each(|(v, m)| *m += f64::from(*v) / 600.0);
    }
    for (mean, whole) in mean.iter().zip(&whole) {
        assert!((mean - f64::from(*whole)).abs() < 0.05, "{mean} {whole}");
    }
}

#[test]
fn labelled_rows_hold_every_class_with_its_share() {
    let labels: Vec<u32> = (0..1000).map(|i| if i % 100 == 0 { 2 } else { u32::from(i % 4 == 1) }).collect();
    for count in [3, 10, 100, 400] {
        let rows = labelled_rows(&labels, 3, count, 7);
        assert_eq!(rows.len(), count);
        assert!(rows.windows(2).all(|w| w[0] < w[1]));
        let of = |class: u32| rows.iter().filter(|&&i| labels[i] == class).count();
        assert!(of(2) >= 1 && of(2) <= 1 + count / 50, "{count}: {}", of(2));
        if count >= 100 {
            assert!((of(1) as f64 / count as f64 - 0.25).abs() < 0.02, "{count}: {}", of(1));
        }
    }
    assert_ne!(labelled_rows(&labels, 3, 50, 7), labelled_rows(&labels, 3, 50, 8));
    assert_eq!(labelled_rows(&labels, 3, 0, 7).len(), 1000);
}

#[test]
fn balanced_weights_and_smoothed_targets_are_those_of_their_definition() {
    let labels = [0, 0, 0, 1];
    let weights = class_weights(&labels, 3, true);
    assert_eq!(weights, [4.0 / 6.0, 2.0, 0.0]);
    let t = targets(&labels, &class_weights(&labels, 3, false), 0.3);
    let expected = [0.8, 0.1, 0.1];
    t.row(0).iter().zip(expected).for_each(|(t, e)| assert!((t - e).abs() < 1e-6));
    // Every class counts the same in all.
    let sum = |class: u32| labels.iter().filter(|&&l| l == class).map(|&l| weights[l as usize]).sum::<f32>();
    assert!((sum(0) - sum(1)).abs() < 1e-6);
}

#[test]
fn figures_count_classes_and_rows() {
    let (labels, told) = ([0, 0, 0, 1], [0, 0, 1, 1]);
    assert_eq!(evaluate::accuracy(&labels, &told).unwrap(), 0.75);
    assert!((evaluate::balanced_accuracy(&labels, &told).unwrap() - 5.0 / 6.0).abs() < 1e-12);
    let p = Matrix::new(2, 2, vec![0.5, 0.5, 0.25, 0.75]);
    let said = Predictions::new(&p, &[0, 1]);
    assert_eq!(said.classes, [0, 1]);
    assert!(
        (evaluate::log_loss(&said.of_label).unwrap() - 0.5 * (2f64.ln() + (4.0f64 / 3.0).ln())).abs() < 1e-6
    );
    assert!(evaluate::log_loss(&[f64::NEG_INFINITY]).unwrap().is_finite());
}
