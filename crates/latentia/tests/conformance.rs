//! The same list of promises for every kind of model. A new kind is one line in [`CASES`].

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use burn::tensor::Device;
use latentia::{
    Result, Run,
    artifact::{self, ModelDirectory},
    data::Matrix,
    fit::{self, Existing, Summary},
    model::Model,
    recipe::Recipe,
};

/// A kind with settings small enough to be fitted dozens of times.
struct Case {
    kind: &'static str,
    settings: &'static [&'static str],
}

const CASES: &[Case] = &[
    Case { kind: "pca", settings: &["model.code=2"] },
    Case { kind: "pca", settings: &["model.code=2", "model.whiten=true", "model.solver=randomized"] },
    Case { kind: "isomap", settings: &["model.neighbours=6"] },
    Case { kind: "isomap", settings: &["model.neighbours=6", "model.landmarks=20", "model.code=3"] },
    Case { kind: "laplacian-eigenmaps", settings: &["model.neighbours=12", "model.heat=4"] },
    Case { kind: "lle", settings: &["model.neighbours=12", "model.landmarks=60"] },
    Case { kind: "k-means", settings: &["model.clusters=3"] },
    Case { kind: "pca", settings: &["model.code=2", "anomaly.score=mahalanobis"] },
    Case { kind: "autoencoder", settings: &["model.code=2", "model.hidden=[6]", "train.epochs=3"] },
    Case {
        kind: "autoencoder",
        settings: &[
            "model.code=2",
            "model.hidden=[6]",
            "train.epochs=3",
            "anomaly.score=mahalanobis",
            "anomaly.ensemble=2",
        ],
    },
    Case {
        kind: "autoencoder",
        settings: &["model.code=9", "model.hidden=[]", "model.tied=true", "train.epochs=3"],
    },
    Case {
        kind: "autoencoder",
        settings: &[
            "model.code=2",
            "model.hidden=[5,4]",
            "model.activation=gelu",
            "model.likelihood=bernoulli",
            "data.scale=min-max",
            "train.epochs=3",
            "train.optimizer=sgd",
            "train.nesterov=true",
            "train.schedule=cosine",
            "train.clip-norm=1",
        ],
    },
    Case {
        kind: "autoencoder",
        settings: &["model.code=2", "model.hidden=[6]", "train.epochs=3", "train.optimizer=lbfgs"],
    },
    Case {
        kind: "autoencoder",
        settings: &["model.code=2", "model.hidden=[6]", "train.epochs=3", "train.optimizer=rmsprop"],
    },
    Case {
        kind: "classifier",
        settings: &[
            "model.hidden=[7,5]",
            "model.dropout=0.3",
            "model.label-smoothing=0.1",
            "model.labelled=50",
            "train.epochs=3",
        ],
    },
    Case {
        kind: "classifier",
        settings: &["model.hidden=[]", "model.balanced=true", "train.epochs=3", "train.optimizer=lbfgs"],
    },
    Case {
        kind: "autoencoder",
        settings: &[
            "model.code=2",
            "model.hidden=[6,5]",
            "model.activation=sigmoid",
            "model.likelihood=gaussian",
            "model.pretrain=rbm",
            "model.pretrain-epochs=2",
            "train.epochs=2",
        ],
    },
    Case {
        kind: "autoencoder",
        settings: &[
            "model.code=2",
            "model.hidden=[6]",
            "model.tied=true",
            "model.pretrain=autoencoder",
            "model.pretrain-epochs=2",
            "train.epochs=2",
        ],
    },
    Case {
        kind: "autoencoder",
        settings: &[
            "train.epochs=2",
            "model.code=2",
            "model.hidden=[6]",
            "model.corruption=swap",
            "model.emphasis=0.8",
        ],
    },
    Case {
        kind: "autoencoder",
        settings: &[
            "train.epochs=2",
            "model.code=2",
            "model.hidden=[6]",
            "model.corruption=gaussian",
            "model.l1=0.1",
            "model.contraction=0.1",
        ],
    },
    Case {
        kind: "autoencoder",
        settings: &[
            "train.epochs=2",
            "model.code=8",
            "model.hidden=[6]",
            "model.code-activation=sigmoid",
            "model.sparsity=0.5",
            "model.sparsity-average=running",
        ],
    },
    Case {
        kind: "autoencoder",
        settings: &[
            "train.epochs=2",
            "model.code=8",
            "model.hidden=[]",
            "model.top-k=3",
            "model.corruption=masking",
            "model.hessian=0.1",
        ],
    },
    Case {
        kind: "autoencoder",
        settings: &[
            "train.epochs=2",
            "model.code=2",
            "model.hidden=[6]",
            "model.code-distribution=gaussian",
            "model.anneal-epochs=1",
            "model.importance-samples=5",
        ],
    },
    Case {
        kind: "autoencoder",
        settings: &[
            "train.epochs=2",
            "model.code=2",
            "model.hidden=[6]",
            "model.code-distribution=gaussian",
            "model.samples=3",
            "model.likelihood=bernoulli",
            "model.binarize=dynamic",
            "data.scale=min-max",
        ],
    },
    Case {
        kind: "autoencoder",
        settings: &[
            "train.epochs=2",
            "model.code=6",
            "model.hidden=[6]",
            "model.code-distribution=binary",
            "model.code-noise=1",
        ],
    },
    Case {
        kind: "autoencoder",
        settings: &[
            "train.epochs=2",
            "model.code=6",
            "model.hidden=[6]",
            "model.code-distribution=categorical",
            "model.categories=3",
        ],
    },
    Case {
        kind: "autoencoder",
        settings: &[
            "train.epochs=2",
            "model.code=8",
            "model.hidden=[6]",
            "model.code-distribution=quantized",
            "train.optimizer=sgd",
        ],
    },
    Case {
        kind: "autoencoder",
        settings: &["model.channels=[3,2]", "model.code=2", "model.hidden=[6]", "train.epochs=2"],
    },
    Case {
        kind: "autoencoder",
        settings: &[
            "train.epochs=2",
            "model.channels=[3]",
            "model.kernel=4",
            "model.code=2",
            "model.hidden=[]",
            "model.activation=softplus",
            "model.code-distribution=gaussian",
            "model.corruption=masking",
            "model.contraction=0.1",
            "model.likelihood=bernoulli",
        ],
    },
    Case {
        kind: "autoencoder",
        settings: &[
            "train.epochs=2",
            "data.views=[left=a..c,right=d+e+colour]",
            "model.view-hidden=[5,4]",
            "model.hidden=[6]",
            "model.code=3",
            "model.corruption=views",
            "model.corruption-level=0.6",
            "model.view-likelihoods=[left=gaussian]",
        ],
    },
    Case {
        kind: "autoencoder",
        settings: &[
            "train.epochs=2",
            "data.views=[left=a..c,right=d+e]",
            "data.view-options=[left.scale=min-max]",
            "model.view-hidden=[4]",
            "model.hidden=[]",
            "model.code=3",
            "model.tied=true",
            "model.view-likelihoods=[left=bernoulli]",
        ],
    },
    Case { kind: "pca", settings: &["model.code=2", "data.views=[left=a..c,right=d+e]"] },
    Case {
        kind: "regressor",
        settings: &["data.target=[d,e]", "model.hidden=[7,5]", "model.dropout=0.2", "train.epochs=3"],
    },
    Case {
        kind: "regressor",
        settings: &["data.target=e", "model.hidden=[]", "train.epochs=3", "train.optimizer=lbfgs"],
    },
    Case { kind: "rbm", settings: &["model.code=4", "train.epochs=3", "model.sample-steps=5"] },
    Case {
        kind: "rbm",
        settings: &[
            "model.code=4",
            "model.persistent=true",
            "model.chains=20",
            "model.gibbs-steps=2",
            "model.activity-target=0.1",
            "data.scale=min-max",
            "model.visible-units=bernoulli",
            "train.epochs=3",
            "train.optimizer=sgd",
        ],
    },
    Case {
        kind: "rbm",
        settings: &[
            "model.code=2",
            "model.hidden-units=gaussian",
            "model.visible-units=bernoulli",
            "data.scale=min-max",
            "train.epochs=3",
        ],
    },
];

