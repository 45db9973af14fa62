//! Fitting the preprocessing to the training rows.

mod scaling;
mod values;

use self::{
    scaling::{Manner, Moments, moments},
    values::{categories, vocabulary},
};
use super::{
    ColumnKind, Feature, FeatureKind, LabelSpec, Missing, Preprocess, ReadOptions, Scale, Source, View,
    held::Held,
    preprocess::by_kind,
    split::Part,
    views::{self, SourceView},
};
use crate::{DataError, Error, Result};
pub(crate) use values::{Labels, labels};

/// Fits the schema to the rows whose part is [`Part::Train`].
pub(crate) fn fit(
    source: &dyn Source,
    chunks: &[Held],
    parts: &[Part],
    label: Option<LabelSpec>,
    options: &ReadOptions,
) -> Result<Preprocess> {
    let groups = views::groups(source, options)?;
    let views: &[SourceView] = if groups.is_empty() { source.views() } else { &groups };
    let image = source.image_shape();
    let (number_columns, text_columns) = by_kind(source.columns());
    let moments = moments(chunks, parts, number_columns.len());
    // The view of each column, and its place there.
    let mut place_of: Vec<Option<(usize, usize)>> = vec![None; source.columns().len()];
    for (v, view) in views.iter().enumerate() {
        view.columns.iter().enumerate().for_each(|(k, &j)| place_of[j] = Some((v, k)));
    }
    let of_view = |v: Option<usize>| {
        let own = number_columns.iter().zip(&moments).filter(|(j, _)| place_of[**j].map(|(v, _)| v) == v);
        own.map(|(_, m)| *m).collect::<Vec<_>>()
    };
    let alone = Manner::new(options, (image, image.is_some(), source.range()), of_view(None));
    let manners: Vec<Manner<'_>> = views
        .iter()
        .enumerate()
        .map(|(v, view)| {
            let images = view.image.is_some() || (!view.apart && image.is_some());
            Manner::new(&view.options, (view.image, images, view.range), of_view(Some(v)))
        })
        .collect();
    let asides = [source.label(), source.id(), source.tags()];
    let documents = source.texts();
    let mut constant = Vec::new();
    let mut empty = Vec::new();
    let (mut numbers, mut texts) = (moments.iter(), 0..text_columns.len());
    let mut features = Vec::with_capacity(source.columns().len());
    let mut targets = Vec::new();
    if image.is_some() && !source.targets().is_empty() {
        return Err(Error::config("data.target", "the pixels of an image cannot be predicted one by one"));
    }
    for (j, column) in source.columns().iter().enumerate() {
        let aside = asides.contains(&Some(&column.name));
        let left_out = !views.is_empty() && place_of[j].is_none();
        let manner = place_of[j].map_or(&alone, |(v, _)| &manners[v]);
        let kind = match column.kind {
            ColumnKind::Number => {
                let Some(m) = numbers.next() else { continue };
                if source.targets().contains(&column.name) {
                    targets.push(target(source, &column.name, m)?);
                    continue;
                }
                if left_out {
                    continue;
                }
                match m.count {
                    0 => empty.push(column.name.as_str()),
                    // Borders of images are constant in every set of digits: nothing to warn of.
                    _ if m.is_constant() && manner.image.is_none() && image.is_none() => {
                        constant.push(column.name.as_str());
                    }
                    _ => {}
                }
                let (offset, scale) = m.scaling(manner.scale, manner.unit);
                let fill = if options.missing == Missing::Zero { 0.0 } else { m.mean as f32 };
                FeatureKind::Number { offset, scale, fill }
            }
            ColumnKind::Text => {
                let Some(index) = texts.next().filter(|_| !aside && !left_out) else { continue };
                if documents.contains(&column.name.as_str()) {
                    let kind = vocabulary(source, chunks, parts, index, &column.name, manner.options)?;
                    features.push((place_of[j], Feature { name: column.name.clone(), kind }));
                    continue;
                }
                let values = categories(source, chunks, parts, index, &column.name)?;
                match values.len() {
                    0 => empty.push(column.name.as_str()),
                    1 => constant.push(column.name.as_str()),
                    _ => {}
                }
                FeatureKind::Category { values }
            }
        };
        features.push((place_of[j], Feature { name: column.name.clone(), kind }));
    }
    // The features of a view are next to each other; without views all stay in their order.
    features.sort_by_key(|(place, _)| *place);
    let mut fitted = Vec::with_capacity(views.len());
    for (v, (view, manner)) in views.iter().zip(&manners).enumerate() {
        let own = || features.iter().filter(|(place, _)| place.map(|(v, _)| v) == Some(v));
        if own().all(|(_, feature)| feature.width() == 0) {
            let found = format!("no column of features in the view {}", view.name);
            return Err(DataError::new(source.path(), found, "at least one").into());
        }
        fitted.push(View {
            name: view.name.clone(),
            features: own().count(),
            scale: manner.scale,
            image: view.image,
            apart: view.apart,
            named: view.named,
        });
    }
    let features: Vec<Feature> = features.into_iter().map(|(_, feature)| feature).collect();
    if features.iter().all(|feature| feature.width() == 0) {
        return Err(DataError::new(source.path(), "no column of features", "at least one")
            .hint("Check --label, --id, --columns and --ignore")
            .into());
    }
    let mut warnings = Vec::new();
    if !constant.is_empty() {
        warnings.push(format!("{} the same in every training row", several(&constant)));
    }
    if !empty.is_empty() {
        warnings.push(format!("{} empty in every training row", several(&empty)));
    }
    Ok(Preprocess {
        features,
        label,
        id: source.id().map(str::to_owned),
        tags: source.tags().map(str::to_owned),
        targets,
        // Columns that are grouped anew are no images.
        image: image.filter(|_| fitted.is_empty()),
        views: fitted,
        scale: alone.scale,
        missing: options.missing,
        unknown: options.unknown,
        named: source.is_named(),
        warnings,
    })
}

/// A column to be told from the others, its numbers scaled to mean 0 and deviation 1.
fn target(source: &dyn Source, column: &str, moments: &Moments) -> Result<Feature> {
    if moments.count == 0 || moments.is_constant() {
        let found = match moments.count {
            0 => "no number".to_owned(),
            _ => format!("{} in every training row", moments.min),
        };
        return Err(DataError::new(source.path(), found, "numbers that differ from row to row")
            .column(column)
            .hint("There is nothing to learn: give another --target")
            .into());
    }
    let (offset, scale) = moments.scaling(Scale::Standard, 1.0);
    let kind = FeatureKind::Number { offset, scale, fill: moments.mean as f32 };
    Ok(Feature { name: column.to_owned(), kind })
}

fn several(names: &[&str]) -> String {
    match names {
        [name] => format!("column \"{name}\" is"),
        names if names.len() <= 5 => {
            let quoted: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
            format!("columns {} are", quoted.join(", "))
        }
        names => format!("{} columns (\"{}\", \"{}\", ...) are", names.len(), names[0], names[1]),
    }
}

/// An error unless there is enough to learn from.
pub(crate) fn check_rows(source: &dyn Source, rows: usize) -> Result<()> {
    if rows < 2 {
        let found = if rows == 0 { "no rows of data".to_owned() } else { "1 row".to_owned() };
        return Err(DataError::new(source.path(), found, "at least 2 rows to learn from").into());
    }
    Ok(())
}
