//! `latentia index`

use latentia::{
    DataError, Error, Result,
    search::{Codes, IndexBuilder, Settings},
};
use serde_json::{Value, json};

use super::Context;
use crate::{Outcome, args::Index, output, progress, sink::check_free, stream};

/// Keeps the codes of rows.
pub(super) fn run(args: &Index, context: &Context) -> Outcome {
    check_free(&args.output, args.force)?;
    let opened = context.open(&args.model)?;
    let encoder = opened.model.require("index", opened.model.as_encode())?;
    let preprocess = &opened.manifest.preprocess;
    let reader = preprocess.open_from(&args.data, &opened.recipe()?.data, &args.from.from)?;
    let settings = Settings {
        binarize: word("--binarize", &args.binarize)?,
        metric: word("--metric", &args.metric)?,
        graph: args.graph,
        seed: opened.manifest.seed,
    };
    let mut builder = IndexBuilder::new(&opened, &args.data.display().to_string(), settings)?;
    let (read, total) = stream::batches(reader, preprocess.width());
    let mut rows = 0;
    stream::for_each(read, total, context, |batch| {
        builder.push(&encoder.encode(&batch.x)?, &batch)?;
        rows += batch.rows.len();
        Ok(batch.rows.len())
    })?;
    if rows == 0 {
        return Err(Error::from(DataError::new(&args.data, "no rows of data", "rows to index")).into());
    }
    let index = builder.finish(progress::bars(context.global.quiet).as_mut())?;
    index.save(&args.output)?;
    let of = match &index.codes {
        Codes::Bits(_) => "bits",
        Codes::Real(_) => "numbers",
    };
    if args.graph && of == "bits" && !context.global.quiet {
        output::warn("the codes are bits, whose search is exact: there is no graph");
    }
    match (context.global.json, context.global.quiet) {
        (true, _) => output::print_json(&json!({
            "index": args.output, "rows": rows, "width": index.about.width, "codes": of, "graph": index.graph.is_some(),
        })),
        (_, true) => Ok(()),
        _ => output::print(&format!(
            "{}: {} codes of {} {of}\n",
            args.output.display(),
            output::count(rows as u64),
            index.about.width
        )),
    }
}

/// The value that a word of the command line stands for.
fn word<T: serde::de::DeserializeOwned>(flag: &str, text: &str) -> Result<T> {
    serde_json::from_value(Value::from(text)).map_err(|e| Error::config(flag, e.to_string()))
}
