//! Views in a report.

use crate::{
    figures::{ViewFigures, ViewSearch},
    report::{Chart, Figure, Section, Table, Value},
};

/// The section; none where rows have no views.
pub(crate) fn section(figures: &ViewFigures) -> Section {
    let mut sections = Vec::new();
    if !figures.errors.is_empty() {
        sections.push(errors(figures));
    }
    if !figures.searches.is_empty() {
        sections.push(searches(figures));
    }
    if !figures.neighbours.is_empty() {
        sections.push(neighbours(figures));
    }
    Section {
        title: "Views".to_owned(),
        text: format!(
            "The rows have {} views: {}. A view that is missing is 0 before the rows are encoded. Measured on {} {} rows.",
            figures.views.len(),
            figures.views.join(", "),
            figures.rows,
            figures.part
        ),
        figures: sections,
        listings: Vec::new(),
    }
}

fn table(columns: &[&str], rows: Vec<Vec<Value>>) -> Chart {
    Chart::Table(Table {
        columns: columns.iter().map(|name| (*name).to_owned()).collect(),
        rows,
        highlights: Vec::new(),
    })
}

fn text(text: &str) -> Value {
    Value::from(text.to_owned())
}

fn from(view: Option<&String>) -> Value {
    text(view.map_or("all views", String::as_str))
}

fn known(value: Option<f64>) -> Value {
    value.map_or(Value::Missing, Value::from)
}

/// Errors of each view from all and from each.
fn errors(figures: &ViewFigures) -> Figure {
    let rows = figures.errors.iter().map(|error| {
        vec![
            from(error.from.as_ref()),
            text(&error.of),
            error.squared_error.into(),
            known(error.linear),
            known(error.mean),
        ]
    });
    let caption = "The squared error of a view, summed over its columns, rebuilt from all views and from each alone. Beside it: \
                   ridge regression from that view (from all and from the view itself, PCA with a code of the same size), and \
                   the mean of the training rows.";
    let chart = table(&["from", "rebuilt", "squared error", "linear", "mean"], rows.collect());
    Figure::new("From view to view", caption, chart).wide()
}

/// How far down the other view of a row is found.
fn searches(figures: &ViewFigures) -> Figure {
    let row = |search: &ViewSearch| {
        let found = &search.recall;
        vec![
            text(&search.from),
            text(&search.to),
            found.at_1.into(),
            found.at_5.into(),
            found.at_10.into(),
            found.median_rank.into(),
            known(search.linear.map(|l| l.at_1)),
            known(search.linear.map(|l| l.at_10)),
            known(search.linear.map(|l| l.median_rank)),
        ]
    };
    let caption = "For each row, its code from one view is searched for among the codes of all rows from another: the share of \
                   rows found first, among the first five and ten, and the median place; on the right what canonical \
                   correlation analysis with codes of the same size finds.";
    let columns = [
        "from",
        "to",
        "first",
        "in 5",
        "in 10",
        "median place",
        "first, CCA",
        "in 10, CCA",
        "median place, CCA",
    ];
    let chart = table(&columns, figures.searches.iter().map(row).collect());
    Figure::new("Searches from view to view", caption, chart).wide()
}

/// What codes from some views tell of the class.
fn neighbours(figures: &ViewFigures) -> Figure {
    let rows = figures
        .neighbours
        .iter()
        .map(|n| vec![from(n.from.as_ref()), n.in_code.into(), known(n.in_pca), n.in_view.into()]);
    let k = figures.neighbours.first().map_or(0, |n| n.k);
    let caption = format!(
        "The share of rows whose class the {k} nearest training rows tell, when these are coded from all views and the row from \
         the views named; PCA of all views, the missing ones 0; and by the columns of those views themselves."
    );
    let chart = table(&["from", "code", "PCA", "columns of the view"], rows.collect());
    Figure::new("Classes from each view", caption, chart).wide()
}
