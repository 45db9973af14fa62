//! All other verbs: their arguments.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

use super::{From, Output, Transform};

/// `score`
#[derive(Debug, Args)]
pub(crate) struct Score {
    #[command(flatten)]
    pub(crate) transform: Transform,
    /// Scores above this are unusual: a score (12.5), or a percentage (95%) of the rows of DATA that lie below it. The
    /// model's own threshold when not given.
    #[arg(long, value_name = "SCORE|PERCENT%", value_parser = parse_threshold)]
    pub(crate) threshold: Option<Threshold>,
    /// The share of the rows of DATA to call unusual, those of highest score: 0.05 is the same as --threshold 95%.
    #[arg(long, value_name = "SHARE", value_parser = parse_share, conflicts_with = "threshold")]
    pub(crate) contamination: Option<f64>,
    /// How many columns to name for each row, those that contribute most to its score.
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub(crate) top: usize,
}

/// What scores are compared with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Threshold {
    /// A score.
    Value(f64),
    /// The score that this share of the rows lies below.
    Quantile(f64),
}

fn parse_threshold(text: &str) -> Result<Threshold, String> {
    let number = |text: &str| text.trim().parse::<f64>().ok().filter(|v| v.is_finite());
    match text.strip_suffix('%').map(number) {
        Some(Some(percent)) if percent > 0.0 && percent < 100.0 => Ok(Threshold::Quantile(percent / 100.0)),
        Some(_) => Err("expected a percentage between 0% and 100%, say 95%".into()),
        None => number(text)
            .map(Threshold::Value)
            .ok_or_else(|| "expected a score, say 12.5, or a percentage, say 95%".into()),
    }
}

/// `classify`
#[derive(Debug, Args)]
pub(crate) struct Classify {
    #[command(flatten)]
    pub(crate) transform: Transform,
    /// Name the N most probable classes of each row instead of giving the probability of every class.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) top: Option<u32>,
}

/// `sample`
#[derive(Debug, Args)]
pub(crate) struct Sample {
    /// The model directory.
    #[arg(value_name = "MODEL", value_hint = ValueHint::DirPath)]
    pub(crate) model: PathBuf,
    /// How many rows.
    #[arg(short = 'n', long = "rows", value_name = "N", default_value_t = 16)]
    pub(crate) rows: usize,
    /// The same seed gives the same rows.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
    #[command(flatten)]
    pub(crate) output: Output,
}

fn parse_share(text: &str) -> Result<f64, String> {
    match text.trim().parse::<f64>() {
        Ok(share) if share > 0.0 && share < 1.0 => Ok(share),
        _ => Err("expected a share of the rows between 0 and 1, say 0.05".into()),
    }
}

/// `evaluate`
#[derive(Debug, Args)]
pub(crate) struct Evaluate {
    /// The model directory.
    #[arg(value_name = "MODEL", value_hint = ValueHint::DirPath)]
    pub(crate) model: PathBuf,
    /// The rows to measure on.
    #[arg(value_name = "DATA", value_hint = ValueHint::AnyPath)]
    pub(crate) data: PathBuf,
    /// The class whose rows should have high scores: adds the area under the ROC curve, the average precision and the
    /// precision at n, and what the threshold of the model makes of them.
    #[arg(long, value_name = "CLASS")]
    pub(crate) anomaly: Option<String>,
    /// Search for every row by its code: adds the share of the K nearest rows of the fit that share its label (precision at
    /// K). Where DATA is what the model was fitted to, its test rows search among all others.
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) retrieval: Option<u32>,
    /// Estimate the log-likelihood of the rows: by this many samples of the code of each (variational models), or with the
    /// normalising constant by this many runs of annealed importance sampling (Boltzmann machines).
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) importance_samples: Option<u32>,
}

/// `index`
#[derive(Debug, Args)]
pub(crate) struct Index {
    /// The model directory.
    #[arg(value_name = "MODEL", value_hint = ValueHint::DirPath)]
    pub(crate) model: PathBuf,
    /// The rows: a file, a folder, the name of a data set, or - for CSV from standard input.
    #[arg(value_name = "DATA", value_hint = ValueHint::AnyPath)]
    pub(crate) data: PathBuf,
    #[command(flatten)]
    pub(crate) from: From,
    /// The index to write.
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: PathBuf,
    /// Write over a file that is there.
    #[arg(long)]
    pub(crate) force: bool,
    /// How codes become bits: auto keeps zeros and ones as bits and others as they are, none keeps all as they are, half is 1
    /// above 0.5, median is 1 above the median of the indexed codes.
    #[arg(long, value_name = "WORD", default_value = "auto", value_parser = ["auto", "none", "half", "median"], hide_possible_values = true)]
    pub(crate) binarize: String,
    /// How codes that are not bits are compared: euclidean or cosine.
    #[arg(long, value_name = "WORD", default_value = "euclidean", value_parser = ["euclidean", "cosine"], hide_possible_values = true)]
    pub(crate) metric: String,
    /// Also keep a graph of neighbours of codes that are not bits: searches among very many become fast, and may miss a few.
    #[arg(long)]
    pub(crate) graph: bool,
}

