//! A classifier on the encoder of another model, and what it is refused.

use std::{fs, path::Path};

use burn::tensor::Device;
use latentia::{
    Result, Run,
    artifact::{self, ModelDirectory},
    data::Matrix,
    fit::{self, Existing, Summary},
    train::Ended,
};

fn fit_into(kind: &str, data: &Path, dir: &Path, settings: &[&str], run: &mut Run) -> Result<Summary> {
    let mut draft = fit::draft(kind, &data.to_string_lossy());
    for setting in settings {
        draft.set_text(setting)?;
    }
    fit::fit(&draft.complete()?, dir, Existing::Refuse, "latentia fit", run)
}

/// Rows whose class is whether the first two columns agree in sign.
fn table(rows: usize) -> String {
    let mut text = String::from("a,b,c,class\n");
    for i in 0..rows {
        let (a, b) = ((i as f64 * 0.7).sin(), (i as f64 * 1.9).cos());
        let class = if a * b > 0.0 { "same" } else { "other" };
        text.push_str(&format!("{:.3},{:.3},{:.3},{class}\n", 3.0 * a + 1.0, b, a * 0.5 + b));
    }
    text
}

fn predict(dir: &Path, data: &Path) -> Matrix {
    let opened = ModelDirectory::open(dir, &Device::flex()).unwrap();
    let recipe = opened.recipe().unwrap();
    let rows = opened.manifest.preprocess.open(data, &recipe.data).unwrap().read_all().unwrap();
    opened.model.as_predict().unwrap().probabilities(&rows.x).unwrap()
}

#[test]
fn a_classifier_holds_its_encoder_and_resumes_to_the_same_bits() {
    struct StopAt(u64, latentia::run::Cancel);
    impl latentia::run::Progress for StopAt {
        fn begin(&mut self, _: &str, _: u64) {}
        fn advance(&mut self, done: u64, _: &str) {
            if done == self.0 {
                self.1.ask();
            }
        }
        fn end(&mut self) {}
    }
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data.csv");
    fs::write(&data, table(200)).unwrap();
    let auto =
        ["data.label=class", "data.scale=min-max", "model.hidden=[6]", "model.code=4", "train.epochs=4"];
    let pca = ["data.label=class", "model.code=2"];
    let isomap = ["data.label=class", "model.neighbours=12"];
    // Its encoder gives a mean and a variance for each number of a code; the mean learns on.
    let variational = [&auto[..], &["model.code-distribution=gaussian"]].concat();
    let cases: [(&str, &[&str], &str); 5] = [
        ("autoencoder", &auto, "fine-tuned"),
        ("autoencoder", &variational, "fine-tuned"),
        ("autoencoder", &auto, "frozen"),
        ("pca", &pca, "frozen"),
        ("isomap", &isomap, "frozen"),
    ];
    for (i, (kind, settings, mode)) in cases.into_iter().enumerate() {
        let encoder = place.path().join(format!("encoder-{i}"));
        fit_into(kind, &data, &encoder, settings, &mut Run::default()).unwrap();
        let (path, mode_key) =
            (format!("model.encoder={}", encoder.display()), format!("model.encoder-mode={mode}"));
        // The scale is not that of the autoencoder: rows are brought to it.
        let settings = [
            "data.label=class",
            "model.hidden=[5]",
            "train.epochs=5",
            "train.batch-size=32",
            path.as_str(),
            mode_key.as_str(),
        ];
        let whole = place.path().join(format!("whole-{i}"));
        let summary = fit_into("classifier", &data, &whole, &settings, &mut Run::default()).unwrap();
        assert!(summary.figures.prediction.is_some());
        let stopped = place.path().join(format!("stopped-{i}"));
        let mut run = Run::default();
        run.progress = Box::new(StopAt(8, run.cancel.clone()));
        let done = fit_into("classifier", &data, &stopped, &settings, &mut run).unwrap();
        assert_eq!(done.training.unwrap().ended, Ended::Cancelled);
        let recipe = fit::unfinished_recipe(&stopped).unwrap();
        fit::fit(&recipe, &stopped, Existing::Resume, "", &mut Run::default()).unwrap();
        let weights = |dir: &Path| fs::read(dir.join(artifact::WEIGHTS)).unwrap();
        assert_eq!(weights(&stopped), weights(&whole), "{kind} {mode}");
        let before = predict(&whole, &data);
        fs::remove_dir_all(&encoder).unwrap();
        assert_eq!(predict(&whole, &data), before, "{kind} {mode}");
        assert!(before.iter_rows().all(|row| (row.iter().sum::<f32>() - 1.0).abs() < 1e-5));
    }
}

