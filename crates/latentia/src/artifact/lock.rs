//! One fit at a time in a directory.

use std::{
    fs::{File, TryLockError},
    path::Path,
};

use crate::{Error, Result};

/// Held while a fit writes into a directory; released when dropped, or by the system when the process dies.
#[derive(Debug)]
pub struct DirectoryLock {
    _file: File,
}

const NAME: &str = ".lock";

impl DirectoryLock {
    /// Takes the lock of `dir`, which must exist.
    ///
    /// # Errors
    /// Another process holds it.
    pub fn take(dir: &Path) -> Result<Self> {
        let path = dir.join(NAME);
        let file = File::create(&path).map_err(|e| Error::io(&path, "create", e))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(Error::model(
                dir,
                "another fit is writing here: wait for it, stop it, or choose another directory with -o",
            )),
            Err(TryLockError::Error(e)) => Err(Error::io(&path, "lock", e)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_has_one_writer_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let first = DirectoryLock::take(dir.path()).unwrap();
        let second = DirectoryLock::take(dir.path()).unwrap_err().to_string();
        assert!(second.contains("another fit is writing here"), "{second}");
        drop(first);
        DirectoryLock::take(dir.path()).unwrap();
    }
}
