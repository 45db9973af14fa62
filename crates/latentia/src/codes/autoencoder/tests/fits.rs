//! Fits from a file to a directory: from the weights of another model, and stopped before their end.

use std::{fs, path::Path};

use burn::tensor::Device;

use crate::{
    Result,
    artifact::ModelDirectory,
    fit::{self, Existing, Summary},
    run::{Cancel, Progress, Run},
    train::{Ended, params::Tensors},
};

/// Asks to stop after this many steps.
struct StopAt(u64, Cancel);

impl Progress for StopAt {
    fn begin(&mut self, _: &str, _: u64) {}
    fn advance(&mut self, done: u64, _: &str) {
        if done == self.0 {
            self.1.ask();
        }
    }
    fn end(&mut self) {}
}

fn fit_into(data: &Path, dir: &Path, settings: &[&str], run: &mut Run) -> Result<Summary> {
    let mut draft = fit::draft("autoencoder", &data.to_string_lossy());
    for setting in settings {
        draft.set_text(setting)?;
    }
    fit::fit(&draft.complete()?, dir, Existing::Refuse, "latentia fit", run)
}

fn table(names: &str) -> String {
    let row = |i: usize| {
        let (a, b) = ((i as f64 * 0.7).sin(), (i as f64 * 1.9).cos());
        format!("\n{a:.3},{b:.3},{:.3}", a * 0.5 + b)
    };
    names.to_owned() + &(0..120).map(row).collect::<String>()
}

fn tensors(dir: &Path) -> Tensors {
    ModelDirectory::open(dir, &Device::flex()).unwrap().model.tensors()
}

#[test]
fn training_goes_on_from_the_weights_it_was_given() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data.csv");
    fs::write(&data, table("a,b,c")).unwrap();
    let first = place.path().join("first");
    let layers = ["model.hidden=[6]", "model.code=2", "train.batch-size=32", "train.checkpoint-epochs=0"];
    fit_into(&data, &first, &[&layers[..], &["train.epochs=3"]].concat(), &mut Run::default()).unwrap();
    let start = format!("model.start={}", first.display());
    // The rate of the second moves nothing.
    for (rate, moves) in [("0.01", true), ("1e-30", false)] {
        let rate_key = format!("train.learning-rate={rate}");
        let settings =
            [&layers[..], &[start.as_str(), rate_key.as_str(), "model.l1=0.1", "train.epochs=2"]].concat();
        let whole = place.path().join(format!("whole-{rate}"));
        fit_into(&data, &whole, &settings, &mut Run::default()).unwrap();
        assert_eq!(tensors(&whole) != tensors(&first), moves, "{rate}");
        // What it started from is part of a run that is stopped and resumed.
        let stopped = place.path().join(format!("stopped-{rate}"));
        let mut run = Run::default();
        run.progress = Box::new(StopAt(3, run.cancel.clone()));
        let done = fit_into(&data, &stopped, &settings, &mut run).unwrap();
        assert_eq!(done.training.unwrap().ended, Ended::Cancelled);
        let recipe = fit::unfinished_recipe(&stopped).unwrap();
        fit::fit(&recipe, &stopped, Existing::Resume, "", &mut Run::default()).unwrap();
        assert_eq!(tensors(&stopped), tensors(&whole), "{rate}");
    }
    // Other weights in its place are another run.
    let settings = [&layers[..], &[start.as_str(), "train.epochs=2"]].concat();
    let stopped = place.path().join("stopped");
    let mut run = Run::default();
    run.progress = Box::new(StopAt(3, run.cancel.clone()));
    fit_into(&data, &stopped, &settings, &mut run).unwrap();
    fs::remove_dir_all(&first).unwrap();
    fit_into(&data, &first, &[&layers[..], &["train.epochs=1"]].concat(), &mut Run::default()).unwrap();
    let recipe = fit::unfinished_recipe(&stopped).unwrap();
    let error =
        fit::fit(&recipe, &stopped, Existing::Resume, "", &mut Run::default()).unwrap_err().to_string();
    assert!(error.contains("of another run"), "{error}");
}

#[test]
fn a_start_that_does_not_fit_is_refused_by_its_key() {
    let place = tempfile::tempdir().unwrap();
    let write = |name: &str, names: &str| {
        let path = place.path().join(name);
        fs::write(&path, table(names)).unwrap();
        path
    };
    let (data, renamed) = (write("data.csv", "a,b,c"), write("renamed.csv", "a,q,c"));
    let (first, pca) = (place.path().join("first"), place.path().join("pca"));
    fit_into(&data, &first, &["model.code=2", "train.epochs=1"], &mut Run::default()).unwrap();
    let recipe = fit::draft("pca", &data.to_string_lossy()).complete().unwrap();
    fit::fit(&recipe, &pca, Existing::Refuse, "", &mut Run::default()).unwrap();
    let [on_first, on_pca] = [&first, &pca].map(|dir| format!("model.start={}", dir.display()));
    let cases: [(&Path, &[&str], &str, &str); 6] = [
        (&data, &["model.code=2", "model.start=nowhere"], "nowhere", "not a model directory"),
        (&data, &["model.code=2", &on_pca], "model.start", "kind pca, expected an autoencoder"),
        (&data, &["model.code=3", &on_first], "model.start", "Give both models the same layers"),
        (&renamed, &["model.code=2", &on_first], "model.start", "column 'q' where the model has 'b'"),
        (&data, &["model.code=2", "data.ignore=b", &on_first], "model.start", "2 columns of features"),
        (&data, &["model.code=2", "model.pretrain=autoencoder", &on_first], "model.start", "pretrained over"),
    ];
    for (data, settings, key, expected) in cases {
        let dir = place.path().join("refused");
        let error = fit_into(data, &dir, settings, &mut Run::default()).unwrap_err().to_string();
        assert!(error.starts_with(key) && error.contains(expected), "{key}: {error}");
        assert!(!dir.exists(), "{error}");
    }
}

#[test]
fn a_stopped_fit_is_not_held_up_by_importance_samples() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data.csv");
    fs::write(&data, table("a,b,c")).unwrap();
    let settings = ["model.code-distribution=gaussian", "model.importance-samples=20", "train.epochs=2"];
    let whole = fit_into(&data, &place.path().join("whole"), &settings, &mut Run::default())
        .unwrap()
        .figures
        .likelihood;
    assert_eq!(whole.unwrap().samples, 20);
    let mut run = Run::default();
    run.progress = Box::new(StopAt(1, run.cancel.clone()));
    let stopped = fit_into(&data, &place.path().join("stopped"), &settings, &mut run).unwrap();
    assert!(stopped.figures.likelihood.is_none());
    assert!(stopped.warnings.iter().any(|w| w.contains("--importance-samples 20")), "{:?}", stopped.warnings);
}
