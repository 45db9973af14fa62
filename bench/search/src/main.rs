//! Search among codes of bits: comparing all of them against multi-index hashing, on random and on clustered codes.
//!
//! Usage: `cargo run --release -p latentia-bench-search -- [CODES] [BITS]`; 10,000,000 codes of 64 bits when nothing is said.
//!
//! Queries are codes of the collection with up to two bits flipped, one after the other; every answer of the tables is
//! compared with that of the scan.

use std::{env, hint::black_box, time::Instant};

use latentia::search::{BitCodes, Hit, MultiIndex, scan};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const QUERIES: usize = 200;
/// Queries whose answers are compared, and over which a scan is timed.
const SCANNED: usize = 20;
/// Most bits in which a code differs from the centre of its cluster, and codes of a cluster.
const SPREAD: (usize, usize) = (6, 1000);

fn main() {
    let number = |i, default| env::args().nth(i).map_or(default, |text| text.parse().expect("a number"));
    let (n, bits): (usize, usize) = (number(1, 10_000_000), number(2, 64));
    println!("{n} codes of {bits} bits, {} threads", latentia_kernels::threads::count());
    for (name, clustered) in [("random", false), ("clustered", true)] {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let codes = codes(n, bits, clustered, &mut rng);
        let queries = queries(&codes, &mut rng);
        let began = Instant::now();
        let tables = MultiIndex::new(&codes).expect("few enough codes");
        println!(
            "{name}: codes {:.0} MB, tables {:.0} MB built in {:.2} s",
            8e-6 * codes.words().len() as f64,
            1e-6 * tables.bytes() as f64,
            began.elapsed().as_secs_f64()
        );
        for radius in [0, 1, 2, 3, 4] {
            let by_scan = |query: &[u64]| scan::within(&codes, query, radius);
            compare(&format!("radius {radius}"), &queries, by_scan, |query| {
                tables.within(&codes, query, radius)
            });
        }
        for k in [1, 10, 100] {
            let by_scan = |query: &[u64]| scan::nearest(&codes, query, k);
            compare(&format!("nearest {k}"), &queries, by_scan, |query| tables.nearest(&codes, query, k));
        }
    }
}

/// Times both ways and checks that they agree.
fn compare(
    what: &str,
    queries: &BitCodes,
    by_scan: impl Fn(&[u64]) -> Vec<Hit>,
    by_tables: impl Fn(&[u64]) -> Vec<Hit>,
) {
    let (scans, expected) = time(queries, SCANNED, by_scan);
    let (looks, found) = time(queries, QUERIES, by_tables);
    assert!(found[..SCANNED] == expected[..], "{what}: the tables find something else than the scan");
    let hits = found.iter().map(Vec::len).sum::<usize>() as f64 / found.len() as f64;
    println!(
        "  {what:<11} scan {:>9.3} ms    tables {:>9.4} ms, slowest {:>9.4} ms    {hits:.1} found",
        scans.iter().sum::<f64>() / scans.len() as f64,
        looks.iter().sum::<f64>() / looks.len() as f64,
        looks.iter().fold(0.0, |a: f64, &b| a.max(b))
    );
}

/// Milliseconds of each query, and what it found.
fn time(queries: &BitCodes, count: usize, search: impl Fn(&[u64]) -> Vec<Hit>) -> (Vec<f64>, Vec<Vec<Hit>>) {
    (0..count)
        .map(|i| {
            let began = Instant::now();
            let found = black_box(search(black_box(queries.code(i))));
            (began.elapsed().as_secs_f64() * 1e3, found)
        })
        .unzip()
}

fn codes(n: usize, bits: usize, clustered: bool, rng: &mut ChaCha8Rng) -> BitCodes {
    let per_code = bits.div_ceil(64);
    let mut words: Vec<u64> = Vec::with_capacity(n * per_code);
    let mut centre = vec![0; per_code];
    for i in 0..n {
        if !clustered || i.is_multiple_of(SPREAD.1) {
            centre.iter_mut().for_each(|word| *word = rng.next_u64());
            if !bits.is_multiple_of(64) {
                centre[per_code - 1] &= (1 << (bits % 64)) - 1;
            }
        }
        words.extend(&centre);
        if clustered {
            let last = words.len() - per_code;
            flip(&mut words[last..], bits, SPREAD.0, rng);
        }
    }
    BitCodes::from_words(bits, words).expect("whole codes")
}

fn queries(codes: &BitCodes, rng: &mut ChaCha8Rng) -> BitCodes {
    let mut words = Vec::new();
    for _ in 0..QUERIES {
        let mut code = codes.code(rng.random_range(0..codes.len() as u64) as usize).to_vec();
        flip(&mut code, codes.width(), 2, rng);
        words.extend(code);
    }
    BitCodes::from_words(codes.width(), words).expect("whole codes")
}

/// Flips up to `most` bits.
fn flip(code: &mut [u64], bits: usize, most: usize, rng: &mut ChaCha8Rng) {
    for _ in 0..rng.random_range(0..=most as u64) {
        let bit = rng.random_range(0..bits as u64) as usize;
        code[bit / 64] ^= 1 << (bit % 64);
    }
}
