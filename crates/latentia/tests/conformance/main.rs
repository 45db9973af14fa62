//! The same list of promises for every kind of model. A new kind is one line in [`cases::CASES`].

mod cases;
mod resuming;

use std::{fs, path::Path};

use burn::tensor::Device;
use latentia::{
    Result, Run,
    artifact::{self, ModelDirectory},
    codes::squared_errors,
    data::Matrix,
    fit::{self, Existing, Summary},
    model::Model,
    recipe::Recipe,
};

use cases::{CASES, Case, images, table};

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
            if model.is_reconstruction_error() {
                let rebuilt = a.model.as_reconstruct().unwrap().reconstruct(&rows.x).unwrap();
                assert_eq!(scores, squared_errors(&rows.x, &rebuilt), "{}", name(case));
            }
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
        // What a model cannot do it says, and what it can do instead, and which kinds can.
        if a.model.as_decode().is_none() {
            let error = a.model.require("decode", a.model.as_decode()).err().unwrap().to_string();
            let has = |part: &str| error.contains(part);
            assert!(has(case.kind) && has(a.model.verbs()[0]) && has("pca, autoencoder"), "{error}");
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
