//! Tables from text: types, splits, scaling, and what is said about bad input.

use std::{fs, path::PathBuf};

use latentia::data::{Dataset, FeatureKind, Missing, ReadOptions, Scale, Unknown, Values};

fn file(name: &str, content: impl AsRef<[u8]>) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, content).unwrap();
    (folder, path)
}

fn load(content: &str, options: &ReadOptions) -> latentia::Result<Dataset> {
    let (_folder, path) = file("people.csv", content);
    Dataset::load(path, options, 1)
}

/// What is said about a file that cannot be used, without its folder.
fn fault(content: impl AsRef<[u8]>, options: &ReadOptions) -> String {
    let (folder, path) = file("people.csv", content);
    let error = Dataset::load(path, options, 1).unwrap_err().to_string();
    error.replace(&format!("{}/", folder.path().display()), "")
}

fn all_rows() -> ReadOptions {
    ReadOptions { validation: 0.0, ..ReadOptions::default() }
}

const PEOPLE: &str = "name,age,colour,class\nann,20,red,1\nbob,30,blue,0\ncid,40,red,1\n";

#[test]
fn numbers_and_categories_become_features_and_come_back() {
    let options = ReadOptions {
        id: Some("name".into()),
        label: Some("class".into()),
        scale: Scale::MinMax,
        ..all_rows()
    };
    let data = load(PEOPLE, &options).unwrap();
    assert_eq!(data.preprocess.feature_names(), ["age", "colour=blue", "colour=red"]);
    assert_eq!(data.train.x.as_slice(), [0.0, 0.0, 1.0, 0.5, 1.0, 0.0, 1.0, 0.0, 1.0]);
    assert_eq!(data.classes(), ["0", "1"]);
    assert_eq!(data.train.labels.as_deref(), Some(&[1, 0, 1][..]));
    assert_eq!(data.train.ids.as_deref().unwrap(), ["ann", "bob", "cid"]);
    let back = data.preprocess.inverse(&data.train.x).unwrap();
    assert_eq!(back.column("age"), Some(&Values::Numbers(vec![20.0, 30.0, 40.0])));
    let colours = ["red", "blue", "red"].map(|c| Some(c.to_owned())).to_vec();
    assert_eq!(back.column("colour"), Some(&Values::Text(colours)));
    assert_eq!(data.preprocess.ranges()[1], ("colour", 1..3));
}

#[test]
fn the_schema_survives_its_file_format() {
    let options = ReadOptions { label: Some("class".into()), ..all_rows() };
    let data = load(PEOPLE, &options).unwrap();
    let json = serde_json::to_string(&data.preprocess).unwrap();
    assert_eq!(serde_json::from_str::<latentia::data::Preprocess>(&json).unwrap(), data.preprocess);
}

#[test]
fn standard_scaling_has_mean_zero_and_deviation_one() {
    let data = load("a\n1\n2\n3\n6\n", &all_rows()).unwrap();
    let x = data.train.x.as_slice();
    assert!(x.iter().sum::<f32>().abs() < 1e-6);
    assert!((x.iter().map(|v| v * v).sum::<f32>() / 4.0 - 1.0).abs() < 1e-6);
}

#[test]
fn statistics_come_from_training_rows_only() {
    let rows: String = (0..100).map(|i| format!("{i}\n")).collect();
    let options = ReadOptions { validation: 0.3, test_fraction: 0.2, scale: Scale::MinMax, ..all_rows() };
    let data = load(&rows, &options).unwrap();
    assert_eq!((data.train.len(), data.validation.len(), data.test.len()), (56, 24, 20));
    let least = *data.train.rows.iter().min().unwrap() as f32 - 1.0;
    let most = *data.train.rows.iter().max().unwrap() as f32 - 1.0;
    let FeatureKind::Number { offset, scale, .. } = data.preprocess.features[0].kind else {
        panic!("a number")
    };
    assert_eq!((offset, scale), (least, most - least));
}

#[test]
fn columns_are_found_by_name_in_any_order() {
    let data = load(PEOPLE, &ReadOptions { ignore: vec!["name".into()], ..all_rows() }).unwrap();
    let (_folder, path) = file("other.csv", "class,extra,colour,age\n1,9,red,20\n");
    let rows = data.preprocess.open(&path, &ReadOptions::default()).unwrap().read_all().unwrap();
    assert_eq!(rows.x.row(0), data.train.x.row(0));
}

