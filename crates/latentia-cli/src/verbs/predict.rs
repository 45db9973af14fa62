//! `latentia predict`

use latentia::data::{Table, Values};

use super::{
    Context,
    encode::{beside, names},
};
use crate::{Outcome, args::Transform, sink::Sink, stream};

/// Rows to numbers.
pub(super) fn run(args: &Transform, context: &Context) -> Outcome {
    let opened = context.open(&args.model)?;
    let model = opened.model.require("predict", opened.model.as_regress())?;
    let preprocess = &opened.manifest.preprocess;
    let reader = preprocess.open(&args.data, &opened.recipe()?.data)?;
    let sink = Sink::create(&args.output, None)?;
    let bare = sink.is_bare();
    let (read, total) = stream::batches(reader, preprocess.width());
    stream::run(
        read,
        total,
        |rows| {
            let told = preprocess.unscale_targets(&model.predict(&rows.x)?);
            let mut table = Table::new();
            for (j, target) in preprocess.targets.iter().enumerate() {
                let values = told.iter_rows().map(|row| row[j]).collect();
                table.push(&target.name, Values::Numbers(values));
            }
            Ok(if bare { table } else { beside(names(&rows, preprocess, table.columns()), table) })
        },
        sink,
        context,
    )
}
