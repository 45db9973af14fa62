//! Which figures a code-learning model is shown with.

use super::{
    Baseline, CodeMap, CodesReport, EpochRecord, Filters, ImagePairs, Reconstructions, RowErrors, WorstRow,
};
use crate::report::{
    Axis, Chart, Figure, Histogram, Images, Line, Lines, Listing, Mark, Page, Scatter, Section, Style, Table,
    Value,
    number::{counted, number},
};
use std::collections::BTreeSet;

/// Filters that fit a figure; a layer of thousands of units is shown by its first ones.
const FILTERS: usize = 60;

/// Images side by side.
const IMAGES_PER_ROW: usize = 10;

/// Image pairs that fit a figure.
const IMAGES: usize = 40;

/// Columns of a badly reconstructed row that are named.
const COLUMNS: usize = 3;

impl CodesReport {
    /// The report as a page, to be changed or added to before it is rendered.
    pub fn page(&self) -> Page {
        let mut sections = Vec::new();
        sections.extend(self.map.as_ref().map(CodeMap::section));
        sections.extend(self.reconstruction_section());
        sections.extend(self.baseline.as_ref().map(Baseline::section));
        sections.extend(self.training_section());
        sections.extend(self.filters.as_ref().map(Filters::section));
        sections.extend(self.extra.iter().cloned());
        sections.extend(self.recipe_section());
        Page {
            title: self.title.clone(),
            kind: self.kind.clone(),
            summary: self.summary.clone(),
            cards: self.facts.clone(),
            warnings: self.warnings.clone(),
            sections,
        }
    }

    /// The report as one HTML file that needs nothing else.
    pub fn render(&self) -> String {
        self.page().render()
    }

    fn training_section(&self) -> Option<Section> {
        let last = self.history.last()?;
        let seconds: f64 = self.history.iter().filter_map(|e| e.seconds).sum();
        let mut text = format!("{} of training", counted(last.epoch, "epoch"));
        if seconds > 0.0 {
            text.push_str(&format!(" in {}", duration(seconds)));
        }
        if let Some(best) = self.best_epoch {
            text.push_str(&format!("; the weights of epoch {best} were kept"));
        }
        text.push('.');
        let mut figures = vec![self.loss_figure()];
        figures.extend(self.terms_figure());
        figures.extend(curve(
            &self.history,
            "Gradient norm",
            "The length of the gradient averaged over each epoch: it should settle, not grow; a sudden peak is a step that \
             went too far.",
            |e| e.gradient_norm,
        ));
        figures.extend(curve(
            &self.history,
            "Learning rate",
            "How large the steps of training were, epoch by epoch.",
            |e| e.learning_rate,
        ));
        Some(Section { title: "Training".to_owned(), text, figures, listings: Vec::new() })
    }

    fn loss_figure(&self) -> Figure {
        let train = line("training", &self.history, |e| Some(e.train));
        let validation = line("validation", &self.history, |e| e.validation);
        let values = train.points.iter().chain(&validation.points).map(|p| p.1);
        let y = Axis::fitting("objective", values);
        let best = self.best_epoch.and_then(|best| self.history.iter().find(|e| e.epoch == best));
        let marks = best.map(|e| Mark {
            x: e.epoch as f64,
            y: e.validation.unwrap_or(e.train),
            name: format!("best, epoch {}", e.epoch),
        });
        let caption = if validation.points.is_empty() {
            "What training makes smaller, epoch by epoch: the curve should fall and then level off."
        } else {
            "What training makes smaller, epoch by epoch: both curves should fall; where the validation curve turns up \
             again, the model starts to learn its training rows by heart."
        };
        let lines = [train, validation].into_iter().filter(|l| !l.points.is_empty()).collect();
        let chart = Lines { x: Axis::linear("epoch"), y, lines, marks: marks.into_iter().collect() };
        Figure::new("Objective", caption, Chart::Lines(chart))
    }

