//! The experiments in `recipes/`: each is a recipe with what is known of its figures in its header.
//!
//! The lines of a recipe that begin with `#:` are TOML of their own, so that a recipe stays one file that
//! `latentia fit` runs as it is; the first line says what it is about.

use latentia::{
    Error, Result,
    figures::{Figures, ViewNeighbours, ViewSearch},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::output::number;

/// An experiment.
#[derive(Debug)]
pub(super) struct Experiment {
    /// The name of its file, without the extension.
    pub(super) name: &'static str,
    /// The file.
    pub(super) recipe: &'static str,
    /// What it is about, in a line.
    pub(super) about: String,
    /// What is known of it.
    pub(super) header: Header,
}

/// What a recipe says of itself.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Header {
    /// Who published the figures, where.
    pub(super) source: String,
    /// How long it takes.
    pub(super) time: String,
    /// The experiment whose model this one starts from or takes as its encoder.
    pub(super) first: Option<String>,
    /// What to compare.
    pub(super) figures: Vec<Figure>,
}

/// A figure of the experiment.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Figure {
    /// What is measured, on the rows that were least used in fitting.
    pub(super) measure: Measure,
    /// What the source found.
    pub(super) published: Option<f64>,
    /// The least that is expected of this program.
    pub(super) at_least: Option<f64>,
    /// The most that is expected of this program.
    pub(super) at_most: Option<f64>,
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Measure {
    /// Summed over the features, averaged over the rows.
    #[serde(rename = "squared error")]
    SquaredError,
    #[serde(rename = "squared error of PCA")]
    OfPca,
    #[serde(rename = "squared error / that of PCA")]
    BesidePca,
    /// Share of rows whose nearest neighbours in code space have their class.
    #[serde(rename = "5-NN accuracy")]
    Neighbours,
    /// Share of neighbours on the map of the codes that are neighbours in the input, by rank.
    #[serde(rename = "trustworthiness of the map")]
    Trustworthiness,
    /// Share of rows whose class is told wrong, in per cent.
    #[serde(rename = "error %")]
    Error,
    /// Share of rows with a label of the query among the 100 nearest, averaged over the queries.
    #[serde(rename = "precision at 100")]
    Precision,
    #[serde(rename = "precision at 100 of PCA")]
    PrecisionOfPca,
    /// How often an unusual row scores higher than another.
    #[serde(rename = "area under the ROC curve")]
    Detection,
    /// How often the code of a row from one view finds its code from another first, the mean over pairs of views.
    #[serde(rename = "recall at 1 across views")]
    RecallAt1,
    #[serde(rename = "recall at 1 across views of CCA")]
    RecallAt1OfCca,
    /// The same among the first ten.
    #[serde(rename = "recall at 10 across views")]
    RecallAt10,
    #[serde(rename = "recall at 10 across views of CCA")]
    RecallAt10OfCca,
    /// Of a view rebuilt from another one, beside that of ridge regression; the mean over pairs of views.
    #[serde(rename = "squared error across views / that of ridge regression")]
    AcrossBesideRidge,
    /// Of rows coded from one view, among rows coded from all; the mean over the views.
    #[serde(rename = "5-NN accuracy from one view")]
    NeighboursFromOne,
    #[serde(rename = "5-NN accuracy from one view of PCA")]
    NeighboursFromOneOfPca,
    /// Nats a row, by importance samples.
    #[serde(rename = "negative log-likelihood")]
    NegativeLogLikelihood,
}

