//! Every verb on real small files.

mod common;

use common::{Sandbox, header_and_rows, people};

#[test]
fn fit_writes_a_model_and_prints_its_figures_beside_the_baselines() {
    let s = Sandbox::new();
    s.write("people.csv", people(240));
    let done =
        s.run("fit autoencoder people.csv --label health --id name --hidden 8 --code 2 --epochs 3 -o m").ok();
    for word in [
        "PCA",
        "raw input",
        "squared error, train",
        "squared error, validation",
        "5-NN accuracy",
        "report",
        "Next:",
    ] {
        assert!(done.stdout.contains(word), "'{word}' is missing in:\n{}", done.stdout);
    }
    for file in ["model.json", "weights.safetensors", "history.jsonl", "report.html"] {
        assert!(s.path("m").join(file).is_file(), "{file}");
    }
    assert!(!s.path("m/checkpoint").exists());
}

#[test]
fn fit_prints_one_json_object_for_programs() {
    let s = Sandbox::new();
    s.write("people.csv", people(120));
    let words =
        "fit autoencoder people.csv --label health --ignore name --hidden 8 --code 2 --epochs 2 -o m --json";
    let value = s.run(words).ok().json();
    assert_eq!(value["kind"], "autoencoder");
    assert_eq!(value["recipe"]["model"]["code"], 2);
    assert_eq!(value["recipe"]["train"]["epochs"], 2);
    assert!(value["figures"]["parts"][0]["squared_error"].as_f64().unwrap() > 0.0);
    assert!(value["seconds"].as_f64().unwrap() > 0.0);
}

#[test]
fn flags_and_set_go_before_the_recipe_file() {
    let s = Sandbox::new();
    s.write("people.csv", people(120));
    s.write(
        "r.toml",
        "[data]\npath = \"people.csv\"\nignore = [\"name\"]\n[model]\nkind = \"autoencoder\"\ncode = 3\nhidden = [8]\n\
         [train]\nepochs = 9\n",
    );
    let value =
        s.run("fit r.toml --epochs 1 --set model.code=2 --categorical city,health --json -o m").ok().json();
    assert_eq!(value["recipe"]["train"]["epochs"], 1);
    assert_eq!(value["recipe"]["model"]["code"], 2);
    assert_eq!(value["recipe"]["model"]["hidden"], serde_json::json!([8]));
    assert_eq!(value["recipe"]["data"]["categorical"], serde_json::json!(["city", "health"]));
}

#[test]
fn a_printed_recipe_is_a_recipe() {
    let s = Sandbox::new();
    s.write("people.csv", people(120));
    let recipe = s
        .run("fit autoencoder people.csv --code 2 --ignore name --hidden 8 --epochs 1 --print-recipe")
        .ok()
        .stdout;
    assert!(recipe.contains("# ") && recipe.contains("code = 2"), "{recipe}");
    assert!(!s.path("model").exists());
    s.write("printed.toml", &recipe);
    let again = s.run("fit printed.toml --print-recipe").ok().stdout;
    assert_eq!(recipe, again);
    s.run("fit printed.toml -o m").ok();
    assert!(s.run("fit pca --print-recipe").ok().stdout.contains("kind = \"pca\""));
}

#[test]
fn pca_is_computed_at_once_and_components_are_its_code() {
    let s = Sandbox::new();
    s.write("people.csv", people(240));
    let value =
        s.run("fit pca people.csv --ignore name --label health --components 2 -o m --json").ok().json();
    assert_eq!(value["recipe"]["model"]["code"], 2);
    s.run("encode m people.csv -o codes.csv").ok();
    let (header, rows) = header_and_rows(&s.read("codes.csv"));
    assert_eq!((header.as_str(), rows), ("row,health,code1,code2", 240));
}

