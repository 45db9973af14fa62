//! `latentia demo`

use std::time::Instant;

use latentia::{figures::Figures, fit::Existing, recipe::Draft};

use super::{Context, fit, summary};
use crate::{
    Outcome,
    args::Demo,
    output::{self, duration, percent},
};

/// A small network that beats PCA of its size within seconds.
const RECIPE: &str = include_str!("demo.toml");

const BEFORE: &str = "\
1,797 handwritten digits of 8 x 8 pixels come with this program. An autoencoder now learns to describe each by 8 numbers
instead of 64, by squeezing the picture through those 8 and drawing it again. It never sees which digit it is.
";

/// Fits the embedded data and explains what happened.
pub(super) fn run(args: &Demo, context: &Context) -> Outcome {
    if context.talks() {
        output::print(BEFORE)?;
    }
    let recipe = Draft::parse(RECIPE)?.complete()?;
    let began = Instant::now();
    let done = fit::fit(&recipe, &args.output, Existing::Replace, context)?;
    let seconds = began.elapsed().as_secs_f64();
    if !context.talks() {
        return fit::tell(&done, seconds, context);
    }
    output::print(&format!(
        "\nDone in {}.\n\n{}",
        duration(seconds),
        summary::figures("autoencoder", &done.figures)
    ))?;
    output::print(&explain(&done.figures))?;
    let dir = summary::quoted(&done.dir);
    output::print(&format!(
        "
The report shows the map of the codes and the digits drawn from them:
  {}

Try next:
  latentia report {dir} --open
  latentia inspect {dir}
  latentia encode {dir} digits -o codes.csv
  latentia score {dir} digits -o scores.csv
  latentia fit autoencoder YOUR-DATA.csv -o my-model
",
        done.dir.join(latentia::artifact::REPORT).display()
    ))?;
    match done.training.is_some_and(|t| t.ended == latentia::train::Ended::Cancelled) {
        true => Err(crate::Failure::Interrupted),
        false => Ok(()),
    }
}

/// The figures in words.
fn explain(figures: &Figures) -> String {
    let mut text = String::new();
    if let Some(part) = figures.parts.last()
        && let Some(pca) = part.pca_squared_error
    {
        let share = part.squared_error / pca;
        text.push_str(&format!(
            "\nThe squared error says how far the drawings are from digits the network has never seen: {} that of PCA, \
             the best\nlinear code of the same 8 numbers.",
            percent(share)
        ));
    }
    if let Some(n) = &figures.neighbours {
        text.push_str(&format!(
            " Digits whose codes lie close are mostly the same digit: asking the {}\nnearest gives the right one for {} \
             of them, from 8 numbers a digit.",
            n.k,
            percent(n.in_code)
        ));
    }
    text.push('\n');
    text
}
