//! What users get wrong and what goes wrong around them: the exit code, the error, nothing half-written.

mod common;

use std::{fs, process::Command};

use common::{Sandbox, people};

#[test]
fn wrong_requests_exit_with_2_and_say_what_is_right() {
    let s = Sandbox::with_model();
    s.write("typo.toml", "[data]\npath = \"people.csv\"\n[model]\nkind = \"pca\"\n[train]\nsede = 3\n");
    s.write("section.toml", "[date]\npath = \"people.csv\"\n");
    s.write("broken.toml", "[data\n");
    let cases: &[(&str, &[&str])] = &[
        ("fit", &["say what to fit"]),
        ("fit people.csv", &["latentia fit autoencoder people.csv"]),
        ("fit autoencodr people.csv", &["did you mean 'autoencoder'"]),
        ("fit autoencoder", &["data.path", "missing"]),
        ("fit autoencoder people.csv --code 0", &["code", "found 0"]),
        ("fit autoencoder people.csv --code -1", &["--code", "a whole number"]),
        ("fit autoencoder people.csv --code many", &["--code", "many"]),
        ("fit autoencoder people.csv --epochs 0", &["train.epochs", "at least 1"]),
        ("fit autoencoder people.csv --learning-rate nan", &["--learning-rate"]),
        ("fit autoencoder people.csv --optimizer adm", &["adm", "adam"]),
        ("fit autoencoder people.csv --epoch 3", &["--epochs"]),
        ("fit autoencoder people.csv --set train.epoch=3", &["train.epoch", "did you mean 'epochs'"]),
        ("fit autoencoder people.csv --set epochs=3", &["SECTION.KEY=VALUE"]),
        ("fit autoencoder people.csv --set train.epochs", &["SECTION.KEY=VALUE"]),
        ("fit pca people.csv --hidden 3", &["--hidden", "'pca' has no such setting"]),
        ("fit pca people.csv --epochs 3", &["train.epochs", "computed, not trained"]),
        ("fit typo.toml", &["train.sede", "did you mean 'seed'"]),
        ("fit section.toml", &["section.toml", "did you mean 'data'"]),
        ("fit broken.toml", &["broken.toml"]),
        ("fit autoencoder people.csv --device tpu", &["no device 'tpu'", "cpu"]),
        ("fit autoencoder people.csv --threads 0", &["--threads"]),
        ("fit autoencoder people.csv --force --resume", &["--resume"]),
        ("fit autoencoder people.csv -o m", &["m exists", "--force"]),
        ("encode m", &["<DATA>"]),
        ("encodee m people.csv", &["encode"]),
        ("encode m people.csv -o codes.xyz", &["codes.xyz"]),
        ("completions tcsh", &["bash"]),
    ];
    for (words, says) in cases {
        s.run(words).fails(2, says);
    }
    assert!(!s.path("model").exists(), "a refused fit leaves nothing behind");
}

#[test]
fn faulty_files_exit_with_1_and_name_the_place() {
    let s = Sandbox::new();
    s.write("empty.csv", "");
    s.write("header.csv", "a,b,c\n");
    s.write("ragged.csv", "a,b\n1,2\n3,4\n5,6,7\n");
    s.write("one.csv", "a,b\n1,2\n");
    s.write("gap.csv", "a,b\n1,2\n3,\n5,6\n");
    s.write("nan.csv", "a,b\n1,2\n3,NaN\n5,6\n");
    s.write("inf.csv", "a,b\n1,2\n3,inf\n5,6\n");
    s.write("binary.parquet", [0u8; 64]);
    s.write("short.npy", b"\x93NUMPY\x01\x00");
    s.write("bad.csv.gz", b"\x1f\x8b\x08\x00rubbish");
    let cases: &[(&str, &[&str])] = &[
        ("nothing.csv", &["nothing.csv"]),
        ("empty.csv", &["empty.csv"]),
        ("header.csv", &["header.csv"]),
        ("ragged.csv", &["ragged.csv", "3"]),
        ("one.csv", &["one.csv"]),
        ("gap.csv", &["gap.csv", "row 2", "\"b\"", "--missing"]),
        ("nan.csv", &["nan.csv", "row 2", "\"b\""]),
        ("inf.csv", &["inf.csv", "row 2", "\"b\""]),
        ("binary.parquet", &["binary.parquet"]),
        ("short.npy", &["short.npy"]),
        ("bad.csv.gz", &["bad.csv.gz"]),
        ("ragged.csv --label nosuch", &["ragged.csv"]),
    ];
    for (words, says) in cases {
        s.run(&format!("fit pca {words} --components 1")).fails(1, says);
        assert!(!s.path("model").exists(), "{words} left a directory behind");
    }
}

