//! Documents: from files to rows of word weights and back, and files that are not what they should be.

use std::{fs, path::Path};

use latentia::{
    Error,
    data::{Dataset, Format, ReadOptions, Table, Values, Weighting, Writer, open, words},
};
use proptest::prelude::*;

/// Options under which every word of a small file counts.
fn every_word() -> ReadOptions {
    ReadOptions {
        text: Some("body".into()),
        label: Some("kind".into()),
        min_documents: 1,
        validation: 0.0,
        weighting: Weighting::Count,
        ..ReadOptions::default()
    }
}

const BODIES: [(&str, &str); 4] = [
    ("Oil prices rose, oil exports fell.", "crude"),
    ("Wheat and corn prices.", "grain"),
    ("Corn, corn, wheat!", "grain"),
    ("The oil company's exports", "crude"),
];

fn table() -> Table {
    let text = |f: fn(&(&str, &str)) -> String| Values::Text(BODIES.iter().map(|b| Some(f(b))).collect());
    Table::new().with("body", text(|b| b.0.to_owned())).with("kind", text(|b| b.1.to_owned()))
}

#[test]
fn a_column_of_documents_is_the_same_in_every_format() {
    let folder = tempfile::tempdir().unwrap();
    let mut seen = Vec::new();
    for ending in ["csv", "tsv", "jsonl", "parquet", "csv.gz"] {
        let path = folder.path().join(format!("t.{ending}"));
        let mut writer = Writer::create(&path, None).unwrap();
        writer.write(&table()).unwrap();
        writer.finish().unwrap();
        let data = Dataset::load(&path, &every_word(), 1).unwrap();
        assert_eq!(data.preprocess.feature_names()[..5], ["corn", "exports", "oil", "prices", "wheat"]);
        assert_eq!(data.preprocess.feature_names()[5..], ["company", "fell", "rose"]);
        assert_eq!(data.train.x.row(0), [0.0, 1.0, 2.0, 1.0, 0.0, 0.0, 1.0, 1.0]);
        assert_eq!(data.classes(), ["crude", "grain"]);
        // The words of greatest weight stand for a document, by frequency among equals.
        let back = data.preprocess.inverse(&data.train.x).unwrap();
        let Some(Values::Text(texts)) = back.column("body") else { panic!("{back:?}") };
        assert_eq!(texts[0].as_deref(), Some("oil exports prices fell rose"));
        assert_eq!(texts[2].as_deref(), Some("corn wheat"));
        seen.push((data.train, data.preprocess));
    }
    assert!(seen.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn the_vocabulary_is_of_the_training_rows_and_stays_with_further_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.jsonl");
    let lines: String =
        (0..40).map(|i| format!("{{\"body\": \"common word{}\"}}\n", "x".repeat(i + 1))).collect();
    fs::write(&path, lines).unwrap();
    let options = ReadOptions {
        text: Some("body".into()),
        min_documents: 1,
        validation: 0.25,
        test_fraction: 0.25,
        weighting: Weighting::Count,
        ..ReadOptions::default()
    };
    let data = Dataset::load(&path, &options, 1).unwrap();
    assert_eq!(
        data.width(),
        data.train.len() + 1,
        "a word of its own in each training row, and the common one"
    );
    assert!(data.test.x.iter_rows().all(|row| row.iter().sum::<f32>() == 1.0), "other words are not known");
    let further = folder.path().join("further.csv");
    fs::write(&further, "body\ncommon common news\n\"\"\nnothing known\n").unwrap();
    let missing = data.preprocess.open(&further, &options).unwrap().read_all().unwrap_err().to_string();
    assert!(missing.contains("row 2, column \"body\"") && missing.contains("a document"), "{missing}");
    fs::write(&further, "body\ncommon common news\nnothing known\n").unwrap();
    let rows = data.preprocess.open(&further, &options).unwrap().read_all().unwrap();
    assert_eq!(rows.x.row(0)[0], 2.0);
    assert_eq!(rows.x.as_slice().iter().sum::<f32>(), 2.0);
    // The schema comes back from JSON.
    let json = serde_json::to_string(&data.preprocess).unwrap();
    assert_eq!(serde_json::from_str::<latentia::data::Preprocess>(&json).unwrap(), data.preprocess);
}

#[test]
fn documents_may_stand_beside_numbers_and_categories() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    fs::write(&path, "size,body,city\n1,oil oil gas,north\n3,gas,south\n5,oil,north\n").unwrap();
    let options = ReadOptions { label: None, scale: latentia::data::Scale::None, ..every_word() };
    let data = Dataset::load(&path, &options, 1).unwrap();
    assert_eq!(data.preprocess.feature_names(), ["size", "gas", "oil", "city=north", "city=south"]);
    assert_eq!(data.train.x.row(0), [1.0, 1.0, 2.0, 1.0, 0.0]);
    let cells = data.preprocess.cells();
    let names: Vec<_> = cells.iter().map(|(name, range, place)| (*name, range.len(), *place)).collect();
    assert_eq!(names, [("size", 1, Some(0)), ("gas", 1, None), ("oil", 1, None), ("city", 2, Some(2))]);
}

