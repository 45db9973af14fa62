//! Views: several descriptions of the same rows, side by side.
//!
//! Views are files of their own, spelled in place of the name of a file as `pix=pix.csv,fou=fou.csv` and read together by
//! [`ViewsSource`], or groups of the columns of one table (`data.views`). Either way the features of a view are next to each
//! other in [`Preprocess::features`], and [`Preprocess::views`] says how many each has.

mod groups;
mod open;
mod settings;
mod source;

use std::{
    ops::Range,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

pub(crate) use groups::{check as check_groups, groups};
pub(crate) use settings::{check as check_settings, options_of};
pub(crate) use source::ViewsSource;

use super::{Feature, ImageShape, Preprocess, ReadOptions, Scale, preprocess::nearest};
use crate::{Error, Result};

/// A view of the rows: some features that belong together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct View {
    /// Its name.
    pub name: String,
    /// How many of the features are its; they follow those of the view before.
    pub features: usize,
    /// How its numbers were scaled, never [`Scale::Auto`].
    pub scale: Scale,
    /// Shape of the images that its rows are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<ImageShape>,
    /// Whether it has a file of its own, whose columns are called `view.column` here.
    pub apart: bool,
    /// Whether the columns of that file are found by name (else by position).
    pub named: bool,
}

/// Where a view lies among the columns of a source, and how it is read.
#[derive(Debug, Clone)]
pub struct SourceView {
    /// Its name.
    pub name: String,
    /// Its columns, as places among those of the source.
    pub columns: Vec<usize>,
    /// How its columns become features.
    pub options: ReadOptions,
    /// Shape of the images that its rows are.
    pub image: Option<ImageShape>,
    /// As [`Source::range`](super::Source::range).
    pub range: Option<f32>,
    /// As [`View::apart`].
    pub apart: bool,
    /// As [`View::named`].
    pub named: bool,
}

/// Views with a file each: their names and files.
pub(crate) type Spelled = Vec<(String, PathBuf)>;

/// The views that `path` spells out, `pix=pix.csv,fou=fou.csv`; `None` where it names a file.
pub(crate) fn spelled(path: &Path) -> Option<Spelled> {
    let text = path.to_str().filter(|_| !path.exists())?;
    let mut views: Vec<(String, String)> = Vec::new();
    for part in text.split(',') {
        match (part.split_once('='), views.last_mut()) {
            (Some((name, file)), _) if is_name(name.trim()) => {
                views.push((name.trim().to_owned(), file.trim().to_owned()));
            }
            // A comma within the name of a file.
            (_, Some((_, file))) => *file = format!("{file},{part}"),
            (_, None) => return None,
        }
    }
    Some(views.into_iter().map(|(name, file)| (name, file.into())).collect())
}

/// The views as [`spelled`] reads them.
pub(crate) fn spell<'a>(views: impl IntoIterator<Item = (&'a str, &'a Path)>) -> PathBuf {
    let parts = views.into_iter().map(|(name, file)| format!("{name}={}", file.display()));
    parts.collect::<Vec<_>>().join(",").into()
}

/// Names of views stand in flags between `.`, `=` and `,`.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-')
}

/// The name of a column of a view with a file of its own.
fn within(view: &str, column: &str) -> String {
    format!("{view}.{column}")
}

/// Refuses a view that is given twice.
fn check_once<'a>(key: &str, names: impl IntoIterator<Item = &'a str>) -> Result<()> {
    let mut seen = std::collections::HashSet::new();
    match names.into_iter().find(|name| !seen.insert(*name)) {
        Some(name) => Err(Error::config(key, format!("the view '{name}' is given twice"))),
        None => Ok(()),
    }
}

/// That there is no view of this name, with the nearest.
fn unknown<'a>(key: &str, name: &str, known: impl Iterator<Item = &'a str> + Clone) -> Error {
    let all = known.clone().collect::<Vec<_>>().join(", ");
    let hint = nearest(name, known).map_or(String::new(), |near| format!(", did you mean '{near}'?"));
    Error::config(key, format!("no view '{name}', the views are {all}{hint}"))
}

