//! `latentia cluster`

use latentia::{
    data::{Table, Values},
    model::Assignment,
};

use super::{Context, encode::names};
use crate::{Outcome, args::Transform, sink::Sink, stream};

/// Rows to clusters.
pub(super) fn run(args: &Transform, context: &Context) -> Outcome {
    let opened = context.open(&args.model)?;
    let model = opened.model.require("cluster", opened.model.as_assign())?;
    let preprocess = &opened.manifest.preprocess;
    let reader = preprocess.open(&args.data, &opened.recipe()?.data)?;
    let sink = Sink::create(&args.output, None)?;
    let bare = sink.is_bare();
    let (read, total) = stream::batches(reader, preprocess.width());
    stream::run(
        read,
        total,
        |rows| {
            let Assignment { clusters, distances } = model.assign(&rows.x)?;
            let mut table = if bare { Table::new() } else { names(&rows, preprocess, &[]) };
            table.push("cluster", Values::Integers(clusters.into_iter().map(i64::from).collect()));
            table.push("distance", Values::Numbers(distances));
            Ok(table)
        },
        sink,
        context,
    )
}
