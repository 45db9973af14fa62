//! Views: several files, or groups of columns, of the same rows.

use std::{fmt::Write as _, fs, path::Path};

use latentia::data::{Dataset, FeatureKind, Preprocess, ReadOptions, Scale, Values};

/// The digits of the library, their left halves in one file and their right halves in another, with the digit in both.
fn halves(folder: &Path, rows: usize) {
    let digits =
        Dataset::load("digits", &ReadOptions { validation: 0.0, ..ReadOptions::default() }, 0).unwrap();
    let labels = digits.train.labels.as_ref().unwrap();
    for (name, columns) in [("left.csv", 0..4), ("right.csv", 4..8)] {
        let mut text = String::new();
        for (row, label) in digits.train.x.iter_rows().zip(labels).take(rows) {
            for line in row.chunks(8) {
                line[columns.clone()].iter().for_each(|v| write!(text, "{v},").unwrap());
            }
            writeln!(text, "{label}").unwrap();
        }
        fs::write(folder.join(name), text).unwrap();
    }
}

fn spelled(folder: &Path, views: &[(&str, &str)]) -> String {
    let parts = views.iter().map(|(name, file)| format!("{name}={}", folder.join(file).display()));
    parts.collect::<Vec<_>>().join(",")
}

fn options() -> ReadOptions {
    ReadOptions { label: Some("-1".into()), validation: 0.0, ..ReadOptions::default() }
}

/// What is said about data that cannot be used, without its folder.
fn fault(folder: &Path, views: &[(&str, &str)], options: &ReadOptions) -> String {
    let error = Dataset::load(spelled(folder, views), options, 0).unwrap_err().to_string();
    error.replace(&format!("{}/", folder.display()), "")
}

fn strings<const N: usize>(texts: [&str; N]) -> Vec<String> {
    texts.map(str::to_owned).to_vec()
}

#[test]
fn files_of_the_same_rows_are_read_side_by_side() {
    let place = tempfile::tempdir().unwrap();
    halves(place.path(), 50);
    let both = spelled(place.path(), &[("left", "left.csv"), ("right", "right.csv")]);
    let data = Dataset::load(&both, &options(), 0).unwrap();
    let views = data.preprocess.view_ranges();
    assert_eq!(views, [("left", 0..32), ("right", 32..64)]);
    assert_eq!((data.train.len(), data.width(), data.classes().len()), (50, 64, 10));
    assert_eq!(data.preprocess.feature_names()[31..33], ["left.c32", "right.c1"]);
    // Each half is what it is by itself, whatever stands beside it.
    for (name, range) in views {
        let alone = Dataset::load(place.path().join(format!("{name}.csv")), &options(), 0).unwrap();
        for (row, part) in data.train.x.iter_rows().zip(alone.train.x.iter_rows()) {
            assert_eq!(&row[range.clone()], part);
        }
        assert_eq!(data.train.labels, alone.train.labels);
    }
    let json = serde_json::to_string(&data.preprocess).unwrap();
    assert_eq!(serde_json::from_str::<Preprocess>(&json).unwrap(), data.preprocess);
    let other =
        Dataset::load(spelled(place.path(), &[("left", "left.csv"), ("right", "left.csv")]), &options(), 0);
    assert_ne!(other.unwrap().fingerprint, data.fingerprint);
}

