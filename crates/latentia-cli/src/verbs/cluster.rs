//! `latentia cluster`

use latentia::{
    data::{Table, Values},
    model::Assignment,
};

use super::{Context, rows::Through};
use crate::{Outcome, args::Transform};

/// Rows to clusters.
pub(super) fn run(args: &Transform, context: &Context) -> Outcome {
    let opened = context.open(&args.model)?;
    let model = opened.model.require("cluster", opened.model.as_assign())?;
    Through::new(&opened, args, None)?.run(context, |rows, _| {
        let Assignment { clusters, distances } = model.assign(&rows.x)?;
        let clusters = Values::Integers(clusters.into_iter().map(i64::from).collect());
        Ok(Table::new().with("cluster", clusters).with("distance", Values::Numbers(distances)))
    })
}
