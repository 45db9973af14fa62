//! Exact searches agree with each other, approximate ones find nearly all, files come back or say why not.

use proptest::prelude::*;
use rand::RngExt;

use super::{scan, *};
use crate::{
    data::{Matrix, Rows},
    random::{Purpose, stream},
    run::Silent,
};

/// Codes of bits: some drawn at random, others copies of earlier ones with a few bits flipped, so that there are duplicates
/// and clusters.
fn random_codes(width: usize, n: usize, seed: u64) -> BitCodes {
    let mut rng = stream(seed, Purpose::Sampling, width as u64, n as u64);
    let mut x = Matrix::zeros(n, width);
    for i in 0..n {
        if i > 0 && rng.random::<f32>() < 0.7 {
            let row = x.row(rng.random_range(0..i)).to_vec();
            x.row_mut(i).copy_from_slice(&row);
            for _ in 0..rng.random_range(0..4usize) {
                let j = rng.random_range(0..width);
                x.row_mut(i)[j] = 1.0 - x.row(i)[j];
            }
        } else {
            x.row_mut(i).iter_mut().for_each(|v| *v = f32::from(u8::from(rng.random::<bool>())));
        }
    }
    BitCodes::pack(&x, &vec![0.5; width])
}

/// Every distance by definition, nearest first, the lower row first among equals.
fn reference(codes: &BitCodes, query: &[u64]) -> Vec<Hit> {
    let width = codes.width();
    let bit = |code: &[u64], j: usize| code[j / 64] >> (j % 64) & 1;
    let distance = |row| (0..width).filter(|&j| bit(codes.code(row), j) != bit(query, j)).count();
    let mut hits: Vec<Hit> =
        (0..codes.len()).map(|row| Hit { row, distance: distance(row) as f64 }).collect();
    hits.sort_by(|a, b| a.distance.total_cmp(&b.distance).then(a.row.cmp(&b.row)));
    hits
}

fn agree(codes: &BitCodes, queries: &BitCodes) {
    let tables = MultiIndex::new(codes).unwrap();
    let width = codes.width() as u32;
    for i in 0..queries.len() {
        let query = queries.code(i);
        let all = reference(codes, query);
        for radius in [0, 1, 2, 3, 5, 9, width / 3, width / 2, width, width + 7] {
            let expected: Vec<Hit> =
                all.iter().copied().filter(|hit| hit.distance <= f64::from(radius)).collect();
            assert_eq!(scan::within(codes, query, radius), expected, "scan, {width} bits, radius {radius}");
            let found = tables.within(codes, query, radius);
            assert_eq!(found, expected, "tables, {width} bits, radius {radius}");
        }
        for k in [0, 1, 2, 10, codes.len(), codes.len() + 3] {
            let expected = &all[..k.min(all.len())];
            assert_eq!(scan::nearest(codes, query, k), expected, "scan, {width} bits, k {k}");
            assert_eq!(tables.nearest(codes, query, k), expected, "tables, {width} bits, k {k}");
        }
    }
}

#[test]
fn exact_searches_agree_for_every_width() {
    for width in 1..=256 {
        let codes = random_codes(width, 40 + width, 1);
        agree(&codes, &codes.select(&[0, width / 2, 39]));
        agree(&codes, &random_codes(width, 1, 2));
    }
}

proptest! {
    #[test]
    fn exact_searches_agree_for_any_codes(width in 1usize..257, n in 1usize..600, seed: u64) {
        agree(&random_codes(width, n, seed), &random_codes(width, 2, seed ^ 1));
    }
}

#[test]
fn tables_are_used_where_they_save_work_and_agree_there_too() {
    // Enough codes that a search by tables stays below the work at which all are compared.
    let codes = random_codes(64, 30_000, 3);
    agree(&codes, &codes.select(&[0, 777]));
    let blocks = random_codes(17, 20_000, 4);
    agree(&blocks, &random_codes(17, 2, 5));
}

#[test]
fn packing_keeps_the_numbers_above_their_thresholds() {
    let x = Matrix::new(2, 70, (0..140).map(|i| (i % 3) as f32).collect());
    let codes = BitCodes::pack(&x, &[0.5; 70]);
    assert_eq!((codes.len(), codes.words_per_code()), (2, 2));
    let expected: Vec<f32> = x.as_slice().iter().map(|v| v.min(1.0)).collect();
    assert_eq!(codes.unpack(0..2).as_slice(), expected);
    assert_eq!(BitCodes::from_words(70, codes.words().to_vec()).unwrap(), codes);
    assert!(BitCodes::from_words(70, vec![0, 1 << 6]).is_err(), "a bit beyond the width");
    assert!(BitCodes::from_words(70, vec![0; 3]).is_err(), "half a code");
}

