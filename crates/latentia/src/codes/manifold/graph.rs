//! The graph that joins every row to its nearest ones.

use std::{cmp::Ordering, collections::BinaryHeap};

use crate::{Result, data::Matrix, evaluate};

/// An undirected graph with lengths, by node.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Graph {
    /// The neighbours of every node and the squared lengths of the edges to them, by index.
    edges: Vec<Vec<(usize, f64)>>,
}

/// The `k` rows nearest to every row, itself left out, nearest first, with their squared distances.
pub(super) fn nearest_others(x: &Matrix, k: usize) -> Result<Vec<Vec<(usize, f64)>>> {
    // A row may come after its copies in the order of distances: then it is not among the found and all but the last count.
    let found = evaluate::nearest(x, x, (k + 1).min(x.rows()))?;
    let others = found.into_iter().enumerate().map(|(i, found)| {
        let others = found.into_iter().filter(|n| n.index != i).take(k);
        others.map(|n| (n.index, n.squared_distance)).collect()
    });
    Ok(others.collect())
}

impl Graph {
    /// Joins `i` and `j` when either is among the nearest of the other.
    pub(super) fn new(nearest: &[Vec<(usize, f64)>]) -> Self {
        let mut graph = Self { edges: nearest.to_vec() };
        for (i, found) in nearest.iter().enumerate() {
            for &(j, square) in found {
                graph.edges[j].push((i, square));
            }
        }
        for edges in &mut graph.edges {
            edges.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
            edges.dedup_by_key(|edge| edge.0);
        }
        graph
    }

    /// The neighbours of a node and the squared lengths of the edges to them.
    pub(super) fn edges(&self, node: usize) -> &[(usize, f64)] {
        &self.edges[node]
    }

    /// Number of nodes.
    pub(super) fn len(&self) -> usize {
        self.edges.len()
    }

    /// The nodes of every part that hangs together, each in order, the part of the first node first.
    pub(super) fn parts(&self) -> Vec<Vec<usize>> {
        let mut seen = vec![false; self.len()];
        let mut parts = Vec::new();
        for first in 0..self.len() {
            if std::mem::replace(&mut seen[first], true) {
                continue;
            }
            let (mut part, mut at) = (vec![first], 0);
            while at < part.len() {
                for &(j, _) in &self.edges[part[at]] {
                    if !std::mem::replace(&mut seen[j], true) {
                        part.push(j);
                    }
                }
                at += 1;
            }
            part.sort_unstable();
            parts.push(part);
        }
        parts
    }

    /// Joins every two parts by the shortest edge between them, as scikit-learn's `Isomap` does; returns how many parts
    /// there were.
    pub(super) fn join_parts(&mut self, x: &Matrix) -> Result<usize> {
        let parts = self.parts();
        let rows: Vec<Matrix> = match parts.len() {
            1 => return Ok(1),
            _ => parts.iter().map(|part| x.select_rows(part)).collect(),
        };
        for a in 0..parts.len() {
            for b in a + 1..parts.len() {
                let found = evaluate::nearest(&rows[b], &rows[a], 1)?;
                let edges = found
                    .iter()
                    .enumerate()
                    .map(|(i, n)| (n[0].squared_distance, parts[a][i], parts[b][n[0].index]));
                let shortest = edges.fold(None, |best: Option<(f64, usize, usize)>, edge| match best {
                    Some(best) if best.0 <= edge.0 => Some(best),
                    _ => Some(edge),
                });
                if let Some((square, i, j)) = shortest {
                    self.edges[i].push((j, square));
                    self.edges[j].push((i, square));
                }
            }
        }
        Ok(parts.len())
    }

    /// The length of the shortest path from `source` to every node, infinite where there is none (Dijkstra 1959).
    pub(super) fn distances_from(&self, source: usize) -> Vec<f64> {
        let mut distances = vec![f64::INFINITY; self.len()];
        distances[source] = 0.0;
        let mut open = BinaryHeap::from([Reached { distance: 0.0, node: source }]);
        while let Some(Reached { distance, node }) = open.pop() {
            if distance > distances[node] {
                continue;
            }
            for &(next, square) in &self.edges[node] {
                let through = distance + square.sqrt();
                if through < distances[next] {
                    distances[next] = through;
                    open.push(Reached { distance: through, node: next });
                }
            }
        }
        distances
    }
}

/// A node at the end of a path; the shortest path is the greatest, as the heap wants it.
struct Reached {
    distance: f64,
    node: usize,
}

impl Ord for Reached {
    fn cmp(&self, other: &Self) -> Ordering {
        other.distance.total_cmp(&self.distance).then(other.node.cmp(&self.node))
    }
}

impl PartialOrd for Reached {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Reached {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Reached {}
