//! Model directories that are damaged in every way: a clear error, never a panic, never a wrong result.

mod common;

use std::fs;

use common::{Sandbox, people};

const FILES: [&str; 5] =
    ["model.json", "weights.safetensors", "weights-last.safetensors", "history.jsonl", "report.html"];

/// The verbs that read a model all refuse it, naming the file.
#[track_caller]
fn refused(s: &Sandbox, file: &str) {
    for verb in ["inspect m", "encode m people.csv"] {
        s.run(verb).fails(1, &[file]);
    }
}

#[test]
fn truncated_files_are_refused() {
    let s = Sandbox::with_model();
    for file in FILES {
        let path = s.path("m").join(file);
        let whole = fs::read(&path).unwrap();
        for length in [0, 1, 7, whole.len() / 2, whole.len() - 2] {
            fs::write(&path, &whole[..length]).unwrap();
            refused(&s, file);
        }
        fs::write(&path, [&whole[..], b"more"].concat()).unwrap();
        refused(&s, file);
        fs::write(&path, &whole).unwrap();
    }
    s.run("inspect m").ok();
}

#[test]
fn a_flipped_bit_anywhere_is_refused() {
    let s = Sandbox::with_model();
    for file in FILES {
        let path = s.path("m").join(file);
        let whole = fs::read(&path).unwrap();
        for part in 0..8 {
            let at = (whole.len() - 1) * part / 7;
            let mut flipped = whole.clone();
            flipped[at] ^= 1 << (part % 7);
            fs::write(&path, &flipped).unwrap();
            // In model.json a bit may turn white space into other white space, which says the same.
            let same = file == "model.json" && same_json(&whole, &flipped);
            if !same {
                s.run("inspect m").fails(1, &[file]);
            }
        }
        fs::write(&path, &whole).unwrap();
    }
}

fn same_json(a: &[u8], b: &[u8]) -> bool {
    let parse = |bytes: &[u8]| serde_json::from_slice::<serde_json::Value>(bytes).ok();
    parse(a) == parse(b)
}

#[test]
fn files_of_another_model_are_refused() {
    let s = Sandbox::with_model();
    s.run("fit autoencoder people.csv --label health --id name --hidden 8 --code 2 --epochs 2 --seed 9 -o other").ok();
    for file in FILES {
        let path = s.path("m").join(file);
        let whole = fs::read(&path).unwrap();
        fs::copy(s.path("other").join(file), &path).unwrap();
        // A foreign manifest finds foreign weights.
        refused(&s, "m/");
        fs::write(&path, &whole).unwrap();
    }
}

#[test]
fn missing_files_are_named() {
    let s = Sandbox::with_model();
    for file in FILES {
        let path = s.path("m").join(file);
        let whole = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        refused(&s, file);
        fs::write(&path, &whole).unwrap();
    }
    s.run("inspect nowhere").fails(1, &["nowhere", "latentia fit -o DIR"]);
    s.run("inspect people.csv").fails(1, &["people.csv", "not a model directory"]);
}

#[test]
fn a_model_of_a_newer_format_says_so() {
    let s = Sandbox::with_model();
    s.write("m/model.json", s.read("m/model.json").replace("\"format\": 1", "\"format\": 99"));
    s.run("inspect m").fails(1, &["format 99", "newer latentia"]);
}

#[test]
fn a_model_directory_can_be_moved() {
    let s = Sandbox::with_model();
    let before = s.run("encode m people.csv").ok().stdout;
    fs::create_dir(s.path("elsewhere")).unwrap();
    fs::rename(s.path("m"), s.path("elsewhere/model")).unwrap();
    s.write("people.csv", people(240));
    assert_eq!(s.run("encode elsewhere/model people.csv").ok().stdout, before);
}
