//! What each view of a row says of the others, on the terminal.

use latentia::figures::ViewFigures;

use crate::output::{Grid, number, percent};

/// Searches are listed one by one for so many views; for more, their mean.
const LISTED: usize = 3;

/// The tables; `-` where there is no baseline.
pub(super) fn tables(figures: &ViewFigures) -> String {
    let known = |value: Option<f64>, show: fn(f64) -> String| value.map_or_else(|| "-".to_owned(), show);
    let name = |view: &Option<String>| view.clone().unwrap_or_else(|| "all views".to_owned());
    let mut text = String::new();
    let header = |title: &str| {
        let mut header = vec![format!("{title}, {} ({} rows)", figures.part, figures.rows)];
        header.extend(figures.views.iter().cloned());
        header
    };
    if !figures.errors.is_empty() {
        let mut grid = Grid::new(header("squared error of a view"));
        let mut beside = Grid::new(header("the same by linear models"));
        for from in std::iter::once(None).chain(figures.views.iter().cloned().map(Some)) {
            let own = || figures.errors.iter().filter(|error| error.from == from);
            let line = format!("from {}", name(&from));
            grid.row(std::iter::once(line.clone()).chain(own().map(|error| number(error.squared_error))));
            beside.row(std::iter::once(line).chain(own().map(|error| known(error.linear, number))));
        }
        let means = figures.errors.iter().filter(|error| error.from.is_none());
        beside.row(
            std::iter::once("from nothing: the mean".to_owned())
                .chain(means.map(|error| known(error.mean, number))),
        );
        text.push_str(&grid.render());
        if figures.errors.iter().any(|error| error.linear.is_some()) {
            text.push('\n');
            text.push_str(&beside.render());
        }
    }
    if !figures.searches.is_empty() {
        let columns = ["first", "in 5", "in 10", "median place", "first, CCA", "in 10, CCA"];
        let title = format!("search across views, {}", figures.part);
        let mut grid = Grid::new(std::iter::once(title.as_str()).chain(columns));
        if figures.views.len() <= LISTED {
            for search in &figures.searches {
                let (found, linear) = (&search.recall, search.linear.as_ref());
                grid.row([
                    format!("{} for {}", search.to, search.from),
                    percent(found.at_1),
                    percent(found.at_5),
                    percent(found.at_10),
                    number(found.median_rank),
                    known(linear.map(|l| l.at_1), percent),
                    known(linear.map(|l| l.at_10), percent),
                ]);
            }
        }
        let mean =
            |of: &dyn Fn(&latentia::figures::ViewSearch) -> Option<f64>| figures.mean_over_searches(of);
        grid.row([
            format!("mean of {}", figures.searches.len()),
            known(mean(&|s| Some(s.recall.at_1)), percent),
            known(mean(&|s| Some(s.recall.at_5)), percent),
            known(mean(&|s| Some(s.recall.at_10)), percent),
            known(mean(&|s| Some(s.recall.median_rank)), number),
            known(mean(&|s| Some(s.linear.as_ref()?.at_1)), percent),
            known(mean(&|s| Some(s.linear.as_ref()?.at_10)), percent),
        ]);
        text.push('\n');
        text.push_str(&grid.render());
    }
    if let Some(first) = figures.neighbours.first() {
        let title = format!("{}-NN accuracy, {}", first.k, figures.part);
        let mut grid = Grid::new([title.as_str(), "code", "PCA", "the view itself"]);
        for n in &figures.neighbours {
            let line = format!("from {}", name(&n.from));
            grid.row([line, percent(n.in_code), known(n.in_pca, percent), percent(n.in_view)]);
        }
        text.push('\n');
        text.push_str(&grid.render());
    }
    text
}
