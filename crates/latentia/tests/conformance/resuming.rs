//! Fits that are stopped and taken up again.

use burn::tensor::Device;
use latentia::{
    Run,
    artifact::ModelDirectory,
    fit::{self, Existing},
};

use super::{
    cases::{CASES, Case, table},
    name, recipe, weights,
};

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
