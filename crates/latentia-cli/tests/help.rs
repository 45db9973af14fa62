//! What `--help` says is true: every example runs, every key of a recipe is there.
#![cfg(unix)]

mod common;

use common::{Sandbox, checkpoint, people, signal, wait_for};

const VERBS: [&str; 22] = [
    "fit",
    "encode",
    "decode",
    "reconstruct",
    "compress",
    "decompress",
    "denoise",
    "score",
    "classify",
    "predict",
    "sample",
    "cluster",
    "evaluate",
    "compare",
    "index",
    "search",
    "inspect",
    "report",
    "reproduce",
    "data",
    "completions",
    "demo",
];

/// The commands below `Example:` or `Examples:`.
fn examples(help: &str) -> Vec<String> {
    let below = help.lines().skip_while(|line| !line.starts_with("Example"));
    below.filter_map(|line| line.strip_prefix("  latentia ")).map(|rest| format!("latentia {rest}")).collect()
}

#[test]
fn every_example_runs() {
    let s = Sandbox::new();
    // People without names: what the examples are about.
    let rows = people(240);
    s.write(
        "people.csv",
        rows.lines().map(|l| l.split_once(',').unwrap().1.to_owned() + "\n").collect::<String>(),
    );
    // A picture: the grid of the digits as PCA keeps them.
    s.run("fit pca digits -o digits-pca").ok();
    s.run("reconstruct digits-pca digits -o photo.png").ok();
    // A fit that was stopped.
    let child = s.start(
        "fit autoencoder people.csv --hidden 8 --code 2 --epochs 1000000 --patience 0 -o stopped-model",
    );
    wait_for("a checkpoint", || checkpoint(&s, "stopped-model").is_some());
    signal(&child, "INT");
    child.wait_with_output().unwrap();
    let mut failed = Vec::new();
    for verb in VERBS {
        let help = s.run(&format!("{verb} --help")).ok().stdout;
        let found = examples(&help);
        assert!(!found.is_empty(), "{verb} --help has no example:\n{help}");
        for line in found {
            // The next example may write the same file.
            for file in ["codes.csv", "codes.parquet", "rows.csv", "rows.lat"] {
                if line.contains(&format!("-o {file}")) {
                    std::fs::remove_file(s.path(file)).unwrap_or_default();
                }
            }
            let line = match line.contains("--resume") {
                true => {
                    format!("timeout -s INT 1 {line}; code=$?; test $code = 124 -o $code = 130 -o $code = 0")
                }
                false => line,
            };
            let done = s.shell(&line);
            if done.code != Some(0) {
                failed.push(done);
            }
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn fit_help_shows_every_key_with_meaning_default_and_choices() {
    let s = Sandbox::new();
    let help = s.run("fit --help").ok().stdout;
    for word in [
        "--learning-rate",
        "--components",
        "--hidden",
        "--label",
        "--test-fraction",
        "Training",
        "Data: how to read it",
        "Model: autoencoder",
        "[default: 0.001]",
        "adamw",
        "Adam with decoupled weight decay",
        "How often to go through the training rows",
    ] {
        assert!(help.contains(word), "'{word}' is missing in:\n{help}");
    }
}

#[test]
fn every_verb_and_the_program_have_help_and_a_version() {
    let s = Sandbox::new();
    for verb in VERBS {
        let done = s.run(&format!("help {verb}")).ok();
        assert!(done.stdout.contains("Usage:"), "{done:#?}");
    }
    assert!(s.run("--version").ok().stdout.starts_with("latentia 0."));
    let nothing = s.run("");
    assert!(nothing.code == Some(2) && nothing.stderr.contains("Usage:"), "{nothing:#?}");
}
