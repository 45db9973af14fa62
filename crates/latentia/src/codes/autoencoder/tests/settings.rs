//! What is refused before anything is trained.

use super::super::{AutoencoderConfig, CodeDistribution, CorruptionKind, LikelihoodKind, SparsityAverage};
use crate::{
    codes::stacked::Pretrain,
    data::{Dataset, Matrix, ReadOptions, Scale},
    nn::ActivationKind,
    run::Run,
    train::{OptimizerKind, TrainConfig},
};

#[test]
fn settings_that_make_no_sense_are_refused_by_the_name_of_their_key() {
    use CodeDistribution::{Binary, Categorical, Gaussian, Quantized};
    let d = AutoencoderConfig::default;
    let cases = [
        (
            "model.corruption-level",
            AutoencoderConfig { corruption: CorruptionKind::Masking, corruption_level: 1.1, ..d() },
        ),
        ("model.corruption-level", AutoencoderConfig { corruption_level: -0.1, ..d() }),
        ("model.corruption-level", AutoencoderConfig { corruption_level: f64::NAN, ..d() }),
        ("model.emphasis", AutoencoderConfig { emphasis: 0.9, ..d() }),
        ("model.emphasis", AutoencoderConfig { corruption: CorruptionKind::Swap, emphasis: 2.0, ..d() }),
        ("model.l1", AutoencoderConfig { l1: -1.0, ..d() }),
        ("model.sparsity", AutoencoderConfig { sparsity: 1.0, ..d() }),
        ("model.sparsity", AutoencoderConfig { sparsity: 1.0, code_activation: ActivationKind::Relu, ..d() }),
        ("model.sparsity-target", AutoencoderConfig { sparsity_target: 1.0, ..d() }),
        ("model.top-k", AutoencoderConfig { top_k: 9, ..d() }),
        ("model.top-k", AutoencoderConfig { top_k: 2, code_distribution: Gaussian, ..d() }),
        ("model.contraction", AutoencoderConfig { contraction: -0.1, ..d() }),
        (
            "model.contraction",
            AutoencoderConfig { contraction: 0.1, code: 10, code_distribution: Categorical, ..d() },
        ),
        ("model.hessian-noise", AutoencoderConfig { hessian_noise: 0.0, ..d() }),
        (
            "model.code-activation",
            AutoencoderConfig { code_activation: ActivationKind::Tanh, code_distribution: Gaussian, ..d() },
        ),
        ("model.tied", AutoencoderConfig { tied: true, code_distribution: Gaussian, ..d() }),
        ("model.samples", AutoencoderConfig { samples: 5, ..d() }),
        ("model.samples", AutoencoderConfig { samples: 0, code_distribution: Gaussian, ..d() }),
        ("model.free-bits", AutoencoderConfig { free_bits: 0.1, ..d() }),
        (
            "model.free-bits",
            AutoencoderConfig { free_bits: 0.1, samples: 2, code_distribution: Gaussian, ..d() },
        ),
        ("model.anneal-epochs", AutoencoderConfig { anneal_epochs: 3, ..d() }),
        (
            "model.doubly-reparameterized",
            AutoencoderConfig { doubly_reparameterized: true, code_distribution: Gaussian, ..d() },
        ),
        ("model.importance-samples", AutoencoderConfig { importance_samples: 10, ..d() }),
        ("model.code-noise", AutoencoderConfig { code_noise: 1.0, ..d() }),
        (
            "model.straight-through",
            AutoencoderConfig { code_distribution: Binary, straight_through: false, ..d() },
        ),
        ("model.code", AutoencoderConfig { code: 7, categories: 3, code_distribution: Categorical, ..d() }),
        ("model.code", AutoencoderConfig { code: 7, code_distribution: Quantized, ..d() }),
        ("model.temperature", AutoencoderConfig { temperature: 0.0, ..d() }),
        (
            "model.learn-variance",
            AutoencoderConfig { learn_variance: true, likelihood: LikelihoodKind::Bernoulli, ..d() },
        ),
        (
            "model.binarize",
            AutoencoderConfig {
                binarize: super::super::Binarize::Static,
                likelihood: LikelihoodKind::Gaussian,
                ..d()
            },
        ),
        ("model.view-hidden", AutoencoderConfig { view_hidden: vec![4, 0], ..d() }),
        ("model.contraction", AutoencoderConfig { view_hidden: vec![4], contraction: 0.1, ..d() }),
        ("model.hessian", AutoencoderConfig { view_hidden: vec![4], hessian: 0.1, ..d() }),
        ("model.view-likelihoods", AutoencoderConfig { view_likelihoods: vec!["pix".into()], ..d() }),
        ("model.view-likelihoods", AutoencoderConfig { view_likelihoods: vec!["pix=normal".into()], ..d() }),
        (
            "model.view-likelihoods",
            AutoencoderConfig { view_likelihoods: vec!["a=auto".into(), "a=gaussian".into()], ..d() },
        ),
        (
            "model.pretrain",
            AutoencoderConfig { view_hidden: vec![4], pretrain: Pretrain::Autoencoder, ..d() },
        ),
        (
            "model.pretrain",
            AutoencoderConfig { corruption: CorruptionKind::Views, pretrain: Pretrain::Autoencoder, ..d() },
        ),
        (
            "model.corruption-level",
            AutoencoderConfig { corruption: CorruptionKind::Views, corruption_level: 1.5, ..d() },
        ),
    ];
    let wrong: Vec<_> = cases
        .iter()
        .enumerate()
        .filter_map(|(i, (key, config))| match config.validate() {
            Err(e) if e.to_string().starts_with(&format!("{key}: ")) => None,
            other => Some((i, *key, other)),
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    d().validate().unwrap();
}

#[test]
fn settings_that_the_data_does_not_allow_are_refused() {
    let values = (0..80).map(|i| (i as f32 * 0.7).sin()).collect();
    let options = ReadOptions { scale: Scale::None, ..ReadOptions::default() };
    let data = Dataset::from_matrix(Matrix::new(20, 4, values), &options, 0).unwrap();
    let bernoulli =
        AutoencoderConfig { likelihood: LikelihoodKind::Bernoulli, ..AutoencoderConfig::default() };
    let auto = AutoencoderConfig { binarize: super::super::Binarize::Static, ..AutoencoderConfig::default() };
    let running = AutoencoderConfig {
        sparsity: 1.0,
        sparsity_average: SparsityAverage::Running,
        code_activation: ActivationKind::Sigmoid,
        ..AutoencoderConfig::default()
    };
    let lbfgs = TrainConfig { optimizer: OptimizerKind::Lbfgs, ..TrainConfig::default() };
    for (config, training, words) in [
        (bernoulli, TrainConfig::default(), "column 'c"),
        (auto, TrainConfig::default(), "model.binarize"),
        (running, lbfgs, "model.sparsity-average"),
    ] {
        let error = config.fit(&data, &training, &mut Run::default()).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn settings_of_views_that_the_data_lacks_are_refused() {
    let values = (0..80).map(|i| (i as f32 * 0.7).sin()).collect();
    let data = |views: &[&str]| {
        let views = views.iter().map(|&view| view.to_owned()).collect();
        let options = ReadOptions { scale: Scale::None, views, ..ReadOptions::default() };
        Dataset::from_matrix(Matrix::new(20, 4, Vec::clone(&values)), &options, 0).unwrap()
    };
    let d = AutoencoderConfig::default;
    let likelihoods = |text: &str| AutoencoderConfig { view_likelihoods: vec![text.to_owned()], ..d() };
    let both: &[&str] = &["left=c1..c2", "right=c3+c4"];
    let dropping = AutoencoderConfig { corruption: CorruptionKind::Views, ..d() };
    let cases: [(&[&str], AutoencoderConfig, &str); 7] = [
        (&[], AutoencoderConfig { view_hidden: vec![3], ..d() }, "model.view-hidden: the rows have no views"),
        (&[], likelihoods("left=gaussian"), "model.view-likelihoods: the rows have no views"),
        (&[], dropping, "model.corruption: the rows have no views"),
        (
            both,
            likelihoods("lfet=gaussian"),
            "no view 'lfet', the views are left, right, did you mean 'left'?",
        ),
        (both, likelihoods("right=bernoulli"), "column 'c3' of view right has"),
        (both, likelihoods("right=categorical"), "of view right has"),
        (
            both,
            AutoencoderConfig { binarize: super::super::Binarize::Static, ..d() },
            "model.binarize: needs likelihood bernoulli",
        ),
    ];
    for (views, config, words) in cases {
        let error = config.fit(&data(views), &TrainConfig::default(), &mut Run::default()).unwrap_err();
        assert!(error.to_string().contains(words), "{error}\nis not\n{words}");
    }
}
