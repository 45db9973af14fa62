//! `latentia classify`

use latentia::data::{Matrix, Table, Values};

use super::{Context, rows::Through};
use crate::{Outcome, args::Classify};

/// Rows to classes and their probabilities.
pub(super) fn run(args: &Classify, context: &Context) -> Outcome {
    let opened = context.open(&args.transform.model)?;
    let model = opened.model.require("classify", opened.model.as_predict())?;
    let classes = opened.manifest.preprocess.classes();
    Through::new(&opened, &args.transform, None)?.run(context, |rows, bare| {
        let probabilities = model.probabilities(&rows.x)?;
        if bare {
            let mut table = Table::new();
            table.push_matrix("p", &probabilities);
            return Ok(table);
        }
        Ok(told(&probabilities, classes, args.top.map(|n| n as usize)))
    })
}

/// The most probable class and the probability of every class; or, with `top`, the most probable ones in order.
fn told(probabilities: &Matrix, classes: &[String], top: Option<usize>) -> Table {
    let order: Vec<Vec<usize>> = probabilities.iter_rows().map(by_probability).collect();
    let column = |rank: usize| {
        let class = |order: &Vec<usize>| classes.get(order[rank]).cloned();
        Values::Text(order.iter().map(class).collect())
    };
    let mut table = Table::new();
    match top {
        None => {
            table.push("predicted", column(0));
            for (c, class) in classes.iter().enumerate() {
                let values = probabilities.iter_rows().map(|row| row[c]).collect();
                table.push(format!("p({class})"), Values::Numbers(values));
            }
        }
        Some(top) => {
            for rank in 0..top.min(classes.len()) {
                let number = if rank == 0 { String::new() } else { format!("_{}", rank + 1) };
                table.push(format!("predicted{number}"), column(rank));
                let values = probabilities.iter_rows().zip(&order).map(|(row, order)| row[order[rank]]);
                table.push(format!("probability{number}"), Values::Numbers(values.collect()));
            }
        }
    }
    table
}

/// The classes of a row, the most probable first; of equals the first.
fn by_probability(row: &[f32]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..row.len()).collect();
    order.sort_by(|&a, &b| row[b].total_cmp(&row[a]).then(a.cmp(&b)));
    order
}
