//! How well one recipe finds the anomalies of public tables: area under the ROC curve, set by set.
//!
//! ```text
//! LATENTIA_DATA=DIR cargo run --release -p latentia --example adbench -- recipes/anomaly-tables.toml [--seeds 3] [--set KEY=VALUE].. [SET]..
//! ```
//!
//! `DIR/adbench` holds the `.npz` files of ADBench (Han et al. 2022). As there and in PyOD, the model learns from the 70 % of
//! the rows of each class that make the training part, anomalies among them, without knowing which they are; figures are of
//! the other 30 %. The recipe is the same for every set.

use std::{env, path::PathBuf, process::ExitCode};

use latentia::{Error, Result, Run, anomaly, data::Dataset, evaluate, recipe::Draft};
use rayon::prelude::*;

/// The sets of the comparison: file, and the figures of the autoencoder and the variational autoencoder of PyOD at their
/// defaults, measured over the same protocol.
const SETS: [(&str, f64, f64); 9] = [
    ("6_cardio", 82.7, 84.9),
    ("38_thyroid", 93.2, 94.5),
    ("4_breastw", 96.2, 98.5),
    ("18_Ionosphere", 93.7, 85.0),
    ("29_Pima", 65.3, 66.9),
    ("40_vowels", 92.5, 87.1),
    ("25_musk", 87.2, 86.7),
    ("26_optdigits", 49.6, 72.7),
    ("45_wine", 29.3, 45.0),
];

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let usage = |what: &str| Error::config("adbench", what.to_owned());
    let Some(folder) = env::var_os("LATENTIA_DATA") else {
        println!("skipped: LATENTIA_DATA names no directory with the data sets");
        return Ok(());
    };
    let folder = PathBuf::from(folder).join("adbench");
    let mut words = env::args().skip(1);
    let recipe = words.next().ok_or_else(|| usage("name a recipe"))?;
    let mut draft = Draft::read(recipe.as_ref())?;
    let (mut seeds, mut wanted) = (3, Vec::new());
    while let Some(word) = words.next() {
        match word.as_str() {
            "--set" => draft.set_text(&words.next().ok_or_else(|| usage("--set KEY=VALUE"))?)?,
            "--seeds" => {
                let number = words.next().and_then(|n| n.parse().ok());
                seeds = number.filter(|&n| n > 0).ok_or_else(|| usage("--seeds N"))?;
            }
            name => wanted.push(name.to_owned()),
        }
    }
    let known = |name: &str| SETS.iter().find(|set| set.0 == name).map(|set| (set.1, set.2));
    if wanted.is_empty() {
        wanted = SETS.iter().map(|set| set.0.to_owned()).collect();
    }
    println!(
        "{:16}{:>8}{:>8}   seeds 1 to {seeds}{:>w$}{:>8}{:>8}",
        "set",
        "AUROC",
        "spread",
        "PyOD AE",
        "VAE",
        "better",
        w = 7 * seeds
    );
    let mut rows = Vec::new();
    for name in &wanted {
        let path = folder.join(format!("{name}.npz"));
        let one = |seed: u64| area(&draft, &path.to_string_lossy(), seed);
        let areas: Vec<f64> = (1..=seeds as u64).into_par_iter().map(one).collect::<Result<_>>()?;
        let (mean, spread) = mean_and_spread(&areas);
        let each: String = areas.iter().map(|a| format!("{a:7.1}")).collect();
        let peers = known(name);
        let beside = peers.map(|(ae, vae)| format!("{ae:8.1}{vae:8.1}{:8.1}", ae.max(vae)));
        println!("{name:16}{mean:8.1}{spread:8.1}   {each}  {}", beside.unwrap_or_default());
        rows.push((areas, peers));
    }
    let mean_of = |seed: usize| rows.iter().map(|(areas, _)| areas[seed]).sum::<f64>() / rows.len() as f64;
    let means: Vec<f64> = (0..seeds).map(mean_of).collect();
    let (mean, spread) = mean_and_spread(&means);
    let each: String = means.iter().map(|a| format!("{a:7.1}")).collect();
    let peers: Option<Vec<(f64, f64)>> = rows.iter().map(|(_, peers)| *peers).collect();
    let beside = peers.map(|p| {
        let mean = |of: fn(&(f64, f64)) -> f64| p.iter().map(of).sum::<f64>() / p.len() as f64;
        format!("{:8.1}{:8.1}{:8.1}", mean(|p| p.0), mean(|p| p.1), mean(|p| p.0.max(p.1)))
    });
    println!("{:16}{mean:8.1}{spread:8.1}   {each}  {}", "mean", beside.unwrap_or_default());
    Ok(())
}

/// Area under the ROC curve, in percent, of the test rows of a file.
fn area(draft: &Draft, path: &str, seed: u64) -> Result<f64> {
    let mut draft = draft.clone();
    draft.set("data", "path", path.into());
    draft.set("train", "seed", seed.into());
    let recipe = draft.complete()?;
    let data = Dataset::load(&recipe.path, &recipe.data, seed)?;
    let config = recipe.kind.parse(recipe.model.clone())?;
    let mut run = Run { seed, ..Run::default() };
    let fitted = anomaly::fit(config.as_ref(), &recipe.anomaly, &data, &recipe.train, &mut run)?;
    let scores = fitted.model.require("score", fitted.model.as_score())?.score(&data.test.x)?;
    let class = recipe.anomaly.unusual.as_ref();
    let class = data.classes().iter().position(|name| Some(name) == class);
    let (Some(class), Some(labels)) = (class, &data.test.labels) else {
        return Err(Error::config("anomaly.unusual", "no such class among those of the data"));
    };
    let unusual: Vec<bool> = labels.iter().map(|&label| label as usize == class).collect();
    Ok(100.0 * evaluate::roc_auc(&unusual, &scores)?)
}

/// The mean, and the standard deviation over the seeds (0 for one).
fn mean_and_spread(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    (mean, if values.len() > 1 { (squares / (n - 1.0)).sqrt() } else { 0.0 })
}
