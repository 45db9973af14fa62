//! What the program understands: global flags, verbs, and one flag for every key of a recipe.

mod recipe;
mod rows;
mod verbs;

use clap::{ArgAction, Args, CommandFactory, FromArgMatches, Parser, Subcommand};

pub(crate) use recipe::{Assignment, assignments};
pub(crate) use rows::*;
pub(crate) use verbs::*;

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
        long_about = "Fit a model to data and write a model directory: weights, figures beside those of PCA, and a report to look at.\n\n\
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
  latentia fit autoencoder people.csv --views size=height,mass=weight --corruption views -o body
  latentia fit classifier digits --hidden 64 --epochs 10 -o digits-classifier
  latentia fit --resume stopped-model"
    )]
    Fit(Fit),
    /// Turn rows into codes.
    #[command(after_help = "Examples:
  latentia encode model digits -o codes.csv
  latentia encode model digits -o codes.parquet
  latentia encode body people.csv --from size -o codes-of-size.csv
  latentia encode model digits | head -3")]
    Encode(Encode),
    /// Turn codes back into rows, in the units of the data.
    #[command(after_help = "Examples:
  latentia encode model digits -o codes.csv
  latentia decode model codes.csv -o rows.csv")]
    Decode(Decode),
    /// Turn rows into codes and back: what the model keeps of them.
    #[command(after_help = "Examples:
  latentia reconstruct model digits -o rebuilt.csv
  latentia reconstruct people-model people.csv -o rebuilt.parquet
  latentia reconstruct body people.csv --from size --to mass -o guessed.csv")]
    Reconstruct(Reconstruct),
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
    /// Say which class each row belongs to.
    #[command(
        long_about = "Say which class each row belongs to, by a model of kind classifier.\n\n\
                      For every row the most probable class and the probability of every class; with --top the most probable \
                      classes alone, each with its probability.",
        after_help = "Examples:
  latentia classify digits-classifier digits -o classes.csv
  latentia classify digits-classifier digits --top 3 | head -3"
    )]
    Classify(Classify),
    /// Predict numbers for each row.
    #[command(
        long_about = "Predict numbers for each row, by a model of kind regressor.\n\n\
                      For every row the columns that the model was fitted with as --target, in the units they had there. DATA \
                      need not have them.",
        after_help = "Examples:
  latentia fit regressor people.csv --target weight --epochs 20 -o people-weights
  latentia predict people-weights people.csv -o weights.csv"
    )]
    Predict(Transform),
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