impl Measure {
    /// Its name in a header and in a table.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::SquaredError => "squared error",
            Self::OfPca => "squared error of PCA",
            Self::BesidePca => "squared error / that of PCA",
            Self::Neighbours => "5-NN accuracy",
            Self::Trustworthiness => "trustworthiness of the map",
            Self::Error => "error %",
            Self::Precision => "precision at 100",
            Self::PrecisionOfPca => "precision at 100 of PCA",
            Self::Detection => "area under the ROC curve",
            Self::RecallAt1 => "recall at 1 across views",
            Self::RecallAt1OfCca => "recall at 1 across views of CCA",
            Self::RecallAt10 => "recall at 10 across views",
            Self::RecallAt10OfCca => "recall at 10 across views of CCA",
            Self::AcrossBesideRidge => "squared error across views / that of ridge regression",
            Self::NeighboursFromOne => "5-NN accuracy from one view",
            Self::NeighboursFromOneOfPca => "5-NN accuracy from one view of PCA",
            Self::NegativeLogLikelihood => "negative log-likelihood",
        }
    }

    fn of(self, figures: &Figures) -> Option<f64> {
        let part = figures.parts.last();
        let pca = part.and_then(|part| part.pca_squared_error);
        match self {
            Self::SquaredError => part.map(|part| part.squared_error),
            Self::OfPca => pca,
            Self::BesidePca => part.zip(pca).map(|(part, pca)| part.squared_error / pca),
            Self::Neighbours => figures.neighbours.as_ref().map(|n| n.in_code),
            Self::Trustworthiness => figures.maps.first().map(|map| map.trustworthiness),
            Self::Error => {
                let part = figures.prediction.as_ref().and_then(|p| p.parts.last());
                part.map(|part| 100.0 * (1.0 - part.accuracy))
            }
            Self::Detection => figures.detection.as_ref().map(|d| d.auroc),
            Self::Precision => figures.retrieval.as_ref().filter(|r| r.k == 100).map(|r| r.in_code),
            Self::PrecisionOfPca => figures.retrieval.as_ref().filter(|r| r.k == 100).and_then(|r| r.in_pca),
            Self::RecallAt1 => over_searches(figures, |s| Some(s.recall.at_1)),
            Self::RecallAt1OfCca => over_searches(figures, |s| Some(s.linear?.at_1)),
            Self::RecallAt10 => over_searches(figures, |s| Some(s.recall.at_10)),
            Self::RecallAt10OfCca => over_searches(figures, |s| Some(s.linear?.at_10)),
            Self::AcrossBesideRidge => {
                let across = figures.views.as_ref()?.across();
                mean(across.map(|error| Some(error.squared_error / error.linear?)))
            }
            Self::NeighboursFromOne => mean(from_one(figures)?.map(|n| Some(n.in_code))),
            Self::NeighboursFromOneOfPca => mean(from_one(figures)?.map(|n| n.in_pca)),
            Self::NegativeLogLikelihood => figures.likelihood.as_ref().map(|l| l.negative_log),
        }
    }
}

/// The mean over the searches across views.
fn over_searches(figures: &Figures, of: impl Fn(&ViewSearch) -> Option<f64>) -> Option<f64> {
    figures.views.as_ref()?.mean_over_searches(of)
}

/// What rows coded from a single view tell of their class.
fn from_one(figures: &Figures) -> Option<impl Iterator<Item = &ViewNeighbours>> {
    Some(figures.views.as_ref()?.neighbours.iter().filter(|n| n.from.is_some()))
}

/// The mean; `None` where one is not known, or there are none.
fn mean(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let values: Vec<f64> = values.collect::<Option<_>>()?;
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

impl Figure {
    /// What is expected, in words.
    pub(super) fn expectation(&self) -> String {
        match (self.at_least, self.at_most) {
            (Some(least), Some(most)) => format!("{} to {}", number(least), number(most)),
            (Some(least), None) => format!("at least {}", number(least)),
            (None, Some(most)) => format!("at most {}", number(most)),
            (None, None) => "-".to_owned(),
        }
    }
}

/// A figure beside what was found.
#[derive(Debug)]
pub(super) struct Comparison<'a> {
    pub(super) figure: &'a Figure,
    pub(super) found: Option<f64>,
}

impl Comparison<'_> {
    pub(super) fn is_as_expected(&self) -> bool {
        let (least, most) = (self.figure.at_least, self.figure.at_most);
        self.found.is_some_and(|found| least.is_none_or(|v| found >= v) && most.is_none_or(|v| found <= v))
    }
}

macro_rules! recipes {
    ($($name:literal),+) => {
        &[$(($name, include_str!(concat!("../../../../../recipes/", $name, ".toml")))),+]
    };
}