impl Preprocess {
    /// Each view with the matrix columns that it became; none where rows have no views.
    pub fn view_ranges(&self) -> Vec<(&str, Range<usize>)> {
        let (mut feature, mut column) = (0, 0);
        let mut ranges = Vec::with_capacity(self.views.len());
        for view in &self.views {
            let features = &self.features[feature..feature + view.features];
            let width: usize = features.iter().map(Feature::width).sum();
            ranges.push((view.name.as_str(), column..column + width));
            (feature, column) = (feature + view.features, column + width);
        }
        ranges
    }

    /// The features of each view, as places among all.
    pub(crate) fn view_features(&self) -> Vec<Range<usize>> {
        let mut start = 0;
        let range = |view: &View| {
            start += view.features;
            start - view.features..start
        };
        self.views.iter().map(range).collect()
    }

    /// Checks the names of views that a flag gives: each known, none twice.
    ///
    /// # Errors
    /// [`Error::Config`] that names the flag and the nearest view.
    pub fn check_views(&self, flag: &str, names: &[String]) -> Result<()> {
        if let (Some(name), true) = (names.first(), self.views.is_empty()) {
            let message = format!(
                "found '{name}', but the model was fitted to rows without views: fit it to NAME=FILE,NAME=FILE or with \
                 --views"
            );
            return Err(Error::config(flag, message));
        }
        let known = || self.views.iter().map(|view| view.name.as_str());
        match names.iter().find(|name| !known().any(|view| view == *name)) {
            Some(name) => Err(unknown(flag, name, known())),
            None => check_once(flag, names.iter().map(String::as_str)),
        }
    }

    /// The schema of some views alone, in the order of all.
    pub(crate) fn only(&self, names: &[String]) -> Self {
        let kept = |view: &View| names.contains(&view.name);
        let features = self.view_features().into_iter().zip(&self.views).filter(|(_, view)| kept(view));
        Self {
            features: features.flat_map(|(range, _)| self.features[range].to_vec()).collect(),
            views: self.views.iter().filter(|view| kept(view)).cloned().collect(),
            ..self.clone()
        }
    }

    /// The schema of the file of one view; `None` where there is no such view.
    pub(crate) fn of_file(&self, name: &str) -> Option<Self> {
        let view = self.views.iter().find(|view| view.name == name)?;
        let alone = self.only(&[name.to_owned()]);
        let plain = |feature: Feature| match feature.name.strip_prefix(&within(name, "")) {
            Some(column) if view.apart => Feature { name: column.to_owned(), ..feature },
            _ => feature,
        };
        Some(Self {
            features: alone.features.into_iter().map(plain).collect(),
            views: Vec::new(),
            scale: view.scale,
            image: view.image,
            named: view.named,
            ..alone
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_are_spelled_as_names_with_files() {
        // What is typed, and the views it spells, none for the name of a file.
        let cases: &[(&str, &[(&str, &str)])] = &[
            ("pix=pix.csv,fou=fou.csv", &[("pix", "pix.csv"), ("fou", "fou.csv")]),
            ("a=x,y.csv,b=z.csv", &[("a", "x,y.csv"), ("b", "z.csv")]),
            ("one=/tmp/one.csv", &[("one", "/tmp/one.csv")]),
            ("people.csv", &[]),
            ("data/day=1/people.csv", &[]),
            ("=x.csv", &[]),
            ("people.csv,fou=x.csv", &[]),
        ];
        for (text, expected) in cases {
            let found = spelled(Path::new(text));
            let expected: Spelled =
                expected.iter().map(|(name, file)| ((*name).into(), file.into())).collect();
            assert_eq!(found.clone().unwrap_or_default(), expected, "{text}");
            assert_eq!(found.is_none(), expected.is_empty(), "{text}");
            if let Some(views) = found {
                let again = spell(views.iter().map(|(name, file)| (name.as_str(), file.as_path())));
                assert_eq!(again, Path::new(text));
            }
        }
    }
}
