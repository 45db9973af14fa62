//! Results are written whole, in every format, and read back.

use std::fs;

use latentia::data::{ImageShape, Matrix, ReadOptions, Table, Values, Writer, open};

fn table() -> Table {
    let text = vec![Some("a, b".to_owned()), None, Some("\"c\"".to_owned())];
    Table::new()
        .with("row", Values::Integers(vec![1, 2, 3]))
        .with("code", Values::Numbers(vec![0.1, f32::NAN, -2.5e-7]))
        .with("name", Values::Text(text))
}

#[test]
fn tables_come_back_from_every_format() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["t.csv", "t.csv.gz", "t.tsv", "t.jsonl", "t.jsonl.gz", "t.parquet"] {
        let path = folder.path().join(name);
        let mut writer = Writer::create(&path, None).unwrap();
        writer.write(&table()).unwrap();
        writer.write(&table()).unwrap();
        assert!(!path.exists(), "{name} has its name only when it is whole");
        writer.finish().unwrap();
        let chunk = open(&path, &ReadOptions::default()).unwrap().next(100).unwrap().unwrap();
        assert_eq!(chunk.rows, 6, "{name}");
        let mut row = chunk.numbers.row(2).to_vec();
        row.sort_by(f32::total_cmp);
        assert_eq!(row, [-2.5e-7, 3.0], "{name}");
        assert!(chunk.numbers.row(1).iter().any(|v| v.is_nan()), "{name}");
        assert_eq!(chunk.texts[0][3..], [Some("a, b".to_owned()), None, Some("\"c\"".to_owned())], "{name}");
    }
}

#[test]
fn arrays_hold_numbers_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("codes.npy");
    let mut writer = Writer::create(&path, None).unwrap();
    let x = Matrix::new(2, 3, vec![1., 2., 3., 4., 5., 6.]);
    for _ in 0..2 {
        let mut codes = Table::new();
        codes.push_matrix("code", &x);
        writer.write(&codes).unwrap();
    }
    writer.finish().unwrap();
    let chunk = open(&path, &ReadOptions::default()).unwrap().next(100).unwrap().unwrap();
    assert_eq!((chunk.rows, chunk.numbers.row(3)), (4, &[4., 5., 6.][..]));
    let error = Writer::create(&path, None).unwrap().write(&table()).unwrap_err().to_string();
    assert!(error.contains("column \"name\" is text"), "{error}");
    assert!(open(&path, &ReadOptions::default()).is_ok(), "what was there before is still there");
}

#[test]
fn images_become_a_grid() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("grid.png");
    let shape = ImageShape { channels: 1, height: 2, width: 3 };
    let mut writer = Writer::create(&path, Some(shape)).unwrap();
    let mut images = Table::new();
    images.push_matrix("p", &Matrix::new(5, 6, (0..30).map(|k| k as f32).collect()));
    writer.write(&images).unwrap();
    writer.finish().unwrap();
    let grid = image::open(&path).unwrap().to_luma8();
    assert_eq!(grid.dimensions(), (3 * 4 - 1, 2 * 3 - 1));
    assert_eq!((grid.get_pixel(0, 0)[0], grid.get_pixel(6, 4)[0]), (0, 255));
    assert!(Writer::create(&path, None).is_err());
}

#[test]
fn an_unknown_ending_or_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let error = Writer::create(folder.path().join("x.docx"), None).err().unwrap().to_string();
    assert!(error.contains(".parquet"), "{error}");
    let error = Writer::create(folder.path().join("no/x.csv"), None).err().unwrap().to_string();
    assert!(error.contains("cannot create"), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
