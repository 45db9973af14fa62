//! Fitting the preprocessing to the training rows.

use std::collections::HashMap;

use super::ReadOptions;
use super::{
    Chunk, Feature, FeatureKind, ImageShape, LabelSpec, Missing, Preprocess, Scale, Source, View,
    documents::Counts,
    preprocess::{by_kind, canonical},
    split::Part,
    views::{self, SourceView},
};
use crate::{DataError, Error, Result};

/// More values than this in a column of text: it names rows rather than kinds of rows.
pub(crate) const MAX_CATEGORIES: usize = 1000;

/// What is known of the numeric columns of the training rows.
#[derive(Debug, Clone, Copy)]
struct Moments {
    count: u64,
    mean: f64,
    squares: f64,
    min: f32,
    max: f32,
}

impl Moments {
    const NONE: Self = Self { count: 0, mean: 0.0, squares: 0.0, min: f32::INFINITY, max: f32::NEG_INFINITY };

    /// Welford's update (1962): accurate in one pass, however far the mean is from zero.
    fn push(&mut self, value: f32) {
        if value.is_finite() {
            self.count += 1;
            let x = f64::from(value);
            let delta = x - self.mean;
            self.mean += delta / self.count as f64;
            self.squares += delta * (x - self.mean);
            self.min = self.min.min(value);
            self.max = self.max.max(value);
        }
    }

    fn is_constant(&self) -> bool {
        self.min >= self.max
    }

    /// Offset and scale.
    fn scaling(&self, scale: Scale, unit: f32) -> (f32, f32) {
        let (offset, scale) = match scale {
            Scale::Auto | Scale::None => (0.0, 1.0),
            Scale::Unit => (0.0, f64::from(unit)),
            _ if self.count == 0 => (0.0, 1.0),
            Scale::MinMax if self.is_constant() => (f64::from(self.min), 1.0),
            Scale::MinMax => (f64::from(self.min), f64::from(self.max) - f64::from(self.min)),
            Scale::Standard if self.is_constant() => (f64::from(self.min), 1.0),
            Scale::Standard => (self.mean, (self.squares / self.count as f64).sqrt()),
        };
        let scale = scale.clamp(f64::from(f32::MIN_POSITIVE), f64::from(f32::MAX));
        (offset as f32, scale as f32)
    }
}

/// The classes of a file and the class of each of its rows.
pub(crate) struct Labels {
    pub(crate) spec: LabelSpec,
    /// One a row of the file; `u32::MAX` where the cell is missing.
    pub(crate) classes: Vec<u32>,
}

/// Reads the label column, checking that it has a sensible number of classes.
pub(crate) fn labels(source: &dyn Source, chunks: &[Chunk]) -> Result<Option<Labels>> {
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

/// How the columns of a view, or of rows without views, become features.
struct Manner<'a> {
    options: &'a ReadOptions,
    image: Option<ImageShape>,
    scale: Scale,
    /// What [`Scale::Unit`] divides by.
    unit: f32,
}

impl<'a> Manner<'a> {
    /// Of the numeric columns with these moments; `images` says whether they are pixels of images or parts of images.
    fn new(
        options: &'a ReadOptions,
        (image, images, range): (Option<ImageShape>, bool, Option<f32>),
        moments: Vec<Moments>,
    ) -> Self {
        let scale = match options.scale {
            Scale::Auto if images => Scale::Unit,
            Scale::Auto => Scale::Standard,
            scale => scale,
        };
        let unit = range.unwrap_or_else(|| {
            let most = moments
                .iter()
                .filter(|m| m.count > 0)
                .map(|m| m.min.abs().max(m.max.abs()))
                .fold(0.0, f32::max);
            if most > 0.0 { most } else { 1.0 }
        });
        Self { options, image, scale, unit }
    }
}

/// Fits the schema to the rows whose part is [`Part::Train`].
pub(crate) fn fit(
    source: &dyn Source,
    chunks: &[Chunk],
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
        return Err(Error::config("data.target", "the pixels of an image cannot be told one by one"));
    }
    for (j, column) in source.columns().iter().enumerate() {
        let aside = asides.contains(&Some(&column.name));
        let left_out = !views.is_empty() && place_of[j].is_none();
        let manner = place_of[j].map_or(&alone, |(v, _)| &manners[v]);
        let kind = match column.kind {
            super::ColumnKind::Number => {
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
            super::ColumnKind::Text => {
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

fn moments(chunks: &[Chunk], parts: &[Part], columns: usize) -> Vec<Moments> {
    let mut moments = vec![Moments::NONE; columns];
    let mut parts = parts.iter();
    for chunk in chunks {
        for (i, part) in (0..chunk.rows).zip(&mut parts) {
            if *part == Part::Train && columns > 0 {
                for (m, &value) in moments.iter_mut().zip(chunk.numbers.row(i)) {
                    m.push(value);
                }
            }
        }
    }
    moments
}

/// The different values of text column `index` in the training rows, sorted.
fn categories(
    source: &dyn Source,
    chunks: &[Chunk],
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
fn vocabulary(
    source: &dyn Source,
    chunks: &[Chunk],
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

/// An error unless there is enough to learn from.
pub(crate) fn check_rows(source: &dyn Source, rows: usize) -> Result<()> {
    if rows < 2 {
        let found = if rows == 0 { "no rows of data".to_owned() } else { "1 row".to_owned() };
        return Err(DataError::new(source.path(), found, "at least 2 rows to learn from").into());
    }
    Ok(())
}
