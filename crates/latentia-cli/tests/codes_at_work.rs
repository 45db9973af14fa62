//! What codes are for: finding unusual rows, keeping rows small, comparing kinds.

mod common;

use std::fs;

use common::{Sandbox, people};

/// People without names, some of whom are ill: they weigh more than their height says.
fn sandbox() -> Sandbox {
    let s = Sandbox::new();
    s.write("people.csv", people(400));
    s
}

const FIT: &str =
    "fit autoencoder people.csv --label health --id name --hidden 8 --code 2 --epochs 8 --batch-size 16";

#[test]
fn an_ensemble_with_robust_distances_finds_the_ill_and_says_how_well() {
    let s = sandbox();
    s.run(&format!(
        "{FIT} --score mahalanobis --ensemble 2 --unusual ill --contamination 0.1 --test-fraction 0.3 -o m"
    ))
    .ok();
    let value = s.run("inspect m --json").ok().json();
    let figures = &value["figures"];
    assert!(figures["detection"]["auroc"].as_f64().unwrap() > 0.9, "{figures}");
    assert_eq!(figures["threshold"]["quantile"], 0.9);
    assert!(figures["threshold"]["rows"].as_u64().unwrap() > 100, "{figures}");
    assert_eq!(value["sizes"][3]["name"], "ensemble");
    let report = s.read("m/report.html");
    for word in ["Finding unusual rows", "ROC curve", "Precision and recall", "What makes them unusual"] {
        assert!(report.contains(word), "{word}");
    }
    let value = s.run("evaluate m people.csv --anomaly ill --json").ok().json();
    let found = &value["anomaly"];
    for (key, least) in [("auroc", 0.9), ("average_precision", 0.6), ("precision_at_n", 0.5), ("recall", 0.5)]
    {
        assert!(found[key].as_f64().unwrap() > least, "{key}: {found}");
    }
    // Weight is what the ill differ in.
    s.run("score m people.csv -o scores.csv --contamination 0.05 --top 1").ok();
    let scores = s.read("scores.csv");
    let unusual: Vec<&str> = scores.lines().filter(|line| line.contains(",yes,")).collect();
    assert_eq!(unusual.len(), 20, "5 % of 400 rows");
    let because = |word: &str| unusual.iter().filter(|line| line.contains(word)).count();
    assert!(because("weight") + because("height") > 10, "{unusual:#?}");
}

#[test]
fn what_is_unusual_can_be_left_out_of_the_training() {
    let s = sandbox();
    let summary =
        |words: &str| s.run(&format!("{FIT} --test-fraction 0.3 --unusual ill --json {words}")).ok().json();
    let with = summary("-o with");
    let without = summary("--exclude ill -o without");
    let rows =
        |value: &serde_json::Value, part: usize| value["figures"]["parts"][part]["rows"].as_u64().unwrap();
    assert!(rows(&without, 0) < rows(&with, 0));
    assert_eq!(rows(&without, 2), rows(&with, 2), "the test rows stay");
    assert!(without["figures"]["detection"]["unusual"].as_u64().unwrap() > 0);
    s.run(&format!("{FIT} --exclude sick -o x")).fails(2, &["data.exclude", "no class 'sick'", "ill, well"]);
    s.run("fit pca people.csv --ignore name --code 2 --exclude ill -o x")
        .fails(2, &["data.exclude", "label"]);
    s.run(&format!("{FIT} --unusual sick -o x")).fails(2, &["anomaly.unusual", "ill, well"]);
}

#[test]
fn settings_of_scores_are_checked() {
    let s = sandbox();
    let cases = [
        ("--trim 0.7", "anomaly.trim"),
        ("--ridge 0", "anomaly.ridge"),
        ("--contamination 0", "anomaly.contamination"),
        ("--ensemble 0", "anomaly.ensemble"),
    ];
    for (flags, key) in cases {
        s.run(&format!("{FIT} {flags} -o x")).fails(2, &[key]);
    }
    s.run("fit pca people.csv --ignore name --code 2 --ensemble 3 -o x")
        .fails(2, &["anomaly.ensemble", "pca"]);
    s.run(&format!("{FIT} -o m")).ok();
    s.run("score m people.csv --contamination 2").fails(2, &["--contamination"]);
    s.shell("latentia score m - --contamination 0.1 < people.csv")
        .fails(2, &["--contamination", "standard input"]);
}