#[test]
fn rows_may_have_several_labels() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    fs::write(&path, "body,kind,all\noil gas,a,a b\ngas oil,b,b\noil,a,\n").unwrap();
    let data = Dataset::load(&path, &ReadOptions { tags: Some("all".into()), ..every_word() }, 1).unwrap();
    assert_eq!(data.train.tags.as_deref().unwrap(), ["a b", "b", ""]);
    assert_eq!(data.preprocess.feature_names(), ["oil", "gas"]);
}

#[test]
fn a_folder_of_texts_has_its_sub_folders_as_classes() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in
        [("b/1.txt", "oil oil"), ("b/2.txt", "oil prices"), ("a/3.TXT", "wheat prices"), ("a/x.md", "no")]
    {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let options = ReadOptions {
        min_documents: 1,
        validation: 0.0,
        weighting: Weighting::Count,
        ..ReadOptions::default()
    };
    let data = Dataset::load(folder.path(), &options, 1).unwrap();
    assert_eq!(data.classes(), ["a", "b"]);
    assert_eq!(data.train.labels.as_deref().unwrap(), [0, 1, 1]);
    let names: Vec<_> = data.train.ids.as_deref().unwrap().iter().map(|id| id.replace('\\', "/")).collect();
    assert_eq!(names, ["a/3.TXT", "b/1.txt", "b/2.txt"]);
    // A single file is one more document, a table has them in its column.
    let one = folder.path().join("new.txt");
    fs::write(&one, "Wheat! Oil?").unwrap();
    let rows = data.preprocess.open(&one, &options).unwrap().read_all().unwrap();
    assert_eq!(rows.x.as_slice(), [1.0, 0.0, 1.0]);
    let csv = folder.path().join("t.csv");
    fs::write(&csv, "text,other\nprices,1\n").unwrap();
    let rows = data.preprocess.open(&csv, &options).unwrap().read_all().unwrap();
    assert_eq!(rows.x.as_slice(), [0.0, 1.0, 0.0]);
    // And the other way round: documents in files for a model of a table.
    let table = Dataset::load(
        &csv,
        &ReadOptions { text: Some("text".into()), ignore: vec!["other".into()], ..options.clone() },
        1,
    );
    assert!(table.unwrap_err().to_string().contains("at least 2 rows"));
    fs::write(&one, [b'a', 0xff, 0xfe]).unwrap();
    let error = data.preprocess.open(&one, &options).unwrap().read_all().unwrap_err().to_string();
    assert!(error.contains("new.txt") && error.contains("UTF-8"), "{error}");
}

#[test]
fn what_cannot_be_is_refused_by_its_key_or_column() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    fs::write(&path, "body,kind\noil,a\ngas,b\n1 2 3,a\n").unwrap();
    let fault = |change: fn(&mut ReadOptions)| {
        let mut options = every_word();
        change(&mut options);
        Dataset::load(&path, &options, 1).unwrap_err().to_string()
    };
    for (change, word) in [
        ((|o| o.text = Some("boby".into())) as fn(&mut ReadOptions), "The nearest is \"body\""),
        (|o| o.text = Some("kind".into()), "data.text"),
        (|o| o.vocabulary = 0, "data.vocabulary"),
        (|o| o.min_documents = 0, "data.min-documents"),
        (|o| o.min_documents = 2, "no word"),
        (|o| o.tags = Some("tags".into()), "tags"),
    ] {
        let error = fault(change);
        assert!(error.contains(word), "{word}: {error}");
    }
}

