//! The different values of a column of text: classes, categories and words.

use std::collections::HashMap;

use super::super::{
    FeatureKind, LabelSpec, ReadOptions, Source,
    documents::Counts,
    held::Held,
    preprocess::{by_kind, canonical},
    split::Part,
};
use crate::{DataError, Result};

/// More values than this in a column of text: it names rows rather than kinds of rows.
const MAX_CATEGORIES: usize = 1000;

/// The classes of a file and the class of each of its rows.
pub(crate) struct Labels {
    pub(crate) spec: LabelSpec,
    /// One a row of the file; `u32::MAX` where the cell is missing.
    pub(crate) classes: Vec<u32>,
}

/// Reads the label column, checking that it has a sensible number of classes.
pub(crate) fn labels(source: &dyn Source, chunks: &[Held]) -> Result<Option<Labels>> {
    let Some(column) = source.label() else { return Ok(None) };
    let (_, texts) = by_kind(source.columns());
    let Some(index) = texts.iter().position(|&j| source.columns()[j].name == column) else { return Ok(None) };
    let mut seen: HashMap<String, u32> = HashMap::new();
    let mut classes = Vec::new();
    for cell in chunks.iter().flat_map(|chunk| &chunk.texts[index]) {
        let class = cell.as_deref().map(|class| {
            let class = canonical(class);
            match seen.get(&*class) {
                Some(&k) => k,
                None => {
                    let k = seen.len() as u32;
                    seen.insert(class.into_owned(), k);
                    k
                }
            }
        });
        if seen.len() > MAX_CATEGORIES {
            return Err(DataError::new(
                source.path(),
                format!("more than {MAX_CATEGORIES} different classes"),
                "a column of classes",
            )
            .column(column)
            .hint("Give another --label, or none")
            .into());
        }
        classes.push(class.unwrap_or(u32::MAX));
    }
    let mut names: Vec<(String, u32)> = seen.into_iter().collect();
    sort_values(&mut names, |(name, _)| name);
    let mut rank = vec![0; names.len()];
    for (new, (_, old)) in (0..).zip(&names) {
        rank[*old as usize] = new;
    }
    for class in classes.iter_mut().filter(|class| **class != u32::MAX) {
        *class = rank[*class as usize];
    }
    let spec =
        LabelSpec { column: column.to_owned(), classes: names.into_iter().map(|(name, _)| name).collect() };
    Ok(Some(Labels { spec, classes }))
}

/// The different values of text column `index` in the training rows, sorted.
pub(super) fn categories(
    source: &dyn Source,
    chunks: &[Held],
    parts: &[Part],
    index: usize,
    column: &str,
) -> Result<Vec<String>> {
    let mut values: HashMap<&str, ()> = HashMap::new();
    let cells = chunks.iter().flat_map(|chunk| &chunk.texts[index]);
    for (cell, _) in cells.zip(parts).filter(|(_, part)| **part == Part::Train) {
        if let Some(text) = cell {
            values.insert(text, ());
            if values.len() > MAX_CATEGORIES {
                let found = format!("text with more than {MAX_CATEGORIES} different values");
                return Err(DataError::new(source.path(), found, "numbers or categories")
                    .column(column)
                    .hint(format!("Leave the column out with --ignore {column}, or use it to name rows with --id {column}"))
                    .into());
            }
        }
    }
    let mut values: Vec<String> = values.into_keys().map(str::to_owned).collect();
    sort_values(&mut values, |value| value);
    Ok(values)
}

/// The words of text column `index` in the training rows.
pub(super) fn vocabulary(
    source: &dyn Source,
    chunks: &[Held],
    parts: &[Part],
    index: usize,
    column: &str,
    options: &ReadOptions,
) -> Result<FeatureKind> {
    let mut counts = Counts::default();
    let cells = chunks.iter().flat_map(|chunk| &chunk.texts[index]);
    for (cell, _) in cells.zip(parts).filter(|(_, part)| **part == Part::Train) {
        if let Some(text) = cell {
            counts.add(text);
        }
    }
    let least = options.min_documents as u64;
    let vocabulary = counts.vocabulary(options.vocabulary, least, options.stop_words);
    if vocabulary.is_empty() {
        let expected = format!("a word in at least {least} training documents");
        return Err(DataError::new(source.path(), "no word", expected)
            .column(column)
            .hint("Check --text and --min-documents")
            .into());
    }
    Ok(FeatureKind::Text { weighting: options.weighting, vocabulary })
}

/// By value when all are numbers, else alphabetically.
fn sort_values<T>(values: &mut [T], text: impl Fn(&T) -> &str) {
    let number = |value: &T| text(value).parse::<f64>().ok().filter(|x| x.is_finite());
    if values.iter().all(|value| number(value).is_some()) {
        values.sort_by(|a, b| {
            let order = number(a).unwrap_or_default().total_cmp(&number(b).unwrap_or_default());
            order.then_with(|| text(a).cmp(text(b)))
        });
    } else {
        values.sort_by(|a, b| text(a).cmp(text(b)));
    }
}
