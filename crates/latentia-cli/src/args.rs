//! What the program understands: global flags, verbs, and one flag for every key of a recipe.

mod recipe;

use std::path::PathBuf;

use clap::{ArgAction, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueHint};

pub(crate) use recipe::{Assignment, assignments};

/// Learn compact codes of your own data, and use them.
#[derive(Debug, Parser)]
#[command(
    name = "latentia",
    version,
    about,
    long_about = "Learn compact codes of your own data (tables, images, documents), and use them: to compress, to compare, to search, \
                  to draw, to find what is unusual. `latentia demo` shows it in seconds.",
    after_help = "Examples:
  latentia demo
  latentia fit autoencoder digits --code 8 --epochs 20 -o model
  latentia encode model digits -o codes.csv

`latentia VERB --help` explains a verb, with examples.",
    max_term_width = 110,
    arg_required_else_help = true
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// Flags that every verb knows.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Where to compute: cpu, or a GPU this build was compiled for.
    #[arg(long, global = true, default_value = "cpu", value_name = "DEVICE", display_order = 900)]
    pub(crate) device: String,
    /// Threads to compute with; all processors when not given. The result does not depend on it.
    #[arg(long, global = true, value_name = "N", display_order = 901, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) threads: Option<u16>,
    /// No progress bars and no remarks, only results and errors.
    #[arg(short, long, global = true, display_order = 902)]
    pub(crate) quiet: bool,
    /// Print results as JSON, for programs.
    #[arg(long, global = true, display_order = 903)]
    pub(crate) json: bool,
    /// Say more about what happens (-vv for still more); RUST_LOG goes before it.
    #[arg(short, long, global = true, action = ArgAction::Count, display_order = 904)]
    pub(crate) verbose: u8,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// See the whole of it in seconds, on data that comes with the program.
    #[command(after_help = "Example:
  latentia demo -o digits-demo")]
    Demo(Demo),
    /// Fit a model to data, by a recipe or by flags.
    #[command(
        long_about = "Fit a model to data and write a model directory: weights, figures beside PCA, and a report to look at.\n\n\
                      Either a recipe file says everything, or a kind of model and a data file do and flags change the rest. \
                      Every key of a recipe is a flag of the same name; flags override the recipe.",
        after_help = "Examples:
  latentia fit autoencoder digits --code 8 --epochs 20 -o model
  latentia fit autoencoder --label health --print-recipe > recipe.toml
  latentia fit recipe.toml people.csv --set train.epochs=5 -o people-model
  latentia fit pca digits --components 8 -o pca-model
  latentia fit k-means people.csv --clusters 4 -o groups
  latentia fit pca photo.png --components 20 -o small.png
  latentia fit isomap digits --neighbours 10 -o digits-map
  latentia fit classifier digits --hidden 64 --epochs 10 -o digits-classifier
  latentia fit --resume stopped-model"
    )]
    Fit(Fit),
    /// Turn rows into codes.
    #[command(after_help = "Examples:
  latentia encode model digits -o codes.csv
  latentia encode model digits -o codes.parquet
  latentia encode model digits | head -3")]
    Encode(Transform),
    /// Turn codes back into rows, in the units of the data.
    #[command(after_help = "Examples:
  latentia encode model digits -o codes.csv
  latentia decode model codes.csv -o rows.csv")]
    Decode(Decode),
    /// Turn rows into codes and back: what the model keeps of them.
    #[command(after_help = "Examples:
  latentia reconstruct model digits -o rebuilt.csv
  latentia reconstruct people-model people.csv -o rebuilt.parquet")]
    Reconstruct(Transform),
    /// Keep rows as quantised codes in one small file.
    #[command(
        long_about = "Keep rows as quantised codes in one small file, to be read back by the same model.\n\n\
                      Every number of a code is rounded to --bits bits between its least and its greatest value, and the \
                      result is packed without further loss. Printed are the bytes of the codes, of the file, and of the file \
                      with the model, which whoever reads the codes must have too; and the error of what comes back.",
        after_help = "Examples:
  latentia compress people.csv -m people-model -o people.lat --bits 6
  latentia compress digits -m model -o digits.lat --max-error 0.2"
    )]
    Compress(Compress),
    /// Turn a file of compress back into rows.
    #[command(after_help = "Examples:
  latentia compress people.csv -m people-model -o rows.lat
  latentia decompress rows.lat -m people-model -o rows.csv")]
    Decompress(Decompress),
    /// Turn noisy rows into clean ones.
    #[command(
        long_about = "Turn noisy rows into clean ones, as the model learned to (fit it with --corruption).\n\n\
                      With --corrupt the rows are corrupted first, the way training did it, and what the model makes of them is \
                      compared with the rows as they were.",
        after_help = "Examples:
  latentia denoise model digits -o clean.csv
  latentia fit autoencoder digits --corruption masking --epochs 5 -o denoiser
  latentia denoise denoiser digits --corrupt -o denoised.png"
    )]
    Denoise(Denoise),
    /// Say how unusual each row is, and because of which columns.
    #[command(
        long_about = "Say how unusual each row is, and because of which columns.\n\n\
                      The score is large for rows the model rebuilds badly. A row is called unusual when its score is above the \
                      threshold: the model's own (of a share of the rows it was fitted with, anomaly.contamination), or the one \
                      given. The columns that contribute most to the score follow, with what was found and what the model made \
                      of it; a column of categories counts with all of its values together.",
        after_help = "Examples:
  latentia score people-model people.csv -o scores.csv
  latentia score people-model people.csv --contamination 0.05
  latentia score people-model people.csv --threshold 95%
  latentia score people-model people.csv --threshold 12.5 --top 1"
    )]
    Score(Score),
    /// Tell the class of each row.
    #[command(
        long_about = "Tell the class of each row, by a model of kind classifier.\n\n\
                      For every row the most probable class and the probability of every class; with --top the most probable \
                      classes alone, each with its probability.",
        after_help = "Examples:
  latentia classify digits-classifier digits -o classes.csv
  latentia classify digits-classifier digits --top 3 | head -3"
    )]
    Classify(Classify),
    /// Draw new rows like those a model has learned from.
    #[command(after_help = "Examples:
  latentia fit rbm digits --epochs 5 -o digits-rbm
  latentia sample digits-rbm -n 64 -o samples.png
  latentia sample digits-rbm -n 3 --seed 7 -o samples.csv")]
    Sample(Sample),
    /// Say which cluster each row belongs to, and how far it is from the centroid.
    #[command(after_help = "Examples:
  latentia fit k-means digits --clusters 10 -o digits-clusters
  latentia cluster digits-clusters digits -o clusters.csv")]
    Cluster(Transform),
    /// Measure a model on further data.
    #[command(after_help = "Examples:
  latentia evaluate model digits
  latentia evaluate people-model people.csv --anomaly ill")]
    Evaluate(Evaluate),
    /// Fit several kinds to one data set, several times each, and see their figures side by side.
    #[command(
        long_about = "Fit several kinds to one data set, several times each, and see their figures side by side.\n\n\
                      Every kind runs with its defaults and the same code size, every recipe as it is; nothing is tuned. A \
                      seed splits the rows, a fifth held out where the data does not say, and all learn from the same ones. \
                      What a kind cannot do is a dash.",
        after_help = "Examples:
  latentia compare digits --kinds pca,autoencoder --seeds 2 --set train.epochs=5 -o compared
  latentia compare people.csv --label health --unusual ill --seeds 2 -o compared-people"
    )]
    Compare(Compare),
    /// Keep the codes of rows in a file, to be searched.
    #[command(
        long_about = "Keep the codes of rows in a file, to be searched by `latentia search`.\n\n\
                      Codes of zeros and ones are kept as bits and compared by how many bits differ; other codes stay as they \
                      are, or become bits by --binarize. Searches are exact unless a graph is asked for.",
        after_help = "Examples:
  latentia index model digits -o digits.index
  latentia index model digits --binarize median -o digits-bits.index
  latentia index model digits --metric cosine --graph -o digits-graph.index"
    )]
    Index(Index),
    /// Find the rows whose codes are nearest.
    #[command(
        long_about = "Find the rows of an index whose codes are nearest to those of other rows, or of one of its own.\n\n\
                      The rows of QUERY are turned into codes by the model that the index was made with. Each result has the \
                      query, its rank, the row that was found with its class, and the distance: the number of bits that \
                      differ, or the distance of the index's metric.",
        after_help = "Examples:
  latentia search digits.index digits -k 3 -o near.csv
  latentia search digits.index --row 17
  latentia search digits-bits.index --row 17 --radius 1"
    )]
    Search(Search),
    /// Show what a model directory holds, and check that it is whole.
    #[command(after_help = "Examples:
  latentia inspect model
  latentia inspect model --tensors")]
    Inspect(Inspect),
    /// Say where the report of a model is, or open it.
    #[command(after_help = "Example:
  latentia report model")]
    Report(Report),
    /// Repeat a published experiment, and see its figures beside those found.
    #[command(
        long_about = "Repeat a published experiment, and see its figures beside those found.\n\n\
                      Without a name, lists the experiments. With one, fits its recipe and prints what was published, what is \
                      expected of this program and what was found. Data that is not here is fetched by `latentia data get`.",
        after_help = "Examples:
  latentia reproduce
  latentia reproduce linear-autoencoder
  latentia reproduce digits-autoencoder --set train.seed=1 -o digits-seed-1"
    )]
    Reproduce(Reproduce),
    /// List the data sets that have a name, or fetch one.
    #[command(
        after_help = "Examples:
  latentia data list
  latentia data get digits",
        subcommand_required = true,
        arg_required_else_help = true
    )]
    Data(Data),
    /// Print a completion script for a shell.
    #[command(after_help = "Example:
  latentia completions bash > latentia.bash")]
    Completions(Completions),
}

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
    /// The data: a file, a folder of images or texts, or the name of a data set (see `latentia data list`).
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

