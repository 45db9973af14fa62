//! `latentia data`

use latentia::{
    Result,
    data::catalogue::{self, ENTRIES, Entry, Resolved, VIEW_SETS, ViewSet},
};
use serde_json::{Value, json};

use super::Context;
use crate::{
    Outcome,
    args::{Data, DataAction},
    output,
};
#[cfg(feature = "download")]
use crate::{progress, signals};

/// Lists the catalogue, or makes sure that a data set is here and whole.
pub(super) fn run(args: &Data, context: &Context) -> Outcome {
    match &args.action {
        DataAction::List => list(context),
        DataAction::Get { name } => get(name, context),
    }
}

fn list(context: &Context) -> Outcome {
    let is_here = |entry: &&Entry| catalogue::resolve(entry.name).is_ok();
    if context.global.json {
        let sets = ENTRIES.iter().map(
            |e| json!({ "name": e.name, "about": e.about, "licence": e.licence, "address": e.address, "here": is_here(&e) }),
        );
        let views = VIEW_SETS.iter().map(|set| {
            json!({ "name": set.name, "about": set.about, "views": spelled(set), "here": parts(set).iter().all(is_here) })
        });
        return output::print_json(&Value::from(sets.chain(views).collect::<Vec<_>>()));
    }
    let mut rows = vec![["name", "here", "what", "licence"].map(str::to_owned).to_vec()];
    for entry in ENTRIES {
        let here = if is_here(&entry) { "yes" } else { "no" };
        rows.push([entry.name, here, entry.about, entry.licence].map(str::to_owned).to_vec());
    }
    for set in VIEW_SETS {
        let here = if parts(set).iter().all(is_here) { "yes" } else { "no" };
        rows.push([set.name, here, set.about, &spelled(set)].map(str::to_owned).to_vec());
    }
    output::print(&output::left_aligned(&rows))
}

/// The data sets of a group of views.
fn parts(set: &ViewSet) -> Vec<&'static Entry> {
    let name = |(_, name): &(&str, &'static str)| ENTRIES.iter().find(|entry| entry.name == *name);
    set.views.iter().filter_map(name).collect()
}

/// A group of views as it would be typed.
fn spelled(set: &ViewSet) -> String {
    set.views.iter().map(|(view, name)| format!("{view}={name}")).collect::<Vec<_>>().join(",")
}

fn get(name: &str, context: &Context) -> Outcome {
    let entries = match catalogue::find_views(name) {
        Some(set) => parts(set),
        None => vec![catalogue::find(name)?],
    };
    let mut found = Vec::with_capacity(entries.len());
    for entry in &entries {
        bring(entry, context)?;
        found.push((entry.name, catalogue::resolve(entry.name)?));
    }
    if context.global.json {
        let json = |(name, files): &(&str, Resolved)| json!({ "name": name, "train": files.train, "test": files.test });
        return output::print_json(&match found.as_slice() {
            [one] => json(one),
            several => several.iter().map(json).collect(),
        });
    }
    if entries.iter().all(|entry| entry.files.is_empty()) {
        return output::print(&format!("{name} comes with the program\n"));
    }
    let files = found.iter().flat_map(|(_, files)| std::iter::once(&files.train).chain(&files.test));
    output::print(&files.map(|path| format!("{}\n", path.display())).collect::<String>())
}

/// Fetches what is missing.
#[cfg(feature = "download")]
fn bring(entry: &Entry, context: &Context) -> Result<()> {
    signals::listen(
        &context.cancel,
        "stopping; what has not wholly arrived is not kept",
        context.global.quiet,
    );
    catalogue::get(entry, progress::bars(context.global.quiet).as_mut(), &context.cancel)
}

/// Checks what is here; the error says where the rest is published and where to put it.
#[cfg(not(feature = "download"))]
fn bring(entry: &Entry, _: &Context) -> Result<()> {
    catalogue::verify(entry)
}