/// Points around some centres.
fn points(rows: usize, width: usize, seed: u64) -> Matrix {
    let mut rng = stream(seed, Purpose::Sampling, 9, 9);
    let centres: Vec<f32> = (0..20 * width).map(|_| rng.random_range(-3.0..3.0)).collect();
    let mut x = Matrix::zeros(rows, width);
    for i in 0..rows {
        let centre = rng.random_range(0..20usize) * width;
        for (j, v) in x.row_mut(i).iter_mut().enumerate() {
            *v = centres[centre + j] + rng.random_range(-1.0..1.0f32);
        }
    }
    x
}

#[test]
fn a_graph_finds_nearly_all_and_is_a_function_of_codes_and_seed() {
    for metric in [Metric::Euclidean, Metric::Cosine] {
        let all = metric.prepare(points(4050, 12, 1), "codes").unwrap();
        let codes = all.head(4000);
        // Half of the queries are like the codes, half lie between their clusters.
        let near: Vec<usize> = (4000..4050).collect();
        let far = metric.prepare(points(50, 12, 2), "query").unwrap();
        let queries = Matrix::new(100, 12, [all.select_rows(&near).as_slice(), far.as_slice()].concat());
        let graph = Graph::new(&codes, 5, |_| {});
        assert_eq!(graph, Graph::new(&codes, 5, |_| {}));
        let exact = dense::nearest(&codes, &queries, 10, metric).unwrap();
        let mut right = 0;
        for (i, expected) in exact.iter().enumerate() {
            let found = graph.nearest(&codes, queries.row(i), 10, metric);
            assert_eq!(found.len(), 10);
            assert!(found.is_sorted_by(|a, b| a.distance <= b.distance));
            right += found.iter().filter(|hit| expected.contains(hit)).count();
        }
        assert!(right >= 950, "{metric:?}: found {right} of 1000");
        assert_eq!(Graph::from_numbers(&graph.to_numbers(), 4000).unwrap(), graph);
    }
}

#[test]
fn a_graph_of_equal_codes_and_of_one_finds_them() {
    for rows in [1, 3, 500] {
        let codes = Matrix::new(rows, 2, vec![1.0; 2 * rows]);
        let graph = Graph::new(&codes, 0, |_| {});
        let found = graph.nearest(&codes, &[1.0, 1.0], 3, Metric::Euclidean);
        assert_eq!(found.len(), rows.min(3));
        assert!(found.iter().all(|hit| hit.distance == 0.0));
    }
}

#[test]
fn links_that_lead_nowhere_are_no_graph() {
    let codes = points(300, 3, 1);
    let numbers = Graph::new(&codes, 0, |_| {}).to_numbers();
    assert!(Graph::from_numbers(&numbers, 299).is_none());
    assert!(Graph::from_numbers(&numbers[..numbers.len() - 1], 300).is_none());
    let mut strayed = numbers.clone();
    *strayed.last_mut().unwrap() = 300;
    assert!(Graph::from_numbers(&strayed, 300).is_none());
    let mut elsewhere = numbers;
    elsewhere[0] = 300;
    assert!(Graph::from_numbers(&elsewhere, 300).is_none());
}

#[test]
fn distances_are_those_of_the_metric() {
    let x = Matrix::new(3, 2, vec![3.0, 4.0, -3.0, -4.0, 4.0, -3.0]);
    let query = Matrix::new(1, 2, vec![6.0, 8.0]);
    let distances = |metric: Metric| {
        let (x, query) =
            (metric.prepare(x.clone(), "x").unwrap(), metric.prepare(query.clone(), "q").unwrap());
        let found = dense::nearest(&x, &query, 3, metric).unwrap().remove(0);
        assert_eq!(dense::within(&x, query.row(0), 100.0, metric), found);
        found
    };
    let near = |found: Vec<Hit>, expected: [(usize, f64); 3]| {
        for (hit, (row, distance)) in found.iter().zip(expected) {
            assert!(hit.row == row && (hit.distance - distance).abs() < 1e-6, "{found:?}");
        }
    };
    near(distances(Metric::Euclidean), [(0, 5.0), (2, 125f64.sqrt()), (1, 15.0)]);
    near(distances(Metric::Cosine), [(0, 0.0), (2, 1.0), (1, 2.0)]);
    let error = Metric::Cosine.prepare(Matrix::zeros(1, 2), "codes").unwrap_err().to_string();
    assert!(error.contains("codes, row 1") && error.contains("direction"), "{error}");
}

/// An index of a few rows with names and classes.
fn index(settings: Settings) -> Index {
    let about = About {
        model: "m".into(),
        digest: "d".into(),
        width: 5,
        id: Some("name".into()),
        label: Some("class".into()),
        classes: vec!["a".into(), "b".into()],
        ..About::default()
    };
    let mut builder = IndexBuilder::with_about(about, settings).unwrap();
    let x = points(60, 5, 3);
    for (first, part) in x.as_slice().chunks(5 * 25).enumerate() {
        let rows = part.len() / 5;
        let number = |i: usize| 25 * first + i;
        builder
            .push(
                &Matrix::new(rows, 5, part.to_vec()),
                &Rows {
                    rows: (0..rows).map(|i| number(i) as u64 + 1).collect(),
                    ids: Some((0..rows).map(|i| format!("p{}", number(i))).collect()),
                    labels: Some((0..rows).map(|i| [Some(0), Some(1), None][number(i) % 3]).collect()),
                    ..Rows::default()
                },
            )
            .unwrap();
    }
    builder.finish(&mut Silent).unwrap()
}

