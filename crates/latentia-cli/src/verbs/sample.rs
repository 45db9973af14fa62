//! `latentia sample`

use latentia::artifact::ModelDirectory;

use super::Context;
use crate::{Outcome, args::Sample, progress, sink::Sink};

/// Draws rows, in the units of the data.
pub(super) fn run(args: &Sample, context: &Context) -> Outcome {
    let ModelDirectory { model, manifest, .. } = context.open(&args.model)?;
    let able = model.require("sample", model.as_sample())?;
    let preprocess = &manifest.preprocess;
    let mut sink = Sink::create(&args.output, preprocess.image)?;
    let mut bar = progress::bars(context.global.quiet);
    bar.begin("sampling", 0);
    let rows = preprocess.inverse(&able.sample(args.rows, args.seed)?);
    bar.end();
    sink.write(&rows?)?;
    sink.finish()
}