/// Two articles with topics and one without, in the mark-up of Reuters-21578.
const REUTERS: &str = r#"<!DOCTYPE lewis SYSTEM "lewis.dtd">
<REUTERS TOPICS="YES" LEWISSPLIT="TRAIN" CGISPLIT="TRAINING-SET" OLDID="1" NEWID="1">
<DATE>26-FEB-1987</DATE><TOPICS><D>wheat</D><D>grain</D><D>rice</D></TOPICS>
<TEXT>&#2;<TITLE>WHEAT EXPORTS</TITLE><BODY>Wheat exports rose. Reuter
&#3;</BODY></TEXT>
</REUTERS>
<REUTERS TOPICS="YES" LEWISSPLIT="TEST" CGISPLIT="TRAINING-SET" OLDID="2" NEWID="2">
<TOPICS><D>earn</D></TOPICS><TEXT TYPE="BRIEF">&#2;<TITLE>PROFITS OF &lt;OILCO> ROSE</TITLE></TEXT>
</REUTERS>
<REUTERS TOPICS="NO" LEWISSPLIT="TRAIN" CGISPLIT="TRAINING-SET" OLDID="3" NEWID="3">
<TOPICS></TOPICS><TEXT>&#2;Nothing of note</TEXT>
</REUTERS>
<REUTERS TOPICS="YES" LEWISSPLIT="TRAIN" CGISPLIT="TRAINING-SET" OLDID="4" NEWID="4">
<TOPICS><D>crude</D></TOPICS><TEXT>&#2;<BODY>Wheat and oil</BODY></TEXT>
</REUTERS>
"#;

#[test]
fn articles_of_reuters_are_split_as_they_say_and_labelled_by_their_most_frequent_topic() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("reut2-000.sgm"), REUTERS).unwrap();
    fs::write(folder.path().join("README.txt"), "not an article").unwrap();
    let read = |path: &Path| {
        let mut source = open(path, &ReadOptions::default()).unwrap();
        let chunk = source.next(100).unwrap().unwrap();
        assert!(source.next(100).unwrap().is_none());
        (chunk.texts[1].clone(), chunk.texts[2].clone(), chunk.texts[3].clone())
    };
    let cells = |cells: &[&str]| cells.iter().map(|c| Some((*c).to_owned())).collect::<Vec<_>>();
    let train = (cells(&["1", "4"]), cells(&["grain", "crude"]), cells(&["grain wheat", "crude"]));
    assert_eq!(read(&folder.path().join("modapte-train")), train);
    let test = (cells(&["2"]), cells(&["earn"]), cells(&["earn"]));
    assert_eq!(read(&folder.path().join("modapte-test")), test);
    assert_eq!(read(folder.path()).0, cells(&["1", "2", "4"]));
    let options = ReadOptions {
        min_documents: 1,
        validation: 0.0,
        weighting: Weighting::Count,
        ..ReadOptions::default()
    };
    let data = Dataset::load(folder.path().join("modapte-train"), &options, 1).unwrap();
    assert_eq!(data.preprocess.feature_names(), ["wheat", "exports", "oil", "rose"]);
    assert_eq!(data.train.x.as_slice(), [2.0, 2.0, 0.0, 1.0, 1.0, 0.0, 1.0, 0.0]);
    assert_eq!(data.train.tags.as_deref().unwrap(), ["grain wheat", "crude"]);
}

/// Reads all of a file of articles; the number of rows, or what is wrong with it.
fn reuters(bytes: &[u8]) -> Result<usize, Error> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("reut2-000.sgm");
    fs::write(&path, bytes).unwrap();
    let mut source = open(&path, &ReadOptions::default())?;
    let mut rows = 0;
    while let Some(chunk) = source.next(2)? {
        assert!(chunk.texts.iter().all(|cells| cells.len() == chunk.rows));
        rows += chunk.rows;
    }
    Ok(rows)
}

