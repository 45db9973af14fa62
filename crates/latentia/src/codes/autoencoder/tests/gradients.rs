//! Every variant's gradient against differences of its loss, and the Jacobian against differences of the code.

use std::ops::Range;

use burn::{
    module::Module,
    tensor::{Device, Tensor, TensorData},
};
use rand_distr::{Distribution, StandardNormal};

use super::super::{
    AutoencoderConfig, Binarize, CodeDistribution, ContractionEstimate, CorruptionKind, Likelihood,
    LikelihoodKind,
    jacobian::Jacobian,
    module::{AutoencoderModule, Rows},
    noise,
    objective::AutoencoderObjective,
};
use crate::{
    codes::to_tensor,
    data::Matrix,
    nn::ActivationKind,
    random::{Purpose, stream},
    train::{
        Objective, StepContext, TrainConfig,
        params::{Tensors, collect, collect_gradients, host_values, restore},
    },
};

const FEATURES: usize = 6;
const AT: StepContext = StepContext { seed: 5, epoch: 1, step: 2, global_step: 3, training: true };

/// 16 rows of three numbers from 0 to 1 and a category of three values.
fn rows() -> Matrix {
    let mut x = Matrix::zeros(16, FEATURES);
    for i in 0..16 {
        let t = i as f32;
        x.row_mut(i)[..3].copy_from_slice(&[
            0.5 + 0.4 * t.sin(),
            0.5 + 0.3 * (2.1 * t).cos(),
            0.5 + 0.5 * (0.7 * t).sin(),
        ]);
        x.row_mut(i)[3 + i % 3] = 1.0;
    }
    x
}

fn base() -> AutoencoderConfig {
    AutoencoderConfig {
        hidden: vec![5],
        code: 3,
        activation: ActivationKind::Tanh,
        likelihood: LikelihoodKind::Gaussian,
        ..AutoencoderConfig::default()
    }
}

/// Every variant whose loss is smooth, by name.
fn variants() -> Vec<(&'static str, AutoencoderConfig)> {
    use CodeDistribution::{Binary, Categorical, Gaussian};
    let b = base;
    let sigmoid = ActivationKind::Sigmoid;
    let gelu = ActivationKind::Gelu;
    let bernoulli = LikelihoodKind::Bernoulli;
    let stochastic = ContractionEstimate::Stochastic;
    vec![
        ("plain", b()),
        ("masking", AutoencoderConfig { corruption: CorruptionKind::Masking, ..b() }),
        ("swap", AutoencoderConfig { corruption: CorruptionKind::Swap, emphasis: 0.8, ..b() }),
        ("noise", AutoencoderConfig { corruption: CorruptionKind::Gaussian, ..b() }),
        (
            "salt and pepper, bernoulli",
            AutoencoderConfig {
                corruption: CorruptionKind::SaltAndPepper,
                emphasis: 0.9,
                likelihood: bernoulli,
                ..b()
            },
        ),
        (
            "masking, categories",
            AutoencoderConfig {
                corruption: CorruptionKind::Masking,
                emphasis: 1.0,
                likelihood: LikelihoodKind::Categorical,
                learn_variance: true,
                ..b()
            },
        ),
        (
            "views",
            AutoencoderConfig {
                view_hidden: vec![4],
                corruption: CorruptionKind::Views,
                hidden: vec![],
                ..b()
            },
        ),
        (
            "views, deep, emphasis",
            AutoencoderConfig {
                view_hidden: vec![5, 4],
                corruption: CorruptionKind::Views,
                corruption_level: 0.7,
                emphasis: 0.8,
                learn_variance: true,
                ..b()
            },
        ),
        ("views, tied", AutoencoderConfig { view_hidden: vec![4], tied: true, ..b() }),
        (
            "views, variational",
            AutoencoderConfig { view_hidden: vec![4], code_distribution: Gaussian, beta: 0.7, ..b() },
        ),
        ("views joined at once", AutoencoderConfig { corruption: CorruptionKind::Views, ..b() }),
        ("l1", AutoencoderConfig { l1: 0.3, ..b() }),
        ("sparsity", AutoencoderConfig { sparsity: 0.5, code_activation: sigmoid, ..b() }),
        ("top k", AutoencoderConfig { top_k: 2, ..b() }),
        (
            "contraction, one layer",
            AutoencoderConfig { hidden: vec![], contraction: 0.4, code_activation: sigmoid, ..b() },
        ),
        ("contraction, deep", AutoencoderConfig { hidden: vec![5, 4], contraction: 0.4, ..b() }),
        (
            "contraction, estimated",
            AutoencoderConfig {
                hidden: vec![5, 4],
                contraction: 0.4,
                contraction_estimate: stochastic,
                activation: gelu,
                ..b()
            },
        ),
        ("contraction, tied", AutoencoderConfig { contraction: 0.4, tied: true, ..b() }),
        ("contraction, top k", AutoencoderConfig { contraction: 0.4, top_k: 2, ..b() }),
        (
            "hessian",
            AutoencoderConfig {
                hidden: vec![],
                hessian: 0.7,
                hessian_noise: 0.5,
                code_activation: sigmoid,
                ..b()
            },
        ),
        (
            "hessian, deep",
            AutoencoderConfig {
                hessian: 0.7,
                hessian_noise: 0.5,
                contraction: 0.1,
                activation: ActivationKind::Softplus,
                ..b()
            },
        ),
        ("variational", AutoencoderConfig { code_distribution: Gaussian, beta: 0.7, ..b() }),
        (
            "variational, free bits and variance",
            AutoencoderConfig {
                code_distribution: Gaussian,
                free_bits: 0.05,
                learn_variance: true,
                variance: 0.3,
                ..b()
            },
        ),
        (
            "importance weighted",
            AutoencoderConfig {
                code_distribution: Gaussian,
                samples: 4,
                likelihood: bernoulli,
                binarize: Binarize::Dynamic,
                ..b()
            },
        ),
        (
            "variational, denoising, contractive, sparse",
            AutoencoderConfig {
                code_distribution: Gaussian,
                corruption: CorruptionKind::Gaussian,
                contraction: 0.3,
                l1: 0.1,
                ..b()
            },
        ),
        (
            "binary, noise",
            AutoencoderConfig {
                code_distribution: Binary,
                code_noise: 2.0,
                straight_through: false,
                sparsity: 0.1,
                contraction: 0.2,
                ..b()
            },
        ),
        (
            "categorical, relaxed",
            AutoencoderConfig {
                code: 6,
                categories: 3,
                code_distribution: Categorical,
                straight_through: false,
                anneal_epochs: 7,
                ..b()
            },
        ),
    ]
}