#[test]
fn further_files_are_matched_by_column_name() {
    let s = Sandbox::new();
    let text = people(120);
    s.write("people.csv", &text);
    s.run("fit autoencoder people.csv --label health --id name --hidden 8 --code 2 --epochs 1 -o m").ok();
    let expected = s.run("encode m people.csv").ok().stdout;
    let columns = |order: &[usize]| {
        let line = |line: &str| {
            let cells: Vec<&str> = line.split(',').collect();
            order.iter().map(|&j| cells[j]).collect::<Vec<_>>().join(",") + "\n"
        };
        text.lines().map(line).collect::<String>()
    };
    s.write("order.csv", columns(&[5, 4, 3, 2, 1, 0]));
    assert_eq!(s.run("encode m order.csv").ok().stdout, expected);
    s.write("bare.csv", columns(&[1, 2, 3, 4]));
    assert!(s.run("encode m bare.csv").ok().stdout.starts_with("row,code1,code2\n1,"));
    s.write("missing.csv", columns(&[0, 1, 3, 4, 5]));
    s.run("encode m missing.csv").fails(1, &["missing.csv", "\"height\""]);
    s.write("text.csv", text.replacen(",north,", ",atlantis,", 1));
    s.run("encode m text.csv").fails(1, &["text.csv", "\"city\"", "atlantis", "--unknown zero"]);
    s.write("word.csv", format!("{text}p9,old,170,60,north,well\n"));
    s.run("encode m word.csv").fails(1, &["word.csv", "row 121", "\"age\"", "old"]);
    s.write("empty.csv", text.lines().next().unwrap());
    s.run("encode m empty.csv").fails(1, &["empty.csv", "no rows"]);
}

#[test]
fn codes_of_another_width_are_refused() {
    let s = Sandbox::with_model();
    s.write("three.csv", "a,b,c\n1,2,3\n");
    s.run("decode m three.csv").fails(1, &["three.csv", "3 numeric columns", "expected 2"]);
    s.write("gap.csv", "code1,code2\n1,2\n3,\n");
    s.run("decode m gap.csv").fails(1, &["gap.csv", "row 2", "\"code2\""]);
}

#[test]
fn output_that_is_there_is_not_written_over_unasked() {
    let s = Sandbox::with_model();
    s.write("codes.csv", "mine");
    s.run("encode m people.csv -o codes.csv").fails(2, &["codes.csv", "--force"]);
    assert_eq!(s.read("codes.csv"), "mine");
    s.run("encode m people.csv -o codes.csv --force").ok();
    fs::create_dir(s.path("notes")).unwrap();
    s.write("notes/todo.txt", "mine");
    s.run("fit pca people.csv --ignore name -o notes").fails(2, &["notes"]);
    s.run("fit pca people.csv --ignore name -o notes --force").fails(2, &["notes", "not a model"]);
    assert_eq!(s.read("notes/todo.txt"), "mine");
}

#[test]
fn a_failed_result_leaves_the_old_file_as_it_was() {
    let s = Sandbox::with_model();
    s.write("codes.csv", "mine");
    s.write("bad.csv", format!("{}p9,old,170,60,north,well\n", people(240)));
    s.run("encode m bad.csv -o codes.csv --force").fails(1, &["bad.csv"]);
    assert_eq!(s.read("codes.csv"), "mine");
    let left: Vec<_> = fs::read_dir(s.path(".")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left.len(), 4, "m, people.csv, codes.csv, bad.csv and nothing else: {left:?}");
}

#[test]
fn unwritable_places_are_named() {
    let s = Sandbox::with_model();
    s.run("fit pca people.csv --ignore name -o people.csv/m").fails(1, &["people.csv/m"]);
    s.run("encode m people.csv -o nowhere/codes.csv").fails(1, &["nowhere"]);
    s.run("encode m people.csv -o people.csv/codes.csv").fails(1, &["people.csv/codes.csv"]);
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_an_error_and_leaves_nothing_half_written() {
    let s = Sandbox::with_model();
    // Standard output first: a device that is always full.
    let done = s.shell("latentia encode m people.csv > /dev/full");
    done.fails(1, &["standard output"]);
    fs::create_dir(s.path("small")).unwrap();
    let small = s.path("small");
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=32k", "tmpfs"]).arg(&small).output();
    let fit = "fit autoencoder people.csv --ignore name --hidden 64,64 --code 2 --epochs 1 -o small/m";
    if mounted.is_ok_and(|o| o.status.success()) {
        eprintln!("disk full: on a tmpfs of 32 KiB");
        let full = s.run(fit);
        let encoded = s.run("encode m people.csv -o small/codes.jsonl");
        let left = fs::read_dir(&small).unwrap().count();
        let model = small.join("m/model.json").exists();
        let unmounted = Command::new("umount").arg(&small).status().unwrap();
        assert!(unmounted.success());
        full.fails(1, &["small/m", "No space left"]);
        assert!(!model, "half a model");
        if encoded.code != Some(0) {
            encoded.fails(1, &["small", "No space left"]);
            assert!(left <= 1, "half a result: {left} entries");
        }
    } else {
        eprintln!("disk full: by the limit of the size of a file (no right to mount a tmpfs)");
        let done = s.shell(&format!("trap '' XFSZ; ulimit -f 8; latentia {fit}"));
        done.fails(1, &["small/m", "File too large"]);
        assert!(!small.join("m/model.json").exists(), "half a model");
    }
}
