//! Groups of the columns of one table.

use std::collections::HashMap;

use super::{SourceView, check_once, is_name, options_of, settings::check_names};
use crate::{
    Error, Result,
    data::{ReadOptions, Source, preprocess::nearest},
};

const KEY: &str = "data.views";

/// Checks what can be checked without the table.
pub(crate) fn check(views: &[String]) -> Result<()> {
    let parsed = views.iter().map(|text| parse(text)).collect::<Result<Vec<_>>>()?;
    check_once(KEY, parsed.iter().map(|(name, _)| *name))
}

/// `NAME=COLUMNS`.
fn parse(text: &str) -> Result<(&str, &str)> {
    match text.split_once('=').map(|(name, columns)| (name.trim(), columns.trim())) {
        Some((name, columns)) if is_name(name) && !columns.is_empty() => Ok((name, columns)),
        _ => Err(Error::config(
            KEY,
            format!("found '{text}', expected NAME=FIRST..LAST, NAME=PREFIX* or NAME=COLUMN+COLUMN"),
        )),
    }
}

/// The views that the options make of a table.
///
/// # Errors
/// A column that is not there, in two views, or read aside as label, id or tags.
pub(crate) fn groups(source: &dyn Source, options: &ReadOptions) -> Result<Vec<SourceView>> {
    if options.views.is_empty() {
        return match options.view_options.first() {
            Some(text) if source.views().is_empty() => {
                Err(Error::config("data.view-options", format!("{text}: the data has no views")))
            }
            _ => Ok(Vec::new()),
        };
    }
    let asides = [source.label(), source.id(), source.tags()];
    let names: Vec<&str> = source.columns().iter().map(|column| column.name.as_str()).collect();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for (j, &name) in names.iter().enumerate().filter(|(_, name)| !asides.contains(&Some(name))) {
        places.entry(name).or_insert(j);
    }
    let mut owner: HashMap<usize, &str> = HashMap::new();
    let mut views = Vec::with_capacity(options.views.len());
    let known: Vec<&str> = options.views.iter().map(|text| Ok(parse(text)?.0)).collect::<Result<_>>()?;
    check_names(options, &known)?;
    for text in &options.views {
        let (view, wanted) = parse(text)?;
        let find = |column: &str| {
            places.get(column).copied().ok_or_else(|| {
                let near = nearest(column, names.iter().copied().filter(|name| places.contains_key(name)));
                let hint = near.map_or(String::new(), |near| format!(", the nearest is '{near}'"));
                Error::config(KEY, format!("{view}: no column of features '{column}'{hint}"))
            })
        };
        let mut columns = Vec::new();
        for part in wanted.split('+').map(str::trim) {
            match (places.get(part), part.split_once(".."), part.strip_suffix('*')) {
                (Some(&j), ..) => columns.push(j),
                (None, Some((first, last)), _) => {
                    let (first, last) = (find(first.trim())?, find(last.trim())?);
                    columns.extend((first..=last).filter(|&j| places.get(names[j]) == Some(&j)));
                }
                (None, None, Some(prefix)) => {
                    columns.extend(
                        (0..names.len())
                            .filter(|&j| names[j].starts_with(prefix) && places.get(names[j]) == Some(&j)),
                    );
                }
                (None, None, None) => columns.push(find(part)?),
            }
        }
        if columns.is_empty() {
            return Err(Error::config(KEY, format!("{view}: no column is in {wanted}")));
        }
        for &j in &columns {
            if let Some(other) = owner.insert(j, view) {
                let message = match other == view {
                    true => format!("{view}: the column '{}' is in it twice", names[j]),
                    false => format!("the column '{}' is in {other} and in {view}", names[j]),
                };
                return Err(Error::config(KEY, message));
            }
        }
        views.push(SourceView {
            name: view.to_owned(),
            columns,
            options: options_of(view, options)?,
            image: None,
            range: source.range(),
            apart: false,
            named: source.is_named(),
        });
    }
    Ok(views)
}
