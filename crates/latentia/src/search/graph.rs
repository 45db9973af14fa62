//! Approximate search among many codes of real numbers, along a graph of neighbours.

use std::{
    cmp::{Ordering, Reverse},
    collections::BinaryHeap,
};

use rand::RngExt;

use super::{Hit, Metric, nearest_of};
use crate::{
    data::Matrix,
    linalg::squared_distance,
    random::{Purpose, stream},
};

/// Neighbours of a code in each layer above the lowest (`M`); in the lowest, twice as many.
const NEIGHBOURS: usize = 16;
/// Candidates held while a code is put in (`efConstruction`).
const CANDIDATES: usize = 128;
/// Fewest candidates held during a search (`ef`).
const LEAST_CANDIDATES: usize = 100;
/// Most layers that are believed: with `M = 16` a higher one would need more rows than memory holds.
const MAX_LAYERS: usize = 32;

/// A hierarchical navigable small world (Malkov & Yashunin 2018): a code is in layer `l` with probability `M^-l`; in every
/// layer it is linked to near codes in different directions; a search walks from the top layer down.
///
/// Codes are put in one after the other, so that the graph is a function of the codes and the seed alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Graph {
    /// Where searches begin: a code of the top layer.
    entry: u32,
    /// The neighbours of each code in each of its layers, from the lowest.
    links: Vec<Vec<Vec<u32>>>,
}

/// A code and its squared distance from the query, ordered by distance, then by row.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Near(f32, u32);

impl Eq for Near {}

impl PartialOrd for Near {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Near {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0).then(self.1.cmp(&other.1))
    }
}

/// Which codes a search has seen: cleared by counting up.
struct Seen {
    marks: Vec<u32>,
    now: u32,
}

impl Seen {
    fn new(rows: usize) -> Self {
        Self { marks: vec![0; rows], now: 0 }
    }

    fn clear(&mut self) {
        self.now = self.now.checked_add(1).unwrap_or_else(|| {
            self.marks.fill(0);
            1
        });
    }

    /// Whether this is the first time.
    fn first(&mut self, row: u32) -> bool {
        std::mem::replace(&mut self.marks[row as usize], self.now) != self.now
    }
}

impl Graph {
    /// The graph of `codes` ([prepared](Metric::prepare)), at most `2^32 - 1` of them; `tell` hears how many are in.
    ///
    /// # Panics
    /// When there are more codes.
    pub fn new(codes: &Matrix, seed: u64, mut tell: impl FnMut(u64)) -> Self {
        let rows = u32::try_from(codes.rows()).expect("fewer than 2^32 codes");
        let mut graph = Self { entry: 0, links: Vec::with_capacity(codes.rows()) };
        let mut seen = Seen::new(codes.rows());
        for row in 0..rows {
            graph.insert(codes, row, layer_of(seed, row), &mut seen);
            tell(u64::from(row) + 1);
        }
        graph
    }

    /// Puts a code in (their algorithm 1).
    fn insert(&mut self, codes: &Matrix, row: u32, layer: usize, seen: &mut Seen) {
        self.links.push(vec![Vec::new(); layer + 1]);
        if row == 0 {
            return;
        }
        let query = codes.row(row as usize);
        let top = self.layers(self.entry) - 1;
        let mut near = vec![self.near(codes, query, self.entry)];
        for l in (layer + 1..=top).rev() {
            near = self.search_layer(codes, query, &near, 1, l, seen);
        }
        for l in (0..=layer.min(top)).rev() {
            near = self.search_layer(codes, query, &near, CANDIDATES, l, seen);
            let chosen = choose(codes, &near, NEIGHBOURS);
            for &Near(_, other) in &chosen {
                self.link(codes, other, row, l);
            }
            self.links[row as usize][l] = chosen.iter().map(|n| n.1).collect();
        }
        if layer > top {
            self.entry = row;
        }
    }

    /// Links `from` to `to`, and drops links where there are too many.
    fn link(&mut self, codes: &Matrix, from: u32, to: u32, layer: usize) {
        let most = if layer == 0 { 2 * NEIGHBOURS } else { NEIGHBOURS };
        let links = &mut self.links[from as usize][layer];
        links.push(to);
        if links.len() <= most {
            return;
        }
        let links = std::mem::take(links);
        let here = codes.row(from as usize);
        let mut near: Vec<Near> = links.into_iter().map(|other| self.near(codes, here, other)).collect();
        near.sort_unstable();
        self.links[from as usize][layer] = choose(codes, &near, most).iter().map(|n| n.1).collect();
    }

    /// The `k` codes near a query, perhaps not the nearest; both [prepared](Metric::prepare). Distances are exact.
    ///
    /// # Panics
    /// When `codes` are not those of the graph or the query has another width.
    pub fn nearest(&self, codes: &Matrix, query: &[f32], k: usize, metric: Metric) -> Vec<Hit> {
        assert!(codes.rows() == self.links.len() && query.len() == codes.cols(), "codes of the graph");
        if self.links.is_empty() || k == 0 {
            return Vec::new();
        }
        let mut seen = Seen::new(codes.rows());
        let mut near = vec![self.near(codes, query, self.entry)];
        for l in (1..self.layers(self.entry)).rev() {
            near = self.search_layer(codes, query, &near, 1, l, &mut seen);
        }
        let near = self.search_layer(codes, query, &near, LEAST_CANDIDATES.max(2 * k), 0, &mut seen);
        let exact = |near: &Near| {
            let row = near.1 as usize;
            Hit { row, distance: metric.of_square(squared_distance(codes.row(row), query)) }
        };
        nearest_of(near.iter().map(exact).collect(), k)
    }

