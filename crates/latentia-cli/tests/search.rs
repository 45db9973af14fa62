//! Documents as data, and search over codes, with real small files.

mod common;

use std::fmt::Write;

use common::{Sandbox, header_and_rows};

/// Two kinds of documents with words of their own, and words they share; names and classes.
fn documents(rows: usize) -> String {
    let own = [
        ["oil", "barrel", "crude", "pipeline", "opec", "refinery", "petroleum", "drilling"],
        ["wheat", "harvest", "grain", "crop", "farmers", "tonnes", "maize", "acres"],
    ];
    let shared = ["market", "prices", "exports", "trade", "week", "government"];
    let mut text = String::from("title,body,kind\n");
    let mut state = 3u64;
    let mut random = |n: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % n
    };
    for i in 0..rows {
        let kind = random(2);
        let mut body = String::new();
        for _ in 0..12 {
            let word = if random(3) == 0 { shared[random(6)] } else { own[kind][random(8)] };
            write!(body, "{word} ").unwrap();
        }
        writeln!(text, "d{i},{body}in {i} the,{}", ["energy", "farming"][kind]).unwrap();
    }
    text
}

/// A folder with `news.csv`, a model `m` of its documents.
fn with_documents() -> Sandbox {
    let s = Sandbox::new();
    s.write("news.csv", documents(300));
    s.run(
        "fit autoencoder news.csv --text body --id title --label kind --hidden 16 --code 4 --epochs 30 --batch-size 32 \
         --learning-rate 0.01 --test-fraction 0.3 -o m",
    )
    .ok();
    s
}

#[test]
fn documents_are_learned_by_their_words_and_the_model_keeps_its_vocabulary() {
    let s = with_documents();
    let vocabulary = s.read("m/vocabulary.json");
    assert!(vocabulary.contains("\"refinery\"") && !vocabulary.contains("\"the\""), "{vocabulary}");
    assert!(!s.read("m/model.json").contains("refinery"));
    let shown = s.run("inspect m").ok().stdout;
    assert!(shown.contains("body (22 words)") && shown.contains("vocabulary.json"), "{shown}");
    assert!(shown.contains("precision at 100"), "{shown}");
    let report = s.read("m/report.html");
    assert!(report.contains("likely:") && report.contains("refinery"));
    // New documents, in files of their own.
    s.write("new.txt", "Crude oil flowed through the PIPELINE, barrel by barrel.");
    let codes = s.run("encode m new.txt").ok().stdout;
    assert_eq!(header_and_rows(&codes), ("title,code1,code2,code3,code4".to_owned(), 1));
    let rebuilt = s.run("reconstruct m new.txt").ok().stdout;
    let words = rebuilt.lines().nth(1).unwrap();
    assert!(words.contains("oil") && !words.contains("harvest"), "{rebuilt}");
    let scores = s.run("score m news.csv --top 2 --quiet").ok().stdout;
    assert!(scores.starts_with("title,kind,score,unusual,because1,found1,rebuilt1,"), "{scores}");
    let because = scores.lines().nth(1).unwrap().split(',').nth(4).unwrap().to_owned();
    assert!(vocabulary.contains(&format!("\"{because}\"")), "{because}");
}

#[test]
fn a_damaged_or_missing_vocabulary_is_found() {
    let s = with_documents();
    let vocabulary = s.read("m/vocabulary.json");
    s.write("m/vocabulary.json", vocabulary.replacen("oil", "oel", 1));
    s.run("encode m news.csv").fails(1, &["vocabulary.json", "SHA-256"]);
    std::fs::remove_file(s.path("m/vocabulary.json")).unwrap();
    s.run("encode m news.csv").fails(1, &["vocabulary.json"]);
}

#[test]
fn searches_by_code_find_documents_of_the_same_kind() {
    let s = with_documents();
    let value = s.run("evaluate m news.csv --retrieval 20 --json").ok().json();
    let found = &value["retrieval"];
    assert_eq!((&found["k"], &found["queries"]), (&20.into(), &90.into()), "{found}");
    assert_eq!(found["searched"], 210);
    assert!(found["in_code"].as_f64().unwrap() > 0.9, "{found}");
    assert!(s.run("evaluate m news.csv --retrieval 20").ok().stdout.contains("precision at 20"));
    // Documents of another file are searched for among those of the fit that were not held out.
    s.write("more.csv", documents(60));
    let value = s.run("evaluate m more.csv --retrieval 5 --json").ok().json();
    assert_eq!((&value["retrieval"]["queries"], &value["retrieval"]["searched"]), (&60.into(), &210.into()));
    s.run("evaluate m news.csv --retrieval 0").fails(2, &["--retrieval"]);
    s.run("evaluate m news.csv --retrieval 211").fails(2, &["--retrieval", "1 to 210"]);
}

