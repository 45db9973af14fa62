//! `latentia completions`

use crate::{Outcome, args, args::Completions, output};

/// Prints the script.
pub(super) fn run(args: &Completions) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut args::command(), "latentia", &mut script);
    output::print(&String::from_utf8_lossy(&script))
}