    fn terms_figure(&self) -> Option<Figure> {
        let names: BTreeSet<&String> = self.history.iter().flat_map(|e| e.terms.keys()).collect();
        if names.is_empty() {
            return None;
        }
        let lines: Vec<Line> =
            names.iter().map(|name| line(name, &self.history, |e| e.terms.get(*name).copied())).collect();
        let y = Axis::fitting("value", lines.iter().flat_map(|l| l.points.iter().map(|p| p.1)));
        let chart = Lines { x: Axis::linear("epoch"), y, lines, marks: Vec::new() };
        Some(Figure::new(
            "Terms of the objective",
            "The parts that the objective is the sum of: a part that outweighs all others is what the model really learns.",
            Chart::Lines(chart),
        ))
    }

    fn reconstruction_section(&self) -> Option<Section> {
        let mut figures = Vec::new();
        match &self.reconstructions {
            Some(Reconstructions::Images(pairs)) => figures.push(pairs.figure().wide()),
            Some(Reconstructions::Rows(rows)) => figures.push(worst_rows(rows).wide()),
            None => {}
        }
        figures.extend(self.errors.as_ref().map(RowErrors::figure));
        let text = "What the decoder returns when it is given nothing but the code of a row.".to_owned();
        let title = "Reconstructions".to_owned();
        (!figures.is_empty()).then_some(Section { title, text, figures, listings: Vec::new() })
    }

    fn recipe_section(&self) -> Option<Section> {
        let listings = [("Command", &self.command), ("Recipe", &self.recipe)]
            .into_iter()
            .filter(|(_, text)| !text.is_empty())
            .map(|(title, text)| Listing { title: title.to_owned(), text: text.clone() });
        let listings: Vec<Listing> = listings.collect();
        let text = "What is needed to train this model again.".to_owned();
        let title = "How this model was made".to_owned();
        (!listings.is_empty()).then_some(Section { title, text, figures: Vec::new(), listings })
    }
}

/// A curve over the epochs; epochs without a value are not on it.
fn line(name: &str, history: &[EpochRecord], of: impl Fn(&EpochRecord) -> Option<f64>) -> Line {
    let points = history.iter().filter_map(|e| Some((e.epoch as f64, of(e)?)));
    Line { name: name.to_owned(), points: points.collect(), style: Style::Solid }
}

/// A figure of one curve, where there are values.
fn curve(
    history: &[EpochRecord],
    name: &str,
    caption: &str,
    of: impl Fn(&EpochRecord) -> Option<f64>,
) -> Option<Figure> {
    // The name stands above the figure and on its axis: no legend is needed.
    let line = Line { name: String::new(), ..line(name, history, of) };
    if line.points.is_empty() {
        return None;
    }
    let y = Axis::linear(name.to_lowercase());
    let chart = Lines { x: Axis::linear("epoch"), y, lines: vec![line], marks: Vec::new() };
    Some(Figure::new(name, caption, Chart::Lines(chart)))
}

/// A duration as people say it.
fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 90.0 => format!("{} seconds", number((s * 10.0).round() / 10.0)),
        s if s < 5400.0 => format!("{} minutes", number((s / 6.0).round() / 10.0)),
        s => format!("{} hours", number((s / 360.0).round() / 10.0)),
    }
}

impl CodeMap {
    fn section(&self) -> Section {
        let [x, y] = &self.axis_names;
        let chart = Scatter {
            x: Axis::linear(x),
            y: Axis::linear(y),
            points: self.points.clone(),
            classes: self.classes.clone(),
            class_names: self.class_names.clone(),
            equal_scale: true,
            ..Scatter::default()
        };
        let caption = if self.class_names.is_empty() {
            "Each point is a row: points close to each other have similar codes."
        } else {
            "Each point is a row: points close to each other have similar codes, and classes that stand apart were told apart \
             without their labels having been used."
        };
        let figure = Figure::new("Map of the codes", caption, Chart::Scatter(chart)).wide();
        Section {
            title: "Codes".to_owned(),
            text: self.how.clone(),
            figures: vec![figure],
            listings: Vec::new(),
        }
    }
}

