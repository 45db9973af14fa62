//! `latentia denoise`

use latentia::{Error, codes::squared_errors};

use super::{Context, rows::Through};
use crate::{Outcome, args::Denoise, output};

/// Noisy rows to clean ones.
pub(super) fn run(args: &Denoise, context: &Context) -> Outcome {
    let opened = context.open(&args.transform.model)?;
    let model = opened.model.require("denoise", opened.model.as_denoise())?;
    let preprocess = &opened.manifest.preprocess;
    let through = Through::new(&opened, &args.transform, preprocess.image)?;
    let (mut rows, mut noise, mut left) = (0, 0.0, 0.0);
    through.run(context, |batch, _| {
        let corrupted = match args.corrupt {
            // A seed of its own for every batch, or all batches would have the same noise.
            true => {
                model.corrupt(&batch.x, args.seed.wrapping_add(batch.rows.first().copied().unwrap_or(0)))?
            }
            false => None,
        };
        if args.corrupt && corrupted.is_none() {
            let why = "the model learned from clean rows: fit it with --corruption";
            return Err(Error::config("--corrupt", why));
        }
        let clean = model.denoise(corrupted.as_ref().unwrap_or(&batch.x))?;
        if let Some(corrupted) = &corrupted {
            rows += batch.rows.len();
            noise += squared_errors(&batch.x, corrupted).iter().sum::<f64>();
            left += squared_errors(&batch.x, &clean).iter().sum::<f64>();
        }
        preprocess.inverse(&clean)
    })?;
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
