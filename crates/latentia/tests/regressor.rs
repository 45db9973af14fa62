//! A regressor against scikit-learn, on the encoders of other models, and what it is refused.

use std::{fs, path::Path};

use burn::tensor::Device;
use latentia::{
    Result, Run,
    artifact::ModelDirectory,
    data::Matrix,
    evaluate::{LeastSquares, regression_errors},
    fit::{self, Existing, Summary},
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    rows: usize,
    cols: usize,
    x: Vec<f32>,
    y: Vec<f32>,
    linear: Vec<f64>,
    weight_decay: f64,
    ridge: Vec<f64>,
    errors: Vec<Errors>,
}

#[derive(Deserialize)]
struct Errors {
    rmse: f64,
    mae: f64,
    r_squared: f64,
}

fn golden() -> Golden {
    serde_json::from_str(include_str!("golden/regress.json")).unwrap()
}

/// The golden table as a file with the targets `u` and `v`.
fn golden_table(g: &Golden) -> String {
    let mut text = String::from("a,b,u,c,d,v\n");
    for (x, y) in g.x.chunks(4).zip(g.y.chunks(2)) {
        text.push_str(&format!("{},{},{},{},{},{}\n", x[0], x[1], y[0], x[2], x[3], y[1]));
    }
    text
}

fn fit_into(kind: &str, data: &Path, dir: &Path, settings: &[&str]) -> Result<Summary> {
    let mut draft = fit::draft(kind, &data.to_string_lossy());
    for setting in settings {
        draft.set_text(setting)?;
    }
    fit::fit(&draft.complete()?, dir, Existing::Refuse, "latentia fit", &mut Run::default())
}

/// What the model in `dir` tells the rows of `data`, in units of the file.
fn told(dir: &Path, data: &Path) -> Matrix {
    let opened = ModelDirectory::open(dir, &Device::flex()).unwrap();
    let recipe = opened.recipe().unwrap();
    let preprocess = &opened.manifest.preprocess;
    let rows = preprocess.open(data, &recipe.data).unwrap().read_all().unwrap();
    preprocess.unscale_targets(&opened.model.as_regress().unwrap().predict(&rows.x).unwrap())
}

fn apart(found: &Matrix, expected: &[f64]) -> f64 {
    assert_eq!(found.as_slice().len(), expected.len());
    let pairs = found.as_slice().iter().zip(expected);
    pairs.map(|(a, b)| (f64::from(*a) - b).abs()).fold(0.0, f64::max)
}

#[test]
fn without_hidden_layers_it_is_scikit_learns_linear_and_ridge_regression() {
    let g = golden();
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data.csv");
    fs::write(&data, golden_table(&g)).unwrap();
    let common = ["data.target=[u,v]", "data.validation=0", "model.hidden=[]", "train.patience=0"];
    let linear = place.path().join("linear");
    let settings =
        [&common[..], &["train.optimizer=lbfgs", "train.learning-rate=1", "train.epochs=200"]].concat();
    let summary = fit_into("regressor", &data, &linear, &settings).unwrap();
    assert!(apart(&told(&linear, &data), &g.linear) < 2e-3, "{}", apart(&told(&linear, &data), &g.linear));
    let figures = summary.figures.regression.unwrap();
    for (j, errors) in g.errors.iter().enumerate() {
        let least_squares = figures.baselines.iter().filter(|b| b.name == "least squares").nth(j).unwrap();
        for found in [&figures.parts[j], least_squares] {
            assert!((found.rmse / errors.rmse - 1.0).abs() < 1e-3, "{found:?}");
            assert!((found.mae / errors.mae - 1.0).abs() < 1e-3, "{found:?}");
            assert!((found.r_squared.unwrap() - errors.r_squared).abs() < 1e-4, "{found:?}");
        }
        let mean = figures.baselines.iter().filter(|b| b.name == "the mean").nth(j).unwrap();
        assert!(mean.r_squared.unwrap().abs() < 1e-6, "{mean:?}");
    }
    let ridge = place.path().join("ridge");
    let decay = format!("train.weight-decay={}", g.weight_decay);
    let adam = [
        "train.optimizer=adam",
        "train.learning-rate=0.03",
        "train.epochs=900",
        "train.batch-size=80",
        "train.schedule=cosine",
        &decay,
    ];
    fit_into("regressor", &data, &ridge, &[&common[..], &adam].concat()).unwrap();
    let apart = apart(&told(&ridge, &data), &g.ridge);
    assert!(apart < 2e-2, "{apart}");
}

#[test]
fn least_squares_is_that_of_scikit_learn_and_of_least_norm_where_columns_repeat() {
    let g = golden();
    let (x, y) = (Matrix::new(g.rows, g.cols, g.x.clone()), Matrix::new(g.rows, 2, g.y.clone()));
    let linear = LeastSquares::fit(&x, &y).unwrap().predict(&x).unwrap();
    assert!(apart(&linear, &g.linear) < 1e-4);
    // A column twice over and one that is constant change nothing.
    let twice =
        Matrix::new(g.rows, 6, g.x.chunks(4).flat_map(|r| [r[0], r[1], r[2], r[3], r[1], 7.0]).collect());
    assert!(apart(&LeastSquares::fit(&twice, &y).unwrap().predict(&twice).unwrap(), &g.linear) < 1e-3);
    let column = |values: &[f64], j: usize| values.iter().skip(j).step_by(2).copied().collect::<Vec<_>>();
    let actual: Vec<f64> = g.y.iter().map(|&v| f64::from(v)).collect();
    for (j, errors) in g.errors.iter().enumerate() {
        let found = regression_errors(&column(&actual, j), &column(&g.linear, j)).unwrap();
        assert!((found.root_mean_square / errors.rmse - 1.0).abs() < 1e-6);
        assert!((found.mean_absolute / errors.mae - 1.0).abs() < 1e-6);
        assert!((found.r_squared.unwrap() - errors.r_squared).abs() < 1e-8);
    }
    assert_eq!(regression_errors(&[2.0, 2.0], &[1.0, 3.0]).unwrap().r_squared, None);
}

