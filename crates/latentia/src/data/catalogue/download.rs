//! Fetching data sets: verified, and whole or absent.

use std::{
    fs,
    io::{Read, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use tempfile::NamedTempFile;
use ureq::{Agent, Body, http::Response};

use super::{Entry, File, cache, digest, locate, verify};
use crate::{
    DataError, Error, Result,
    run::{Cancel, Progress},
};

/// How long a server may take to be reached, and to send the next piece.
const PATIENCE: Duration = Duration::from_secs(30);
/// The longest file that is believed.
const LIMIT: u64 = 1 << 33;

/// Makes sure that a data set is on this machine and whole: files that are missing, or damaged in the cache, are fetched
/// into the cache from where they are published.
///
/// # Errors
/// What is missing can only be got by hand (where and how is told); as [`fetch`]; a damaged file outside the cache.
pub fn get(entry: &Entry, progress: &mut dyn Progress, cancel: &Cancel) -> Result<()> {
    let folder = cache().map(|cache| cache.join(entry.folder));
    for file in entry.files {
        let found = locate(entry, file.name);
        let (Some(address), Some(folder)) = (entry.address, &folder) else {
            found?;
            continue;
        };
        let is_settled = match &found {
            // What lies elsewhere is the user's own and stays as it is; the check below has the last word.
            Ok(path) => !path.starts_with(folder) || digest(path).is_ok_and(|found| found == file.sha256),
            Err(_) => false,
        };
        if !is_settled {
            fetch(file, address, folder, progress, cancel)?;
        }
    }
    verify(entry)
}

/// Fetches `address/NAME` of a file into `folder`, and keeps it only when its content has the right SHA-256.
///
/// # Errors
/// The server cannot be reached, lacks the file, stops sending or sends another one; the folder cannot be written to; the
/// run was cancelled. Nothing is left of a file that did not arrive.
pub fn fetch(
    file: &File,
    address: &str,
    folder: &Path,
    progress: &mut dyn Progress,
    cancel: &Cancel,
) -> Result<PathBuf> {
    let address = format!("{}/{}", address.trim_end_matches('/'), file.name);
    let body = ask(&address)?;
    fs::create_dir_all(folder).map_err(|e| Error::io(folder, "create", e))?;
    let path = folder.join(file.name);
    let mut arriving = NamedTempFile::new_in(folder).map_err(|e| Error::io(&path, "write", e))?;
    progress.begin(file.name, body.content_length().unwrap_or(0));
    let result = receive(body, &address, &path, &mut arriving, progress, cancel);
    progress.end();
    result?;
    let found = digest(arriving.path())
        .map_err(|_| refused(&address, "what arrived is cut short or damaged: try again".into()))?;
    if found != file.sha256 {
        return Err(DataError::new(&address, format!("content with SHA-256 {found}"), file.sha256)
            .hint("The publisher has changed the file, or something between here and there did; nothing was kept")
            .into());
    }
    keep(arriving, &path)?;
    Ok(path)
}

/// Asks for `address`; what comes back is still to be received.
fn ask(address: &str) -> Result<Body> {
    let agent: Agent = Agent::config_builder()
        .user_agent(concat!("latentia/", env!("CARGO_PKG_VERSION")))
        .timeout_resolve(Some(PATIENCE))
        .timeout_connect(Some(PATIENCE))
        .timeout_recv_response(Some(PATIENCE))
        .timeout_per_read(Some(PATIENCE))
        .build()
        .into();
    agent.get(address).call().map(Response::into_body).map_err(|e| unreachable(address, &e))
}

/// Receives the bytes of `address`.
fn receive(
    body: Body,
    address: &str,
    path: &Path,
    arriving: &mut NamedTempFile,
    progress: &mut dyn Progress,
    cancel: &Cancel,
) -> Result<()> {
    let mut bytes = body.into_with_config().limit(LIMIT).reader();
    let (mut buffer, mut done) = (vec![0; 1 << 16], 0);
    loop {
        if cancel.is_asked() {
            return Err(Error::Cancelled);
        }
        let n = bytes.read(&mut buffer).map_err(|e| refused(address, format!("stopped sending: {e}")))?;
        if n == 0 {
            return Ok(());
        }
        arriving.write_all(&buffer[..n]).map_err(|e| Error::io(path, "write", e))?;
        done += n as u64;
        progress.advance(done, &format!("{:.1} MB", done as f64 / 1e6));
    }
}

/// Gives a verified file its name.
fn keep(arriving: NamedTempFile, path: &Path) -> Result<()> {
    let fail = |e| Error::io(path, "write", e);
    // An ordinary file, not one private to its owner as temporary ones are: a cache may be shared.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        arriving.as_file().set_permissions(fs::Permissions::from_mode(0o644)).map_err(fail)?;
    }
    arriving.as_file().sync_all().map_err(fail)?;
    arriving.persist(path).map_err(|e| fail(e.error))?;
    Ok(())
}

fn refused(address: &str, message: String) -> Error {
    Error::Fetch { address: address.to_owned(), message }
}

/// Why there was no answer, or not the one hoped for.
fn unreachable(address: &str, error: &ureq::Error) -> Error {
    let no_network = "check the network, and HTTPS_PROXY where there is a proxy";
    let message = match error {
        ureq::Error::StatusCode(status @ (404 | 410)) => {
            format!("the server has no such file ({status}): it may have moved")
        }
        ureq::Error::StatusCode(status) => format!("the server answers {status}"),
        ureq::Error::HostNotFound => format!("no such server can be found: {no_network}"),
        ureq::Error::Timeout(_) => {
            format!("no answer within {} seconds: {no_network}", PATIENCE.as_secs())
        }
        ureq::Error::Io(_) | ureq::Error::ConnectionFailed => {
            format!("the server cannot be reached ({error}): {no_network}")
        }
        other => other.to_string(),
    };
    refused(address, message)
}