#[test]
fn fine_tuning_begins_at_the_encoder_it_was_given() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data.csv");
    fs::write(&data, table(120)).unwrap();
    let encoder = place.path().join("encoder");
    let settings = ["data.label=class", "model.hidden=[6]", "model.code=4", "train.epochs=2"];
    fit_into("autoencoder", &data, &encoder, &settings, &mut Run::default()).unwrap();
    let path = format!("model.encoder={}", encoder.display());
    let tensors = |dir: &Path| ModelDirectory::open(dir, &Device::flex()).unwrap().model.tensors();
    let before = tensors(&encoder);
    // A learning rate at which nothing moves.
    for (rate, moves) in [("1e-30", false), ("0.01", true)] {
        let dir = place.path().join(format!("classifier-{rate}"));
        let rate = format!("train.learning-rate={rate}");
        let settings = [
            "data.label=class",
            "model.encoder-mode=fine-tuned",
            "train.epochs=1",
            path.as_str(),
            rate.as_str(),
        ];
        fit_into("classifier", &data, &dir, &settings, &mut Run::default()).unwrap();
        let after = tensors(&dir);
        for (name, tensor) in before.iter().filter(|(name, _)| name.starts_with("encoder.")) {
            assert_eq!(after[name] != *tensor, moves, "{name}, {rate}");
        }
    }
}

#[test]
fn what_cannot_be_learnt_is_refused_by_its_key() {
    let place = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = place.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let data = write("data.csv", &table(120));
    let one = write("one.csv", &table(120).replace("other", "same"));
    let renamed = write("renamed.csv", &table(120).replace("a,b,c,class", "a,q,c,class"));
    let isomap = place.path().join("isomap");
    let settings = ["data.label=class", "model.neighbours=12"];
    fit_into("isomap", &data, &isomap, &settings, &mut Run::default()).unwrap();
    let views = place.path().join("views");
    let settings =
        ["data.label=class", "data.views=[left=a,right=b+c]", "model.view-hidden=[3]", "train.epochs=1"];
    fit_into("autoencoder", &data, &views, &settings, &mut Run::default()).unwrap();
    let classifier = place.path().join("classifier");
    let settings = ["data.label=class", "train.epochs=1"];
    fit_into("classifier", &data, &classifier, &settings, &mut Run::default()).unwrap();
    let (on_isomap, on_classifier) =
        (format!("model.encoder={}", isomap.display()), format!("model.encoder={}", classifier.display()));
    let on_views = format!("model.encoder={}", views.display());
    let cases: [(&Path, Vec<&str>, &str, &str); 9] = [
        (&data, vec!["data.ignore=class"], "data.label", "--label"),
        (&one, vec!["data.label=class"], "data.label", "class 'same'"),
        (&data, vec!["data.label=class", "model.labelled=1"], "model.labelled", "two classes"),
        (&data, vec!["data.label=class", "model.dropout=1"], "model.dropout", "below 1"),
        (&data, vec!["data.label=class", "model.encoder=nowhere"], "nowhere", "not a model directory"),
        (&data, vec!["data.label=class", &on_classifier], "model.encoder", "no codes"),
        (
            &data,
            vec!["data.label=class", "model.encoder-mode=fine-tuned", &on_isomap],
            "model.encoder",
            "encoder-mode frozen",
        ),
        (
            &data,
            vec!["data.label=class", "model.encoder-mode=fine-tuned", &on_views],
            "model.encoder",
            "layers for each view",
        ),
        (&renamed, vec!["data.label=class", &on_isomap], "model.encoder", "'q'"),
    ];
    for (data, settings, key, expected) in cases {
        let dir = place.path().join("refused");
        let error =
            fit_into("classifier", data, &dir, &settings, &mut Run::default()).unwrap_err().to_string();
        assert!(error.starts_with(key) && error.contains(expected), "{key}: {error}");
        assert!(!dir.exists(), "{error}");
    }
}