impl Case {
    /// Whether its rows are images.
    fn sees(&self) -> bool {
        self.settings.iter().any(|s| s.starts_with("model.channels"))
    }

    /// Writes rows into `folder`: images where the settings need them.
    fn rows(&self, folder: &Path) -> PathBuf {
        let path = folder.join(if self.sees() { "data.npy" } else { "data.csv" });
        if self.sees() {
            images(&path, 90)
        } else {
            table(&path)
        }
        path
    }
}

/// Images of 6 x 5 as an NPY file.
fn images(path: &Path, count: usize) {
    let header = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': ({count}, 6, 5), }}");
    let mut bytes = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    bytes.extend(format!("{header:<117}\n").bytes());
    let pixel = |i: usize| 127.0 + 120.0 * (i as f64 * 0.9).sin() * ((i / 30) as f64 * 0.4).cos();
    bytes.extend((0..count * 30).map(|i| pixel(i) as u8));
    fs::write(path, bytes).unwrap();
}

/// 90 rows of five numbers, a category and a class, as a CSV file.
fn table(path: &Path) {
    let mut text = String::from("a,b,c,d,e,colour,class\n");
    for i in 0..90 {
        let (t, u) = (i as f64 * 0.21, (i % 7) as f64);
        let colour = ["red", "green", "blue"][i % 3];
        let class = if i % 2 == 0 { "even" } else { "odd" };
        let _ = writeln!(
            text,
            "{:.4},{:.4},{:.4},{:.4},{:.4},{colour},{class}",
            t.sin() + u,
            t.cos() * 2.0,
            u - t.sin(),
            0.5 * u,
            t.sin() * t.cos()
        );
    }
    fs::write(path, text).unwrap();
}

