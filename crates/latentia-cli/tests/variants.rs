//! The verbs of denoising and variational models, and their reports.

mod common;

use common::Sandbox;

#[test]
fn a_denoising_model_tells_what_it_makes_of_corrupted_rows() {
    let s = Sandbox::new();
    s.run("fit autoencoder digits --hidden 32 --code 8 --epochs 4 --corruption masking -o m").ok();
    let done = s.run("denoise m digits --corrupt --seed 3 -o clean.csv").ok();
    let words = "squared error of a row: ";
    let said = done.stderr.split(words).nth(1).unwrap_or_else(|| panic!("{done:#?}"));
    let numbers: Vec<f64> = said.split([' ', ',']).filter_map(|word| word.parse().ok()).collect();
    assert!(numbers[1] < numbers[0], "{said}");
    s.run("denoise m digits -o one.csv").ok();
    s.run("reconstruct m digits -o two.csv").ok();
    let read = |name: &str| std::fs::read_to_string(s.path(name)).unwrap();
    assert_eq!(read("one.csv"), read("two.csv"));
    let report = read("m/report.html");
    assert!(report.contains("what the corruption left of it"));
    s.run("fit pca digits -o p").ok();
    let refused = s.run("denoise p digits");
    assert!(refused.code == Some(2) && refused.stderr.contains("reconstruct"), "{refused:#?}");
    s.run("fit autoencoder digits --hidden 8 --code 2 --epochs 1 -o plain").ok();
    let refused = s.run("denoise plain digits --corrupt");
    assert!(refused.code == Some(2) && refused.stderr.contains("--corruption"), "{refused:#?}");
    let refused = s.run("sample plain");
    assert!(refused.code == Some(2) && refused.stderr.contains("denoise"), "{refused:#?}");
}

#[test]
fn points_of_the_plane_are_shown_with_where_they_are_moved_to() {
    let s = Sandbox::new();
    let mut text = String::from("x,y\n");
    for i in 0..200 {
        let t = f64::from(i) * 0.7;
        text.push_str(&format!("{:.4},{:.4}\n", t.cos(), t.sin()));
    }
    s.write("ring.csv", text);
    s.run("fit autoencoder ring.csv --hidden 16 --code 4 --epochs 3 --corruption gaussian --likelihood gaussian -o m")
        .ok();
    let report = std::fs::read_to_string(s.path("m/report.html")).unwrap();
    assert!(report.contains("Vector field") && report.contains("what the model makes of it"));
    assert!(!report.contains("could not be drawn"));
    // Two numbers fit into a code of four: that PCA rebuilds them exactly says nothing.
    assert!(report.contains("can hold the row itself") && !report.contains("or use PCA"));
}

#[test]
fn a_variational_model_makes_rows_up_and_tells_how_likely_rows_are() {
    let s = Sandbox::new();
    let words = "fit autoencoder digits --hidden 32 --code 2 --epochs 3 --code-distribution gaussian \
                 --importance-samples 10 --json -o m";
    let fitted = s.run(words).ok().json();
    let nats = fitted["figures"]["likelihood"]["negative_log"].as_f64().unwrap();
    let found = s.run("evaluate m digits --importance-samples 20 --json").ok().json();
    let here = found["negative_log_likelihood"].as_f64().unwrap();
    assert!((here / nats - 1.0).abs() < 0.2, "{here} against {nats}");
    let one = s.run("sample m --rows 5 --seed 1").ok().stdout;
    assert_eq!(one, s.run("sample m -n 5 --seed 1").ok().stdout);
    assert_eq!(one.lines().count(), 6);
    s.run("sample m -o made-up.png").ok();
    let report = std::fs::read_to_string(s.path("m/report.html")).unwrap();
    for title in ["Samples", "The plane of codes", "Between two rows", "Traversals"] {
        assert!(report.contains(title), "{title}");
    }
    s.run("fit autoencoder digits --hidden 8 --code 2 --epochs 1 -o plain").ok();
    let refused = s.run("evaluate plain digits --importance-samples 5");
    assert!(refused.code == Some(2), "{refused:#?}");
    // Worse than the coin of each pixel is no machine that learned; 64 fair coins are 44 nats.
    s.run("fit rbm digits --code 16 --epochs 3 -o machine").ok();
    let found = s.run("evaluate machine digits --importance-samples 20 --json").ok().json();
    let nats = found["negative_log_likelihood"].as_f64().unwrap();
    assert!((10.0..44.0).contains(&nats), "{nats}");
}

#[test]
fn sparse_and_contractive_models_show_what_makes_them_so() {
    let s = Sandbox::new();
    s.run("fit autoencoder digits --hidden [] --code 24 --code-activation sigmoid --epochs 2 --sparsity 0.1 --contraction 0.1 -o m")
        .ok();
    let report = std::fs::read_to_string(s.path("m/report.html")).unwrap();
    for title in [
        "Most exciting inputs",
        "Activity of the units",
        "Singular values of the Jacobian",
        "Tangent directions",
    ] {
        assert!(report.contains(title), "{title}");
    }
    let refused = s.run("fit autoencoder digits --sparsity 0.1 -o n");
    assert!(refused.code == Some(2) && refused.stderr.contains("model.sparsity"), "{refused:#?}");
}

#[test]
fn images_are_encoded_by_convolutions_where_they_are_asked_for() {
    let s = Sandbox::new();
    let words = "fit autoencoder digits --channels 4,8 --kernel 4 --stride 2 --hidden 16 --code 6 --epochs 2 -o conv --json";
    let fitted = s.run(words).ok().json();
    assert_eq!(fitted["recipe"]["model"]["channels"], serde_json::json!([4, 8]));
    s.run("reconstruct conv digits -o back.png").ok();
    let (header, rows) = common::header_and_rows(&s.run("encode conv digits").ok().stdout);
    assert!(header.contains("code6") && rows == 1797, "{header} {rows}");
    let report = s.read("conv/report.html");
    assert!(report.contains("Filters"), "the first layer is shown");
    // The encoder learns on within a classifier.
    s.run("fit classifier digits --encoder conv --encoder-mode fine-tuned --hidden 8 --epochs 1 -o c").ok();
    s.run("classify c digits -o classes.csv").ok();
    s.write("table.csv", common::people(60));
    s.run("fit autoencoder table.csv --ignore name --channels 4 -o no")
        .fails(2, &["model.channels", "rows that are images", "leave model.channels out"]);
    s.run("fit autoencoder digits --channels 4,4,4,4 -o no").fails(2, &["model.channels", "at most 2"]);
    assert!(!s.path("no").exists());
}