#[test]
fn further_files_may_lack_views_that_are_then_zero() {
    let place = tempfile::tempdir().unwrap();
    halves(place.path(), 50);
    let both = spelled(place.path(), &[("left", "left.csv"), ("right", "right.csv")]);
    let data = Dataset::load(&both, &options(), 0).unwrap();
    let read = |what: &str, from: &[String]| {
        let reader = data.preprocess.open_from(what, &options(), from);
        reader.and_then(latentia::data::RowReader::read_all)
    };
    let all = read(&both, &[]).unwrap();
    assert_eq!(all.x, data.train.x);
    let mut right_only = data.train.x.clone();
    (0..50).for_each(|i| right_only.row_mut(i)[..32].fill(0.0));
    let right = strings(["right"]);
    let file = place.path().join("right.csv").display().to_string();
    let swapped = spelled(place.path(), &[("right", "right.csv"), ("left", "left.csv")]);
    for what in [&both, &swapped, &file, &spelled(place.path(), &[("right", "right.csv")])] {
        let rows = read(what, &right).unwrap();
        assert_eq!(rows.x, right_only, "{what}");
        assert_eq!(rows.labels, all.labels, "{what}");
    }
    assert_eq!(read(&swapped, &[]).unwrap().x, data.train.x);
    // A chunk at a time it is the same.
    let mut reader = data.preprocess.open_from(&both, &options(), &right).unwrap();
    let mut at = 0;
    while let Some(rows) = reader.next(7).unwrap() {
        for i in 0..rows.x.rows() {
            assert_eq!(rows.x.row(i), right_only.row(at + i));
            assert_eq!(rows.rows[i], (at + i) as u64 + 1);
        }
        at += rows.x.rows();
    }
    assert_eq!(at, 50);
    let cases: [(&str, &[&str], &[&str]); 7] = [
        (&both, &["rigth"], &["--from", "no view 'rigth'", "did you mean 'right'?"]),
        (&both, &["left", "left"], &["--from", "'left' is given twice"]),
        (
            &spelled(place.path(), &[("left", "left.csv")]),
            &["right"],
            &["the view 'right' is not in the data"],
        ),
        (&spelled(place.path(), &[("left", "left.csv")]), &[], &["no view 'right'", "--from"]),
        (&file, &[], &["one file", "left=FILE,right=FILE", "--from left"]),
        (&file, &["left", "right"], &["one file", "left=FILE,right=FILE"]),
        ("lfet=a.csv,right=b.csv", &["right"], &["data.path", "no view 'lfet'", "did you mean 'left'?"]),
    ];
    for (what, from, words) in cases {
        let from: Vec<String> = from.iter().map(|&name| name.to_owned()).collect();
        let error = read(what, &from).unwrap_err().to_string();
        assert!(words.iter().all(|word| error.contains(word)), "{what}: {error}");
    }
}

#[test]
fn views_that_are_not_of_the_same_rows_are_refused_before_anything_is_learnt() {
    let place = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(place.path().join(name), text).unwrap();
    write("a.csv", "x,class\n1,0\n2,1\n3,0\n");
    write("short.csv", "y,class\n1,0\n2,1\n");
    write("long.csv", "y,class\n1,0\n2,1\n3,0\n4,1\n");
    write("other.csv", "y,class\n1,0\n2,0\n3,0\n");
    let options = options();
    let cases: [(&[(&str, &str)], &str); 6] = [
        (
            &[("a", "a.csv"), ("b", "short.csv")],
            "short.csv: found 2 rows, expected 3 as a.csv has: views are of the same rows",
        ),
        (
            &[("a", "a.csv"), ("b", "long.csv")],
            "long.csv: found 4 rows, expected 3 as a.csv has: views are of the same rows",
        ),
        (
            &[("a", "a.csv"), ("b", "a.csv"), ("c", "long.csv")],
            "long.csv: found 4 rows, expected 3 as a.csv has",
        ),
        (
            &[("a", "a.csv"), ("b", "other.csv")],
            "other.csv, row 2, column \"class\": found \"0\", expected \"1\" as a.csv has: views are of the same rows",
        ),
        (&[("a", "a.csv"), ("a", "long.csv")], "data.path: the view 'a' is given twice"),
        (&[("a", "a.csv"), ("b", "none.csv")], "none.csv: cannot open"),
    ];
    for (views, expected) in cases {
        let error = fault(place.path(), views, &options);
        assert!(error.contains(expected), "{error}\nis not\n{expected}");
    }
    let error = Dataset::load("a=digits,b=c=digits", &options, 0).unwrap_err().to_string();
    assert!(error.contains("view b: found 'c=digits', expected one file"), "{error}");
    // Rows of many chunks are counted too.
    let rows = |n: usize| (0..n).fold(String::from("x\n"), |text, i| text + &format!("{i}\n"));
    write("many.csv", &rows(40_000));
    write("more.csv", &rows(40_007));
    let error = fault(place.path(), &[("a", "many.csv"), ("b", "more.csv")], &ReadOptions::default());
    assert_eq!(
        error,
        "more.csv: found 40007 rows, expected 40000 as many.csv has: views are of the same rows"
    );
}