#[test]
fn k_means_finds_clusters_and_says_where_rows_belong() {
    let s = Sandbox::new();
    s.write("people.csv", people(240));
    let fit = "fit k-means people.csv --id name --label health --clusters 3 -o m";
    let done = s.run(fit).ok().stdout;
    for word in
        ["inertia, train", "clustering accuracy", "adjusted Rand index", "latentia cluster m people.csv"]
    {
        assert!(done.contains(word), "'{word}' is missing in:\n{done}");
    }
    let report = s.read("m/report.html");
    assert!(report.contains("Map of the clusters") && report.contains("fall into 3 clusters"));
    let text = s.run("cluster m people.csv").ok().stdout;
    assert_eq!(header_and_rows(&text), ("name,health,cluster,distance".to_owned(), 240));
    let mut clusters: Vec<&str> = text.lines().skip(1).map(|l| l.split(',').nth(2).unwrap()).collect();
    clusters.sort_unstable();
    clusters.dedup();
    assert_eq!(clusters, ["0", "1", "2"]);
    // The distance to the own centroid is the least of those to all of them.
    let codes = s.run("encode m people.csv").ok().stdout;
    for (line, code) in text.lines().zip(codes.lines()).skip(1) {
        let code: Vec<f32> = code.split(',').skip(2).map(|v| v.parse().unwrap()).collect();
        let cells: Vec<&str> = line.split(',').collect();
        let (cluster, distance): (usize, f32) = (cells[2].parse().unwrap(), cells[3].parse().unwrap());
        assert!(code.iter().all(|&d| d >= distance) && code[cluster] == distance, "{line}: {code:?}");
    }
    s.run("cluster m people.csv -o clusters.npy").ok();
    let measured = s.run("evaluate m people.csv --json").ok().json();
    let distances = text.lines().skip(1).map(|l| l.rsplit(',').next().unwrap().parse::<f64>().unwrap());
    let inertia: f64 = distances.map(|d| d * d).sum();
    assert!((measured["inertia"].as_f64().unwrap() / inertia - 1.0).abs() < 1e-4);
    assert!(measured["agreement"]["accuracy"].as_f64().unwrap() > 0.3);
    let figures = s.run("inspect m --json").ok().json()["figures"]["clusters"][0].clone();
    let sizes = figures["sizes"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap());
    assert!(sizes.sum::<u64>() > 150 && figures["agreement"]["nmi"].as_f64().unwrap() >= 0.0);
    let s = Sandbox::with_model();
    s.run("cluster m people.csv").fails(2, &["cannot cluster", "encode"]);
}

#[test]
fn results_repeat_the_names_of_rows_and_their_class() {
    let s = Sandbox::with_model();
    let codes = s.run("encode m people.csv").ok().stdout;
    assert_eq!(header_and_rows(&codes), ("name,health,code1,code2".to_owned(), 240));
    let rebuilt = s.run("reconstruct m people.csv").ok().stdout;
    assert_eq!(header_and_rows(&rebuilt), ("name,health,age,height,weight,city".to_owned(), 240));
    let scores = s.run("score m people.csv --top 2").ok().stdout;
    let expected = "name,health,score,unusual,because1,found1,rebuilt1,because2,found2,rebuilt2";
    assert_eq!(header_and_rows(&scores), (expected.to_owned(), 240));
    let first = scores.lines().nth(1).unwrap();
    assert!(first.starts_with("p0,well,") || first.starts_with("p0,ill,"), "{first}");
}

#[test]
fn a_name_that_the_result_uses_itself_is_left_to_it() {
    let s = Sandbox::new();
    s.write("people.csv", people(60).replacen("name,", "code1,", 1).replacen(",health", ",cluster", 1));
    let data = "people.csv --label cluster --id code1";
    s.run(&format!("fit k-means {data} --clusters 2 -o groups")).ok();
    s.run(&format!("fit pca {data} --code 2 -o m")).ok();
    let first = |words: &str| header_and_rows(&s.run(words).ok().stdout).0;
    assert_eq!(first("cluster groups people.csv"), "code1,cluster,distance");
    assert_eq!(first("encode m people.csv"), "row,cluster,code1,code2");
    assert_eq!(first("score m people.csv --top 0"), "code1,cluster,score,unusual");
}

#[test]
fn decode_of_encode_is_reconstruct() {
    let s = Sandbox::with_model();
    for format in ["csv", "csv.gz", "parquet", "jsonl"] {
        s.run(&format!("encode m people.csv -o codes.{format}")).ok();
        s.run(&format!("decode m codes.{format} -o rows.csv --force")).ok();
        s.run("reconstruct m people.csv -o rebuilt.csv --force").ok();
        let (rows, rebuilt) = (s.read("rows.csv"), s.read("rebuilt.csv"));
        assert_eq!(header_and_rows(&rows), header_and_rows(&rebuilt), "{format}");
        for (a, b) in rows.lines().zip(rebuilt.lines()).skip(1) {
            near(a, b, format);
        }
    }
    s.run("encode m people.csv -o codes.npy").ok();
    let from_npy = s.run("decode m codes.npy").ok().stdout;
    assert_eq!(header_and_rows(&from_npy), ("age,height,weight,city".to_owned(), 240));
}

