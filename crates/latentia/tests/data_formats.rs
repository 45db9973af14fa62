//! Every file format, against files that NumPy and Arrow wrote (`tests/golden/arrays.py`) and files made here.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use flate2::{Compression, write::GzEncoder};
use latentia::data::{
    Channels, ColumnKind, Dataset, FeatureKind, Format, ImageShape, Matrix, Missing, ReadOptions, Scale, open,
};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/data").join(name)
}

fn plain() -> ReadOptions {
    ReadOptions { validation: 0.0, scale: Scale::None, ..ReadOptions::default() }
}

/// Rows as they are in the file, two at a time.
fn numbers(path: &Path, options: &ReadOptions) -> Matrix {
    let mut source = open(path, options).unwrap();
    let (mut rows, mut cols, mut values) = (0, 0, Vec::new());
    while let Some(chunk) = source.next(2).unwrap() {
        assert_eq!(chunk.first_row, rows as u64);
        rows += chunk.rows;
        cols = chunk.numbers.cols();
        values.extend_from_slice(chunk.numbers.as_slice());
    }
    Matrix::new(rows, cols, values)
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn every_element_type_and_order_is_read() {
    let signed: Vec<f32> = (0..15).map(|k| k as f32 - 4.0).collect();
    let names = "f2-le f4-le f4-be f8-le f8-be i1-le i2-le i2-be i4-le i8-le i8-be fortran";
    for name in names.split(' ') {
        let x = numbers(&golden(&format!("{name}.npy")), &plain());
        assert_eq!((x.rows(), x.cols(), x.as_slice()), (5, 3, signed.as_slice()), "{name}");
    }
    let magnitudes: Vec<f32> = signed.iter().map(|v| v.abs()).collect();
    for name in "u1-le u2-le u4-le u4-be u8-le".split(' ') {
        assert_eq!(numbers(&golden(&format!("{name}.npy")), &plain()).as_slice(), magnitudes, "{name}");
    }
    let bools: Vec<f32> = signed.iter().map(|&v| if v > 0.0 { 1.0 } else { 0.0 }).collect();
    assert_eq!(numbers(&golden("bool.npy"), &plain()).as_slice(), bools);
    assert_eq!(numbers(&golden("vector.npy"), &plain()).cols(), 1);
}

#[test]
fn arrays_of_images_keep_their_shape() {
    for name in ["grey.npy", "grey-fortran.npy"] {
        let data = Dataset::load(golden(name), &ReadOptions { validation: 0.0, ..ReadOptions::default() }, 1)
            .unwrap();
        assert_eq!(data.image_shape(), Some(ImageShape { channels: 1, height: 2, width: 3 }), "{name}");
        let expected: Vec<f32> = (0..12).map(|k| k as f32 / 255.0).collect();
        assert_eq!(data.train.x.as_slice(), expected, "{name}");
    }
    let first = numbers(&golden("colours-first.npy"), &plain());
    assert_eq!(numbers(&golden("colours-last.npy"), &plain()), first);
    assert_eq!(&first.row(0)[..5], [0.0, 3.0, 6.0, 9.0, 1.0]);
}

#[test]
fn archives_give_rows_and_classes() {
    for name in ["plain.npz", "packed.npz"] {
        let data = Dataset::load(golden(name), &plain(), 1).unwrap();
        assert_eq!(data.train.x.row(1), [-1.0, 0.0, 1.0], "{name}");
        assert_eq!(data.train.labels, Some(vec![0, 1, 0, 1, 1]), "{name}");
    }
    let data = Dataset::load(golden("only.npz"), &plain(), 1).unwrap();
    assert_eq!((data.train.x.row(4), data.train.labels), (&[8.0, 9.0, 10.0][..], None));
    let wrong = ReadOptions { array: Some("rowz".into()), ..plain() };
    let error = Dataset::load(golden("only.npz"), &wrong, 1).unwrap_err().to_string();
    assert!(error.contains("no array \"rowz\"") && error.contains("nearest is \"rows\""), "{error}");
    let error = Dataset::load(golden("objects.npy"), &plain(), 1).unwrap_err().to_string();
    assert!(error.contains("elements of type '|O', not numbers"), "{error}");
}

#[test]
fn parquet_columns_have_their_types() {
    for name in ["mixed.parquet", "mixed-zstd.parquet"] {
        let options = ReadOptions { id: Some("key".into()), label: Some("kind".into()), ..plain() };
        let mut source = open(golden(name), &options).unwrap();
        let kinds: Vec<ColumnKind> = source.columns().iter().map(|column| column.kind).collect();
        use ColumnKind::{Number, Text};
        assert_eq!(kinds, [Number, Number, Number, Number, Number, Text, Text, Text]);
        let first = source.next(1).unwrap().unwrap();
        assert_eq!(first.numbers.row(0), [1.5, 0.1, -1.0, 1.0, 1.0], "{name}");
        let texts: Vec<&str> = first.texts.iter().map(|cells| cells[0].as_deref().unwrap()).collect();
        assert_eq!(texts, ["a", "x", "9007199254740993"], "{name}");
        let error = Dataset::load(golden(name), &options, 1).unwrap_err().to_string();
        assert!(error.contains("row 3, column \"f4\": found a missing cell"), "{error}");
        let data =
            Dataset::load(golden(name), &ReadOptions { missing: Missing::Mean, ..options }, 1).unwrap();
        assert_eq!(&data.train.x.row(2)[4..], [2.0 / 3.0, 0.0, 0.0], "{name}");
        assert_eq!(data.train.labels, Some(vec![0, 1, 0, 0]));
    }
}

#[test]
fn json_lines_may_leave_keys_out() {
    let folder = tempfile::tempdir().unwrap();
    let text = "{\"a\": 1, \"b\": \"x\", \"c\": true}\n\n{\"b\": \"y\", \"a\": 2.5}\n{\"a\": \"3\", \"b\": null, \"c\": false}\n";
    for (name, bytes) in [("t.jsonl", text.as_bytes().to_vec()), ("t.ndjson.gz", gz(text.as_bytes()))] {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        let data = Dataset::load(&path, &ReadOptions { missing: Missing::Zero, ..plain() }, 1).unwrap();
        assert_eq!(data.preprocess.feature_names(), ["a", "b=x", "b=y", "c"]);
        assert_eq!(data.train.x.row(1), [2.5, 0.0, 1.0, 0.0]);
        assert_eq!(data.train.x.row(2), [3.0, 0.0, 0.0, 0.0]);
    }
    let path = folder.path().join("bad.jsonl");
    for (text, expected) in [
        ("{\"a\": 1}\n{\"a\": [1]}\n{\"a\": 1}", "row 2, column \"a\": found \"[1]\", expected a number"),
        ("{\"a\": 1}\n[1]\n", "(line 2): found another JSON value, expected an object"),
        ("{\"a\": 1}\n{\"a\": \n", "(line 2): found text that is not JSON"),
        ("", "found an empty file"),
    ] {
        fs::write(&path, text).unwrap();
        let error = Dataset::load(&path, &plain(), 1).unwrap_err().to_string();
        assert!(error.contains(expected), "expected: {expected}\nfound: {error}");
    }
}

/// IDX files of three images of 2 x 2 and their classes.
fn idx(folder: &Path, packed: bool) -> PathBuf {
    let mut images = vec![0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 2];
    images.extend([0, 51, 102, 255, 1, 2, 3, 4, 5, 6, 7, 8]);
    let labels = vec![0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 7];
    let ending = if packed { ".gz" } else { "" };
    let pack = |bytes: Vec<u8>| if packed { gz(&bytes) } else { bytes };
    fs::write(folder.join(format!("a-labels-idx1-ubyte{ending}")), pack(labels)).unwrap();
    let path = folder.join(format!("a-images-idx3-ubyte{ending}"));
    fs::write(&path, pack(images)).unwrap();
    path
}

#[test]
fn idx_finds_its_labels() {
    for packed in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let path = idx(folder.path(), packed);
        let options = ReadOptions { validation: 0.0, ..ReadOptions::default() };
        let data = Dataset::load(&path, &options, 1).unwrap();
        assert_eq!(data.train.x.row(0), [0.0, 0.2, 0.4, 1.0]);
        assert_eq!(data.image_shape(), Some(ImageShape { channels: 1, height: 2, width: 2 }));
        assert_eq!(
            (data.classes(), data.train.labels.as_deref()),
            (&["2".into(), "7".into()][..], Some(&[1, 0, 1][..]))
        );
        let again = data.preprocess.open(&path, &ReadOptions::default()).unwrap().read_all().unwrap();
        assert_eq!((again.x, again.labels), (data.train.x.clone(), Some(vec![Some(1), Some(0), Some(1)])));
        let narrow = golden("f4-le.npy");
        let error = data.preprocess.open(&narrow, &ReadOptions::default()).err().unwrap().to_string();
        assert!(
            error.contains(
                "found 3 columns of features, expected 4 as in the training file (images of 2 x 2)"
            ),
            "{error}"
        );
    }
}