/// `search`
#[derive(Debug, Args)]
pub(crate) struct Search {
    /// The index.
    #[arg(value_name = "INDEX", value_hint = ValueHint::FilePath)]
    pub(crate) index: PathBuf,
    /// The rows to search for: data of the model's input.
    #[arg(value_name = "QUERY", value_hint = ValueHint::AnyPath, required_unless_present = "row")]
    pub(crate) query: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) from: From,
    /// Search for a row of the indexed data in place of QUERY, itself left out of the result; as often as needed.
    #[arg(long, value_name = "N", conflicts_with_all = ["query", "from"])]
    pub(crate) row: Vec<u64>,
    /// How many rows to find [default: 10, or all within the radius].
    #[arg(short, value_name = "K")]
    pub(crate) k: Option<usize>,
    /// Only rows at most so far away.
    #[arg(long, value_name = "DISTANCE", allow_negative_numbers = true)]
    pub(crate) radius: Option<f64>,
    /// Compare all codes even where the index has a graph.
    #[arg(long)]
    pub(crate) exact: bool,
    /// The model directory, where it is not the one that the index names.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, conflicts_with = "row")]
    pub(crate) model: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) output: Output,
}

/// `compare`
#[derive(Debug, Args)]
pub(crate) struct Compare {
    /// The data: a file, a folder of images, or the name of a data set.
    #[arg(value_name = "DATA", value_hint = ValueHint::AnyPath)]
    pub(crate) data: String,
    /// The kinds to compare; all kinds when neither these nor recipes are given.
    #[arg(long, value_name = "KIND,KIND,..", value_delimiter = ',')]
    pub(crate) kinds: Vec<String>,
    /// A recipe to compare with them, as often as needed; only its data file is replaced.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) recipe: Vec<PathBuf>,
    /// How often to fit each: seeds 0, 1, ….
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub(crate) seeds: u64,
    /// Numbers in a code of the kinds.
    #[arg(long, value_name = "N", default_value_t = 8)]
    pub(crate) code: u64,
    /// Column with the class of each row.
    #[arg(long, value_name = "COLUMN")]
    pub(crate) label: Option<String>,
    /// The class whose rows should have high scores.
    #[arg(long, value_name = "CLASS")]
    pub(crate) unusual: Option<String>,
    /// Set a key of every recipe, as often as needed; kinds that lack it are left as they are.
    #[arg(long, value_name = "SECTION.KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// The directory to write the table and the page to.
    #[arg(short, long, value_name = "DIR", default_value = "comparison", value_hint = ValueHint::DirPath)]
    pub(crate) output: PathBuf,
    /// Write over a comparison that is there.
    #[arg(long)]
    pub(crate) force: bool,
}

/// `inspect`
#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// The model directory.
    #[arg(value_name = "MODEL", value_hint = ValueHint::DirPath)]
    pub(crate) model: PathBuf,
    /// Also list the weights: name, shape, mean and standard deviation.
    #[arg(long)]
    pub(crate) tensors: bool,
}

/// `report`
#[derive(Debug, Args)]
pub(crate) struct Report {
    /// The model directory.
    #[arg(value_name = "MODEL", value_hint = ValueHint::DirPath)]
    pub(crate) model: PathBuf,
    /// Open it in the browser.
    #[arg(long)]
    pub(crate) open: bool,
}

/// `reproduce`
#[derive(Debug, Args)]
pub(crate) struct Reproduce {
    /// The experiment.
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// The model directory to write; a directory of the experiment's name when not given.
    #[arg(short, long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) output: Option<PathBuf>,
    /// Replace the model that is there.
    #[arg(long)]
    pub(crate) force: bool,
    /// Change a key of its recipe, as often as needed.
    #[arg(long, value_name = "SECTION.KEY=VALUE")]
    pub(crate) set: Vec<String>,
}

/// `data`
#[derive(Debug, Args)]
pub(crate) struct Data {
    #[command(subcommand)]
    pub(crate) action: DataAction,
}

/// What to do with the catalogue.
#[derive(Debug, Subcommand)]
pub(crate) enum DataAction {
    /// List the data sets: what they are, where they come from, whether they are here.
    List,
    /// Fetch a data set into the cache where it is not here yet, check that it is whole and print where it is. What cannot
    /// be fetched: where to find it and where to put it.
    Get {
        /// Its name.
        #[arg(value_name = "NAME")]
        name: String,
    },
}

/// `completions`
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell.
    #[arg(value_name = "SHELL")]
    pub(crate) shell: clap_complete::Shell,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_is_a_score_or_a_percentage() {
        assert_eq!(parse_threshold("12.5"), Ok(Threshold::Value(12.5)));
        assert_eq!(parse_threshold("95%"), Ok(Threshold::Quantile(0.95)));
        for wrong in ["", "high", "0%", "100%", "nan", "%"] {
            assert!(parse_threshold(wrong).is_err(), "{wrong}");
        }
    }
}