#[test]
fn gradients_are_the_limit_of_differences() {
    let x = rows();
    let mut wrong = Vec::new();
    for (name, config) in variants() {
        let group = std::iter::once(3..6).collect::<Vec<_>>();
        let views = vec![0..2, 2..6];
        // Views have each a likelihood of its own; a category and a number lie in the second.
        let kinds = [LikelihoodKind::Bernoulli, LikelihoodKind::Categorical];
        let likelihood = match config.view_hidden.is_empty() {
            true => Likelihood::new(config.likelihood, &group, FEATURES),
            false => Likelihood::of_views(&kinds.into_iter().zip(views.clone()).collect::<Vec<_>>(), &group),
        };
        let likelihood = likelihood.with_variance(config.variance);
        let columns = match config.corruption {
            CorruptionKind::Views => views.clone(),
            _ => vec![0..1, 1..2, 2..3, 3..6],
        };
        let rows = Rows { features: FEATURES, views: &views, convolutions: &[] };
        wrong.extend(differing_slopes(name, &config, &x, (&likelihood, columns), rows));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Where the slopes of the loss on all rows of `x` by the gradient are not those by differences.
pub(super) fn differing_slopes(
    name: &str,
    config: &AutoencoderConfig,
    x: &Matrix,
    (likelihood, columns): (&Likelihood, Vec<Range<usize>>),
    rows: Rows,
) -> Vec<String> {
    config.validate().unwrap_or_else(|e| panic!("{name}: {e}"));
    let device = Device::flex();
    let training = TrainConfig { batch_size: 4, ..TrainConfig::default() };
    let items: Vec<usize> = (0..x.rows()).collect();
    let empty = Matrix::zeros(0, x.cols());
    let mut objective =
        AutoencoderObjective::new(config, likelihood, columns, (x, &empty), &training, &device);
    let module = AutoencoderModule::init(config, rows, 1, &device);
    let tracked = module.clone().train();
    let loss = objective.loss(&tracked, &items, AT);
    let sum: f64 = loss.terms.iter().map(|(_, term)| f64::from(host_values(term.clone())[0])).sum();
    let total = f64::from(host_values(loss.total.clone())[0]);
    assert!(loss.terms.is_empty() || (sum - total).abs() < 1e-4 * total.abs().max(1.0), "{name}");
    let gradients = collect_gradients(&tracked, &mut loss.total.backward());
    let weights = collect(&module);
    assert_eq!(gradients.keys().collect::<Vec<_>>(), weights.keys().collect::<Vec<_>>(), "{name}");
    // Along the gradient, where the slope is steepest, and along a random direction.
    let mut rng = stream(9, Purpose::Report, 0, 0);
    let random: Tensors = gradients
        .iter()
        .map(|(key, g)| {
            let values = g.values.iter().map(|_| StandardNormal.sample(&mut rng)).collect();
            (key.clone(), crate::train::params::HostTensor { shape: g.shape.clone(), values })
        })
        .collect();
    let mut wrong = Vec::new();
    for direction in [&gradients, &random] {
        let length = dot(direction, direction).sqrt();
        let mut moved = |step: f64| {
            let moved = weights.iter().map(|(key, w)| {
                let mut w = w.clone();
                for (w, d) in w.values.iter_mut().zip(&direction[key].values) {
                    *w += (step * f64::from(*d) / length) as f32;
                }
                (key.clone(), w)
            });
            let module = restore(module.clone(), &moved.collect()).unwrap();
            f64::from(host_values(objective.loss(&module, &items, AT).total)[0])
        };
        let step = 4e-3;
        let slope = (moved(step) - moved(-step)) / (2.0 * step);
        let expected = dot(&gradients, direction) / length;
        if (slope - expected).abs() > 1e-2 * expected.abs() + 3e-3 {
            wrong.push(format!("{name}: {expected} by the gradient, {slope} by differences"));
        }
    }
    wrong
}

fn dot(a: &Tensors, b: &Tensors) -> f64 {
    let pairs = a.iter().flat_map(|(key, a)| a.values.iter().zip(&b[key].values));
    pairs.map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

/// `J` of every row by differences of the code, `[batch, code, features]`.
pub(super) fn differences(module: &AutoencoderModule, x: &Matrix, code: usize) -> Vec<f32> {
    let (step, features) = (2e-3, x.cols());
    let encode = |x: &Matrix| {
        let output = module.encoder.forward(to_tensor(x.as_slice().to_vec(), features, &Device::flex()));
        host_values(output)
    };
    let mut entries = vec![0f32; x.rows() * code * features];
    for j in 0..features {
        let moved = |by: f32| {
            let mut x = x.clone();
            (0..x.rows()).for_each(|i| x.row_mut(i)[j] += by);
            encode(&x)
        };
        for (at, (a, b)) in moved(step).iter().zip(moved(-step)).enumerate() {
            entries[at * features + j] = (a - b) / (2.0 * step);
        }
    }
    entries
}

#[test]
fn the_jacobian_is_the_limit_of_differences_and_its_norm_is_estimated_without_bias() {
    let x = rows();
    let device = Device::flex();
    for hidden in [vec![], vec![5], vec![7, 4]] {
        for activation in [ActivationKind::Sigmoid, ActivationKind::Elu, ActivationKind::Gelu] {
            let config = AutoencoderConfig {
                hidden: hidden.clone(),
                activation,
                code_activation: activation,
                ..base()
            };
            let rows = Rows { features: FEATURES, ..Rows::default() };
            let module = AutoencoderModule::init(&config, rows, 2, &device);
            let input = to_tensor(x.as_slice().to_vec(), FEATURES, &device);
            let (_, derivatives) = module.encoder.forward_with_derivatives(input);
            let jacobian = |v| Jacobian::new(&module.encoder, &derivatives, 3, v);
            let expected = differences(&module, &x, 3);
            let entries = host_values(jacobian(None).entries());
            let apart = entries.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0f32, f32::max);
            assert!(apart < 2e-3, "{hidden:?} {activation:?}: {apart}");
            let norms: Vec<f32> =
                entries.chunks(3 * FEATURES).map(|j| j.iter().map(|v| v * v).sum()).collect();
            let exact = host_values(jacobian(None).squared_norm());
            let apart = exact.iter().zip(&norms).map(|(a, b)| (a - b).abs()).fold(0f32, f32::max);
            assert!(apart < 1e-4, "{hidden:?} {activation:?}: {apart}");
            let mut rng = stream(4, Purpose::Projection, 0, 0);
            let mut mean = Tensor::<1>::from_data(TensorData::new(vec![0f32; 16], [16]), &device);
            for _ in 0..800 {
                let v = noise::signs(16, 3, &mut rng, &device);
                mean = mean + jacobian(Some(v)).squared_norm() / 800.0;
            }
            let (estimate, exact): (f32, f32) = (host_values(mean).iter().sum(), norms.iter().sum());
            assert!((estimate / exact - 1.0).abs() < 0.03, "{hidden:?} {activation:?}: {estimate}, {exact}");
        }
    }
}