#[test]
fn each_view_is_read_and_scaled_in_its_own_way() {
    let place = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(place.path().join(name), text).unwrap();
    write("size.csv", "height;width\n1;10\n2;20\n3;30\n4;40\n");
    write("train.de", "Ein Hund läuft.\nEin Hund schläft, der Hund.\nDie Katze läuft\nDie Katze\n");
    write("train.en", "A dog runs.\nA dog sleeps\nThe cat runs\nThe cat\n");
    let options = ReadOptions {
        validation: 0.0,
        stop_words: false,
        min_documents: 1,
        view_options: strings(["size.scale=min-max", "en.min-documents=2", "en.stop-words=true"]),
        ..ReadOptions::default()
    };
    let both = spelled(place.path(), &[("size", "size.csv"), ("de", "train.de"), ("en", "train.en")]);
    let data = Dataset::load(&both, &options, 0).unwrap();
    let names = data.preprocess.feature_names();
    assert_eq!(names[..2], ["size.height", "size.width"]);
    let of = |view: &str| {
        let ranges = data.preprocess.view_ranges();
        names[ranges.iter().find(|(name, _)| *name == view).unwrap().1.clone()].to_vec()
    };
    assert_eq!(of("de"), ["die", "ein", "hund", "katze", "läuft", "der", "schläft"]);
    assert_eq!(of("en"), ["cat", "dog", "runs"]);
    assert_eq!(data.train.x.row(1)[..2], [1.0 / 3.0, 1.0 / 3.0]);
    assert_eq!(data.train.x.row(1)[2..], [0.0, 0.2, 0.4, 0.0, 0.0, 0.2, 0.2, 0.0, 1.0, 0.0]);
    let back = data.preprocess.inverse_of(&data.train.x, &strings(["en"])).unwrap();
    assert_eq!(back.columns().len(), 1);
    let Some(Values::Text(texts)) = back.column("en.text") else { panic!("{back:?}") };
    assert_eq!(texts[0].as_deref(), Some("dog runs"));
    // Vocabularies come and go by the names of their columns.
    let kinds = data.preprocess.features.iter().filter(|f| matches!(f.kind, FeatureKind::Text { .. }));
    assert_eq!(kinds.map(|f| f.name.as_str()).collect::<Vec<_>>(), ["de.text", "en.text"]);
    let english = place.path().join("more.txt");
    fs::write(&english, "a cat and a dog\n").unwrap();
    let lines = ReadOptions { format: latentia::data::Format::Lines, ..options };
    let rows = data.preprocess.open_from(&english, &lines, &strings(["en"])).unwrap().read_all().unwrap();
    assert_eq!(rows.x.row(0)[9..], [0.5, 0.5, 0.0]);
}