#[test]
fn articles_that_are_cut_short_or_without_mark_up_are_faults_of_the_file() {
    assert_eq!(reuters(REUTERS.as_bytes()).unwrap(), 3);
    for (damaged, words) in [
        (REUTERS.replacen("</REUTERS>", "", 1), ["line 2", "</REUTERS>"]),
        (REUTERS.replace("LEWISSPLIT=\"TEST\"", "LEWISSPLIT=\"TSET\""), ["line 7", "TSET"]),
        (REUTERS.replace("</TOPICS><TEXT TYPE", "<TEXT TYPE"), ["line 7", "TOPICS without an end"]),
        ("just text".to_owned(), ["no article", "Reuters-21578"]),
        (String::new(), ["no article", "Reuters-21578"]),
    ] {
        let error = reuters(damaged.as_bytes()).unwrap_err().to_string();
        assert!(
            error.contains("reut2-000.sgm") && words.iter().all(|w| error.contains(w)),
            "{words:?}: {error}"
        );
    }
    for length in 0..REUTERS.len() {
        let cut = reuters(&REUTERS.as_bytes()[..length]);
        assert!(matches!(cut, Ok(_) | Err(Error::Data(_))), "cut to {length}: {cut:?}");
    }
}

proptest! {
    #[test]
    fn damaged_articles_never_panic(
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        removed in any::<prop::sample::Index>(),
        length in 0usize..40,
    ) {
        let mut bytes = REUTERS.as_bytes().to_vec();
        for (index, byte) in flips {
            let at = index.index(bytes.len());
            bytes[at] = byte;
        }
        let from = removed.index(bytes.len());
        bytes.drain(from..(from + length).min(bytes.len()));
        let result = reuters(&bytes);
        prop_assert!(matches!(result, Ok(_) | Err(Error::Data(_))), "{result:?}");
    }

    #[test]
    fn words_of_any_text_are_words_again(text in ".{0,80}") {
        for word in words(&text) {
            prop_assert!(word.chars().count() > 1 && !word.chars().any(char::is_numeric), "{word:?}");
            prop_assert!(!word.contains(['\'', ' ', '\u{2019}']), "{word:?}");
        }
    }
}

#[test]
fn texts_of_every_weighting_agree_with_scikit_learn() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/data/documents.json");
    let golden: serde_json::Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.jsonl");
    let documents = golden["documents"].as_array().unwrap();
    let lines: String = documents.iter().map(|d| format!("{}\n", serde_json::json!({ "body": d }))).collect();
    fs::write(&path, lines).unwrap();
    for (name, weighting) in [
        ("count", Weighting::Count),
        ("tf", Weighting::Tf),
        ("log-tf", Weighting::LogTf),
        ("tf-idf", Weighting::TfIdf),
    ] {
        let options = ReadOptions { stop_words: false, weighting, label: None, ..every_word() };
        let data = Dataset::load(&path, &ReadOptions { format: Format::Jsonl, ..options }, 1).unwrap();
        let names = data.preprocess.feature_names();
        let expected = golden[name].as_array().unwrap();
        assert_eq!(expected.len(), data.train.len());
        for (row, expected) in data.train.x.iter_rows().zip(expected) {
            assert_eq!(row.len(), expected.as_object().unwrap().len(), "{name}");
            for (word, value) in names.iter().zip(row) {
                let expected = expected[word].as_f64().unwrap_or(f64::NAN);
                assert!(
                    (f64::from(*value) - expected).abs() < 1e-6,
                    "{name}, {word}: {value} and {expected}"
                );
            }
        }
    }
}

#[test]
fn the_whole_collection_has_the_parts_that_it_is_known_for() {
    if std::env::var_os("LATENTIA_DATA").is_none() {
        println!("skipped: LATENTIA_DATA is not set");
        return;
    }
    let options = ReadOptions { validation: 0.0, ..ReadOptions::default() };
    let data = Dataset::load("reuters", &options, 0).unwrap();
    // Of the 9,603 and 3,299 articles of the ModApte split.
    assert_eq!((data.train.len(), data.test.len()), (6490, 2545));
    assert_eq!(data.width(), 2000);
    let of = |topic: &str, tags: &[String]| tags.iter().filter(|t| t.split(' ').any(|t| t == topic)).count();
    let train = data.train.tags.as_deref().unwrap();
    let known = [
        ("earn", 2877),
        ("acq", 1650),
        ("money-fx", 538),
        ("grain", 433),
        ("crude", 389),
        ("trade", 369),
        ("interest", 347),
        ("wheat", 212),
        ("ship", 197),
        ("corn", 181),
    ];
    for (topic, count) in known {
        assert_eq!(of(topic, train), count, "{topic}");
    }
}
