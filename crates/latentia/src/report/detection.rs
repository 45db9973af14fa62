//! How well scores find unusual rows, as a section of a page.

use serde::{Deserialize, Serialize};

use super::{
    chart::{Axis, Bar, Bars, Chart, Group, Histogram, Line, Lines, Style, Table, Threshold, Value},
    number::{counted, number},
    page::{Figure, Section},
};
use crate::evaluate::{self, Point};

/// Points of a drawn curve: more cannot be told apart.
const POINTS: usize = 400;
/// Columns that are drawn; the table beside the figure has as many.
const COLUMNS: usize = 20;

/// Scores of rows of which it is known whether they are unusual.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DetectionReport {
    /// The class whose rows are unusual.
    pub class: String,
    /// The part of the data they are of.
    pub part: String,
    /// What the score is.
    pub score_name: String,
    /// Whether each row is unusual; there is at least one row of either sort.
    pub unusual: Vec<bool>,
    /// The score of each row.
    pub scores: Vec<f64>,
    /// From which score on a row is called unusual.
    pub threshold: Option<Threshold>,
    /// What each column adds to the scores; empty where that is not known.
    pub columns: Vec<ColumnShare>,
}

/// What a column adds to the score of a row, on average.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ColumnShare {
    /// The column.
    pub name: String,
    /// Of unusual rows.
    pub unusual: f64,
    /// Of all others.
    pub others: f64,
}

impl DetectionReport {
    /// The section: ROC curve, precision and recall, scores of both sorts of rows, and the columns behind them.
    pub fn section(&self) -> Section {
        let n = self.unusual.iter().filter(|&&u| u).count();
        let mut text = format!(
            "How well the scores find the {} of class {} among the {} of the {} part. The model was not told which they are.",
            counted(n, "row"),
            self.class,
            counted(self.unusual.len(), "row"),
            self.part
        );
        if let Ok(area) = evaluate::roc_auc(&self.unusual, &self.scores) {
            text.push_str(&format!(
                " An unusual row scores higher than another one in {} % of pairs.",
                number(100.0 * area)
            ));
        }
        let mut figures = Vec::new();
        figures.extend(self.roc());
        figures.extend(self.precision_recall(n as f64 / self.unusual.len().max(1) as f64));
        figures.push(self.histogram());
        figures.extend(self.contributions());
        Section { title: "Finding unusual rows".to_owned(), text, figures, listings: Vec::new() }
    }

    fn roc(&self) -> Option<Figure> {
        let curve = evaluate::roc_curve(&self.unusual, &self.scores).ok()?;
        let chance = vec![(0.0, 0.0), (1.0, 1.0)];
        Some(Figure::new(
            "ROC curve",
            "Going down the rows by score: the share of unusual rows found, against the share of other rows raised as false \
             alarms. The further above the dashed line of guessing, the better.",
            curves("false alarms among other rows", "unusual rows found", &curve, chance),
        ))
    }

    fn precision_recall(&self, share: f64) -> Option<Figure> {
        let curve = evaluate::precision_recall_curve(&self.unusual, &self.scores).ok()?;
        let chance = vec![(0.0, share), (1.0, share)];
        Some(Figure::new(
            "Precision and recall",
            "Going down the rows by score: how many of those passed are unusual, against the share of unusual rows found. \
             Guessing stays on the dashed line.",
            curves("unusual rows found (recall)", "unusual among those passed (precision)", &curve, chance),
        ))
    }

    fn histogram(&self) -> Figure {
        let values = |wanted: bool| {
            let pairs = self.unusual.iter().zip(&self.scores);
            pairs.filter(|(unusual, _)| **unusual == wanted).map(|(_, &score)| score).collect()
        };
        let groups = vec![
            Group { name: "other rows".to_owned(), values: values(false) },
            Group { name: format!("class {}", self.class), values: values(true) },
        ];
        let chart = Histogram {
            x: Axis::fitting(&self.score_name, self.scores.iter().copied()),
            groups,
            threshold: self.threshold.clone(),
        };
        Figure::new(
            "Scores of both sorts of rows",
            "How often each score occurs: the less the groups overlap, the better; rows to the right of the dashed line are \
             called unusual.",
            Chart::Histogram(chart),
        )
    }

    fn contributions(&self) -> Option<Figure> {
        let mut columns: Vec<&ColumnShare> = self.columns.iter().collect();
        columns.sort_by(|a, b| (b.unusual - b.others).total_cmp(&(a.unusual - a.others)));
        columns.truncate(COLUMNS);
        columns.first()?;
        let bar =
            |c: &&ColumnShare| Bar { name: c.name.clone(), value: c.unusual - c.others, ..Bar::default() };
        let chart = Bars {
            x: Axis::linear("more of the score than in other rows"),
            name: "column".to_owned(),
            bars: columns.iter().map(bar).collect(),
        };
        let row = |c: &&ColumnShare| -> Vec<Value> {
            vec![c.name.as_str().into(), c.unusual.into(), c.others.into()]
        };
        let names = ["column", "adds to an unusual row", "adds to another row"];
        let table = Table {
            columns: names.map(str::to_owned).to_vec(),
            rows: columns.iter().map(row).collect(),
            highlights: Vec::new(),
        };
        Some(
            Figure::new(
                "What makes them unusual",
                "What each column adds to the score of an unusual row beyond what it adds to another one, on average: the \
                 longest bars say where the rows differ.",
                Chart::Bars(chart),
            )
            .with_data(table),
        )
    }
}

/// A curve with that of guessing.
fn curves(x: &str, y: &str, curve: &[Point], chance: Vec<(f64, f64)>) -> Chart {
    let step = curve.len().div_ceil(POINTS).max(1);
    let last = curve.len().saturating_sub(1);
    let kept = curve.iter().enumerate().filter(|(i, _)| i % step == 0 || *i == last);
    let line = Line {
        name: "scores".to_owned(),
        points: kept.map(|(_, p)| (p.x, p.y)).collect(),
        style: Style::Solid,
    };
    let chance = Line { name: "guessing".to_owned(), points: chance, style: Style::Dashed };
    Chart::Lines(Lines {
        x: Axis::linear(x),
        y: Axis::linear(y),
        lines: vec![line, chance],
        marks: Vec::new(),
    })
}
