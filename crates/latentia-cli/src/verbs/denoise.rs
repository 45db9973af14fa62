//! `latentia denoise`

use latentia::{Error, artifact::ModelDirectory, codes::squared_errors};

use super::{
    Context,
    encode::{beside, names},
};
use crate::{Outcome, args::Denoise, output, sink::Sink, stream};

/// Noisy rows to clean ones.
pub(super) fn run(args: &Denoise, context: &Context) -> Outcome {
    let opened = context.open(&args.transform.model)?;
    let ModelDirectory { model, manifest, .. } = &opened;
    let able = model.require("denoise", model.as_denoise())?;
    let preprocess = &manifest.preprocess;
    let reader = preprocess.open(&args.transform.data, &opened.recipe()?.data)?;
    let sink = Sink::create(&args.transform.output, preprocess.image)?;
    let bare = sink.is_bare();
    let (read, total) = stream::batches(reader, preprocess.width());
    let (mut rows, mut noise, mut left) = (0, 0.0, 0.0);
    stream::run(
        read,
        total,
        |batch| {
            let corrupted = match args.corrupt {
                // A seed of its own for every batch, or all batches would have the same noise.
                true => {
                    able.corrupt(&batch.x, args.seed.wrapping_add(batch.rows.first().copied().unwrap_or(0)))?
                }
                false => None,
            };
            if args.corrupt && corrupted.is_none() {
                let why = "the model learned from clean rows: fit it with --corruption";
                return Err(Error::config("--corrupt", why));
            }
            let clean = able.denoise(corrupted.as_ref().unwrap_or(&batch.x))?;
            if let Some(corrupted) = &corrupted {
                rows += batch.rows.len();
                noise += squared_errors(&batch.x, corrupted).iter().sum::<f64>();
                left += squared_errors(&batch.x, &clean).iter().sum::<f64>();
            }
            let clean = preprocess.inverse(&clean)?;
            Ok(if bare { clean } else { beside(names(&batch, preprocess, clean.columns()), clean) })
        },
        sink,
        context,
    )?;
    if args.corrupt && rows > 0 && !context.global.quiet {
        let mean = |sum: f64| output::number(sum / rows as f64);
        anstream::eprintln!(
            "squared error of a row: {} as corrupted, {} as denoised",
            mean(noise),
            mean(left)
        );
    }
    Ok(())
}
