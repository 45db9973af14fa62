//! `latentia fit`

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use latentia::{
    Error, Result,
    artifact::CHECKPOINT,
    fit::{self, Existing, Summary},
    kinds,
    recipe::{self, Draft, Recipe, nearest, section_keys},
    train::Ended,
};
use serde_json::Value;

use super::{Context, photo, summary};
use crate::{
    Failure, Outcome,
    args::{Assignment, Fit},
    output,
};

/// Where a model goes when nothing is said.
const MODEL: &str = "model";

/// Fits.
pub(super) fn run(args: &Fit, assignments: &[Assignment], context: &Context) -> Outcome {
    let (mut draft, dir) = draft(args)?;
    for text in &args.set {
        draft.set_text(text)?;
    }
    for assignment in assignments {
        assign(&mut draft, assignment)?;
    }
    if args.print_recipe {
        if draft.get("data", "path").is_none() {
            draft.set("data", "path", Value::from("data.csv"));
        }
        return output::print(&draft.complete()?.to_toml());
    }
    if let Some(photo) = photo(&draft, args)? {
        return photo::run(&photo, &draft.complete()?, args, context);
    }
    let recipe = draft.complete()?;
    let existing = match (args.resume, args.force) {
        (true, _) => Existing::Resume,
        (_, true) => Existing::Replace,
        _ => Existing::Refuse,
    };
    let began = Instant::now();
    let summary = fit(&recipe, &dir, existing, context)?;
    tell(&summary, began.elapsed().as_secs_f64(), context)
}

/// Fits a recipe, with bars and interrupts.
pub(super) fn fit(recipe: &Recipe, dir: &Path, existing: Existing, context: &Context) -> Result<Summary> {
    fit::fit(recipe, dir, existing, &command_line(), &mut context.fit_run()?)
}

/// Prints what a fit came to; a stopped one ends the program as an interrupt does.
pub(super) fn tell(done: &Summary, seconds: f64, context: &Context) -> Outcome {
    let stopped = done.training.as_ref().is_some_and(|t| t.ended == Ended::Cancelled);
    for warning in done.warnings.iter().filter(|_| !context.global.quiet) {
        output::warn(warning);
    }
    match context.global.json {
        true => output::print_json(&summary::json(done, seconds))?,
        false => output::print(&summary::text(done, seconds))?,
    }
    if stopped {
        if !context.global.quiet {
            anstream::eprintln!(
                "stopped before it was complete; the model can be used. Go on with: latentia fit --resume {}",
                summary::quoted(&done.dir)
            );
        }
        return Err(Failure::Interrupted);
    }
    match context.talks() {
        true => output::print(&summary::next(done)),
        false => Ok(()),
    }
}

/// What the positional arguments say: the beginnings of a recipe, and where the model goes.
fn draft(args: &Fit) -> Result<(Draft, PathBuf)> {
    let dir = args.output.clone().unwrap_or_else(|| MODEL.into());
    let Some(what) = &args.what else {
        if args.resume {
            return Ok((unfinished(&dir)?, dir));
        }
        return Err(Error::config("fit", "say what to fit: a recipe, or a kind of model and a data file"));
    };
    let mut draft = if what.ends_with(".toml") {
        Draft::read(Path::new(what))?
    } else if args.resume && args.data.is_none() && kind_or_hint(what).is_err() {
        if !Path::new(what).is_dir() {
            let message = format!("there is no directory '{what}': name that of the stopped fit");
            return Err(Error::config("--resume", message));
        }
        return match args.output.as_deref().is_none_or(|dir| dir == Path::new(what)) {
            true => Ok((unfinished(Path::new(what))?, what.into())),
            false => Err(Error::config("-o", "--resume goes on in the directory of the stopped fit")),
        };
    } else {
        kind_or_hint(what)?;
        let mut draft = Draft::default();
        draft.set("model", "kind", Value::from(what.as_str()));
        draft
    };
    if let Some(data) = &args.data {
        draft.set("data", "path", Value::from(data.as_str()));
    }
    Ok((draft, dir))
}

/// The recipe of a stopped fit, to be changed by flags.
fn unfinished(dir: &Path) -> Result<Draft> {
    let recipe =
        fit::unfinished_recipe(dir).map_err(|e| match dir.join(CHECKPOINT).is_dir() || dir.is_dir() {
            true => e,
            false => Error::model(dir, "is not a model directory"),
        })?;
    Draft::parse(&recipe.to_toml())
}

fn kind_or_hint(name: &str) -> Result<()> {
    let known = kinds::find(name).map(|_| ());
    match known {
        Err(_) if Path::new(name).exists() => Err(Error::config(
            "fit",
            format!(
                "'{name}' is a file: name the kind of model before it ({}), as `latentia fit autoencoder {name}`. A \
                 recipe ends in .toml",
                kinds::names()
            ),
        )),
        known => known,
    }
}

/// Sets the key of a flag.
fn assign(draft: &mut Draft, flag: &Assignment) -> Result<()> {
    let kind = draft.kind()?;
    let keys = section_keys(flag.section, kind);
    let named = |e: Error| match e {
        Error::Config { message, .. } => Error::config(format!("--{}", flag.flag), message),
        other => other,
    };
    match keys.iter().find(|key| key.name == flag.name) {
        Some(key) => draft.set(flag.section, &flag.name, recipe::parse(key, &flag.text).map_err(named)?),
        None => {
            let near = nearest(&flag.name, keys.iter().map(|key| key.name.as_str()));
            let hint = near.map(|near| format!(", did you mean --{near}?")).unwrap_or_default();
            let message = format!("a model of kind '{}' has no such setting{hint}", kind.name);
            return Err(Error::config(format!("--{}", flag.flag), message));
        }
    }
    Ok(())
}

/// The single photo that `fit pca PHOTO` is about.
fn photo(draft: &Draft, args: &Fit) -> Result<Option<PathBuf>> {
    let is_pca = draft.kind()?.name == "pca";
    let path = match draft.get("data", "path") {
        Some(Value::String(path)) if is_pca && !args.resume => PathBuf::from(path),
        _ => return Ok(None),
    };
    let extension = path.extension().map(|e| e.to_string_lossy().to_lowercase());
    let is_photo = matches!(extension.as_deref(), Some("png" | "jpg" | "jpeg"));
    Ok((is_photo && !path.is_dir()).then_some(path))
}

/// The command as it was typed, for the report.
fn command_line() -> String {
    let words = std::env::args_os().skip(1).map(|word| summary::quoted(Path::new(&word)));
    std::iter::once("latentia".to_owned()).chain(words).collect::<Vec<_>>().join(" ")
}