#[test]
fn columns_of_one_table_are_grouped_into_views() {
    let place = tempfile::tempdir().unwrap();
    let table = place.path().join("people.csv");
    let text =
        "name,age,px,py,pz,colour,class\nann,20,1,2,3,red,a\nbob,30,4,5,6,blue,b\ncid,40,7,8,1,red,a\n";
    fs::write(&table, text).unwrap();
    let options = |views: &[&str]| ReadOptions {
        id: Some("name".into()),
        label: Some("class".into()),
        scale: Scale::None,
        validation: 0.0,
        views: views.iter().map(|&view| view.to_owned()).collect(),
        ..ReadOptions::default()
    };
    let load = |views: &[&str]| Dataset::load(&table, &options(views), 0);
    let data = load(&["place=px..py", "person=colour+age"]).unwrap();
    assert_eq!(data.preprocess.feature_names(), ["px", "py", "colour=blue", "colour=red", "age"]);
    assert_eq!(data.preprocess.view_ranges(), [("place", 0..2), ("person", 2..5)]);
    assert_eq!(data.train.x.row(1), [4.0, 5.0, 1.0, 0.0, 30.0]);
    assert_eq!(data.train.ids.as_ref().unwrap()[2], "cid");
    assert_eq!(load(&["p=p*", "age=age"]).unwrap().preprocess.feature_names(), ["px", "py", "pz", "age"]);
    let from = strings(["person"]);
    let rows = data.preprocess.open_from(&table, &options(&[]), &from).unwrap().read_all().unwrap();
    assert_eq!(rows.x.row(1), [0.0, 0.0, 1.0, 0.0, 30.0]);
    // A file that lacks what is not read will do.
    let few = place.path().join("few.csv");
    fs::write(&few, "age,colour\n30,blue\n").unwrap();
    let rows = data.preprocess.open_from(&few, &ReadOptions::default(), &from).unwrap().read_all().unwrap();
    assert_eq!(rows.x.row(0), [0.0, 0.0, 1.0, 0.0, 30.0]);
    assert!(data.preprocess.open(&few, &ReadOptions::default()).is_err());
    let cases: [(&[&str], &[&str]); 9] = [
        (&["a=px", "b=qy"], &["data.views", "b: no column of features 'qy'", "nearest is 'py'"]),
        (&["a=px..py", "b=py..pz"], &["the column 'py' is in a and in b"]),
        (&["a=px+px"], &["a: the column 'px' is in it twice"]),
        (&["a=px", "a=py"], &["the view 'a' is given twice"]),
        (&["a=class", "b=py"], &["no column of features 'class'"]),
        (&["a=z*"], &["a: no column is in z*"]),
        (&["a=py..px"], &["a: no column is in py..px"]),
        (&["px"], &["NAME=FIRST..LAST"]),
        (&["a="], &["NAME=FIRST..LAST"]),
    ];
    for (views, words) in cases {
        let error = load(views).unwrap_err().to_string();
        assert!(words.iter().all(|word| error.contains(word)), "{views:?}: {error}");
    }
    let both = format!("a={},b={}", table.display(), table.display());
    let error = Dataset::load(&both, &options(&["c=px"]), 0).unwrap_err().to_string();
    assert!(error.contains("data.views") && error.contains("in its name"), "{error}");
    let settings = ReadOptions { view_options: strings(["place.header=true"]), ..options(&["place=px"]) };
    let error = Dataset::load(&table, &settings, 0).unwrap_err().to_string();
    assert!(error.contains("says how a file is read"), "{error}");
}

#[test]
fn rows_without_views_have_none_to_read() {
    let digits = Dataset::load("digits", &ReadOptions::default(), 0).unwrap();
    let error =
        digits.preprocess.open_from("digits", &ReadOptions::default(), &strings(["left"])).err().unwrap();
    assert!(error.to_string().contains("rows without views"), "{error}");
    let error = digits.preprocess.open("a=digits", &ReadOptions::default()).err().unwrap().to_string();
    assert!(error.contains("not fitted to views"), "{error}");
}

#[test]
fn documents_a_line_are_told_by_language() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("dev.fr");
    fs::write(&path, "un chien, deux chiens\r\n\nun chat\n").unwrap();
    let options =
        ReadOptions { validation: 0.0, min_documents: 1, stop_words: false, ..ReadOptions::default() };
    let data = Dataset::load(&path, &options, 0).unwrap();
    assert_eq!((data.train.len(), data.preprocess.feature_names()[0].as_str()), (3, "un"));
    assert!(data.train.x.row(1).iter().all(|v| *v == 0.0));
    fs::write(&path, b"un chien\ncaf\xe9\n").unwrap();
    let error = Dataset::load(&path, &options, 0).unwrap_err().to_string();
    assert!(error.contains("row 2") && error.contains("UTF-8"), "{error}");
    fs::write(&path, "un\ndeux\n").unwrap();
    let error = Dataset::load(&path, &ReadOptions { label: Some("c".into()), ..options }, 0).unwrap_err();
    assert!(error.to_string().contains("no label"), "{error}");
}

#[test]
fn views_of_the_catalogue_are_read_by_one_name() {
    if std::env::var_os("LATENTIA_DATA").is_none() {
        eprintln!("skipped: LATENTIA_DATA is not set");
        return;
    }
    let data = Dataset::load("mfeat", &ReadOptions { validation: 0.1, ..ReadOptions::default() }, 0).unwrap();
    assert_eq!((data.train.len(), data.width(), data.classes().len()), (1800, 649, 10));
    assert_eq!(data.preprocess.views.len(), 6);
    let options = ReadOptions { stop_words: false, vocabulary: 500, ..ReadOptions::default() };
    let data = Dataset::load("multi30k", &options, 0).unwrap();
    assert_eq!((data.train.len(), data.test.len(), data.width()), (26_100, 1000, 1000));
}