#[test]
fn compressed_rows_come_back_with_the_error_that_was_stated() {
    let s = sandbox();
    s.run(&format!("{FIT} -o m")).ok();
    let value = s.run("compress people.csv -m m -o people.lat --bits 6 --json").ok().json();
    let size = fs::metadata(s.path("people.lat")).unwrap().len();
    assert_eq!(value["bytes"]["file"], size);
    let part = |name: &str| value["bytes"][name].as_u64().unwrap();
    assert_eq!(part("codes") + part("names") + part("frame"), size);
    assert_eq!(part("original"), fs::metadata(s.path("people.csv")).unwrap().len());
    assert!(part("codes") < 400 * 2, "6 bits a number take less than a byte");
    let coarse = s.run("compress people.csv -m m -o coarse.lat --bits 1 --json").ok().json();
    assert!(coarse["rmse"].as_f64().unwrap() > 1.1 * coarse["rmse_without_rounding"].as_f64().unwrap());
    s.run("decompress people.lat -m m -o back.csv").ok();
    s.run("reconstruct m people.csv -o rebuilt.csv").ok();
    let (back, rebuilt) = (s.read("back.csv"), s.read("rebuilt.csv"));
    assert_eq!(back.lines().next(), rebuilt.lines().next());
    let cells = |text: &str| -> Vec<Vec<String>> {
        text.lines().skip(1).map(|line| line.split(',').map(str::to_owned).collect()).collect()
    };
    let (back, rebuilt) = (cells(&back), cells(&rebuilt));
    assert_eq!(back.len(), 400);
    for (a, b) in back.iter().zip(&rebuilt) {
        assert_eq!((&a[0], &a[1]), (&b[0], &b[1]), "name and class are kept");
        let (a, b): (f64, f64) = (a[2].parse().unwrap(), b[2].parse().unwrap());
        assert!((a - b).abs() < 15.0, "an age rounded to 6 bits of code: {a} {b}");
    }
}

#[test]
fn a_stated_error_chooses_the_bits() {
    let s = sandbox();
    s.run(&format!("{FIT} -o m")).ok();
    let bits = |error: f64| {
        let words = format!("compress people.csv -m m -o a.lat --force --json --max-error {error}");
        let value = s.run(&words).ok().json();
        assert!(value["rmse"].as_f64().unwrap() <= error);
        value["bits"].as_u64().unwrap()
    };
    let least = s.run("compress people.csv -m m -o b.lat --json").ok().json()["rmse_without_rounding"]
        .as_f64()
        .unwrap();
    assert!(bits(least * 1.5) < bits(least * 1.01));
    s.run(&format!("compress people.csv -m m -o c.lat --max-error {}", least * 0.5))
        .fails(2, &["--max-error", "larger code"]);
    s.run("compress people.csv -m m -o c.lat --bits 17").fails(2, &["--bits"]);
    assert!(!s.path("c.lat").exists());
}

#[test]
fn damaged_files_and_other_models_are_refused() {
    let s = sandbox();
    s.run(&format!("{FIT} -o m")).ok();
    s.run(&format!("{FIT} --seed 5 -o other")).ok();
    s.run("compress people.csv -m m -o people.lat").ok();
    s.run("compress people.csv -m m -o people.lat").fails(2, &["people.lat exists", "--force"]);
    s.run("decompress people.lat -m other -o x.csv").fails(1, &["people.lat", "another model", "other"]);
    s.run("decompress people.csv -m m -o x.csv").fails(1, &["people.csv", "no compressed codes"]);
    s.run("decompress nothing.lat -m m -o x.csv").fails(1, &["nothing.lat"]);
    let whole = fs::read(s.path("people.lat")).unwrap();
    for length in [9, 40, whole.len() / 2, whole.len() - 1] {
        s.write("cut.lat", &whole[..length]);
        s.run("decompress cut.lat -m m -o x.csv").fails(1, &["cut.lat", "damaged"]);
    }
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    s.write("flipped.lat", &flipped);
    s.run("decompress flipped.lat -m m -o x.csv").fails(1, &["flipped.lat", "damaged"]);
    assert!(!s.path("x.csv").exists());
}

