//! `latentia compare`

use std::{fs, path::Path};

use latentia::{
    Error, Result,
    artifact::files,
    compare::{self, Comparison, Contender},
    kinds::{self, KINDS},
    recipe::{Draft, section_keys},
};
use serde_json::Value;

use super::Context;
use crate::{
    Outcome,
    args::Compare,
    output::{self, Grid},
};

const JSON: &str = "comparison.json";
const PAGE: &str = "comparison.html";

/// Compares kinds on one data set.
pub(super) fn run(args: &Compare, context: &Context) -> Outcome {
    let contenders = contenders(args)?;
    check(&args.output, args.force)?;
    let comparison = compare::compare(&args.data, &contenders, args.seeds, &mut context.fit_run()?)?;
    let value = serde_json::to_value(&comparison).unwrap_or_default();
    fs::create_dir_all(&args.output).map_err(|e| Error::io(&args.output, "create", e))?;
    files::write_json(&args.output.join(JSON), &value)?;
    files::write_bytes(&args.output.join(PAGE), comparison.page().render().as_bytes())?;
    if !context.global.quiet {
        for line in &comparison.lines {
            if let Some(fault) = &line.fault {
                output::warn(&format!("{} was left out: {fault}", line.name));
            }
        }
    }
    match context.global.json {
        true => output::print_json(&value),
        false => output::print(&text(&comparison, &args.output)),
    }
}

/// Each kind with its defaults and the code size asked for, then each recipe as it is.
fn contenders(args: &Compare) -> Result<Vec<Contender>> {
    let names: Vec<&str> = match args.kinds.is_empty() && args.recipe.is_empty() {
        true => KINDS.iter().map(|kind| kind.name).collect(),
        false => args.kinds.iter().map(String::as_str).collect(),
    };
    let mut contenders = Vec::new();
    for name in names {
        let kind = kinds::find(name)?;
        let mut draft = Draft::default();
        draft.set("model", "kind", Value::from(kind.name));
        if section_keys("model", kind).iter().any(|key| key.name == "code") {
            draft.set("model", "code", Value::from(args.code));
        }
        contenders.push(Contender { name: name.to_owned(), draft });
    }
    for path in &args.recipe {
        let name = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
        contenders.push(Contender { name, draft: Draft::read(path)? });
    }
    for contender in &mut contenders {
        let kind = contender.draft.kind()?;
        if let Some(label) = &args.label {
            contender.draft.set("data", "label", Value::from(label.as_str()));
        }
        if let Some(class) = &args.unusual {
            contender.draft.set("anomaly", "unusual", Value::from(class.as_str()));
        }
        for text in &args.set {
            // A setting that a kind does not have is for the others.
            let key = text.split_once('=').map_or("", |(key, _)| key.trim());
            let (section, name) = key.split_once('.').unwrap_or_default();
            let computed = section == "train" && !kind.trains && name != "seed";
            let lacks = section == "model" && !section_keys("model", kind).iter().any(|key| key.name == name);
            let known =
                |other: &&'static kinds::Kind| section_keys("model", other).iter().any(|k| k.name == name);
            if computed || (lacks && KINDS.iter().any(|other| known(&other))) {
                continue;
            }
            contender.draft.set_text(text)?;
        }
        compare::hold_out(&mut contender.draft, &args.data);
    }
    Ok(contenders)
}

/// Refuses a place that holds something else.
fn check(dir: &Path, force: bool) -> Result<()> {
    let taken = [JSON, PAGE].iter().any(|name| dir.join(name).exists());
    if (dir.exists() && !dir.is_dir()) || (taken && !force) {
        let what =
            format!("{} exists: choose another directory, or write over it with --force", dir.display());
        return Err(Error::config("-o", what));
    }
    Ok(())
}

fn text(comparison: &Comparison, dir: &Path) -> String {
    let known = comparison.known();
    let names = known.iter().map(|&m| comparison.metrics[m].name.to_owned());
    let mut grid = Grid::new(std::iter::once(String::new()).chain(names));
    for line in &comparison.lines {
        let cells = known.iter().map(|&m| match line.mean_and_spread(m) {
            Some((mean, spread)) => compare::with_spread(mean, spread, comparison.seeds.len()),
            None => "-".to_owned(),
        });
        grid.row(std::iter::once(line.name.clone()).chain(cells));
    }
    let (learned, held) = comparison.rows;
    format!(
        "{}: {learned} rows to learn from, {held} held out, {} seeds, mean ± standard deviation\n\n{}\nreport  {}\n",
        comparison.data,
        comparison.seeds.len(),
        grid.render(),
        dir.join(PAGE).display()
    )
}
