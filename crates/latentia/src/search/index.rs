//! The codes of a model with the names of their rows.

use std::sync::OnceLock;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{BitCodes, Graph, Hit, Metric, MultiIndex, dense, scan};
use crate::{Error, Result, data::Matrix};

/// From so many codes and queries on, tables are worth building: each saves a query about as much as comparing all codes.
const TABLES_FROM: (usize, usize) = (1 << 16, 32);

/// What an index says of itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// Version of the program that wrote it.
    pub program: String,
    /// The model directory, as it was named.
    pub model: String,
    /// [`ModelDirectory::code_digest`](crate::artifact::ModelDirectory::code_digest) of the model.
    pub digest: String,
    /// The data, as it was named.
    pub data: String,
    /// Numbers in a code.
    pub width: usize,
    /// For codes of bits: the number that each number of a model's code must be above to be 1.
    pub thresholds: Option<Vec<f32>>,
    /// For codes of real numbers: how they are compared.
    pub metric: Metric,
    /// The column that names rows.
    pub id: Option<String>,
    /// The column with the classes.
    pub label: Option<String>,
    /// Names of the classes.
    pub classes: Vec<String>,
}

/// Codes, row by row.
#[derive(Debug, Clone, PartialEq)]
pub enum Codes {
    /// Of bits.
    Bits(BitCodes),
    /// Of real numbers, prepared for the metric.
    Real(Matrix),
}

/// What the rows are called.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Names {
    /// Row of the data that each is, counted from 1.
    pub rows: Vec<u64>,
    /// Name of each row, where the data has a column of names.
    pub ids: Option<Vec<String>>,
    /// Class of each row, where the data has classes; `u32::MAX` for none.
    pub labels: Option<Vec<u32>>,
}

/// Codes with the names of their rows; made by an [`IndexBuilder`](super::IndexBuilder), kept in a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Index {
    /// What it says of itself.
    pub about: About,
    /// The codes.
    pub codes: Codes,
    /// Their rows.
    pub names: Names,
    /// The graph of codes of real numbers, where one was asked for.
    pub graph: Option<Graph>,
    /// Tables of codes of bits, once they have been worth building.
    pub(super) tables: Tables,
}

/// Tables that follow from the codes: they make no difference between indexes.
#[derive(Debug, Clone, Default)]
pub(super) struct Tables(OnceLock<MultiIndex>);

impl PartialEq for Tables {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// What is asked of an index.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ask {
    /// At most so many rows; all within the radius when not given.
    pub k: Option<usize>,
    /// Only rows at most so far away.
    pub radius: Option<f64>,
    /// Whether to compare all codes even where there is a graph.
    pub exact: bool,
}

impl Ask {
    fn check(&self) -> Result<()> {
        if self.k == Some(0) {
            return Err(Error::config("k", "found 0, expected at least 1 row to find"));
        }
        match self.radius {
            Some(radius) if !(radius >= 0.0 && radius.is_finite()) => {
                Err(Error::config("radius", format!("found {radius}, expected a distance from 0 on")))
            }
            None if self.k.is_none() => {
                Err(Error::config("k", "say how many rows to find, or give a radius"))
            }
            _ => Ok(()),
        }
    }
}

impl Index {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.names.rows.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The rows near each of the queries, which are codes of the model as it gives them.
    ///
    /// # Errors
    /// The queries are not codes of the width of the index, a number of theirs is not finite, or `ask` asks for nothing.
    pub fn search(&self, queries: &Matrix, ask: &Ask) -> Result<Vec<Vec<Hit>>> {
        ask.check()?;
        crate::model::check_rows("the numbers of a code of the index", queries, self.about.width)?;
        match &self.codes {
            Codes::Bits(codes) => {
                let thresholds = self.about.thresholds.as_deref().unwrap_or_default();
                self.search_bits(codes, &BitCodes::pack(queries, thresholds), ask)
            }
            Codes::Real(codes) => {
                let queries = self.about.metric.prepare(queries.clone(), "query")?;
                self.search_real(codes, &queries, ask)
            }
        }
    }

    /// The rows near each of some rows of the index (counted from 0), themselves left out.
    ///
    /// # Errors
    /// There is no such row, or `ask` asks for nothing.
    pub fn search_rows(&self, rows: &[usize], ask: &Ask) -> Result<Vec<Vec<Hit>>> {
        ask.check()?;
        if let Some(row) = rows.iter().find(|&&row| row >= self.len()) {
            return Err(Error::config("row", format!("found {}, expected 1 to {}", row + 1, self.len())));
        }
        let more = Ask { k: ask.k.map(|k| k + 1), ..*ask };
        let mut found = match &self.codes {
            Codes::Bits(codes) => self.search_bits(codes, &codes.select(rows), &more)?,
            Codes::Real(codes) => self.search_real(codes, &codes.select_rows(rows), &more)?,
        };
        for (hits, &row) in found.iter_mut().zip(rows) {
            hits.retain(|hit| hit.row != row);
            hits.truncate(ask.k.unwrap_or(usize::MAX));
        }
        Ok(found)
    }

    fn search_real(&self, codes: &Matrix, queries: &Matrix, ask: &Ask) -> Result<Vec<Vec<Hit>>> {
        let metric = self.about.metric;
        let mut found = match (ask.k, ask.radius, &self.graph) {
            (Some(k), _, Some(graph)) if !ask.exact => {
                let near = |i| graph.nearest(codes, queries.row(i), k, metric);
                (0..queries.rows()).into_par_iter().map(near).collect()
            }
            (Some(k), ..) => dense::nearest(codes, queries, k, metric)?,
            (None, radius, _) => {
                let radius = radius.unwrap_or(f64::INFINITY);
                queries.iter_rows().map(|query| dense::within(codes, query, radius, metric)).collect()
            }
        };
        if let Some(radius) = ask.radius {
            found.iter_mut().for_each(|hits| hits.retain(|hit| hit.distance <= radius));
        }
        Ok(found)
    }

    /// By comparing all codes, or by tables where many codes and many queries repay them.
    fn search_bits(&self, codes: &BitCodes, queries: &BitCodes, ask: &Ask) -> Result<Vec<Vec<Hit>>> {
        codes.check(queries.width())?;
        if self.tables.0.get().is_none() && codes.len() >= TABLES_FROM.0 && queries.len() >= TABLES_FROM.1 {
            // Whoever sets them first, they are the same.
            let _ = self.tables.0.set(MultiIndex::new(codes)?);
        }
        let tables = self.tables.0.get();
        // Distances are whole numbers.
        let radius = ask.radius.map(|radius| radius.min(codes.width() as f64) as u32);
        let one = |i: usize| {
            let query = queries.code(i);
            let mut hits = match (radius, tables) {
                (Some(radius), Some(tables)) => tables.within(codes, query, radius),
                (Some(radius), None) => scan::within(codes, query, radius),
                (None, Some(tables)) => tables.nearest(codes, query, ask.k.unwrap_or(1)),
                (None, None) => scan::nearest(codes, query, ask.k.unwrap_or(1)),
            };
            hits.truncate(ask.k.unwrap_or(usize::MAX));
            hits
        };
        Ok((0..queries.len()).into_par_iter().map(one).collect())
    }
}
