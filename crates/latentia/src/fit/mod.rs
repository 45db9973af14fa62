//! From a recipe to a model directory: read, fit, measure beside the baselines, write.

mod detection;
mod extra;
mod map;
mod measure;
mod page;
mod predict;
mod regress;
mod retrieval;
mod views;

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;

pub use map::{MEASURED_ROWS, map_figures, plane};
pub use measure::threshold;
pub use predict::Predictions;
pub use regress::regression_parts;
pub use retrieval::{RETRIEVED, retrieval, retrieval_parts};
pub use views::{VIEWED_ROWS, view_figures};

use crate::{
    Error, Result, anomaly,
    artifact::{self, DirectoryLock, Manifest, TrainingRecord, files},
    data::Dataset,
    figures::Figures,
    kinds::Fitted,
    model::Size,
    recipe::{Draft, Recipe},
    run::Run,
    train::Ended,
};

/// What to do when the output directory holds something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// Refuse.
    Refuse,
    /// Remove the model that is there and fit anew.
    Replace,
    /// Go on from its newest checkpoint.
    Resume,
}

/// What a fit came to.
#[derive(Debug)]
pub struct Summary {
    /// Where the model is.
    pub dir: PathBuf,
    /// The recipe as it was run.
    pub recipe: Recipe,
    /// Sizes of the model.
    pub sizes: Vec<Size>,
    /// How good it is.
    pub figures: Figures,
    /// How training went.
    pub training: Option<TrainingRecord>,
    /// Plain sentences about what the user may want to know.
    pub warnings: Vec<String>,
}

/// The recipe of an unfinished fit, inside the checkpoint folder.
const RECIPE: &str = "recipe.json";

/// Fits what `recipe` says and writes the model directory `dir`. `command` is shown in the report.
///
/// # Errors
/// Faults of the data or the recipe before anything is computed; a directory that is not empty or not writable; whatever
/// stops the training. A directory never holds half a model.
pub fn fit(recipe: &Recipe, dir: &Path, existing: Existing, command: &str, run: &mut Run) -> Result<Summary> {
    let created = prepare(dir, existing)?;
    let lock = DirectoryLock::take(dir)?;
    let result = fit_locked(recipe, dir, existing, command, run);
    drop(lock);
    // A refused or failed fit leaves no empty directory behind.
    if result.is_err() && created {
        remove_if_only_lock(dir);
    }
    result
}

fn fit_locked(
    recipe: &Recipe,
    dir: &Path,
    existing: Existing,
    command: &str,
    run: &mut Run,
) -> Result<Summary> {
    let checkpoints = dir.join(artifact::CHECKPOINT);
    match existing {
        Existing::Replace => clear(dir)?,
        Existing::Resume if dir.join(artifact::MANIFEST).exists() && !checkpoints.join(RECIPE).exists() => {
            return Err(Error::model(dir, "is complete, there is nothing to resume"));
        }
        _ => {}
    }
    run.seed = recipe.train.seed;
    run.resume = existing == Existing::Resume;
    let seed = recipe.train.seed;
    let data = Dataset::load_with(&recipe.path, &recipe.data, seed, run.progress.as_mut(), &run.cancel)?;
    // A class that is not there is not found out after hours of training.
    anomaly::unusual_class(&recipe.anomaly, &data)?;
    let config = recipe.kind.parse(recipe.model.clone())?;
    if recipe.kind.trains {
        fs::create_dir_all(&checkpoints).map_err(|e| Error::io(&checkpoints, "create", e))?;
        files::write_json(&checkpoints.join(RECIPE), &recipe.to_json())?;
        run.checkpoints = Some(checkpoints.clone());
    }
    let fitted = anomaly::fit(config.as_ref(), &recipe.anomaly, &data, &recipe.train, run)?;
    let summary = describe(recipe, dir, &data, &fitted, command, run)?;
    let cancelled = summary.training.as_ref().is_some_and(|t| t.ended == Ended::Cancelled);
    if checkpoints.is_dir() && !cancelled && !recipe.train.keep_checkpoint {
        // The recipe first: without it a folder that is half removed is not taken for a fit to go on with.
        let recipe = checkpoints.join(RECIPE);
        fs::remove_file(&recipe).map_err(|e| Error::io(&recipe, "remove", e))?;
        fs::remove_dir_all(&checkpoints).map_err(|e| Error::io(&checkpoints, "remove", e))?;
    }
    Ok(summary)
}

