//! What each verb does.

mod classify;
mod cluster;
mod compare;
mod completions;
mod compress;
mod data;
mod decode;
mod demo;
mod denoise;
mod encode;
mod evaluate;
mod fit;
mod index;
mod inspect;
mod photo;
mod predict;
mod report;
mod reproduce;
mod rows;
mod sample;
mod score;
mod search;
mod summary;
mod views;

use std::path::Path;

use latentia::{
    Result,
    artifact::ModelDirectory,
    run::{self, Cancel, Run},
};

use crate::{
    Outcome,
    args::{Assignment, Global, Verb},
    progress, signals,
};

/// What every verb is given.
pub(crate) struct Context {
    /// The flags that every verb knows.
    pub(crate) global: Global,
    /// Asked when a signal comes.
    pub(crate) cancel: Cancel,
}

impl Context {
    pub(crate) fn new(global: Global) -> Result<Self> {
        // A device that this build lacks is an error even where the verb computes nothing.
        run::device(&global.device)?;
        Ok(Self { global, cancel: Cancel::default() })
    }

    /// The surroundings of a fit; interrupts finish the step from now on.
    pub(crate) fn fit_run(&self) -> Result<Run> {
        let say = "stopping after this step and keeping what there is; once more to leave at once";
        signals::listen(&self.cancel, say, self.global.quiet);
        Ok(Run {
            device: run::device(&self.global.device)?,
            progress: progress::bars(self.global.quiet),
            cancel: self.cancel.clone(),
            ..Run::default()
        })
    }

    /// Reads a model directory.
    pub(crate) fn open(&self, dir: &Path) -> Result<ModelDirectory> {
        ModelDirectory::open(dir, &run::device(&self.global.device)?)
    }

    /// Whether remarks for people go to the terminal.
    pub(crate) fn talks(&self) -> bool {
        !self.global.quiet && !self.global.json
    }
}

/// Does what was asked.
pub(crate) fn run(verb: Verb, context: &Context, assignments: Vec<Assignment>) -> Outcome {
    match verb {
        Verb::Demo(args) => demo::run(&args, context),
        Verb::Fit(args) => fit::run(&args, &assignments, context),
        Verb::Encode(args) => encode::encode(&args, context),
        Verb::Decode(args) => decode::run(&args, context),
        Verb::Reconstruct(args) => encode::reconstruct(&args, context),
        Verb::Compress(args) => compress::compress(&args, context),
        Verb::Decompress(args) => compress::decompress(&args, context),
        Verb::Compare(args) => compare::run(&args, context),
        Verb::Denoise(args) => denoise::run(&args, context),
        Verb::Score(args) => score::run(&args, context),
        Verb::Classify(args) => classify::run(&args, context),
        Verb::Predict(args) => predict::run(&args, context),
        Verb::Sample(args) => sample::run(&args, context),
        Verb::Cluster(args) => cluster::run(&args, context),
        Verb::Evaluate(args) => evaluate::run(&args, context),
        Verb::Index(args) => index::run(&args, context),
        Verb::Search(args) => search::run(&args, context),
        Verb::Inspect(args) => inspect::run(&args, context),
        Verb::Report(args) => report::run(&args, context),
        Verb::Reproduce(args) => reproduce::run(&args, context),
        Verb::Data(args) => data::run(&args, context),
        Verb::Completions(args) => completions::run(&args),
    }
}