/// The recipes, the quick ones first.
const RECIPES: &[(&str, &str)] = recipes![
    "digits-autoencoder",
    "digits-isomap",
    "digits-few-labels",
    "linear-autoencoder",
    "denoising-digits",
    "sparse-digits",
    "contractive-digits",
    "rbm-digits",
    "mfeat-views",
    "anomaly-tables",
    "reuters-hashing",
    "multi30k-views",
    "mnist-pca",
    "linear-autoencoder-mnist",
    "mnist-autoencoder",
    "vae-mnist",
    "vae-mnist-conv",
    "vae-mnist-dynamic",
    "iwae-mnist",
    "dbn-mnist",
    "mnist-hidden-layer",
    "mnist-classifier",
    "mnist-few-labels"
];

impl Experiment {
    /// Every experiment.
    ///
    /// # Errors
    /// A header is not what it should be: a fault of this program that its tests find.
    pub(super) fn all() -> Result<Vec<Self>> {
        RECIPES.iter().map(|(name, recipe)| Self::parse(name, recipe)).collect()
    }

    fn parse(name: &'static str, recipe: &'static str) -> Result<Self> {
        let about = recipe.lines().next().and_then(|line| line.strip_prefix("# ")).unwrap_or(name).to_owned();
        let lines: Vec<&str> = recipe.lines().filter_map(|line| line.strip_prefix("#:")).collect();
        let header = toml::from_str(&lines.join("\n"))
            .map_err(|e| Error::config(format!("recipes/{name}.toml"), e.to_string()))?;
        Ok(Self { name, recipe, about, header })
    }

    /// What the figures of a run are beside what is known.
    pub(super) fn compare<'a>(&'a self, figures: &Figures) -> Vec<Comparison<'a>> {
        let compare = |figure: &'a Figure| Comparison { figure, found: figure.measure.of(figures) };
        self.header.figures.iter().map(compare).collect()
    }

    pub(super) fn to_json(&self) -> Value {
        json!({
            "name": self.name,
            "about": self.about,
            "source": self.header.source,
            "time": self.header.time,
            "first": self.header.first,
            "figures": self.header.figures,
        })
    }
}

#[cfg(test)]
mod tests {
    use latentia::{figures::PartFigures, recipe::Draft};

    use super::*;

    #[test]
    fn every_file_in_recipes_is_an_experiment_with_something_expected() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../recipes");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        let all = Experiment::all().unwrap();
        let mut names: Vec<String> = all.iter().map(|e| format!("{}.toml", e.name)).collect();
        files.sort();
        names.sort();
        assert_eq!(files, names);
        for experiment in &all {
            Draft::parse(experiment.recipe).unwrap().complete().unwrap();
            let first = experiment.header.first.as_deref();
            assert!(first.is_none_or(|first| all.iter().any(|e| e.name == first)), "{first:?}");
            assert!(experiment.about.ends_with('.') && !experiment.header.figures.is_empty());
            for figure in &experiment.header.figures {
                assert_ne!(figure.expectation(), "-", "{}: {}", experiment.name, figure.measure.name());
                assert_eq!(serde_json::to_value(figure.measure).unwrap(), figure.measure.name());
            }
        }
    }

    #[test]
    fn a_figure_is_as_expected_within_its_bounds() {
        let figure =
            |at_least, at_most| Figure { measure: Measure::BesidePca, published: None, at_least, at_most };
        let part =
            PartFigures { part: "test".into(), rows: 9, squared_error: 3.0, pca_squared_error: Some(4.0) };
        let figures = Figures { parts: vec![part], ..Figures::default() };
        let cases = [
            (Some(0.7), Some(0.8), true),
            (Some(0.76), None, false),
            (None, Some(0.74), false),
            (Some(0.75), Some(0.75), true),
        ];
        for (least, most, expected) in cases {
            let figure = figure(least, most);
            let comparison = Comparison { found: figure.measure.of(&figures), figure: &figure };
            assert_eq!(comparison.is_as_expected(), expected, "{figure:?}");
        }
        let nothing = figure(None, Some(1.0));
        assert!(
            !Comparison { found: nothing.measure.of(&Figures::default()), figure: &nothing }.is_as_expected()
        );
    }
}
