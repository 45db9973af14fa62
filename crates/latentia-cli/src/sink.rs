//! Where result tables go.

use std::path::Path;

use latentia::{
    Error,
    data::{ImageShape, Table, Writer},
};

use crate::{Failure, Outcome, args::Output, output};

/// A file in the format of its name, or standard output.
pub(crate) struct Sink {
    writer: Writer,
    bare: bool,
}

impl Sink {
    /// Begins what `-o` names, or CSV on standard output. `images` is the shape of the rows, where they are images.
    pub(crate) fn create(output: &Output, images: Option<ImageShape>) -> Result<Self, Failure> {
        let path = output.output.as_deref().unwrap_or(Path::new("-"));
        if path != Path::new("-") {
            check_free(path, output.force)?;
        }
        let extension = path.extension().map(|e| e.to_string_lossy().to_lowercase());
        let bare = matches!(extension.as_deref(), Some("npy" | "png"));
        let writer = Writer::create(path, images).map_err(|e| match e {
            Error::Config { message, .. } => Error::config("-o", message),
            other => other,
        })?;
        Ok(Self { writer, bare })
    }

    /// Whether the format holds numbers alone: no names of rows, no words.
    pub(crate) fn is_bare(&self) -> bool {
        self.bare
    }

    /// Writes rows.
    pub(crate) fn write(&mut self, table: &Table) -> Outcome {
        self.writer.write(table).map_err(named)
    }

    /// Completes the file and gives it its name.
    pub(crate) fn finish(self) -> Outcome {
        self.writer.finish().map_err(named)
    }
}

/// Results take the place of a file only where that was asked for; of a directory or a device they must not.
pub(crate) fn check_free(path: &Path, force: bool) -> latentia::Result<()> {
    if !path.exists() {
        return Ok(());
    }
    if !path.is_file() {
        return Err(Error::config("-o", format!("{} is not a file", path.display())));
    }
    match force {
        true => Ok(()),
        false => {
            let what =
                format!("{} exists: choose another name, or write over it with --force", path.display());
            Err(Error::config("-o", what))
        }
    }
}

/// A fault of standard output by its name for people.
fn named(error: Error) -> Failure {
    match error {
        Error::Io { path, source, .. } if path == Path::new("-") => output::stdout_fault(source),
        other => other.into(),
    }
}
