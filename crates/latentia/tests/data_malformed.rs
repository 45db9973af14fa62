//! Damaged files of every format are told apart from whole ones: never a panic, always rows or a fault of the file.

use std::{
    fs,
    path::{Path, PathBuf},
};

use latentia::{
    Error,
    data::{Format, ReadOptions, Table, Values, Writer, open},
};
use proptest::prelude::*;

fn golden(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/data").join(name)).unwrap()
}

/// A small whole file of each format.
fn whole() -> Vec<(&'static str, Format, Vec<u8>)> {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str| {
        let path = folder.path().join(name);
        let shape = latentia::data::ImageShape { channels: 1, height: 1, width: 2 };
        let mut writer = Writer::create(&path, Some(shape)).unwrap();
        let table = Table::new()
            .with("a", Values::Numbers(vec![1.5, 2.5, -3.0]))
            .with("b", Values::Numbers(vec![0.0, 1e-3, 7.0]));
        writer.write(&table).unwrap();
        writer.finish().unwrap();
        fs::read(path).unwrap()
    };
    let idx = [&[0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2][..], &[1, 2, 3, 4, 5, 6, 7, 8]].concat();
    let mut jpeg = Vec::new();
    image::RgbImage::from_fn(9, 9, |x, y| image::Rgb([x as u8 * 20, y as u8 * 20, 7]))
        .write_to(&mut std::io::Cursor::new(&mut jpeg), image::ImageFormat::Jpeg)
        .unwrap();
    vec![
        ("t.csv", Format::Csv, write("t.csv")),
        ("t.csv.gz", Format::Csv, write("t.csv.gz")),
        ("t.jsonl", Format::Jsonl, write("t.jsonl")),
        ("t.parquet", Format::Parquet, write("t.parquet")),
        ("m.parquet", Format::Parquet, golden("mixed.parquet")),
        ("t.npy", Format::Npy, write("t.npy")),
        ("f.npy", Format::Npy, golden("fortran.npy")),
        ("p.npz", Format::Npz, golden("plain.npz")),
        ("q.npz", Format::Npz, golden("packed.npz")),
        ("t-ubyte", Format::Idx, idx),
        ("t.png", Format::Images, write("t.png")),
        ("t.jpg", Format::Images, jpeg),
    ]
}

/// Reads all of a file, whatever it is; the number of rows, or what is wrong with it.
fn read(folder: &Path, name: &str, format: Format, bytes: &[u8]) -> Result<usize, Error> {
    let path: PathBuf = folder.join(name);
    fs::write(&path, bytes).unwrap();
    let mut source = open(&path, &ReadOptions { format, ..ReadOptions::default() })?;
    let mut rows = 0;
    while let Some(chunk) = source.next(1000)? {
        assert_eq!(chunk.numbers.rows(), chunk.rows);
        assert!(chunk.texts.iter().all(|cells| cells.len() == chunk.rows));
        rows += chunk.rows;
    }
    Ok(rows)
}

fn is_fault(result: &Result<usize, Error>) -> bool {
    matches!(result, Ok(_) | Err(Error::Data(_)))
}

#[test]
fn whole_files_are_read_and_shorter_ones_are_not_whole() {
    let folder = tempfile::tempdir().unwrap();
    for (name, format, bytes) in whole() {
        let rows = read(folder.path(), name, format, &bytes);
        assert!(matches!(rows, Ok(1..)), "{name}: {rows:?}");
        for length in 0..bytes.len() {
            let cut = read(folder.path(), name, format, &bytes[..length]);
            assert!(is_fault(&cut), "{name} cut to {length}: {cut:?}");
            // Text has no length of its own, a JPEG may be shown as far as it goes.
            let tells = !matches!(name, "t.csv" | "t.jsonl" | "t.jpg" | "t.png");
            assert!(!tells || cut.is_err(), "{name} cut to {length} of {} is taken for whole", bytes.len());
        }
    }
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let folder = tempfile::tempdir().unwrap();
        for (name, format, whole) in whole() {
            let alone = read(folder.path(), name, format, &bytes);
            prop_assert!(is_fault(&alone), "{name}: {alone:?}");
            let head = [&whole[..whole.len().min(16)], &bytes].concat();
            let after = read(folder.path(), name, format, &head);
            prop_assert!(is_fault(&after), "{name}: {after:?}");
        }
    }

    #[test]
    fn flipped_bits_never_panic(flips in prop::collection::vec((any::<prop::sample::Index>(), 0..8u8), 1..4)) {
        let folder = tempfile::tempdir().unwrap();
        for (name, format, mut bytes) in whole() {
            for (index, bit) in &flips {
                let length = bytes.len();
                bytes[index.index(length)] ^= 1 << bit;
            }
            let result = read(folder.path(), name, format, &bytes);
            prop_assert!(is_fault(&result), "{name}: {result:?}");
        }
    }
}