/// Measures a fitted model and writes its directory.
fn describe(
    recipe: &Recipe,
    dir: &Path,
    data: &Dataset,
    fitted: &Fitted,
    command: &str,
    run: &mut Run,
) -> Result<Summary> {
    run.progress.begin("measuring beside the baselines", 0);
    let complete = fitted.training.as_ref().is_none_or(|t| t.ended != Ended::Cancelled);
    let measured =
        measure::measure(fitted.model.as_ref(), data, &recipe.anomaly, recipe.train.seed, complete)?;
    let training = fitted.training.as_ref().map(|t| TrainingRecord {
        ended: t.ended,
        epochs: t.history.len(),
        best_epoch: t.best_epoch,
        seconds: t.pretraining.iter().chain(&t.history).map(|r| r.seconds).sum(),
    });
    let mut warnings = data.preprocess.warnings().to_vec();
    warnings.extend(measured.warnings.iter().cloned());
    let report = page::render(recipe, data, fitted, &measured, &warnings, command)?;
    run.progress.end();
    let weights = files::tensor_bytes(&dir.join(artifact::WEIGHTS), &fitted.model.tensors())?;
    let mut contents = vec![(artifact::WEIGHTS, weights), (artifact::REPORT, report.into_bytes())];
    if let Some(t) = &fitted.training {
        let path = dir.join(artifact::LAST_WEIGHTS);
        contents.push((artifact::LAST_WEIGHTS, files::tensor_bytes(&path, &t.last)?));
        let lines = artifact::history_lines(t.pretraining.iter().chain(&t.history))
            .map_err(|e| Error::model(dir.join(artifact::HISTORY), e.to_string()))?;
        contents.push((artifact::HISTORY, lines));
    }
    let manifest = Manifest {
        format: artifact::FORMAT,
        program: format!("latentia {}", env!("CARGO_PKG_VERSION")),
        kind: fitted.model.kind().to_owned(),
        recipe: recipe.to_json(),
        config: fitted.config.clone(),
        preprocess: data.preprocess.clone(),
        sizes: fitted.model.sizes(),
        figures: measured.figures.clone(),
        training: training.clone(),
        seed: recipe.train.seed,
        data_fingerprint: data.fingerprint.clone(),
        files: Default::default(),
    };
    artifact::write(dir, manifest, &contents)?;
    Ok(Summary {
        dir: dir.to_owned(),
        recipe: recipe.clone(),
        sizes: fitted.model.sizes(),
        figures: measured.figures,
        training,
        warnings,
    })
}

/// The recipe of the unfinished fit in `dir`.
///
/// # Errors
/// There is none.
pub fn unfinished_recipe(dir: &Path) -> Result<Recipe> {
    let path = dir.join(artifact::CHECKPOINT).join(RECIPE);
    if !path.exists() {
        let what = match dir.join(artifact::MANIFEST).exists() {
            true => "is complete, there is nothing to resume",
            false => "has no checkpoint to resume from",
        };
        return Err(Error::model(dir, what));
    }
    let value: Value = files::read_json(&path)?;
    Recipe::from_json(&value).map_err(|e| Error::model(path, format!("is damaged: {e}")))
}

/// Makes sure that `dir` is there and may be written to; returns whether it was made.
fn prepare(dir: &Path, existing: Existing) -> Result<bool> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound && existing != Existing::Resume => {
            fs::create_dir_all(dir).map_err(|e| Error::io(dir, "create", e))?;
            return Ok(true);
        }
        Err(e) => return Err(Error::io(dir, "read", e)),
    };
    let names: Vec<String> =
        entries.filter_map(|e| Some(e.ok()?.file_name().to_string_lossy().into_owned())).collect();
    let is_model = [artifact::MANIFEST, artifact::CHECKPOINT].iter().any(|n| names.iter().any(|f| f == n));
    // A fit that was killed before it wrote its recipe has left nothing to keep.
    let begun = dir.join(artifact::CHECKPOINT).join(RECIPE).exists();
    let only_lock = names.iter().all(|n| n == ".lock" || (n == artifact::CHECKPOINT && !begun));
    match existing {
        Existing::Resume => Ok(false),
        _ if only_lock => Ok(false),
        Existing::Replace if is_model => Ok(false),
        Existing::Replace => Err(Error::config(
            "-o",
            format!("{} holds files that are not a model: choose another directory", dir.display()),
        )),
        Existing::Refuse => Err(Error::config(
            "-o",
            format!(
                "{} exists: choose another directory, or replace the model there with --force{}",
                dir.display(),
                if dir.join(artifact::CHECKPOINT).is_dir() { ", or go on with --resume" } else { "" }
            ),
        )),
    }
}

/// Removes the files of a model, and nothing else.
fn clear(dir: &Path) -> Result<()> {
    let gone = |result: std::io::Result<()>, path: &Path| match result {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::io(path, "remove", e)),
        _ => Ok(()),
    };
    // The manifest first: without it nothing takes the rest for a model.
    for name in [
        artifact::MANIFEST,
        artifact::WEIGHTS,
        artifact::VOCABULARY,
        artifact::LAST_WEIGHTS,
        artifact::HISTORY,
        artifact::REPORT,
    ] {
        let path = dir.join(name);
        gone(fs::remove_file(&path), &path)?;
    }
    let checkpoints = dir.join(artifact::CHECKPOINT);
    gone(fs::remove_dir_all(&checkpoints), &checkpoints)
}

/// Removes `dir` when nothing but the lock is in it, or a recipe of which no step was taken. What cannot be removed stays:
/// the error at hand says more.
fn remove_if_only_lock(dir: &Path) {
    let only = |dir: &Path, name: &str| {
        fs::read_dir(dir).is_ok_and(|mut entries| entries.all(|e| e.is_ok_and(|e| e.file_name() == name)))
    };
    for (dir, name) in [(dir.join(artifact::CHECKPOINT).as_path(), RECIPE), (dir, ".lock")] {
        if only(dir, name) && fs::remove_file(dir.join(name)).is_ok() {
            fs::remove_dir(dir).unwrap_or_default();
        }
    }
}

/// The draft of a recipe for `kind` and a file, everything else left at its default.
pub fn draft(kind: &str, path: &str) -> Draft {
    let mut draft = Draft::default();
    draft.set("model", "kind", Value::from(kind));
    draft.set("data", "path", Value::from(path));
    draft
}
