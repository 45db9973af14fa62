//! Rows with several views: from the files to codes, rows rebuilt across views and searches across views.

mod common;

use std::fmt::Write;

use common::{Sandbox, checkpoint, header_and_rows, signal, wait_for};

/// Two files of the same 240 rows, both functions of the same two numbers, with a class in the first.
fn views(rows: usize) -> (String, String) {
    let (mut sounds, mut shapes) = (String::from("s1,s2,s3,class\n"), String::from("t1,t2\n"));
    for i in 0..rows {
        let (a, b) = ((i as f64 * 0.7).sin(), (i as f64 * 1.3).cos());
        let class = if a > 0.0 { "up" } else { "down" };
        writeln!(sounds, "{:.4},{:.4},{:.4},{class}", a + b, a - b, 2.0 * a).unwrap();
        writeln!(shapes, "{:.4},{:.4}", 10.0 * b, 10.0 * a + b).unwrap();
    }
    (sounds, shapes)
}

const BOTH: &str = "sound=sounds.csv,shape=shapes.csv";

/// A folder with the files and a model `m` of both views.
fn fitted() -> Sandbox {
    let s = Sandbox::new();
    let (sounds, shapes) = views(240);
    s.write("sounds.csv", sounds);
    s.write("shapes.csv", shapes);
    let done = s
        .run(&format!(
            "fit autoencoder {BOTH} --view-options sound.label=class --view-hidden 8 --hidden 8 --code 3 --corruption views \
             --corruption-level 0.6 --test-fraction 0.2 --epochs 40 --learning-rate 0.01 -o m"
        ))
        .ok();
    assert!(
        done.stdout.contains("from shape") && done.stdout.contains("the same by linear models"),
        "{done:#?}"
    );
    s
}

/// The numbers of a column.
fn column(csv: &str, name: &str) -> Vec<f64> {
    let at = csv.lines().next().unwrap().split(',').position(|cell| cell == name).unwrap();
    csv.lines().skip(1).map(|line| line.split(',').nth(at).unwrap().parse().unwrap()).collect()
}

#[test]
fn a_view_is_rebuilt_from_the_other_and_found_by_it() {
    let s = fitted();
    // From one view of the data, or from the file of that view alone: the same codes, not those of both views.
    s.run(&format!("encode m {BOTH} --from sound -o one.csv")).ok();
    s.run("encode m sounds.csv --from sound -o alone.csv").ok();
    s.run(&format!("encode m {BOTH} -o all.csv")).ok();
    assert_eq!(s.read("one.csv"), s.read("alone.csv"));
    assert_ne!(s.read("one.csv"), s.read("all.csv"));
    assert_eq!(header_and_rows(&s.read("one.csv")), ("row,class,code1,code2,code3".to_owned(), 240));
    s.run("reconstruct m sounds.csv --from sound --to shape -o guessed.csv").ok();
    let guessed = s.read("guessed.csv");
    assert_eq!(header_and_rows(&guessed), ("row,class,shape.t1,shape.t2".to_owned(), 240));
    let known = s.read("shapes.csv");
    for name in ["t1", "t2"] {
        let (known, guessed) = (column(&known, name), column(&guessed, &format!("shape.{name}")));
        let error: f64 = known.iter().zip(&guessed).map(|(a, b)| (a - b).powi(2)).sum();
        let mean = known.iter().sum::<f64>() / 240.0;
        let spread: f64 = known.iter().map(|a| (a - mean).powi(2)).sum();
        assert!(error < 0.15 * spread, "{name}: {error} of {spread}");
    }
    // Shapes are indexed, sounds ask for them.
    s.run("index m shapes.csv --from shape --metric cosine -o shapes.index").ok();
    s.run("search shapes.index sounds.csv --from sound -k 10 -o found.csv").ok();
    let found = s.read("found.csv");
    let hits = column(&found, "query").iter().zip(column(&found, "row")).filter(|(a, b)| **a == *b).count();
    assert!(hits > 60, "{hits} of 240 are among the ten nearest, ten by chance");
    let evaluated = s.run(&format!("evaluate m {BOTH} --json")).ok().json();
    assert_eq!(evaluated["views"]["errors"].as_array().unwrap().len(), 6);
    assert!(s.read("m/report.html").contains("From view to view"));
    let inspected = s.run("inspect m").ok().stdout;
    assert!(inspected.contains("2 views: sound (3 features), shape (2 features)"), "{inspected}");
}

#[test]
fn what_is_asked_of_views_that_are_not_there_is_refused() {
    let s = fitted();
    let (sounds, _) = views(200);
    s.write("few.csv", sounds);
    s.run("fit autoencoder sound=few.csv,shape=shapes.csv -o n")
        .fails(1, &["shapes.csv", "240 rows", "200 as few.csv has", "same rows"]);
    assert!(!s.path("n").exists());
    s.run(&format!("encode m {BOTH} --from sonud"))
        .fails(2, &["--from", "no view 'sonud'", "did you mean 'sound'?"]);
    s.run(&format!("reconstruct m {BOTH} --to sonud")).fails(2, &["--to", "did you mean 'sound'?"]);
    s.run(&format!("encode m {BOTH} --from sound,sound")).fails(2, &["--from", "given twice"]);
    s.run("encode m sounds.csv")
        .fails(1, &["sounds.csv", "one file", "sound=FILE,shape=FILE", "--from sound"]);
    s.run("encode m sound=sounds.csv").fails(1, &["no view 'shape'", "--from"]);
    s.run("encode m sound=sounds.csv,form=shapes.csv").fails(2, &["data.path", "no view 'form'"]);
    s.run("fit autoencoder sounds.csv --label class --corruption views -o n")
        .fails(2, &["model.corruption", "no views"]);
    s.run("fit autoencoder digits --epochs 1 --hidden 8 -o d").ok();
    s.run("encode d digits --from left").fails(2, &["--from", "rows without views"]);
}

#[test]
fn a_fit_of_views_that_is_stopped_resumes_to_the_same_bits() {
    let s = fitted();
    let flags = "--view-hidden 8 --hidden 8 --code 3 --corruption views --seed 3";
    s.run(&format!(
        "fit autoencoder {BOTH} {flags} --view-options sound.label=class --epochs 300 --patience 0 -o whole"
    ))
    .ok();
    let child = s.start(&format!(
        "fit autoencoder {BOTH} {flags} --view-options sound.label=class --epochs 300 --patience 0 -o parts"
    ));
    wait_for("a checkpoint", || checkpoint(&s, "parts").is_some() || s.path("parts/model.json").exists());
    signal(&child, "KILL");
    child.wait_with_output().unwrap();
    if !s.path("parts/model.json").exists() {
        s.run("fit --resume parts").ok();
    }
    assert_eq!(s.sha256("parts/weights.safetensors"), s.sha256("whole/weights.safetensors"));
}