impl ImagePairs {
    fn figure(&self) -> Figure {
        let n = self.inputs.len().min(self.reconstructions.len()).min(IMAGES);
        let corrupted = self.corrupted.len() >= n && n > 0;
        let (mut row_names, mut images) = (Vec::new(), Vec::new());
        for start in (0..n).step_by(IMAGES_PER_ROW) {
            let part = start..n.min(start + IMAGES_PER_ROW);
            let mut add = |name: &str, from: &[Vec<f32>]| {
                row_names.push(name.to_owned());
                images.push(from[part.clone()].to_vec());
            };
            add("input", &self.inputs);
            if corrupted {
                add("corrupted", &self.corrupted);
            }
            add("reconstruction", &self.reconstructions);
        }
        let caption = if corrupted {
            "Each input, what the corruption left of it, and below that what the model made of the corrupted one: it should \
             look like the input."
        } else {
            "Each input with its reconstruction right below: what is lost from one to the other did not fit into the code."
        };
        let data = Table {
            columns: ["image", "name", "mean squared error"].map(str::to_owned).to_vec(),
            rows: (0..n).map(|i| self.row(i)).collect(),
            highlights: Vec::new(),
        };
        let chart = Chart::Images(Images {
            size: self.size,
            row_names,
            rows_per_group: if corrupted { 3 } else { 2 },
            images,
        });
        Figure::new("Inputs and reconstructions", caption, chart).with_data(data)
    }

    fn row(&self, i: usize) -> Vec<Value> {
        let (x, r) = (&self.inputs[i], &self.reconstructions[i]);
        let sum: f64 = x.iter().zip(r).map(|(a, b)| f64::from(a - b).powi(2)).sum();
        let error = (!x.is_empty() && x.len() == r.len()).then(|| sum / x.len() as f64);
        vec![(i + 1).into(), self.names.get(i).cloned().into(), error.into()]
    }
}

fn worst_rows(rows: &[WorstRow]) -> Figure {
    let names = ["row", "error", "column", "found", "reconstructed", "share of the error"];
    let lines = rows.iter().flat_map(|row| {
        row.columns.iter().take(COLUMNS).enumerate().map(|(i, column)| {
            let first = i == 0;
            vec![
                Value::Text(if first { row.name.clone() } else { String::new() }),
                if first { row.error.into() } else { Value::Text(String::new()) },
                column.name.clone().into(),
                column.found.clone().into(),
                column.reconstructed.clone().into(),
                format!("{} %", number((column.share * 1000.0).round() / 10.0)).into(),
            ]
        })
    });
    let table =
        Table { columns: names.map(str::to_owned).to_vec(), rows: lines.collect(), highlights: Vec::new() };
    Figure::new(
        "Rows reconstructed worst",
        "The rows that the model describes worst, with the columns that contribute most to the error: either these rows are \
         unusual, or the code is too small for what they have in common.",
        Chart::Table(table),
    )
}

impl RowErrors {
    fn figure(&self) -> Figure {
        let caption = if self.threshold.is_some() {
            "How often each error occurs: groups should overlap; rows to the right of the dashed line are called unusual."
        } else {
            "How often each error occurs: where rows the model has not seen lie further to the right, it has learned its \
             training rows by heart."
        };
        let chart = Histogram {
            x: Axis::linear(&self.name),
            groups: self.groups.clone(),
            threshold: self.threshold.clone(),
        };
        let title = if self.name.contains("error") { "Error of each row" } else { "Score of each row" };
        Figure::new(title, caption, Chart::Histogram(chart))
    }
}

impl Baseline {
    fn section(&self) -> Section {
        let mut figures = Vec::new();
        if !self.pca.is_empty() {
            figures.push(self.curve());
        }
        if !self.rows.is_empty() {
            figures.push(Figure::new(
                "Side by side",
                "The best figure of each column is bold; a model that does not beat its baseline is not worth its training.",
                Chart::Table(self.table()),
            ));
        }
        Section {
            title: "Against principal component analysis".to_owned(),
            text: match self.pca.is_empty() {
                true => "Principal component analysis is the simplest code of the same size.".to_owned(),
                false => {
                    "Principal component analysis is the best linear code of each size; a model earns its place below \
                     its curve."
                        .to_owned()
                }
            },
            figures,
            listings: Vec::new(),
        }
    }