#[test]
fn a_folder_of_images_becomes_codes_and_a_folder_again() {
    let s = Sandbox::new();
    for class in ["dark", "light"] {
        fs::create_dir_all(s.path("photos").join(class)).unwrap();
        for i in 0..12u8 {
            let base = if class == "dark" { 20 } else { 200 };
            let pixel = |x: u32, y: u32| image::Luma([base + i + ((x * y) as u8 % 7) * 4]);
            image::GrayImage::from_fn(6, 5, pixel)
                .save(s.path("photos").join(class).join(format!("{i}.png")))
                .unwrap();
        }
    }
    s.run("fit pca photos --code 3 -o m").ok();
    let value = s.run("compress photos -m m -o photos.lat --bits 10 --json").ok().json();
    assert!(value["psnr"].as_f64().unwrap() > 30.0, "{value}");
    s.run("decompress photos.lat -m m -o back").ok();
    let [found, expected] =
        ["back/light/7.png", "photos/light/7.png"].map(|name| image::open(s.path(name)).unwrap().to_luma8());
    let apart = |(a, b): (&u8, &u8)| a.abs_diff(*b);
    assert!(found.iter().zip(expected.iter()).map(apart).max().unwrap() < 12);
    assert_eq!(fs::read_dir(s.path("back/dark")).unwrap().count(), 12);
    s.run("decompress photos.lat -m m -o back").fails(2, &["back exists"]);
    s.run("decompress photos.lat -m m -o grid.png").ok();
}

#[test]
fn kinds_and_recipes_are_compared_over_seeds() {
    let s = sandbox();
    s.write(
        "wide.toml",
        "[data]\npath = \"x\"\nid = \"name\"\n[model]\nkind = \"autoencoder\"\ncode = 2\nhidden = [12]\n[train]\nepochs = 3\n",
    );
    let words = "compare people.csv --kinds pca,autoencoder --recipe wide.toml --seeds 2 --code 2 --label health \
                 --unusual ill --set train.epochs=3 --set data.id=name -o c";
    let done = s.run(words).ok();
    for word in [
        "squared error",
        "5-NN accuracy",
        "linear probe",
        "k-means NMI",
        "AUROC",
        "±",
        "pca",
        "wide",
        "the input itself",
    ] {
        assert!(done.stdout.contains(word), "'{word}' is not in {}", done.stdout);
    }
    let value: serde_json::Value = serde_json::from_str(&s.read("c/comparison.json")).unwrap();
    assert_eq!(value["lines"].as_array().unwrap().len(), 4);
    let first = &value["lines"][0];
    assert_eq!(first["name"], "pca");
    assert_eq!(first["values"][0].as_array().unwrap().len(), 2, "one value a seed");
    assert_ne!(first["values"][0][0], first["values"][0][1], "another split");
    assert!(value["lines"][3]["values"][0][0].is_null(), "the input rebuilds nothing");
    assert!(s.read("c/comparison.html").contains("AUROC"));
    s.run(words).fails(2, &["c exists", "--force"]);
    // A kind that does not fit the data says why, and the others go on.
    let done = s.run("compare people.csv --kinds pca,autoencoder --seeds 1 --code 40 --label health --set data.id=name --set train.epochs=1 -o d").ok();
    assert!(done.stderr.contains("pca was left out") && done.stderr.contains("code"), "{done:#?}");
    s.run("compare people.csv --kinds nonsense -o e").fails(2, &["nonsense", "autoencoder"]);
    s.run("compare nothing.csv --kinds pca -o e").fails(1, &["nothing.csv"]);
}