/// Lines of equal cells, numbers equal to six digits: what is written as text may lose the last bit.
#[track_caller]
fn near(a: &str, b: &str, what: &str) {
    for (a, b) in a.split(',').zip(b.split(',')) {
        let close = match (a.parse::<f64>(), b.parse::<f64>()) {
            (Ok(x), Ok(y)) => (x - y).abs() <= 1e-4 * (1.0 + y.abs()),
            _ => a == b,
        };
        assert!(close, "{what}: {a} and {b}");
    }
}

#[test]
fn every_input_format_gives_the_same_codes() {
    let s = Sandbox::new();
    let numbers: String = people(150)
        .lines()
        .map(|line| line.split(',').skip(1).take(3).collect::<Vec<_>>().join(",") + "\n")
        .collect();
    s.write("t.csv", &numbers);
    s.run("fit pca t.csv --components 2 --scale none -o m").ok();
    s.run("encode m t.csv -o codes.csv").ok();
    // The same rows in other clothes: rebuilt with all components they are themselves, up to rounding.
    s.run("fit pca t.csv --components 3 --scale none -o whole").ok();
    for format in ["csv.gz", "parquet", "jsonl", "npy"] {
        s.run(&format!("reconstruct whole t.csv -o t.{format}")).ok();
        s.run(&format!("encode m t.{format} -o again.csv --force")).ok();
        let (first, again) = (s.read("codes.csv"), s.read("again.csv"));
        assert_eq!(header_and_rows(&first), header_and_rows(&again), "{format}");
        for (a, b) in first.lines().zip(again.lines()).skip(1) {
            near(a, b, format);
        }
    }
    s.write("t.tsv", numbers.replace(',', "\t"));
    s.run("encode m t.tsv -o tsv.csv").ok();
    assert_eq!(s.read("tsv.csv"), s.read("codes.csv"));
    let piped = s.shell("cat t.csv | latentia encode m -").ok().stdout;
    assert_eq!(piped, s.read("codes.csv"));
}

#[test]
fn scores_are_compared_with_a_value_a_percentage_or_the_models_own_threshold() {
    let s = Sandbox::with_model();
    let unusual = |words: &str| {
        let done = s.run(&format!("score m people.csv --top 0 {words}")).ok();
        let column = |line: &str| line.split(',').nth(3).unwrap().to_owned();
        done.stdout.lines().skip(1).filter(|line| column(line) == "yes").count()
    };
    assert_eq!(unusual("--threshold 0"), 240);
    assert_eq!(unusual("--threshold 1e30"), 0);
    assert_eq!(unusual("--threshold 90%"), 24);
    assert!(unusual("") < 60);
    s.run("score m people.csv --threshold high").fails(2, &["95%"]);
}

#[test]
fn evaluate_measures_and_finds_the_class_that_is_unusual() {
    let s = Sandbox::with_model();
    let text = s.run("evaluate m people.csv --anomaly ill").ok().stdout;
    for word in ["squared error", "5-NN", "ROC", "average precision", "PCA at fit"] {
        assert!(text.contains(word), "'{word}' is missing in:\n{text}");
    }
    let value = s.run("evaluate m people.csv --anomaly ill --json").ok().json();
    assert_eq!(value["rows"], 240);
    let auroc = value["anomaly"]["auroc"].as_f64().unwrap();
    assert!((0.0..=1.0).contains(&auroc), "{auroc}");
    assert!(value["neighbours"]["in_code"].as_f64().unwrap() > 0.5);
    s.run("evaluate m people.csv --anomaly dead").fails(2, &["ill", "well"]);
}

#[test]
fn inspect_and_report_say_what_a_model_is() {
    let s = Sandbox::with_model();
    let text = s.run("inspect m --tensors").ok().stdout;
    for word in [
        "autoencoder",
        "encode, decode, reconstruct, score",
        "name",
        "health (ill, well)",
        "encoder",
        "weights.safetensors",
    ] {
        assert!(text.contains(word), "'{word}' is missing in:\n{text}");
    }
    let value = s.run("inspect m --json").ok().json();
    assert_eq!(value["kind"], "autoencoder");
    let path = s.run("report m").ok().stdout;
    assert!(std::path::Path::new(path.trim()).is_file(), "{path}");
}

