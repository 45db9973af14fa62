//! Rows of a file through a model, as a table: what the verbs that transform rows have in common.

use std::path::Path;

use latentia::{
    artifact::ModelDirectory,
    data::{ImageShape, Preprocess, Rows, Table, Values},
};

use super::Context;
use crate::{Failure, Outcome, args::Transform, sink::Sink, stream};

/// A file that goes through a model, and where the result goes.
pub(super) struct Through<'a> {
    opened: &'a ModelDirectory,
    data: &'a Path,
    /// The views that are read; all where there are none.
    from: &'a [String],
    sink: Sink,
}

impl<'a> Through<'a> {
    /// Begins the result, whose rows are images of this shape where they are images; what cannot be written is refused before
    /// anything is read.
    pub(super) fn new(
        opened: &'a ModelDirectory,
        args: &'a Transform,
        images: Option<ImageShape>,
    ) -> Result<Self, Failure> {
        Ok(Self { opened, data: &args.data, from: &[], sink: Sink::create(&args.output, images)? })
    }

    /// Reads these views alone.
    pub(super) fn views(self, from: &'a [String]) -> Self {
        Self { from, ..self }
    }

    /// Writes what `tabulate` makes of the rows beside the names of these; alone where the format holds numbers alone, which
    /// `tabulate` is told.
    pub(super) fn run(
        self,
        context: &Context,
        mut tabulate: impl FnMut(&Rows, bool) -> latentia::Result<Table>,
    ) -> Outcome {
        let preprocess = &self.opened.manifest.preprocess;
        let reader = preprocess.open_from(self.data, &self.opened.recipe()?.data, self.from)?;
        let bare = self.sink.is_bare();
        let (read, total) = stream::batches(reader, preprocess.width());
        let compute = |rows: Rows| {
            let table = tabulate(&rows, bare)?;
            Ok(if bare { table } else { names(&rows, preprocess, table.columns()).beside(table) })
        };
        stream::run(read, total, compute, self.sink, context)
    }
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