fn every_index() -> Vec<Index> {
    let bits = Settings { binarize: Binarize::Median, ..Settings::default() };
    let graph = Settings { graph: true, metric: Metric::Cosine, ..Settings::default() };
    [Settings::default(), bits, graph].map(index).to_vec()
}

const ASK: Ask = Ask { k: Some(4), radius: None, exact: false };

#[test]
fn an_index_comes_back_from_its_file_and_finds_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("i.index");
    for index in every_index() {
        index.save(&path).unwrap();
        let again = Index::load(&path).unwrap();
        assert_eq!(again, index);
        let found = again.search_rows(&[0, 59], &ASK).unwrap();
        assert_eq!(found, index.search_rows(&[0, 59], &ASK).unwrap());
        assert!(
            found.iter().zip([0, 59]).all(|(hits, row)| hits.len() == 4 && hits.iter().all(|h| h.row != row))
        );
        let query = points(60, 5, 3).select_rows(&[7]);
        let first = again.search(&query, &ASK).unwrap()[0][0];
        assert!(first.distance < 1e-6, "{first:?}");
        let within = Ask { k: None, radius: Some(1e9), exact: true };
        assert_eq!(again.search(&query, &within).unwrap()[0].len(), 60);
    }
}

#[test]
fn half_of_the_rows_are_above_the_median_of_each_number() {
    let Codes::Bits(codes) = &every_index()[1].codes else { panic!("codes of bits") };
    let ones: f32 = codes.unpack(0..60).as_slice().iter().sum();
    assert_eq!(ones, 150.0);
}

#[test]
fn codes_that_stop_being_bits_stay_numbers() {
    let about = About { width: 1, ..About::default() };
    let mut builder = IndexBuilder::with_about(about, Settings::default()).unwrap();
    let rows = |n: usize| Rows { rows: vec![1; n], ..Rows::default() };
    builder.push(&Matrix::new(2, 1, vec![0.0, 1.0]), &rows(2)).unwrap();
    builder.push(&Matrix::new(1, 1, vec![0.25]), &rows(1)).unwrap();
    let index = builder.finish(&mut Silent).unwrap();
    assert_eq!(index.codes, Codes::Real(Matrix::new(3, 1, vec![0.0, 1.0, 0.25])));
}

#[test]
fn damage_anywhere_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("i.index");
    for index in every_index() {
        index.save(&path).unwrap();
        let whole = std::fs::read(&path).unwrap();
        let load = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            Index::load(&path).unwrap_err().to_string()
        };
        for length in (0..whole.len()).step_by(7).chain([whole.len() - 1]) {
            let error = load(&whole[..length]);
            assert!(error.contains("is damaged") || error.contains("not an index"), "{length}: {error}");
        }
        for at in (0..whole.len()).step_by(5) {
            let mut flipped = whole.clone();
            flipped[at] ^= 0x10;
            let error = load(&flipped);
            assert!(
                ["is damaged", "not an index", "newer"].iter().any(|w| error.contains(w)),
                "{at}: {error}"
            );
        }
        assert!(load(&[&whole[..], b"x"].concat()).contains("SHA-256"));
        assert!(load(b"row,code1\n1,2\n").contains("not an index"));
    }
}

#[test]
fn questions_that_cannot_be_answered_are_refused() {
    for index in every_index() {
        let refused = |x: &Matrix, ask: Ask| index.search(x, &ask).unwrap_err().to_string();
        let query = Matrix::new(1, 5, vec![0.5; 5]);
        assert!(refused(&Matrix::zeros(1, 4), ASK).contains("found 4 columns, expected 5"));
        assert!(refused(&Matrix::new(1, 5, vec![f32::NAN; 5]), ASK).contains("finite"));
        assert!(refused(&query, Ask { k: Some(0), ..ASK }).contains("k"));
        assert!(refused(&query, Ask { k: None, ..ASK }).contains("radius"));
        assert!(refused(&query, Ask { radius: Some(-1.0), ..ASK }).contains("radius"));
        let error = index.search_rows(&[60], &ASK).unwrap_err().to_string();
        assert!(error.contains("found 61, expected 1 to 60"), "{error}");
    }
    let bits = Settings { binarize: Binarize::Half, graph: true, ..Settings::default() };
    let about = About { width: 5, ..About::default() };
    assert!(IndexBuilder::with_about(about.clone(), bits).is_err());
    let cosine = Settings { binarize: Binarize::Half, metric: Metric::Cosine, ..Settings::default() };
    assert!(IndexBuilder::with_about(about.clone(), cosine).is_err());
    let empty = IndexBuilder::with_about(about, Settings::default()).unwrap();
    assert!(empty.finish(&mut Silent).is_err());
}
