//! `latentia search`

use std::path::Path;

use latentia::{
    DataError, Error, Result,
    artifact::ModelDirectory,
    data::{Table, Values},
    search::{Ask, Hit, Index},
};

use super::Context;
use crate::{Outcome, args::Search, sink::Sink, stream};

/// Rows to find when nothing is said.
const K: usize = 10;

/// Finds rows.
pub(super) fn run(args: &Search, context: &Context) -> Outcome {
    let index = Index::load(&args.index)?;
    let k = args.k.or(args.radius.is_none().then_some(K));
    let ask = Ask { k, radius: args.radius, exact: args.exact };
    match &args.query {
        Some(query) => search_file(&index, query, &ask, args, context),
        None => search_rows(&index, &ask, args),
    }
}

/// Searches for rows of the index.
fn search_rows(index: &Index, ask: &Ask, args: &Search) -> Outcome {
    let place = |&number: &u64| {
        index.names.rows.iter().position(|&row| row == number).ok_or_else(|| {
            let last = index.names.rows.last().copied().unwrap_or_default();
            Error::config(
                "--row",
                format!("found {number}, expected a row of {}, 1 to {last}", index.about.data),
            )
        })
    };
    let rows: Vec<usize> = args.row.iter().map(place).collect::<Result<_>>()?;
    let found = index.search_rows(&rows, ask).map_err(named)?;
    let sink = Sink::create(&args.output, None)?;
    let names: Vec<Name> = rows.iter().map(|&row| Name::of(index, row)).collect();
    let table = table(index, &names, &found, sink.is_bare());
    write(sink, &table)
}

/// Searches for the rows of a file.
fn search_file(index: &Index, query: &Path, ask: &Ask, args: &Search, context: &Context) -> Outcome {
    let opened = open_model(index, args, context)?;
    let encoder = opened.model.require("search", opened.model.as_encode())?;
    let preprocess = &opened.manifest.preprocess;
    let reader = preprocess.open_from(query, &opened.recipe()?.data, &args.from.from)?;
    let sink = Sink::create(&args.output, None)?;
    let bare = sink.is_bare();
    let (read, total) = stream::batches(reader, preprocess.width());
    stream::run(
        read,
        total,
        |batch| {
            let found = index.search(&encoder.encode(&batch.x)?, ask).map_err(named)?;
            let name =
                |i: usize| Name { row: batch.rows[i], id: batch.ids.as_ref().map(|ids| ids[i].clone()) };
            let names: Vec<Name> = (0..batch.rows.len()).map(name).collect();
            Ok(table(index, &names, &found, bare))
        },
        sink,
        context,
    )
}

/// The model that made the index.
fn open_model(index: &Index, args: &Search, context: &Context) -> Result<ModelDirectory> {
    let dir = args.model.as_deref().unwrap_or(Path::new(&index.about.model));
    if args.model.is_none() && !dir.is_dir() {
        let message = format!(
            "was made by the model {}, which is not there: say where it is with --model DIR",
            dir.display()
        );
        return Err(Error::model(&args.index, message));
    }
    let opened = context.open(dir)?;
    if opened.code_digest()? != index.about.digest {
        let message = format!(
            "holds codes of another model than {}: index the data again with it, or name the model that made the index \
             with --model DIR",
            dir.display()
        );
        return Err(Error::model(&args.index, message));
    }
    Ok(opened)
}

/// Faults of what was asked for, by the flag.
fn named(error: Error) -> Error {
    match error {
        Error::Config { field, message } if field == "k" => Error::config("-k", message),
        Error::Config { field, message } if field == "radius" => Error::config("--radius", message),
        Error::Data(fault) if fault.file == Path::new("query") => {
            let fault = DataError { file: "QUERY".into(), ..*fault };
            fault.into()
        }
        other => other,
    }
}

/// What a row is called.
struct Name {
    row: u64,
    id: Option<String>,
}

impl Name {
    /// A row of the index.
    fn of(index: &Index, row: usize) -> Self {
        let names = &index.names;
        Self { row: names.rows[row], id: names.ids.as_ref().map(|ids| ids[row].clone()) }
    }
}

/// A line for each row found: the query, the rank, the row, its class, the distance.
fn table(index: &Index, queries: &[Name], found: &[Vec<Hit>], bare: bool) -> Table {
    let lines: Vec<(&Name, usize, &Hit)> = queries
        .iter()
        .zip(found)
        .flat_map(|(query, hits)| hits.iter().zip(1..).map(move |(hit, rank)| (query, rank, hit)))
        .collect();
    let integers = |values: Vec<u64>| Values::Integers(values.into_iter().map(|v| v as i64).collect());
    let mut table = Table::new();
    // Names are text only where every query has one: a column is of one kind.
    let has_ids = !bare && !queries.is_empty() && queries.iter().all(|query| query.id.is_some());
    match has_ids {
        true => table.push("query", Values::Text(lines.iter().map(|(query, ..)| query.id.clone()).collect())),
        false => table.push("query", integers(lines.iter().map(|(query, ..)| query.row).collect())),
    }
    table.push("rank", integers(lines.iter().map(|(_, rank, _)| *rank as u64).collect()));
    let about = &index.about;
    let is_free = |name: &&String| !["query", "rank", "distance"].contains(&name.as_str());
    match (&index.names.ids, bare) {
        (Some(ids), false) => {
            let name = about.id.as_ref().filter(is_free).map_or("row", String::as_str);
            table
                .push(name, Values::Text(lines.iter().map(|(.., hit)| Some(ids[hit.row].clone())).collect()));
        }
        _ => table.push("row", integers(lines.iter().map(|(.., hit)| index.names.rows[hit.row]).collect())),
    }
    if let (Some(labels), false) = (&index.names.labels, bare) {
        let class = |hit: &Hit| about.classes.get(labels[hit.row] as usize).cloned();
        let name = about.label.as_ref().filter(is_free).map_or("class", String::as_str);
        table.push(name, Values::Text(lines.iter().map(|(.., hit)| class(hit)).collect()));
    }
    table.push("distance", Values::Numbers(lines.iter().map(|(.., hit)| hit.distance as f32).collect()));
    table
}

fn write(mut sink: Sink, table: &Table) -> Outcome {
    sink.write(table)?;
    sink.finish()
}
