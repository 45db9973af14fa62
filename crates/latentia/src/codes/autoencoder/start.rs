//! Training that goes on from the weights of another model.

use std::path::Path;

use burn::tensor::Device;

use super::{fitted::Autoencoder, module::AutoencoderModule};
use crate::{
    Error, Result,
    artifact::ModelDirectory,
    data::Preprocess,
    train::params::{Tensors, restore},
};

/// `module` with the weights of the model in `dir`, and these; the data has the columns of `preprocess`.
pub(super) fn restart(
    module: AutoencoderModule,
    dir: &Path,
    preprocess: &Preprocess,
    device: &Device,
) -> Result<(AutoencoderModule, Tensors)> {
    let refuse = |why: String| Error::config("model.start", format!("{}: {why}", dir.display()));
    let opened = ModelDirectory::open(dir, device)?;
    if opened.manifest.kind != Autoencoder::KIND {
        return Err(refuse(format!(
            "found a model of kind {}, expected an autoencoder",
            opened.manifest.kind
        )));
    }
    preprocess.check_columns(&opened.manifest.preprocess, "model").map_err(refuse)?;
    let weights = opened.model.tensors();
    let module = restore(module, &weights).map_err(|e| {
        refuse(format!("{e}. Give both models the same layers: hidden, code, tied, channels"))
    })?;
    Ok((module, weights))
}