fn recipe(case: &Case, data: &Path) -> Recipe {
    let mut draft = fit::draft(case.kind, &data.to_string_lossy());
    if !case.sees() {
        draft.set("data", "label", "class".into());
    }
    for setting in case.settings {
        draft.set_text(setting).unwrap();
    }
    draft.complete().unwrap()
}

fn fit_into(case: &Case, data: &Path, dir: &Path, existing: Existing) -> Result<Summary> {
    fit::fit(&recipe(case, data), dir, existing, "latentia fit", &mut Run::default())
}

/// What a model makes of rows: codes, probabilities of classes, or numbers.
fn output(model: &dyn Model, x: &Matrix) -> Result<Matrix> {
    if let Some(model) = model.as_regress() {
        return model.predict(x);
    }
    match (model.as_encode(), model.as_predict()) {
        (Some(model), _) => model.encode(x),
        (None, Some(model)) => model.probabilities(x),
        (None, None) => panic!("{} neither encodes nor predicts", model.kind()),
    }
}

fn weights(dir: &Path) -> Vec<u8> {
    fs::read(dir.join(artifact::WEIGHTS)).unwrap()
}

fn name(case: &Case) -> String {
    format!("{} {}", case.kind, case.settings.join(" "))
}

#[test]
fn a_saved_model_comes_back_and_does_the_same() {
    for case in CASES {
        let place = tempfile::tempdir().unwrap();
        let data = case.rows(place.path());
        let dir = place.path().join("model");
        let summary =
            fit_into(case, &data, &dir, Existing::Refuse).unwrap_or_else(|e| panic!("{}: {e}", name(case)));
        let figures = &summary.figures;
        let told = figures.prediction.is_some() || figures.regression.is_some();
        let measured = !figures.parts.is_empty() || !figures.maps.is_empty() || told;
        assert!(measured, "{}", name(case));
        let open = || ModelDirectory::open(&dir, &Device::flex()).unwrap();
        let (a, b) = (open(), open());
        let rows = a.manifest.preprocess.open(&data, &a.recipe().unwrap().data).unwrap().read_all().unwrap();
        let encode = |m: &ModelDirectory, x: &Matrix| output(m.model.as_ref(), x).unwrap();
        let codes = encode(&a, &rows.x);
        assert_eq!(codes, encode(&b, &rows.x), "{}", name(case));
        if let Some(model) = a.model.as_score() {
            let scores = model.score(&rows.x).unwrap();
            // A free energy is known up to a constant; errors are not negative.
            let least = if case.kind == "rbm" { f64::NEG_INFINITY } else { 0.0 };
            assert!(scores.iter().all(|s| s.is_finite() && *s >= least), "{}", name(case));
        }
        // The same seed draws the same rows, another one others; they fit the schema.
        if let (Some(one), Some(two)) = (a.model.as_sample(), b.model.as_sample()) {
            let drawn = one.sample(5, 1).unwrap();
            assert_eq!(drawn, two.sample(5, 1).unwrap(), "{}", name(case));
            assert_ne!(drawn, two.sample(5, 2).unwrap(), "{}", name(case));
            assert_eq!(a.manifest.preprocess.inverse(&drawn).unwrap().rows(), 5, "{}", name(case));
        }
        // A row's result does not depend on the rows beside it.
        let apart = |first: &Matrix, all: &Matrix| {
            first.row(0).iter().zip(all.row(0)).map(|(a, b)| (a - b).abs()).fold(0f32, f32::max)
        };
        assert!(apart(&encode(&a, &rows.x.head(1)), &codes) < 1e-5, "{}", name(case));
        if let Some(model) = a.model.as_reconstruct() {
            let all = model.reconstruct(&rows.x).unwrap();
            let apart = apart(&model.reconstruct(&rows.x.head(1)).unwrap(), &all);
            assert!(apart < 1e-5, "{}: {apart}", name(case));
            // Decoding the code is reconstructing the row.
            if let Some(model) = a.model.as_decode() {
                assert_eq!(model.decode(&codes).unwrap(), all, "{}", name(case));
            }
        }
        // What a model cannot do it says, and what it can do instead.
        if a.model.as_decode().is_none() {
            let error = a.model.require("decode", a.model.as_decode()).err().unwrap().to_string();
            assert!(error.contains(case.kind) && error.contains(a.model.verbs()[0]), "{error}");
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_bits_and_another_seed_does_not() {
    for case in CASES {
        let place = tempfile::tempdir().unwrap();
        let data = case.rows(place.path());
        let dirs = ["one", "two"].map(|n| place.path().join(n));
        for dir in &dirs {
            fit_into(case, &data, dir, Existing::Refuse).unwrap();
        }
        assert_eq!(weights(&dirs[0]), weights(&dirs[1]), "{}", name(case));
        let mut other = recipe(case, &data);
        other.train.seed = 1;
        let dir = place.path().join("three");
        fit::fit(&other, &dir, Existing::Refuse, "", &mut Run::default()).unwrap();
        assert_ne!(weights(&dirs[0]), weights(&dir), "{}", name(case));
    }
}

#[test]
fn rows_of_another_width_and_values_that_are_not_finite_are_refused() {
    for case in CASES {
        let place = tempfile::tempdir().unwrap();
        let data = case.rows(place.path());
        let dir = place.path().join("model");
        fit_into(case, &data, &dir, Existing::Refuse).unwrap();
        let model = ModelDirectory::open(&dir, &Device::flex()).unwrap().model;
        let width = model.input_width();
        assert!(output(model.as_ref(), &Matrix::zeros(3, width + 1)).is_err(), "{}", name(case));
        if let (Some(decoder), Some(encoder)) = (model.as_decode(), model.as_encode()) {
            assert!(decoder.decode(&Matrix::zeros(3, encoder.code_size() + 1)).is_err());
        }
        let mut bad = Matrix::zeros(3, width);
        bad.row_mut(1)[0] = f32::NAN;
        assert!(output(model.as_ref(), &bad).is_err(), "{}", name(case));
        assert_eq!(output(model.as_ref(), &Matrix::zeros(0, width)).unwrap().rows(), 0, "{}", name(case));
    }
}

#[test]
fn one_row_and_no_row_are_refused_and_leave_nothing_behind() {
    for case in CASES {
        let place = tempfile::tempdir().unwrap();
        let data = case.rows(place.path());
        for count in [0, 1] {
            match (case.sees(), count) {
                (true, _) => images(&data, count),
                (false, 0) => fs::write(&data, "a,b,c,d,e,colour,class\n").unwrap(),
                (false, _) => fs::write(&data, "a,b,c,d,e,colour,class\n1,2,3,4,5,red,odd\n").unwrap(),
            }
            let dir = place.path().join("model");
            let error = fit_into(case, &data, &dir, Existing::Refuse).unwrap_err().to_string();
            assert!(
                error.contains(if case.sees() { "data.npy" } else { "data.csv" }),
                "{}: {error}",
                name(case)
            );
            assert!(!dir.exists(), "{}", name(case));
        }
    }
}

#[test]
fn a_directory_with_a_model_is_kept_unless_the_user_says_otherwise() {
    let case = &CASES[0];
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data.csv");
    table(&data);
    let dir = place.path().join("model");
    fit_into(case, &data, &dir, Existing::Refuse).unwrap();
    let error = fit_into(case, &data, &dir, Existing::Refuse).unwrap_err().to_string();
    assert!(error.contains("--force"), "{error}");
    fit_into(case, &data, &dir, Existing::Replace).unwrap();
    fs::remove_file(dir.join(artifact::MANIFEST)).unwrap();
    fs::write(dir.join("letters.txt"), "not ours").unwrap();
    let error = fit_into(case, &data, &dir, Existing::Replace).unwrap_err().to_string();
    assert!(error.contains("not a model"), "{error}");
}

#[test]
fn a_run_stopped_anywhere_and_resumed_ends_with_the_bits_of_one_that_was_not() {
    struct StopAt {
        step: u64,
        cancel: latentia::run::Cancel,
    }
    impl latentia::run::Progress for StopAt {
        fn begin(&mut self, _: &str, _: u64) {}
        fn advance(&mut self, done: u64, _: &str) {
            if done == self.step {
                self.cancel.ask();
            }
        }
        fn end(&mut self) {}
    }
    for case in CASES.iter().filter(|c| c.settings.iter().any(|s| s.starts_with("train."))) {
        let place = tempfile::tempdir().unwrap();
        let data = case.rows(place.path());
        let mut recipe = recipe(case, &data);
        recipe.train.batch_size = 16;
        let whole = place.path().join("whole");
        fit::fit(&recipe, &whole, Existing::Refuse, "", &mut Run::default()).unwrap();
        // The last step of an epoch, one in its middle, the first of all.
        for step in [1, 2, 8] {
            // Layers that were pretrained count their own steps: the first is stopped, and with it the rest.
            let dir = place.path().join(format!("stopped-{step}"));
            let mut run = Run::default();
            run.progress = Box::new(StopAt { step, cancel: run.cancel.clone() });
            let stopped = fit::fit(&recipe, &dir, Existing::Refuse, "", &mut run).unwrap();
            ModelDirectory::open(&dir, &Device::flex()).unwrap_or_else(|e| panic!("{}: {e}", name(case)));
            if stopped.training.unwrap().ended == latentia::train::Ended::Cancelled {
                let again = fit::unfinished_recipe(&dir).unwrap();
                assert_eq!(again, recipe);
                fit::fit(&again, &dir, Existing::Resume, "", &mut Run::default()).unwrap();
            }
            assert_eq!(weights(&dir), weights(&whole), "{} stopped after step {step}", name(case));
        }
    }
}

#[test]
fn an_ensemble_stopped_in_its_second_member_and_resumed_ends_with_the_same_bits() {
    struct StopInSecond {
        trainings: usize,
        cancel: latentia::run::Cancel,
    }
    impl latentia::run::Progress for StopInSecond {
        fn begin(&mut self, what: &str, _: u64) {
            self.trainings += usize::from(what == "training");
        }
        fn advance(&mut self, done: u64, _: &str) {
            if self.trainings == 2 && done == 3 {
                self.cancel.ask();
            }
        }
        fn end(&mut self) {}
    }
    let case = Case {
        kind: "autoencoder",
        settings: &[
            "model.code=2",
            "model.hidden=[6]",
            "train.epochs=3",
            "train.batch-size=16",
            "anomaly.ensemble=3",
        ],
    };
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data.csv");
    table(&data);
    let recipe = recipe(&case, &data);
    let (whole, dir) = (place.path().join("whole"), place.path().join("stopped"));
    fit::fit(&recipe, &whole, Existing::Refuse, "", &mut Run::default()).unwrap();
    let mut run = Run::default();
    run.progress = Box::new(StopInSecond { trainings: 0, cancel: run.cancel.clone() });
    let stopped = fit::fit(&recipe, &dir, Existing::Refuse, "", &mut run).unwrap();
    assert_eq!(stopped.training.unwrap().ended, latentia::train::Ended::Cancelled);
    ModelDirectory::open(&dir, &Device::flex()).unwrap();
    assert_ne!(weights(&dir), weights(&whole));
    fit::fit(&fit::unfinished_recipe(&dir).unwrap(), &dir, Existing::Resume, "", &mut Run::default())
        .unwrap();
    assert_eq!(weights(&dir), weights(&whole));
}
