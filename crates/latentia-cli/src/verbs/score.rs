//! `latentia score`

use latentia::{
    Error, anomaly,
    artifact::ModelDirectory,
    data::{Matrix, Preprocess, Table, Values},
    evaluate,
};

use super::{Context, rows::Through};
use crate::{
    Failure, Outcome,
    args::{self, Score},
    output, stream,
};

/// Scores rows.
pub(super) fn run(args: &Score, context: &Context) -> Outcome {
    let opened = context.open(&args.transform.model)?;
    let ModelDirectory { model, manifest, .. } = &opened;
    let scorer = model.require("score", model.as_score())?;
    let preprocess = &manifest.preprocess;
    let through = Through::new(&opened, &args.transform, None)?;
    let threshold = threshold(args, &opened, context)?;
    let (mut rows, mut unusual) = (0, 0);
    through.run(context, |batch, bare| {
        let scores = scorer.score(&batch.x)?;
        rows += scores.len();
        let flags: Vec<bool> = scores.iter().map(|&score| score > threshold).collect();
        unusual += flags.iter().filter(|&&flag| flag).count();
        let scores = scores.iter().map(|&s| s as f32).collect();
        let mut table = Table::new().with("score", Values::Numbers(scores));
        if bare {
            table.push("unusual", Values::Integers(flags.iter().map(|&flag| i64::from(flag)).collect()));
            return Ok(table);
        }
        let word = |flag: &bool| Some(if *flag { "yes" } else { "no" }.to_owned());
        table.push("unusual", Values::Text(flags.iter().map(word).collect()));
        if let (Some(rebuilder), Some(parts)) =
            (model.as_reconstruct(), anomaly::contributions(model.as_ref(), &batch.x)?)
        {
            let rebuilt = rebuilder.reconstruct(&batch.x)?;
            reasons(&mut table, preprocess, (&batch.x, &rebuilt), &parts, args.top)?;
        }
        Ok(table)
    })?;
    if !context.global.quiet {
        anstream::eprintln!(
            "{} of {} rows are unusual: their {} is above {}",
            output::count(unusual as u64),
            output::count(rows as u64),
            scorer.score_name(),
            output::number(threshold)
        );
    }
    Ok(())
}

/// The score above which a row is unusual.
fn threshold(args: &Score, opened: &ModelDirectory, context: &Context) -> Result<f64, Failure> {
    let shared = args.contamination.map(|share| args::Threshold::Quantile(1.0 - share));
    match args.threshold.or(shared) {
        Some(args::Threshold::Value(value)) => Ok(value),
        Some(args::Threshold::Quantile(quantile)) => quantile_of(args, quantile, opened, context),
        None => match &opened.manifest.figures.threshold {
            Some(threshold) => Ok(threshold.value),
            None => Err(Error::config("--threshold", "this model has none of its own: give one").into()),
        },
    }
}

/// The quantile of the scores of all rows, in a pass of its own.
fn quantile_of(
    args: &Score,
    quantile: f64,
    opened: &ModelDirectory,
    context: &Context,
) -> Result<f64, Failure> {
    if args.transform.data.as_os_str() == "-" {
        let why = "a share of the rows needs all of them before the first result, and standard input is read once: give a \
                   score as --threshold, or a file";
        let flag = if args.threshold.is_some() { "--threshold" } else { "--contamination" };
        return Err(Error::config(flag, why).into());
    }
    let scorer = opened.model.require("score", opened.model.as_score())?;
    let preprocess = &opened.manifest.preprocess;
    let reader = preprocess.open(&args.transform.data, &opened.recipe()?.data)?;
    let (read, total) = stream::batches(reader, preprocess.width());
    let mut scores = Vec::new();
    stream::for_each(read, total, context, |batch| {
        scores.extend(scorer.score(&batch.x)?);
        Ok(batch.rows.len())
    })?;
    Ok(evaluate::quantile(&scores, quantile))
}

/// Adds the columns that contribute most to the score of each row: `because1`, `found1`, `rebuilt1`, …. `parts` is what
/// each feature adds.
fn reasons(
    table: &mut Table,
    preprocess: &Preprocess,
    (x, rebuilt): (&Matrix, &Matrix),
    parts: &Matrix,
    top: usize,
) -> latentia::Result<()> {
    let cells = preprocess.cells();
    let top = top.min(cells.len());
    let found_cells = preprocess.inverse(x)?;
    let rebuilt_cells = preprocess.inverse(rebuilt)?;
    let mut columns = vec![[const { Vec::new() }; 3]; top];
    let mut errors: Vec<(f32, usize)> = Vec::with_capacity(cells.len());
    for (i, row) in parts.iter_rows().enumerate() {
        errors.clear();
        errors
            .extend(cells.iter().enumerate().map(|(j, (_, range, _))| (row[range.clone()].iter().sum(), j)));
        // Equal errors stay in the order of the columns, so that the result is always the same.
        let by_error = |a: &(f32, usize), b: &(f32, usize)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
        if top > 0 && top < errors.len() {
            errors.select_nth_unstable_by(top - 1, by_error);
            errors.truncate(top);
        }
        errors.sort_unstable_by(by_error);
        for (texts, (_, j)) in columns.iter_mut().zip(&errors) {
            let (name, range, place) = &cells[*j];
            let text = |table: &Table, row: &[f32]| match place {
                Some(place) => cell(&table.columns()[*place].1, i),
                None => Some(row[range.start].to_string()),
            };
            texts[0].push(Some((*name).to_owned()));
            texts[1].push(text(&found_cells, x.row(i)));
            texts[2].push(text(&rebuilt_cells, rebuilt.row(i)));
        }
    }
    for (k, [because, found, rebuilt]) in columns.into_iter().enumerate() {
        table.push(format!("because{}", k + 1), Values::Text(because));
        table.push(format!("found{}", k + 1), Values::Text(found));
        table.push(format!("rebuilt{}", k + 1), Values::Text(rebuilt));
    }
    Ok(())
}

/// A cell as text.
fn cell(values: &Values, i: usize) -> Option<String> {
    match values {
        Values::Numbers(v) => Some(v[i].to_string()),
        Values::Integers(v) => Some(v[i].to_string()),
        Values::Text(v) => v[i].clone(),
    }
}