    /// The `ef` nearest codes that are found in a layer from `entries` on, nearest first (their algorithm 2).
    fn search_layer(
        &self,
        codes: &Matrix,
        query: &[f32],
        entries: &[Near],
        ef: usize,
        layer: usize,
        seen: &mut Seen,
    ) -> Vec<Near> {
        seen.clear();
        let mut found: BinaryHeap<Near> = BinaryHeap::new();
        let mut open: BinaryHeap<Reverse<Near>> = BinaryHeap::new();
        for &near in entries {
            if seen.first(near.1) {
                found.push(near);
                open.push(Reverse(near));
            }
        }
        while let Some(Reverse(here)) = open.pop() {
            if found.len() >= ef && found.peek().is_some_and(|worst| here > *worst) {
                break;
            }
            for &other in &self.links[here.1 as usize][layer] {
                if !seen.first(other) {
                    continue;
                }
                let near = self.near(codes, query, other);
                if found.len() < ef || found.peek().is_some_and(|worst| near < *worst) {
                    found.push(near);
                    open.push(Reverse(near));
                    if found.len() > ef {
                        found.pop();
                    }
                }
            }
        }
        found.into_sorted_vec()
    }

    fn near(&self, codes: &Matrix, query: &[f32], row: u32) -> Near {
        Near(squared(query, codes.row(row as usize)), row)
    }

    fn layers(&self, row: u32) -> usize {
        self.links[row as usize].len()
    }

    /// The graph as numbers: the entry; for each code its number of layers; for each of these the number of links, and they.
    pub(super) fn to_numbers(&self) -> Vec<u32> {
        let mut numbers = vec![self.entry];
        for layers in &self.links {
            numbers.push(layers.len() as u32);
            for links in layers {
                numbers.push(links.len() as u32);
                numbers.extend(links);
            }
        }
        numbers
    }

    /// The graph of `rows` codes that [`Self::to_numbers`] gave; `None` when it is none.
    pub(super) fn from_numbers(numbers: &[u32], rows: usize) -> Option<Self> {
        let mut numbers = numbers.iter().copied();
        let entry = numbers.next()?;
        let mut links: Vec<Vec<Vec<u32>>> = Vec::with_capacity(rows);
        for _ in 0..rows {
            let layers = numbers.next().map(|n| n as usize).filter(|n| (1..=MAX_LAYERS).contains(n))?;
            let mut of_code = Vec::with_capacity(layers);
            for _ in 0..layers {
                let count = numbers.next().map(|n| n as usize).filter(|n| *n <= 2 * NEIGHBOURS)?;
                let list: Vec<u32> = numbers.by_ref().take(count).collect();
                (list.len() == count).then_some(())?;
                of_code.push(list);
            }
            links.push(of_code);
        }
        let graph = Self { entry, links };
        let layers = |row: u32| graph.links.get(row as usize).map_or(0, Vec::len);
        // Every link leads to a code that is in that layer: a search never leaves the graph.
        let sound = graph.links.iter().all(|of_code| {
            of_code.iter().enumerate().all(|(l, list)| list.iter().all(|&other| layers(other) > l))
        });
        let is_top = rows == 0 || graph.links.iter().all(|of_code| of_code.len() <= layers(entry));
        (sound && is_top && numbers.next().is_none()).then_some(graph)
    }
}

/// The highest layer of a code: `⌊-ln u / ln M⌋`, `u` uniform in (0, 1].
fn layer_of(seed: u64, row: u32) -> usize {
    let u = 1.0 - stream(seed, Purpose::Graph, 0, u64::from(row)).random::<f64>();
    ((-u.ln() / (NEIGHBOURS as f64).ln()) as usize).min(MAX_LAYERS - 1)
}

/// At most `most` of the codes `near`, nearest first: those that are nearer to the query than to any chosen before them,
/// so that they lie in different directions, then the nearest of the others (their algorithm 4).
fn choose(codes: &Matrix, near: &[Near], most: usize) -> Vec<Near> {
    if near.len() <= most {
        return near.to_vec();
    }
    let mut chosen: Vec<Near> = Vec::with_capacity(most);
    let mut others = Vec::new();
    for &candidate in near {
        if chosen.len() == most {
            break;
        }
        let here = codes.row(candidate.1 as usize);
        let apart = chosen.iter().all(|c| candidate.0 < squared(here, codes.row(c.1 as usize)));
        if apart { chosen.push(candidate) } else { others.push(candidate) }
    }
    let room = most - chosen.len();
    chosen.extend(others.into_iter().take(room));
    chosen
}

/// `‖a - b‖²` in eight sums, which the compiler keeps in vectors.
fn squared(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0f32; 8];
    let (a8, a_rest) = a.as_chunks::<8>();
    let (b8, b_rest) = b.as_chunks::<8>();
    for (a, b) in a8.iter().zip(b8) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += (a - b) * (a - b);
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| (a - b) * (a - b)).sum();
    sums.iter().sum::<f32>() + rest
}