#[test]
fn an_index_finds_the_nearest_rows_with_their_names_and_classes() {
    let s = Sandbox::with_model();
    s.run("index m people.csv -o p.index").ok();
    s.run("search p.index people.csv -k 3 -o near.csv").ok();
    let near = s.read("near.csv");
    assert_eq!(header_and_rows(&near), ("query,rank,name,health,distance".to_owned(), 720));
    for (i, line) in near.lines().skip(1).step_by(3).enumerate() {
        let cells: Vec<&str> = line.split(',').collect();
        assert_eq!((cells[0], cells[1]), (format!("p{i}").as_str(), "1"));
        assert_eq!(cells[4].parse::<f64>().unwrap(), 0.0, "a row is nearest to itself: {line}");
    }
    let own = s.run("search p.index --row 5").ok().stdout;
    assert_eq!(header_and_rows(&own).1, 10);
    assert!(own.lines().skip(1).all(|line| line.starts_with("p4,") && !line.contains(",p4,")), "{own}");
    for format in ["parquet", "jsonl", "npy"] {
        s.run(&format!("search p.index people.csv -k 2 -o near.{format}")).ok();
        assert!(s.path(&format!("near.{format}")).is_file());
    }
    let told = s.run("index m people.csv -o p.index --force --json").ok().json();
    assert_eq!((&told["rows"], &told["width"], &told["codes"]), (&240.into(), &2.into(), &"numbers".into()));
}

#[test]
fn every_way_of_searching_agrees_on_what_it_finds() {
    let s = Sandbox::with_model();
    let results = |words: &str| {
        s.run(&format!("index m people.csv {words} -o p.index --force")).ok();
        let found = s.run("search p.index people.csv -k 5").ok().stdout;
        for threads in [1, 3] {
            assert_eq!(
                s.run(&format!("search p.index people.csv -k 5 --threads {threads}")).ok().stdout,
                found
            );
        }
        found
    };
    let plain = results("");
    // A graph may miss a few: of 240 codes it does not.
    assert_eq!(results("--graph"), plain);
    assert_ne!(results("--metric cosine"), plain);
    let bits = results("--binarize median");
    assert!(
        bits.lines().skip(1).all(|line| ["0", "1", "2"].contains(&line.rsplit(',').next().unwrap())),
        "{bits}"
    );
    let within = s.run("search p.index --row 1 --radius 1").ok().stdout;
    let (_, within) = header_and_rows(&within);
    assert!(within > 10 && within < 239, "{within}");
    assert_eq!(header_and_rows(&s.run("search p.index --row 1 --radius 2").ok().stdout).1, 239);
    assert_eq!(header_and_rows(&s.run("search p.index --row 1 --radius 2 -k 7").ok().stdout).1, 7);
}

#[test]
fn an_index_knows_its_model_and_its_own_damage() {
    let s = Sandbox::with_model();
    s.run("index m people.csv -o p.index").ok();
    s.run("fit autoencoder people.csv --label health --id name --hidden 8 --code 2 --epochs 1 -o other").ok();
    s.run("search p.index people.csv --model other").fails(1, &["p.index", "another model", "--model"]);
    s.run("fit pca people.csv --label health --id name --components 3 -o wide").ok();
    s.run("search p.index people.csv --model wide").fails(1, &["another model"]);
    std::fs::rename(s.path("m"), s.path("moved")).unwrap();
    s.run("search p.index people.csv").fails(1, &["--model"]);
    s.run("search p.index people.csv --model moved").ok();
    let mut bytes = std::fs::read(s.path("p.index")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    s.write("bad.index", &bytes);
    s.run("search bad.index --row 1").fails(1, &["bad.index", "damaged", "SHA-256"]);
    s.write("short.index", &bytes[..middle]);
    s.run("search short.index --row 1").fails(1, &["short.index", "damaged"]);
    s.run("search people.csv --row 1").fails(1, &["people.csv", "not an index"]);
}

#[test]
fn requests_that_cannot_be_met_are_refused() {
    let s = Sandbox::with_model();
    s.run("index m people.csv -o p.index").ok();
    for (words, code, expected) in [
        ("index m people.csv -o p.index", 2, "--force"),
        ("index m people.csv -o q.index --binarize third", 2, "third"),
        ("index m people.csv -o q.index --binarize half --graph", 2, "graph"),
        ("index m people.csv -o q.index --binarize half --metric cosine", 2, "metric"),
        ("index m nothing.csv -o q.index", 1, "nothing.csv"),
        ("search p.index", 2, "QUERY"),
        ("search p.index people.csv --row 1", 2, "--row"),
        ("search p.index people.csv -k 0", 2, "-k"),
        ("search p.index --row 241", 2, "1 to 240"),
        ("search p.index --row 1 --radius -1", 2, "radius"),
        ("search p.index --row 1 -o m", 2, "-o"),
        ("search nothing.index --row 1", 1, "nothing.index"),
    ] {
        s.run(words).fails(code, &[expected]);
    }
    assert!(!s.path("q.index").exists());
}