#[test]
fn a_missing_column_is_named_with_its_nearest() {
    let data = load(PEOPLE, &ReadOptions { ignore: vec!["name".into()], ..all_rows() }).unwrap();
    let (_folder, path) = file("other.csv", "class,color,age\n1,red,20\n");
    let error = data.preprocess.open(&path, &ReadOptions::default()).err().unwrap().to_string();
    assert!(error.contains("column \"colour\": found no such column"), "{error}");
    assert!(error.contains("\"color\""), "{error}");
}

#[test]
fn another_width_is_told_with_both_numbers() {
    let data = load("1,2,3\n4,5,6\n", &all_rows()).unwrap();
    let (_folder, path) = file("other.csv", "1,2\n3,4\n");
    let error = data.preprocess.open(&path, &ReadOptions::default()).err().unwrap().to_string();
    assert!(error.contains("found 2 columns of features, expected 3 as in the training file"), "{error}");
}

#[test]
fn an_unknown_category_is_an_error_or_all_zero() {
    let (_folder, path) = file("other.csv", "name,age,colour,class\neve,20,green,1\n");
    let open = |unknown| {
        let options = ReadOptions { ignore: vec!["name".into()], unknown, ..all_rows() };
        load(PEOPLE, &options).unwrap().preprocess.open(&path, &ReadOptions::default()).unwrap().read_all()
    };
    let error = open(Unknown::Error).unwrap_err().to_string();
    assert!(
        error.contains("row 1, column \"colour\": found \"green\", expected a category of the training file")
    );
    assert_eq!(&open(Unknown::Zero).unwrap().x.row(0)[1..3], [0.0, 0.0]);
}

#[test]
fn missing_cells_follow_the_policy() {
    let text = "a,b\n1,x\n,y\n3,x\nNaN,\n";
    let with = |missing| load(text, &ReadOptions { missing, scale: Scale::None, ..all_rows() });
    let error = with(Missing::Error).unwrap_err().to_string();
    assert!(
        error.contains("row 2, column \"a\": found a missing cell, expected a number. Use --missing"),
        "{error}"
    );
    let mean = with(Missing::Mean).unwrap();
    assert_eq!(mean.train.x.row(1), [2.0, 0.0, 1.0]);
    assert_eq!(mean.train.x.row(3), [2.0, 0.0, 0.0]);
    assert_eq!(with(Missing::Zero).unwrap().train.x.row(1), [0.0, 0.0, 1.0]);
    let drop = with(Missing::Drop).unwrap();
    assert_eq!(drop.train.rows, [1, 3]);
    let warning = "2 of 4 rows were left out: a cell is missing";
    assert!(drop.preprocess.warnings().iter().any(|w| w == warning), "{:?}", drop.preprocess.warnings());
}

#[test]
fn bad_files_are_told_apart() {
    let options = all_rows();
    let mut late = "n,m\n".to_owned();
    (0..2000).for_each(|i| late += &format!("{i},1\n"));
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (b"".to_vec(), "people.csv: found an empty file, expected rows of data"),
        (b"a,b\n".to_vec(), "people.csv: found a header and no rows, expected rows of data"),
        (b"1,2\n".to_vec(), "people.csv: found 1 row, expected at least 2 rows to learn from"),
        (
            b"a,b\n1,2\n3\n".to_vec(),
            "people.csv, row 2 (line 3): found 1 cells, expected 2, as many as there are columns",
        ),
        (
            b"a,b\n1,2\n3,inf\n".to_vec(),
            "people.csv, row 2 (line 3), column \"b\": found \"inf\", expected a finite number",
        ),
        (
            b"a,b\n1,2\n3,1e39\n".to_vec(),
            "people.csv, row 2 (line 3), column \"b\": found \"1e39\", expected a finite number",
        ),
        (
            b"a,b\n1,x\n3,caf\xe9\n".to_vec(),
            "people.csv, row 2 (line 3), column \"b\": found bytes that are not UTF-8",
        ),
        (
            b"a,caf\xe9\n1,x\n3,4\n".to_vec(),
            "people.csv (line 1), column \"c2\": found bytes that are not UTF-8",
        ),
        (
            (late + "abc,1\n").into_bytes(),
            "people.csv, row 2001 (line 2002), column \"n\": found \"abc\", expected a number. Use --categorical n",
        ),
        (
            {
                let names: String = (0..1500).map(|i| format!("name{i},1\n")).collect();
                names.into_bytes()
            },
            "column \"c1\": found text with more than 1000 different values, expected numbers or categories. Leave the \
             column out with --ignore c1",
        ),
    ];
    for (content, expected) in cases {
        let error = fault(content, &options);
        assert!(error.contains(expected), "expected: {expected}\nfound: {error}");
    }
    let gone = Dataset::load("/nowhere/at/all.csv", &options, 1).unwrap_err().to_string();
    assert!(gone.starts_with("/nowhere/at/all.csv: cannot open"), "{gone}");
}