/// Rows whose number `y` is a bent function of the others.
fn bent(rows: usize) -> String {
    let mut text = String::from("a,b,c,y\n");
    for i in 0..rows {
        let (a, b) = ((i as f64 * 0.7).sin(), (i as f64 * 1.9).cos());
        text.push_str(&format!("{a:.4},{b:.4},{:.4},{:.4}\n", a * 0.5 + b, 50.0 + 20.0 * a * b));
    }
    text
}

#[test]
fn hidden_layers_and_encoders_tell_what_a_linear_model_cannot() {
    let place = tempfile::tempdir().unwrap();
    let (data, bare) = (place.path().join("data.csv"), place.path().join("bare.csv"));
    fs::write(&data, bent(400)).unwrap();
    let without: String = bent(400).lines().map(|l| format!("{}\n", l.rsplit_once(',').unwrap().0)).collect();
    fs::write(&bare, without).unwrap();
    let encoder = place.path().join("encoder");
    let auto = ["model.hidden=[16]", "model.code=8", "train.epochs=10", "data.scale=min-max"];
    fit_into("autoencoder", &bare, &encoder, &auto).unwrap();
    let encoder = format!("model.encoder={}", encoder.display());
    let cases: [(&str, &[&str], f64); 3] = [
        ("raw", &["train.epochs=120"], 3.0),
        ("frozen", &["train.epochs=120", &encoder], 4.0),
        ("fine-tuned", &["train.epochs=120", &encoder, "model.encoder-mode=fine-tuned"], 3.0),
    ];
    for (name, settings, most) in cases {
        let dir = place.path().join(name);
        let common =
            ["data.target=y", "model.hidden=[24]", "train.learning-rate=0.01", "data.validation=0.2"];
        let summary = fit_into("regressor", &data, &dir, &[&common[..], settings].concat()).unwrap();
        let figures = summary.figures.regression.unwrap();
        let found = figures.parts.last().unwrap();
        let linear = figures.baselines.iter().find(|b| b.name == "least squares").unwrap();
        assert!(found.name == "validation" && found.rmse < most && linear.rmse > 7.0, "{name}: {figures:?}");
        // The targets are not asked for where there is nothing to compare with.
        assert_eq!(told(&dir, &data), told(&dir, &bare), "{name}");
        let report = fs::read_to_string(dir.join("report.html")).unwrap();
        assert!(report.contains("y, predicted and actual") && report.contains("least squares"));
    }
}

#[test]
fn targets_that_cannot_be_learnt_are_refused() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data.csv");
    let table = |cell: &str| format!("{}0.1,0.2,0.3,{cell}\n", bent(30));
    let rows = bent(30);
    let constant = rows.lines().enumerate().map(|(i, l)| match i {
        0 => format!("{l}\n"),
        _ => format!("{},3\n", l.rsplit_once(',').unwrap().0),
    });
    let cases: [(String, &[&str], &[&str]); 8] = [
        (bent(30), &[], &["data.target", "--target COLUMN"]),
        (bent(30), &["data.target=z"], &["data.csv", "no such column", "--target"]),
        (table("much"), &["data.target=y"], &["data.csv", "row 31", "\"y\"", "much"]),
        (table(""), &["data.target=y"], &["data.csv", "row 31", "\"y\"", "missing", "--missing drop"]),
        (table(""), &["data.target=y", "data.missing=mean"], &["row 31", "\"y\"", "missing"]),
        (table("inf"), &["data.target=y"], &["row 31", "\"y\""]),
        (constant.collect(), &["data.target=y"], &["\"y\"", "3 in every training row", "--target"]),
        (bent(30), &["data.target=y", "data.label=y"], &["data.target", "another role"]),
    ];
    for (text, settings, words) in cases {
        fs::write(&data, text).unwrap();
        let dir = place.path().join("model");
        let error = fit_into("regressor", &data, &dir, settings).unwrap_err().to_string();
        assert!(words.iter().all(|word| error.contains(word)), "{error}\nexpected {words:?}");
        assert!(!dir.exists());
    }
    fs::write(&data, table("")).unwrap();
    let settings = ["data.target=y", "data.missing=drop", "train.epochs=1"];
    fit_into("regressor", &data, &place.path().join("dropped"), &settings).unwrap();
    let digits = Path::new("digits");
    let error = fit_into("regressor", digits, &place.path().join("m"), &["data.target=c3"]).unwrap_err();
    assert!(error.to_string().contains("data.target"), "{error}");
    // Targets are no features: other kinds leave them out.
    fs::write(&data, bent(30)).unwrap();
    let dir = place.path().join("pca");
    fit_into("pca", &data, &dir, &["data.target=y", "model.code=2"]).unwrap();
    assert_eq!(ModelDirectory::open(&dir, &Device::flex()).unwrap().model.input_width(), 3);
}
