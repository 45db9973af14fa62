//! `latentia predict`

use latentia::data::{Table, Values};

use super::{Context, rows::Through};
use crate::{Outcome, args::Transform};

/// Rows to numbers.
pub(super) fn run(args: &Transform, context: &Context) -> Outcome {
    let opened = context.open(&args.model)?;
    let model = opened.model.require("predict", opened.model.as_regress())?;
    let preprocess = &opened.manifest.preprocess;
    Through::new(&opened, args, None)?.run(context, |rows, _| {
        let told = preprocess.unscale_targets(&model.predict(&rows.x)?);
        let mut table = Table::new();
        for (j, target) in preprocess.targets.iter().enumerate() {
            let values = told.iter_rows().map(|row| row[j]).collect();
            table.push(&target.name, Values::Numbers(values));
        }
        Ok(table)
    })
}
