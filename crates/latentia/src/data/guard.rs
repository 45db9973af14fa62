//! Other people's decoders on damaged files.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use crate::{DataError, Result};

/// Runs a decoder that is not ours; should it panic on a damaged file, that is a fault of the file.
pub(crate) fn guard<T>(path: &Path, decode: impl FnOnce() -> Result<T>) -> Result<T> {
    match catch_unwind(AssertUnwindSafe(decode)) {
        Ok(result) => result,
        Err(_) => Err(DataError::new(path, "damaged data", "a whole file").into()),
    }
}