    fn curve(&self) -> Figure {
        let points: Vec<(f64, f64)> = self.pca.iter().map(|&(size, error)| (size as f64, error)).collect();
        let errors = points.iter().map(|p| p.1).chain(self.model.map(|m| m.1));
        let chart = Lines {
            x: Axis::fitting("code size", points.iter().map(|p| p.0)),
            y: Axis::fitting(&self.error_name, errors),
            lines: vec![Line { name: "PCA".to_owned(), points, style: Style::Marked }],
            marks: self
                .model
                .map(|(size, error)| Mark { x: size as f64, y: error, name: "this model".to_owned() })
                .into_iter()
                .collect(),
        };
        let mut figure = Figure::new(
            "Error by code size",
            "The lower, the better: a model below the curve needs a smaller code than principal component analysis for the same \
             error.",
            Chart::Lines(chart),
        );
        let mut data = figure.chart.table();
        if let Some((size, error)) = self.model {
            data.columns = vec!["code size".to_owned(), "PCA".to_owned(), "this model".to_owned()];
            data.rows.push(vec![size.into(), Value::Missing, error.into()]);
        }
        figure.data = Some(data);
        figure
    }

    fn table(&self) -> Table {
        let mut highlights = Vec::new();
        for (c, metric) in self.metrics.iter().enumerate() {
            let column: Vec<f64> = self
                .rows
                .iter()
                .map(|r| r.values.get(c).copied().flatten().filter(|v| v.is_finite()))
                .map(|v| v.map_or(f64::INFINITY, |v| if metric.higher_is_better { -v } else { v }))
                .collect();
            let best = column.iter().copied().fold(f64::INFINITY, f64::min);
            let winners = column.iter().enumerate().filter(|(_, v)| **v == best && best.is_finite());
            highlights.extend(winners.map(|(r, _)| (r, c + 1)));
        }
        let rows = self.rows.iter().map(|r| {
            std::iter::once(r.name.as_str().into()).chain(r.values.iter().map(|&v| v.into())).collect()
        });
        let columns = std::iter::once(String::new()).chain(self.metrics.iter().map(|m| {
            format!("{} ({} is better)", m.name, if m.higher_is_better { "higher" } else { "lower" })
        }));
        Table { columns: columns.collect(), rows: rows.collect(), highlights }
    }
}

impl Filters {
    /// Each filter has its own scale with zero in the middle, so that the sign of a weight can be seen.
    fn section(&self) -> Section {
        let scaled = |weights: &Vec<f32>| {
            let largest = weights.iter().filter(|w| w.is_finite()).fold(0.0f32, |a, w| a.max(w.abs()));
            weights.iter().map(|w| if largest > 0.0 { 0.5 + 0.5 * w / largest } else { 0.5 }).collect()
        };
        let shown: Vec<Vec<f32>> = self.weights.iter().take(FILTERS).map(scaled).collect();
        let images = shown.chunks(IMAGES_PER_ROW).map(<[_]>::to_vec).collect();
        let text = format!(
            "The weights of {} of the first layer{}.",
            counted(self.weights.len().min(FILTERS), "unit"),
            if self.weights.len() > FILTERS {
                format!(", the first of {}", self.weights.len())
            } else {
                String::new()
            }
        );
        let figure = Figure::new(
            "Filters",
            "Each image is what one unit looks for: bright pixels excite it, dark ones inhibit it, grey ones do not matter.",
            Chart::Images(Images { size: self.size, images, ..Images::default() }),
        );
        Section { title: "First layer".to_owned(), text, figures: vec![figure.wide()], listings: Vec::new() }
    }
}
