//! `latentia encode` and `latentia reconstruct`

use latentia::{
    artifact::ModelDirectory,
    data::{Preprocess, Rows, Table, Values},
};

use super::Context;
use crate::{
    Outcome,
    args::{Encode, Reconstruct},
    sink::Sink,
    stream,
};

/// Rows to codes.
pub(super) fn encode(args: &Encode, context: &Context) -> Outcome {
    let Encode { transform: args, from } = args;
    let opened = context.open(&args.model)?;
    let model = opened.model.require("encode", opened.model.as_encode())?;
    let preprocess = &opened.manifest.preprocess;
    let reader = preprocess.open_from(&args.data, &opened.recipe()?.data, &from.from)?;
    let sink = Sink::create(&args.output, None)?;
    let bare = sink.is_bare();
    let (read, total) = stream::batches(reader, preprocess.width());
    stream::run(
        read,
        total,
        |rows| {
            let mut table = if bare { Table::new() } else { names(&rows, preprocess, &[]) };
            table.push_matrix("code", &model.encode(&rows.x)?);
            Ok(table)
        },
        sink,
        context,
    )
}

/// Rows to codes and back.
pub(super) fn reconstruct(args: &Reconstruct, context: &Context) -> Outcome {
    let Reconstruct { transform: args, from, to } = args;
    let opened = context.open(&args.model)?;
    let ModelDirectory { model, manifest, .. } = &opened;
    let able = model.require("reconstruct", model.as_reconstruct())?;
    let preprocess = &manifest.preprocess;
    preprocess.check_views("--to", to)?;
    let reader = preprocess.open_from(&args.data, &opened.recipe()?.data, &from.from)?;
    let sink = Sink::create(&args.output, preprocess.image)?;
    let bare = sink.is_bare();
    let (read, total) = stream::batches(reader, preprocess.width());
    stream::run(
        read,
        total,
        |rows| {
            let rebuilt = preprocess.inverse_of(&able.reconstruct(&rows.x)?, to)?;
            Ok(if bare { rebuilt } else { beside(names(&rows, preprocess, rebuilt.columns()), rebuilt) })
        },
        sink,
        context,
    )
}

/// What names each row in a result: its id where the file has one, else its number; and its class. A name that the
/// result uses itself is left to it.
pub(super) fn names(rows: &Rows, preprocess: &Preprocess, taken: &[(String, Values)]) -> Table {
    let mut table = Table::new();
    let free = |name: &str| taken.iter().all(|(other, _)| other != name);
    match (&rows.ids, &preprocess.id) {
        (Some(ids), Some(name)) if free(name) => {
            table.push(name, Values::Text(ids.iter().cloned().map(Some).collect()));
        }
        _ if free("row") => {
            table.push("row", Values::Integers(rows.rows.iter().map(|&row| row as i64).collect()));
        }
        _ => {}
    }
    if let (Some(labels), Some(spec)) = (&rows.labels, &preprocess.label)
        && free(&spec.column)
    {
        let class = |label: &Option<u32>| spec.classes.get((*label)? as usize).cloned();
        table.push(&spec.column, Values::Text(labels.iter().map(class).collect()));
    }
    table
}

/// The columns of both tables.
pub(super) fn beside(mut left: Table, right: Table) -> Table {
    for (name, values) in right.columns() {
        left.push(name, values.clone());
    }
    left
}
