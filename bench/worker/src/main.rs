//! Our side of `bench/run`.
//!
//! A line `NAME REPETITIONS` on standard input is a piece of work, `lstm:20/35/200/200 5`; the answer is one line of JSON with the
//! milliseconds of each repetition. The line `peak` asks for the most memory this process has held, in KiB. What was
//! set up for the last piece of work is kept for the next one of the same name.
#![forbid(unsafe_code)]

mod dense;
mod recurrent;
mod tabular;

use std::io::{BufRead, Write};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Milliseconds of each repetition, and a remark.
pub(crate) struct Timed {
    ms: Vec<f64>,
    note: String,
}

impl Timed {
    pub(crate) fn new(ms: Vec<f64>) -> Self {
        Self { ms, note: String::new() }
    }
}

/// A piece of work that was set up.
pub(crate) trait Work {
    /// Does it so many times.
    fn run(&mut self, repetitions: usize) -> Result<Timed, String>;
}

fn main() -> Result<(), String> {
    let mut kept: Option<(String, Box<dyn Work>)> = None;
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(|e| e.to_string())?;
        let answer = match line.trim() {
            "peak" => format!("{{\"peak_kib\": {}}}", peak()?),
            request => {
                let (name, repetitions) = request.rsplit_once(' ').ok_or("expected NAME REPETITIONS")?;
                let repetitions = repetitions.parse().map_err(|e| format!("{repetitions}: {e}"))?;
                let mut work = match kept.take() {
                    Some((before, work)) if before == name => work,
                    _ => prepare(name)?,
                };
                let Timed { ms, note } = work.run(repetitions)?;
                kept = Some((name.to_owned(), work));
                let ms: Vec<String> = ms.iter().map(|v| format!("{v:.6}")).collect();
                format!("{{\"ms\": [{}], \"note\": \"{note}\"}}", ms.join(", "))
            }
        };
        let mut out = std::io::stdout().lock();
        writeln!(out, "{answer}").and_then(|()| out.flush()).map_err(|e| e.to_string())?;
    }
    Ok(())
}

fn prepare(name: &str) -> Result<Box<dyn Work>, String> {
    let (kind, rest) = name.split_once(':').ok_or_else(|| format!("{name}: expected KIND:SIZES"))?;
    Ok(match kind {
        "lstm" | "gru" | "rnn" => Box::new(recurrent::Step::new(kind, rest)?),
        "lstm-lengths" | "lstm-padded" => Box::new(recurrent::Step::with_lengths(rest)?),
        "lstm-stream" | "gru-stream" | "rnn-stream" => Box::new(recurrent::Stream::new(kind, rest)?),
        "autoencoder" => Box::new(dense::Autoencoder::new(rest)?),
        "convolutional" => Box::new(dense::Autoencoder::convolutional(rest)?),
        "sgemm" => Box::new(tabular::Product::new(rest)?),
        "pca" | "pca-file" => Box::new(tabular::Components::new(rest, kind == "pca")?),
        "k-means" | "k-means-from" => Box::new(tabular::Clusters::new(rest, kind == "k-means-from")?),
        "nearest" => Box::new(tabular::Search::new(rest)?),
        _ => return Err(format!("{kind}: no such work")),
    })
}

/// `20/35/200` as numbers.
pub(crate) fn numbers(text: &str, separators: &[char]) -> Result<Vec<usize>, String> {
    text.split(separators).map(|n| n.parse().map_err(|e| format!("{text}: {n}: {e}"))).collect()
}

/// Numbers from -1 to 1: every use gets its own.
pub(crate) fn uniform(n: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    };
    (0..n).map(|_| next()).collect()
}

/// The most memory this process has held, in KiB.
fn peak() -> Result<u64, String> {
    let status =
        std::fs::read_to_string("/proc/self/status").map_err(|e| format!("/proc/self/status: {e}"))?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    line.trim().trim_end_matches(" kB").parse().map_err(|e| format!("VmHWM: {e}"))
}
