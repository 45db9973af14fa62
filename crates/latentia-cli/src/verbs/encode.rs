//! `latentia encode` and `latentia reconstruct`

use latentia::data::Table;

use super::{Context, rows::Through};
use crate::{
    Outcome,
    args::{Encode, Reconstruct},
};

/// Rows to codes.
pub(super) fn encode(args: &Encode, context: &Context) -> Outcome {
    let opened = context.open(&args.transform.model)?;
    let model = opened.model.require("encode", opened.model.as_encode())?;
    let through = Through::new(&opened, &args.transform, None)?.views(&args.from.from);
    through.run(context, |rows, _| {
        let mut table = Table::new();
        table.push_matrix("code", &model.encode(&rows.x)?);
        Ok(table)
    })
}

/// Rows to codes and back.
pub(super) fn reconstruct(args: &Reconstruct, context: &Context) -> Outcome {
    let opened = context.open(&args.transform.model)?;
    let model = opened.model.require("reconstruct", opened.model.as_reconstruct())?;
    let preprocess = &opened.manifest.preprocess;
    preprocess.check_views("--to", &args.to)?;
    let through = Through::new(&opened, &args.transform, preprocess.image)?.views(&args.from.from);
    through.run(context, |rows, _| preprocess.inverse_of(&model.reconstruct(&rows.x)?, &args.to))
}
