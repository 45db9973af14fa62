//! `latentia reproduce`

mod experiment;

use std::{
    fmt::Write,
    path::{Path, PathBuf},
    time::Instant,
};

use latentia::{
    Error, Result,
    fit::{Existing, Summary},
    recipe::{Draft, Recipe, nearest},
    train::Ended,
};
use serde_json::{Value, json};

use super::{Context, fit, summary};
use crate::{
    Outcome,
    args::Reproduce,
    output::{self, Grid, duration, number},
};
use experiment::{Comparison, Experiment};

/// Lists the experiments, or runs one and prints what was published, what is expected and what was found.
pub(super) fn run(args: &Reproduce, context: &Context) -> Outcome {
    match &args.name {
        None if !args.set.is_empty() => {
            Err(Error::config("--set", "name the experiment that it changes").into())
        }
        None => list(context),
        Some(name) => reproduce(&find(name)?, args, context),
    }
}

fn list(context: &Context) -> Outcome {
    let all = Experiment::all()?;
    if context.global.json {
        return output::print_json(&all.iter().map(Experiment::to_json).collect());
    }
    let mut rows = vec![["name", "time", "what"].map(str::to_owned).to_vec()];
    rows.extend(all.iter().map(|e| vec![e.name.to_owned(), e.header.time.clone(), e.about.clone()]));
    output::print(&output::left_aligned(&rows))
}

fn find(name: &str) -> Result<Experiment> {
    let all = Experiment::all()?;
    let names: Vec<&str> = all.iter().map(|experiment| experiment.name).collect();
    let hint = match nearest(name, names.iter().copied()) {
        Some(near) => format!("did you mean '{near}'?"),
        None => format!("expected {}", names.join(", ")),
    };
    let known = all.into_iter().find(|experiment| experiment.name == name);
    known.ok_or_else(|| Error::config(name, format!("no such experiment, {hint}")))
}

fn reproduce(experiment: &Experiment, args: &Reproduce, context: &Context) -> Outcome {
    let mut draft = Draft::parse(experiment.recipe)?;
    let dir = args.output.clone().unwrap_or_else(|| PathBuf::from(experiment.name));
    let first = match &experiment.header.first {
        Some(name) => {
            // What the recipe takes the other model as.
            let key = if draft.get("model", "start").is_some() { "start" } else { "encoder" };
            let first = first_dir(&dir, key);
            draft.set("model", key, first.to_string_lossy().into());
            Some((find(name)?, first))
        }
        None => None,
    };
    for text in &args.set {
        draft.set_text(text)?;
    }
    let recipe = draft.complete()?;
    if context.talks() {
        output::print(&format!("{}\nTakes {}.\n\n", experiment.about, experiment.header.time))?;
    }
    let existing = if args.force { Existing::Replace } else { Existing::Refuse };
    let began = Instant::now();
    if let Some((first, dir)) = &first {
        let done = fit::fit(&first_recipe(first, args)?, dir, existing, context)?;
        if done.training.as_ref().is_some_and(|t| t.ended == Ended::Cancelled) {
            return fit::tell(&done, began.elapsed().as_secs_f64(), context);
        }
    }
    let done = fit::fit(&recipe, &dir, existing, context)?;
    let seconds = began.elapsed().as_secs_f64();
    if done.training.as_ref().is_some_and(|t| t.ended == Ended::Cancelled) {
        // Figures of half a run are not what was expected of a whole one.
        return fit::tell(&done, seconds, context);
    }
    let found = experiment.compare(&done.figures);
    match context.global.json {
        true => output::print_json(&as_json(experiment, &done, &found, seconds)),
        false => output::print(&text(experiment, &done, &found, seconds, !args.set.is_empty())),
    }
}

/// The directory of the model that comes first, beside that of the experiment.
fn first_dir(dir: &Path, key: &str) -> PathBuf {
    let mut name = dir.file_name().unwrap_or_default().to_os_string();
    name.push(format!("-{key}"));
    dir.with_file_name(name)
}

/// The recipe of the model that comes first. The seed and the data are those of the experiment, so that it learns from
/// the same rows.
fn first_recipe(first: &Experiment, args: &Reproduce) -> Result<Recipe> {
    let mut draft = Draft::parse(first.recipe)?;
    for text in args.set.iter().filter(|text| text.starts_with("train.seed") || text.starts_with("data.")) {
        draft.set_text(text)?;
    }
    draft.complete()
}

fn as_json(experiment: &Experiment, done: &Summary, found: &[Comparison<'_>], seconds: f64) -> Value {
    let figures: Vec<Value> = found
        .iter()
        .map(|c| json!({ "figure": c.figure, "found": c.found, "as_expected": c.is_as_expected() }))
        .collect();
    json!({
        "name": experiment.name,
        "source": experiment.header.source,
        "model": done.dir,
        "part": done.figures.comparison,
        "figures": figures,
        "recipe": done.recipe.to_json(),
        "seconds": seconds,
    })
}

/// The three side by side, then a verdict in words.
fn text(
    experiment: &Experiment,
    done: &Summary,
    found: &[Comparison<'_>],
    seconds: f64,
    is_changed: bool,
) -> String {
    let mut grid =
        Grid::new([format!("{} rows", done.figures.comparison).as_str(), "published", "expected", "found"]);
    let dash = || "-".to_owned();
    for c in found {
        grid.row([
            c.figure.measure.name().to_owned(),
            c.figure.published.map_or_else(dash, number),
            c.figure.expectation(),
            c.found.map_or_else(dash, number),
        ]);
    }
    let mut text = grid.render();
    let _ = writeln!(text, "\npublished: {}", experiment.header.source);
    let outside: Vec<&Comparison<'_>> = found.iter().filter(|c| !c.is_as_expected()).collect();
    for c in &outside {
        let found = c.found.map_or_else(|| "nothing".to_owned(), number);
        let _ = writeln!(
            text,
            "Outside what is expected: {} is {found}, expected {}.",
            c.figure.measure.name(),
            c.figure.expectation()
        );
    }
    if outside.is_empty() {
        text.push_str("All as expected.\n");
    }
    if is_changed {
        text.push_str("The recipe was changed by --set: what is expected is of the recipe as it stands.\n");
    }
    let dir = summary::quoted(&done.dir);
    let _ = writeln!(text, "\n{}. Look at it: latentia report {dir} --open", duration(seconds));
    text
}