#[test]
fn the_demo_explains_itself() {
    let s = Sandbox::new();
    let text = s.run("demo -o d").ok().stdout;
    for word in ["PCA", "Try next", "report.html", "latentia encode d digits"] {
        assert!(text.contains(word), "'{word}' is missing in:\n{text}");
    }
    s.run("demo -o d --quiet").ok();
}

#[test]
fn completions_know_the_flags_of_recipe_keys() {
    let s = Sandbox::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = s.run(&format!("completions {shell}")).ok().stdout;
        assert!(script.contains("learning-rate") && script.contains("reconstruct"), "{shell}");
    }
}

#[test]
fn the_result_does_not_depend_on_the_number_of_threads() {
    let s = Sandbox::new();
    s.write("people.csv", people(200));
    for threads in [1, 2, 5] {
        let words = "fit autoencoder people.csv --label health --ignore name --hidden 16 --code 2 --epochs 2";
        s.run(&format!("{words} --threads {threads} -o m{threads}")).ok();
        assert_eq!(
            s.sha256("m1/weights.safetensors"),
            s.sha256(&format!("m{threads}/weights.safetensors")),
            "{threads}"
        );
    }
}

#[test]
fn a_reader_that_stops_reading_is_no_error() {
    let s = Sandbox::new();
    s.write("people.csv", people(20_000));
    s.run("fit pca people.csv --ignore name --components 1 -o m").ok();
    let done = s.shell("latentia encode m people.csv | head -1").ok();
    assert_eq!(done.stderr, "");
    assert_eq!(done.stdout, "row,code1\n");
}

#[test]
fn a_map_has_its_figures_beside_pca_and_says_what_it_cannot_do() {
    let s = Sandbox::new();
    s.write("people.csv", people(240));
    let text = s.run("fit isomap people.csv --label health --id name --neighbours 12 -o m").ok().stdout;
    for word in ["trustworthiness of the map", "continuity of the map", "5-NN accuracy", "PCA"] {
        assert!(text.contains(word), "'{word}' is missing in:\n{text}");
    }
    assert!(!text.contains("latentia score"), "{text}");
    assert!(s.read("m/report.html").contains("Maps beside each other"));
    s.run("encode m people.csv -o codes.csv").ok();
    assert_eq!(header_and_rows(&s.read("codes.csv")), ("name,health,code1,code2".to_owned(), 240));
    let text = s.run("evaluate m people.csv").ok().stdout;
    assert!(text.contains("trustworthiness of the map") && !text.contains("squared error"), "{text}");
    let value = s.run("evaluate m people.csv --json").ok().json();
    assert!(value["map"]["continuity"].as_f64().unwrap() > 0.5, "{value}");
    for verb in
        ["score m people.csv", "reconstruct m people.csv", "decode m codes.csv", "classify m people.csv"]
    {
        s.run(verb).fails(2, &["isomap", "encode"]);
    }
    s.run("fit lle people.csv --heat 3 -o l").fails(2, &["heat"]);
    s.run("fit isomap people.csv --ignore name --neighbours 400 -o l").fails(2, &["model.neighbours", "400"]);
}

#[test]
fn sample_draws_rows_in_the_units_of_the_data() {
    let s = Sandbox::new();
    s.write("people.csv", people(240));
    s.run("fit rbm people.csv --label health --id name --code 4 --epochs 2 --sample-steps 20 -o m").ok();
    let (header, rows) = header_and_rows(&s.run("sample m -n 7").ok().stdout);
    let (of_data, _) = header_and_rows(&s.read("people.csv"));
    assert_eq!(rows, 7);
    assert!(header.split(',').all(|name| of_data.contains(name)), "{header} {of_data}");
    let first = s.run("sample m -n 7 --seed 3").ok().stdout;
    assert_eq!(first, s.run("sample m -n 7 --seed 3").ok().stdout);
    assert_ne!(first, s.run("sample m -n 7 --seed 4").ok().stdout);
    s.run("fit pca people.csv --label health --id name --code 2 -o p").ok();
    s.run("sample p").fails(2, &["pca", "sample", "reconstruct"]);
}