#[test]
fn a_misspelt_column_names_the_nearest() {
    let error = fault(PEOPLE, &ReadOptions { label: Some("klass".into()), ..all_rows() });
    assert!(
        error.contains("column \"klass\": found no such column, expected a column for --label"),
        "{error}"
    );
    assert!(error.contains("The nearest is \"class\""), "{error}");
}

#[test]
fn one_column_and_constant_columns_work() {
    assert_eq!(load("5\n6\n7\n", &all_rows()).unwrap().train.x.cols(), 1);
    let data = load("a,b\n1,7\n2,7\n", &all_rows()).unwrap();
    assert_eq!(data.train.x.as_slice(), [-1.0, 0.0, 1.0, 0.0]);
    assert_eq!(data.preprocess.warnings(), ["column \"b\" is the same in every training row"]);
}

#[test]
fn delimiters_headers_and_quotes_are_found_out() {
    for (text, columns) in [
        ("a;b\n1;2\n3;4\n", vec!["a", "b"]),
        ("a\tb\n1\t2\n3\t4\n", vec!["a", "b"]),
        ("1|2\n3|4\n", vec!["c1", "c2"]),
        ("\u{feff}\"a, b\",b\n1,2\n3,4\n", vec!["a, b", "b"]),
        (",b,b\r\n1,2,3\r\n3,4,5\r\n", vec!["c1", "b", "b.1"]),
    ] {
        let data = load(text, &all_rows()).unwrap();
        let names: Vec<&str> = data.preprocess.features.iter().map(|f| f.name.as_str()).collect();
        assert_eq!(names, columns, "{text:?}");
        assert_eq!(data.train.len(), 2, "{text:?}");
    }
    let forced = ReadOptions { header: Some(true), ..all_rows() };
    assert_eq!(load("1,2\n3,4\n5,6\n", &forced).unwrap().train.len(), 2);
}

#[test]
fn columns_are_also_named_by_position() {
    let options = ReadOptions { label: Some("-1".into()), ignore: vec!["1".into()], ..all_rows() };
    let data = load("9,1,0\n9,2,1\n9,3,1\n", &options).unwrap();
    assert_eq!((data.train.x.cols(), data.classes().len()), (1, 2));
}

#[test]
fn a_hundred_thousand_columns_are_read() {
    let row = |k: usize| (0..100_000).map(|j| ((j * k) % 10).to_string()).collect::<Vec<_>>().join(",");
    let data = load(&format!("{}\n{}\n{}\n", row(1), row(3), row(7)), &all_rows()).unwrap();
    assert_eq!((data.train.x.rows(), data.train.x.cols()), (3, 100_000));
}

#[test]
fn splits_and_fingerprint_follow_data_and_seed() {
    let rows: String = (0..50).map(|i| format!("{i},{}\n", i % 7)).collect();
    let (_folder, path) = file("n.csv", &rows);
    let options = ReadOptions::default();
    let (a, b, c) = (
        Dataset::load(&path, &options, 1).unwrap(),
        Dataset::load(&path, &options, 1).unwrap(),
        Dataset::load(&path, &options, 2).unwrap(),
    );
    assert_eq!(a, b);
    assert_eq!(a.fingerprint, c.fingerprint);
    assert_ne!(a.validation.rows, c.validation.rows);
    fs::write(&path, rows.replacen("0,", "1,", 1)).unwrap();
    assert_ne!(Dataset::load(&path, &options, 1).unwrap().fingerprint, a.fingerprint);
}

#[test]
fn a_test_file_is_read_by_the_schema() {
    let (_folder, test) = file("test.csv", "colour,age,class\nred,20,0\n");
    let options = ReadOptions {
        label: Some("class".into()),
        ignore: vec!["name".into()],
        test: Some(test),
        ..all_rows()
    };
    let data = load(PEOPLE, &options).unwrap();
    assert_eq!(data.test.x.row(0), data.train.x.row(0));
    assert_eq!(data.test.labels, Some(vec![0]));
}
