//! What the settings mean for rows with views: a multimodal autoencoder (Ngiam, Khosla, Kim, Nam, Lee & Ng 2011).
//!
//! Each view `v` has layers of its own on either side of the shared ones (their figure 3b), and `h` is of all views:
//!
//! ```text
//! h = f(m_1 f_1(x_1), …, m_V f_V(x_V)),   x̂_v = g_v(g(h)),   L = Σ_v −log p_v(x_v | h)
//! ```
//!
//! Rows that keep one view alone (corruption `views`) are rebuilt whole, so that a view that is missing, and 0, can be told
//! from the others. `m_v` is 0 for a missing view and `V` over the number of known ones for the rest.

use std::ops::Range;

use serde_json::Value;

use super::{
    config::AutoencoderConfig,
    corruption::CorruptionKind,
    likelihood::{Likelihood, LikelihoodKind},
};
use crate::{
    Error, Result,
    codes::outside_of,
    data::{Dataset, FeatureKind, Preprocess, Scale},
    recipe::nearest,
};

const KEY: &str = "model.view-likelihoods";

/// The views that settings name, with their likelihoods.
pub(super) fn parse(settings: &[String]) -> Result<Vec<(&str, LikelihoodKind)>> {
    let mut views: Vec<(&str, LikelihoodKind)> = Vec::with_capacity(settings.len());
    for text in settings {
        let wrong = || {
            let expected = "VIEW=WORD with auto, gaussian, bernoulli or categorical";
            Error::config(KEY, format!("found '{text}', expected {expected}"))
        };
        let (view, word) = text.split_once('=').ok_or_else(wrong)?;
        let kind = serde_json::from_value(Value::from(word.trim())).map_err(|_| wrong())?;
        if views.iter().any(|(known, _)| *known == view.trim()) {
            return Err(Error::config(KEY, format!("the view '{}' is given twice", view.trim())));
        }
        views.push((view.trim(), kind));
    }
    Ok(views)
}

/// The likelihood of rows of this schema; every `auto` is resolved.
pub(super) fn likelihood(config: &AutoencoderConfig, preprocess: &Preprocess) -> Likelihood {
    let groups = groups(preprocess);
    let named = parse(&config.view_likelihoods).unwrap_or_default();
    let of_view = |name: &str| named.iter().find(|(view, _)| *view == name).map(|(_, kind)| *kind);
    let views: Vec<(LikelihoodKind, Range<usize>)> = preprocess
        .view_ranges()
        .into_iter()
        .map(|(name, range)| (of_view(name).unwrap_or(config.likelihood), range))
        .collect();
    let likelihood = match views.is_empty() {
        true => Likelihood::new(config.likelihood, &groups, preprocess.width()),
        false => Likelihood::of_views(&views, &groups),
    };
    likelihood.with_variance(config.variance)
}

/// The groups of features that are corrupted together: views, or else columns.
pub(super) fn cells(config: &AutoencoderConfig, preprocess: &Preprocess) -> Vec<Range<usize>> {
    let of_columns = || preprocess.ranges().into_iter().map(|(_, range)| range).collect();
    match config.corruption {
        CorruptionKind::Views => preprocess.view_ranges().into_iter().map(|(_, range)| range).collect(),
        _ => of_columns(),
    }
}

/// The features of each view.
pub(super) fn ranges(preprocess: &Preprocess) -> Vec<Range<usize>> {
    preprocess.view_ranges().into_iter().map(|(_, range)| range).collect()
}

/// The groups of features that are one distribution: the values of a category, the words of a text.
fn groups(preprocess: &Preprocess) -> Vec<Range<usize>> {
    let ranges = preprocess.ranges().into_iter().zip(&preprocess.features);
    let one_hot =
        |kind: &FeatureKind| matches!(kind, FeatureKind::Category { .. } | FeatureKind::Text { .. });
    ranges.filter(|(_, feature)| one_hot(&feature.kind)).map(|((_, range), _)| range).collect()
}