/// A folder of images in two classes.
fn pictures(folder: &Path) {
    for (class, level) in [("cat", 10u8), ("dog", 200)] {
        fs::create_dir(folder.join(class)).unwrap();
        for k in 0..2u8 {
            let picture = image::RgbImage::from_fn(4, 2, |x, _| image::Rgb([level + k, x as u8, 0]));
            picture.save(folder.join(class).join(format!("{k}.png"))).unwrap();
        }
    }
    fs::write(folder.join("notes.txt"), "not an image").unwrap();
}

#[test]
fn folders_of_images_have_classes_and_colours() {
    let folder = tempfile::tempdir().unwrap();
    pictures(folder.path());
    let data = Dataset::load(folder.path(), &plain(), 1).unwrap();
    assert_eq!(data.image_shape(), Some(ImageShape { channels: 3, height: 2, width: 4 }));
    assert_eq!(data.classes(), ["cat", "dog"]);
    assert_eq!(data.train.ids.as_deref().unwrap()[3], Path::new("dog").join("1.png").display().to_string());
    assert_eq!(data.train.x.row(3)[..12], [201., 201., 201., 201., 201., 201., 201., 201., 0., 1., 2., 3.]);
    let small = ReadOptions {
        image_height: Some(1),
        image_width: Some(2),
        image_channels: Some(Channels::Grey),
        ..ReadOptions::default()
    };
    let data = Dataset::load(folder.path(), &small, 1).unwrap();
    assert_eq!((data.width(), data.preprocess.scale), (2, Scale::Unit));
    let one = folder.path().join("cat/0.png");
    assert_eq!(data.preprocess.open(&one, &ReadOptions::default()).unwrap().read_all().unwrap().x.rows(), 1);
}

