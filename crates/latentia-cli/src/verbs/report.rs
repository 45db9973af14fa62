//! `latentia report`

use std::{
    path::Path,
    process::{Command, Stdio},
};

use latentia::{
    Error,
    artifact::{self, REPORT},
};
use serde_json::json;

use super::Context;
use crate::{Outcome, args::Report, output};

/// Prints where the report is, and opens it if asked.
pub(super) fn run(args: &Report, context: &Context) -> Outcome {
    artifact::read_manifest(&args.model)?;
    let path = args.model.join(REPORT);
    let path = path.canonicalize().map_err(|e| Error::io(&path, "open", e))?;
    match context.global.json {
        true => output::print_json(&json!({ "report": path }))?,
        false => output::print(&format!("{}\n", path.display()))?,
    }
    if args.open {
        open(&path)?;
    }
    Ok(())
}

/// Hands a file to the desktop.
fn open(path: &Path) -> latentia::Result<()> {
    let opener = match std::env::consts::OS {
        "macos" => "open",
        "windows" => "explorer",
        _ => "xdg-open",
    };
    let started = Command::new(opener)
        .arg(path)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    started.map(|_| ()).map_err(|e| Error::io(opener, "start", e))
}
