//! Verbs that turn rows into something else: their arguments.

use std::path::PathBuf;

use clap::{Args, ValueHint};

/// `demo`
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// The model directory to write; an earlier demo there is replaced.
    #[arg(short, long, value_name = "DIR", default_value = "latentia-demo", value_hint = ValueHint::DirPath)]
    pub(crate) output: PathBuf,
}

/// `fit`
#[derive(Debug, Args)]
pub(crate) struct Fit {
    /// A recipe (a .toml file), or a kind of model, or with --resume a model directory.
    #[arg(value_name = "RECIPE|KIND", value_hint = ValueHint::FilePath)]
    pub(crate) what: Option<String>,
    /// The data: a file, a folder of images or texts, or the name of a data set (see `latentia data list`); files that are
    /// views of the same rows as NAME=FILE,NAME=FILE.
    #[arg(value_name = "DATA", value_hint = ValueHint::AnyPath)]
    pub(crate) data: Option<String>,
    /// The model directory to write (for `fit pca PHOTO`, the picture to write).
    #[arg(short, long, value_name = "DIR", value_hint = ValueHint::AnyPath)]
    pub(crate) output: Option<PathBuf>,
    /// Replace the model that is there.
    #[arg(long, conflicts_with = "resume")]
    pub(crate) force: bool,
    /// Go on with a fit that was stopped, from its newest checkpoint.
    #[arg(long)]
    pub(crate) resume: bool,
    /// Set a key of the recipe, as often as needed.
    #[arg(long, value_name = "SECTION.KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// Print the whole recipe with the meaning of every key, and fit nothing.
    #[arg(long)]
    pub(crate) print_recipe: bool,
}

/// Views of the rows that are read.
#[derive(Debug, Args)]
pub(crate) struct From {
    /// Read only these views (named groups of columns) of the rows, the others being missing; with one, DATA may be the file of that view.
    #[arg(long, value_name = "VIEW,VIEW,..", value_delimiter = ',')]
    pub(crate) from: Vec<String>,
}

/// A model, the rows for it, and where the result goes.
#[derive(Debug, Args)]
pub(crate) struct Transform {
    /// The model directory.
    #[arg(value_name = "MODEL", value_hint = ValueHint::DirPath)]
    pub(crate) model: PathBuf,
    /// The rows: a file, a folder of images or texts, the name of a data set, or - for CSV from standard input.
    #[arg(value_name = "DATA", value_hint = ValueHint::AnyPath)]
    pub(crate) data: PathBuf,
    #[command(flatten)]
    pub(crate) output: Output,
}

/// `encode`
#[derive(Debug, Args)]
pub(crate) struct Encode {
    #[command(flatten)]
    pub(crate) transform: Transform,
    #[command(flatten)]
    pub(crate) from: From,
}

/// `reconstruct`
#[derive(Debug, Args)]
pub(crate) struct Reconstruct {
    #[command(flatten)]
    pub(crate) transform: Transform,
    #[command(flatten)]
    pub(crate) from: From,
    /// Give only these views of the rows.
    #[arg(long, value_name = "VIEW,VIEW,..", value_delimiter = ',')]
    pub(crate) to: Vec<String>,
}

/// Where results go.
#[derive(Debug, Args)]
pub(crate) struct Output {
    /// Where to write, in the format of the extension: .csv, .csv.gz, .parquet, .npy, .jsonl, for images also .png;
    /// CSV to standard output when not given.
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,
    /// Write over a file that is there.
    #[arg(long)]
    pub(crate) force: bool,
}

/// `decode`
#[derive(Debug, Args)]
pub(crate) struct Decode {
    /// The model directory.
    #[arg(value_name = "MODEL", value_hint = ValueHint::DirPath)]
    pub(crate) model: PathBuf,
    /// The codes: a file that `latentia encode` wrote, or one with as many columns as a code has numbers; - for CSV
    /// from standard input.
    #[arg(value_name = "CODES", value_hint = ValueHint::FilePath)]
    pub(crate) codes: PathBuf,
    #[command(flatten)]
    pub(crate) output: Output,
}

/// `compress`
#[derive(Debug, Args)]
pub(crate) struct Compress {
    /// The rows: a table, a folder of images, or the name of a data set.
    #[arg(value_name = "DATA", value_hint = ValueHint::AnyPath)]
    pub(crate) data: PathBuf,
    /// The model directory.
    #[arg(short, long, value_name = "MODEL", value_hint = ValueHint::DirPath)]
    pub(crate) model: PathBuf,
    /// Where to write; .lat is the usual ending.
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: PathBuf,
    /// Write over a file that is there.
    #[arg(long)]
    pub(crate) force: bool,
    /// Bits of each number of a code, 1 to 16.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=16))]
    pub(crate) bits: u32,
    /// Take the fewest bits with which the root mean square error of a scaled feature is at most this: in standard
    /// deviations for a table, in parts of white for images.
    #[arg(long, value_name = "ERROR", conflicts_with = "bits", value_parser = parse_error)]
    pub(crate) max_error: Option<f64>,
}

fn parse_error(text: &str) -> Result<f64, String> {
    match text.trim().parse::<f64>() {
        Ok(error) if error > 0.0 && error.is_finite() => Ok(error),
        _ => Err("expected a number above 0, say 0.1".into()),
    }
}

/// `decompress`
#[derive(Debug, Args)]
pub(crate) struct Decompress {
    /// The file that `latentia compress` wrote.
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,
    /// The model directory it was written with.
    #[arg(short, long, value_name = "MODEL", value_hint = ValueHint::DirPath)]
    pub(crate) model: PathBuf,
    /// Where to write, in the format of the extension; for images a name without one is a folder of PNG files.
    #[arg(short, long, value_name = "OUT", value_hint = ValueHint::AnyPath)]
    pub(crate) output: PathBuf,
    /// Write over what is there.
    #[arg(long)]
    pub(crate) force: bool,
}

/// `denoise`
#[derive(Debug, Args)]
pub(crate) struct Denoise {
    #[command(flatten)]
    pub(crate) transform: Transform,
    /// Corrupt the rows first, as training did, to see what the model makes of it.
    #[arg(long)]
    pub(crate) corrupt: bool,
    /// Seed of the corruption.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
}
