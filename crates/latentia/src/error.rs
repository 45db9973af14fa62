//! What can go wrong, in words a user can act on.

use std::{fmt, io, path::PathBuf};

/// The result of everything in this crate that can fail.
pub type Result<T> = std::result::Result<T, Error>;

/// What can go wrong. Every variant prints one sentence that says where, what was found and what was expected.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be opened, read or written.
    #[error("{}: cannot {action}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What was tried: "open", "read", "write", "create".
        action: &'static str,
        /// What the operating system said.
        source: io::Error,
    },
    /// The content of a data file is not what it should be.
    #[error(transparent)]
    Data(Box<DataError>),
    /// A setting (recipe key, flag or `*Config` field) is out of range, unknown or does not fit another one.
    #[error("{field}: {message}")]
    Config {
        /// The recipe key, `train.epochs`.
        field: String,
        /// What is wrong with it and what it may be.
        message: String,
    },
    /// A model directory or one of its files is missing, damaged or of another version.
    #[error("{}: {message}", path.display())]
    Model {
        /// The file or directory.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// A file could not be fetched.
    #[error("{address}: cannot be fetched, {message}")]
    Fetch {
        /// Where it should be.
        address: String,
        /// Why it did not arrive, and what to try.
        message: String,
    },
    /// The loss or a gradient stopped being a finite number.
    #[error("training stopped at epoch {epoch}, step {step}: {what} is not finite. {hint}")]
    NotFinite {
        /// Epoch, from 1.
        epoch: usize,
        /// Step within the whole run, from 1.
        step: u64,
        /// The loss, or the name of the parameter whose gradient it was.
        what: String,
        /// What to try.
        hint: String,
    },
    /// The model cannot do what was asked of it.
    #[error("a model of kind '{kind}' cannot {verb}; it can {instead}. {who_can}")]
    Unsupported {
        /// The kind of the model.
        kind: String,
        /// The verb that was asked for.
        verb: &'static str,
        /// The verbs that it knows.
        instead: String,
        /// Which models know the verb.
        who_can: &'static str,
    },
    /// The run was asked to stop before it had anything to keep.
    #[error("stopped before the first step: nothing was written")]
    Cancelled,
}

impl From<DataError> for Error {
    fn from(fault: DataError) -> Self {
        Self::Data(Box::new(fault))
    }
}

impl Error {
    /// An [`Error::Io`].
    pub fn io(path: impl Into<PathBuf>, action: &'static str, source: io::Error) -> Self {
        Self::Io { path: path.into(), action, source }
    }

    /// An [`Error::Config`].
    pub fn config(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Config { field: field.into(), message: message.into() }
    }

    /// An [`Error::Model`].
    pub fn model(path: impl Into<PathBuf>, message: impl Into<String>) -> Self {
        Self::Model { path: path.into(), message: message.into() }
    }

    /// Whether the request was wrong (exit code 2) rather than its execution (exit code 1).
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::Config { .. } | Self::Unsupported { .. })
    }
}

/// A fault in a data file: which file, which row, which column, what was found and what was expected.
///
/// Prints as `people.csv, row 17, column "age": found "abc", expected a number. Use --missing …`.
#[derive(Debug, Clone, Default, PartialEq, Eq, thiserror::Error)]
pub struct DataError {
    /// The file as the user named it.
    pub file: PathBuf,
    /// Row of data, counted from 1, a header not counted.
    pub row: Option<u64>,
    /// Line of the text file, counted from 1, where that differs from the row.
    pub line: Option<u64>,
    /// Name of the column.
    pub column: Option<String>,
    /// What was found.
    pub found: String,
    /// What was expected instead.
    pub expected: String,
    /// What the user can do about it; empty when there is nothing to say.
    pub hint: String,
}

impl DataError {
    /// A fault of a whole file.
    pub fn new(file: impl Into<PathBuf>, found: impl Into<String>, expected: impl Into<String>) -> Self {
        Self { file: file.into(), found: found.into(), expected: expected.into(), ..Self::default() }
    }

    /// At this row of data, from 1.
    pub fn row(mut self, row: u64) -> Self {
        self.row = Some(row);
        self
    }

    /// At this line of a text file, from 1.
    pub fn line(mut self, line: u64) -> Self {
        self.line = Some(line);
        self
    }

    /// In this column.
    pub fn column(mut self, column: impl Into<String>) -> Self {
        self.column = Some(column.into());
        self
    }

    /// With this advice.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }
}

impl fmt::Display for DataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(row) = self.row {
            write!(f, ", row {row}")?;
        }
        if let Some(line) = self.line {
            write!(f, " (line {line})")?;
        }
        if let Some(column) = &self.column {
            write!(f, ", column \"{column}\"")?;
        }
        write!(f, ": found {}, expected {}", self.found, self.expected)?;
        if !self.hint.is_empty() {
            write!(f, ". {}", self.hint)?;
        }
        Ok(())
    }
}
