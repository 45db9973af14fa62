//! Classifiers and regressors: fitted, used and measured.

mod common;

use common::{Sandbox, header_and_rows, people};

#[test]
fn a_classifier_tells_classes_with_their_probabilities() {
    let s = Sandbox::new();
    s.write("people.csv", people(240));
    let text =
        s.run("fit classifier people.csv --label health --id name --hidden 8 --epochs 4 -o c").ok().stdout;
    for word in [
        "accuracy",
        "balanced",
        "log loss",
        "most frequent class",
        "logistic regression",
        "latentia classify",
    ] {
        assert!(text.contains(word), "'{word}' is missing in:\n{text}");
    }
    assert!(s.read("c/report.html").contains("Which class is taken for which"));
    s.run("classify c people.csv -o all.csv").ok();
    let (header, rows) = header_and_rows(&s.read("all.csv"));
    let classes: Vec<&str> = header.split(',').filter_map(|c| c.strip_prefix("p(")).collect();
    assert!(header.starts_with("name,health,predicted,p(") && rows == 240 && classes.len() >= 2, "{header}");
    s.run("classify c people.csv --top 2 -o top.csv").ok();
    let (header, rows) = header_and_rows(&s.read("top.csv"));
    let expected = "name,health,predicted,probability,predicted_2,probability_2";
    assert_eq!((header.as_str(), rows), (expected, 240));
    let text = s.run("evaluate c people.csv").ok().stdout;
    assert!(text.contains("balanced accuracy") && text.contains("predicted"), "{text}");
    let value = s.run("evaluate c people.csv --json").ok().json();
    assert!(value["prediction"]["log_loss"].as_f64().is_some(), "{value}");
    s.run("encode c people.csv").fails(2, &["classifier", "classify"]);
    // A class that the training file did not have, and no column of classes.
    let few = people(20);
    let unknown = few.lines().map(|line| match line.split_once(',') {
        Some(("name", _)) | None => format!("{line}\n"),
        Some(_) => format!("{},dubious\n", line.rsplit_once(',').unwrap().0),
    });
    s.write("unknown.csv", unknown.collect::<String>());
    s.run("evaluate c unknown.csv").fails(1, &["unknown.csv, row 1", "health", "unknown"]);
    let without = few.lines().map(|line| format!("{}\n", line.rsplit_once(',').unwrap().0));
    s.write("without.csv", without.collect::<String>());
    s.run("evaluate c without.csv").fails(1, &["without.csv", "health"]);
    assert!(s.run("classify c without.csv").ok().stdout.starts_with("name,predicted,p("));
    s.run("fit classifier people.csv --ignore name,health -o d").fails(2, &["data.label", "--label"]);
}

#[test]
fn a_regressor_tells_numbers_and_is_measured_beside_simple_models() {
    let s = Sandbox::new();
    s.write("people.csv", people(240));
    let words = "fit regressor people.csv --target weight --id name --hidden 16 --epochs 20 -o m";
    let done = s.run(words).ok();
    for word in ["RMSE", "the mean", "least squares", "latentia predict m people.csv"] {
        assert!(done.stdout.contains(word), "'{word}' is missing in:\n{}", done.stdout);
    }
    let (header, rows) = header_and_rows(&s.run("predict m people.csv").ok().stdout);
    assert!(header == "name,weight" && rows == 240, "{header} {rows}");
    let found = s.run("evaluate m people.csv --json").ok().json();
    assert_eq!(found["regression"][0]["target"], "weight");
    assert!(found["regression"][0]["rmse"].as_f64().unwrap() > 0.0);
    assert!(s.run("evaluate m people.csv").ok().stdout.contains("at fit (validation)"));
    s.run("encode m people.csv").fails(2, &["regressor", "predict"]);
    s.run("fit regressor people.csv --ignore name -o no").fails(2, &["data.target", "--target COLUMN"]);
}