/// The settings with every automatic likelihood replaced by what it means for these rows.
///
/// # Errors
/// A likelihood that does not fit the rows, and settings of views that the rows lack.
pub(super) fn resolve(config: &AutoencoderConfig, data: &Dataset) -> Result<AutoencoderConfig> {
    let preprocess = &data.preprocess;
    if preprocess.views.is_empty() {
        let asked = [
            ("model.view-hidden", !config.view_hidden.is_empty()),
            (KEY, !config.view_likelihoods.is_empty()),
            ("model.corruption", config.corruption == CorruptionKind::Views),
        ];
        if let Some((key, _)) = asked.iter().find(|(_, set)| *set) {
            let message =
                "the rows have no views: give them as NAME=FILE,NAME=FILE, or name columns in data.views";
            return Err(Error::config(*key, message));
        }
        let image = data.image_shape().is_some() && preprocess.scale == Scale::Unit;
        let rows = Part { name: None, range: 0..data.width(), image };
        return Ok(AutoencoderConfig {
            likelihood: rows.resolve(config.likelihood, data)?,
            ..config.clone()
        });
    }
    let named = parse(&config.view_likelihoods)?;
    let known = || preprocess.views.iter().map(|view| view.name.as_str());
    if let Some((name, _)) = named.iter().find(|(name, _)| !known().any(|view| view == *name)) {
        let hint = nearest(name, known()).map_or(String::new(), |near| format!(", did you mean '{near}'?"));
        let all = known().collect::<Vec<_>>().join(", ");
        return Err(Error::config(KEY, format!("no view '{name}', the views are {all}{hint}")));
    }
    let mut words = Vec::with_capacity(preprocess.views.len());
    for (view, (name, range)) in preprocess.views.iter().zip(preprocess.view_ranges()) {
        let asked = named.iter().find(|(view, _)| *view == name).map_or(config.likelihood, |(_, kind)| *kind);
        let image = view.image.is_some() && view.scale == Scale::Unit;
        let kind = Part { name: Some(name), range, image }.resolve(asked, data)?;
        words.push(format!("{name}={}", kind.name()));
    }
    Ok(AutoencoderConfig { view_likelihoods: words, ..config.clone() })
}

/// Some features that have one likelihood.
struct Part<'a> {
    /// The view that they are.
    name: Option<&'a str>,
    range: Range<usize>,
    /// Whether they are pixels from 0 to 1.
    image: bool,
}

impl Part<'_> {
    /// What `kind` means for these features; and a refusal of one that does not fit them.
    fn resolve(&self, kind: LikelihoodKind, data: &Dataset) -> Result<LikelihoodKind> {
        let groups = groups(&data.preprocess);
        let grouped = groups.iter().any(|g| self.range.start <= g.start && g.end <= self.range.end);
        let outside = |least, greatest| outside_of(data, self.range.clone(), least, greatest);
        let refuse = |needs: &str, (column, value): (String, f32), try_: &str| {
            let (key, of_view) = match self.name {
                Some(name) => (KEY, format!(" of view {name}")),
                None => ("model.likelihood", String::new()),
            };
            Err(Error::config(key, format!("{needs}, but column '{column}'{of_view} has {value}{try_}")))
        };
        match kind {
            LikelihoodKind::Auto => Ok(match () {
                () if self.image && outside(0.0, 1.0).is_none() => LikelihoodKind::Bernoulli,
                () if grouped => LikelihoodKind::Categorical,
                () => LikelihoodKind::Gaussian,
            }),
            LikelihoodKind::Bernoulli => match outside(0.0, 1.0) {
                None => Ok(kind),
                Some(found) => refuse(
                    "bernoulli needs values from 0 to 1",
                    found,
                    " after scaling. Use data.scale min-max, or likelihood gaussian",
                ),
            },
            LikelihoodKind::Categorical if !grouped => match outside(0.0, f32::INFINITY) {
                None => Ok(kind),
                Some(found) => refuse(
                    "categorical needs categories or counts",
                    found,
                    ". Use data.scale none for counts, or likelihood gaussian",
                ),
            },
            _ => Ok(kind),
        }
    }
}