#[test]
fn the_format_is_told_by_content_when_the_name_does_not() {
    let folder = tempfile::tempdir().unwrap();
    for (name, rows) in [("f4-le.npy", 5), ("plain.npz", 5), ("mixed.parquet", 4)] {
        let path = folder.path().join(name.replace('.', "_"));
        fs::copy(golden(name), &path).unwrap();
        let mut source = open(&path, &plain()).unwrap();
        assert_eq!(source.next(100).unwrap().unwrap().rows, rows, "{name}");
    }
    let path = folder.path().join("table");
    fs::write(&path, "1,2\n3,4\n").unwrap();
    assert_eq!(numbers(&path, &plain()).rows(), 2);
    let forced = ReadOptions { format: Format::Parquet, ..plain() };
    assert!(open(&path, &forced).err().unwrap().to_string().contains("a Parquet file"));
}

#[test]
fn a_model_of_one_format_reads_another() {
    let data = Dataset::load(golden("f4-le.npy"), &plain(), 1).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("named.csv");
    fs::write(&path, "a,b,c\n-4,-3,-2\n").unwrap();
    let rows = data.preprocess.open(&path, &ReadOptions::default()).unwrap().read_all().unwrap();
    assert_eq!(rows.x.row(0), data.train.x.row(0));
}

#[test]
fn labels_by_position_leave_an_array() {
    let options = ReadOptions { label: Some("-1".into()), ..plain() };
    let data = Dataset::load(golden("i4-le.npy"), &options, 1).unwrap();
    assert_eq!(data.train.x.row(0), [-4.0, -3.0]);
    assert_eq!(data.classes(), ["-2", "1", "4", "7", "10"]);
    assert!(matches!(data.preprocess.features[0].kind, FeatureKind::Number { .. }));
}

#[test]
fn rows_in_memory_need_no_file() {
    let x = Matrix::new(4, 2, vec![0., 1., 2., 3., 4., 5., 6., 7.]);
    let labels = ["b", "a", "b", "a"].map(String::from);
    let data = Dataset::from_labelled(x.clone(), &labels, &plain(), 1).unwrap();
    assert_eq!((data.train.x, data.train.labels), (x.clone(), Some(vec![1, 0, 1, 0])));
    assert!(Dataset::from_labelled(x.clone(), &labels[..2], &plain(), 1).is_err());
    assert_eq!(Dataset::from_matrix(x, &ReadOptions::default(), 1).unwrap().classes().len(), 0);
}
