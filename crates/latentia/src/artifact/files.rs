//! Files that are whole or absent.
//!
//! Every file is written under a temporary name in its own folder, synced and renamed.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Write,
    path::Path,
};

use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};

use crate::{
    Error, Result,
    train::params::{HostTensor, Tensors},
};

/// Writes `bytes` to `path`, whole or not at all.
pub fn write_bytes(path: &Path, bytes: &[u8]) -> Result<()> {
    let fail = |e| Error::io(path, "write", e);
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(fail)?;
    file.write_all(bytes).map_err(fail)?;
    file.as_file().sync_all().map_err(fail)?;
    // Temporary files are private to their owner; what the user asked for is an ordinary file.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.as_file().set_permissions(fs::Permissions::from_mode(0o644)).map_err(fail)?;
    }
    file.persist(path).map_err(|e| fail(e.error))?;
    Ok(())
}

/// Makes renames in `dir` last over a power cut.
pub fn sync_dir(dir: &Path) -> Result<()> {
    File::open(dir).and_then(|d| d.sync_all()).map_err(|e| Error::io(dir, "sync", e))
}

/// Writes `value` as indented JSON.
pub fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<()> {
    let mut text = serde_json::to_vec_pretty(value)
        .map_err(|e| Error::model(path, format!("cannot be written as JSON: {e}")))?;
    text.push(b'\n');
    write_bytes(path, &text)
}

/// Reads JSON.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let bytes = fs::read(path).map_err(|e| Error::io(path, "read", e))?;
    serde_json::from_slice(&bytes).map_err(|e| Error::model(path, format!("is damaged: {e}")))
}

/// Writes tensors as SafeTensors, ordered by name.
pub fn write_tensors(path: &Path, tensors: &Tensors) -> Result<()> {
    write_bytes(path, &tensor_bytes(path, tensors)?)
}

/// The bytes of a SafeTensors file of these tensors.
pub fn tensor_bytes(path: &Path, tensors: &Tensors) -> Result<Vec<u8>> {
    let fail = |e: safetensors::SafeTensorError| Error::model(path, format!("cannot be written: {e}"));
    let raw: BTreeMap<&String, Vec<u8>> = tensors
        .iter()
        .map(|(name, t)| (name, t.values.iter().flat_map(|v| v.to_le_bytes()).collect()))
        .collect();
    let views = tensors
        .iter()
        .map(|(name, t)| Ok((name, TensorView::new(Dtype::F32, t.shape.clone(), &raw[name]).map_err(fail)?)))
        .collect::<Result<Vec<_>>>()?;
    safetensors::serialize(views, None).map_err(fail)
}

/// Reads the `f32` tensors of a SafeTensors file.
pub fn read_tensors(path: &Path) -> Result<Tensors> {
    let bytes = fs::read(path).map_err(|e| Error::io(path, "read", e))?;
    parse_tensors(path, &bytes)
}

/// The `f32` tensors in the bytes of a SafeTensors file; `path` names it in errors.
pub fn parse_tensors(path: &Path, bytes: &[u8]) -> Result<Tensors> {
    let file = SafeTensors::deserialize(bytes).map_err(|e| {
        Error::model(path, format!("is damaged: {e}. Fit the model again or restore the file"))
    })?;
    let mut tensors = Tensors::new();
    for (name, view) in file.tensors() {
        if view.dtype() != Dtype::F32 {
            return Err(Error::model(path, format!("tensor '{name}' is {:?}, expected F32", view.dtype())));
        }
        let values =
            view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        tensors.insert(name, HostTensor { shape: view.shape().to_vec(), values });
    }
    Ok(tensors)
}

/// SHA-256 in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&sha256_bytes(bytes))
}

/// SHA-256, as it is.
pub fn sha256_bytes(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