/// `encode`, `reconstruct`, `cluster`
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
    /// How many of the columns that contribute most to name for each row.
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
    /// Estimate the log-likelihood of the rows by this many samples of the code of each (variational models).
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
    /// Search for a row of the indexed data in place of QUERY, itself left out of the result; as often as needed.
    #[arg(long, value_name = "N", conflicts_with = "query")]
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

/// The whole command line, flags of recipe keys included.
pub(crate) fn command() -> clap::Command {
    // The keys are worked out only when `fit` is what was asked for: other verbs start sooner.
    Cli::command().mut_subcommand("fit", |fit| fit.defer(recipe::add_flags))
}

/// The command line of this process, and the recipe keys its flags set.
pub(crate) fn parse() -> Result<(Cli, Vec<Assignment>), clap::Error> {
    let mut matches = command().try_get_matches()?;
    let set = matches.subcommand_matches("fit").map(assignments).unwrap_or_default();
    Ok((Cli::from_arg_matches_mut(&mut matches)?, set))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        command().debug_assert();
    }

    #[test]
    fn a_threshold_is_a_score_or_a_percentage() {
        assert_eq!(parse_threshold("12.5"), Ok(Threshold::Value(12.5)));
        assert_eq!(parse_threshold("95%"), Ok(Threshold::Quantile(0.95)));
        for wrong in ["", "high", "0%", "100%", "nan", "%"] {
            assert!(parse_threshold(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn flags_set_recipe_keys() {
        let matches = command()
            .try_get_matches_from([
                "latentia",
                "fit",
                "pca",
                "x.csv",
                "--components",
                "3",
                "--label",
                "-1",
                "--seed=7",
            ])
            .unwrap();
        let set = assignments(matches.subcommand_matches("fit").unwrap());
        let found: Vec<_> = set.iter().map(|a| (a.name.as_str(), a.text.as_str())).collect();
        assert_eq!(found, [("label", "-1"), ("code", "3"), ("seed", "7")]);
    }
}
