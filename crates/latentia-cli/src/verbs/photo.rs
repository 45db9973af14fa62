//! `latentia fit pca PHOTO`: one picture compressed by truncated singular value decomposition.

use std::{fs, io::Cursor, path::Path};

use image::{DynamicImage, GrayImage, ImageFormat, RgbImage};
use latentia::{
    DataError, Error, Result,
    artifact::files,
    codes::image_svd::{self, ImageSvd},
    data::{self, ImageShape, Matrix},
    recipe::Recipe,
    train::params::{HostTensor, Tensors},
};
use serde_json::json;

use super::Context;
use crate::{
    Outcome,
    args::Fit,
    output::{self, Grid, count, percent},
};

/// Compresses `photo`; writes the picture that is left and, beside it, the numbers it is made from.
pub(super) fn run(photo: &Path, recipe: &Recipe, args: &Fit, context: &Context) -> Outcome {
    let code = recipe.model.get("code").and_then(serde_json::Value::as_u64).unwrap_or(0);
    let rank = usize::try_from(code).unwrap_or(usize::MAX);
    let picture = args.output.clone().unwrap_or_else(|| photo.with_extension(format!("rank{rank}.png")));
    let factors = picture.with_extension("safetensors");
    check(&picture, &factors, args.force)?;
    let (channels, shape) = read(photo, recipe)?;
    let svd = image_svd::compress(&channels, rank).map_err(|e| match e {
        Error::Config { message, .. } => Error::config("--components", message),
        other => other,
    })?;
    let norm = channels.iter().flat_map(Matrix::as_slice).map(|&v| f64::from(v).powi(2)).sum::<f64>().sqrt();
    let relative = if norm > 0.0 { svd.frobenius_error() / norm } else { 0.0 };
    files::write_bytes(&picture, &png(&svd, shape, &picture)?)?;
    files::write_tensors(&factors, &tensors(&svd))?;
    let size = |path: &Path| fs::metadata(path).map(|m| m.len()).map_err(|e| Error::io(path, "read", e));
    let (file, stored) = (size(photo)?, size(&factors)?);
    if context.global.json {
        return output::print_json(&json!({
            "picture": picture, "factors": factors, "components": rank, "relative_error": relative,
            "bytes": { "pixels": svd.original_bytes(), "file": file, "factors": svd.bytes(), "factors_file": stored },
        }));
    }
    let mut grid = Grid::new(["", "bytes"]);
    grid.row(["pixels, one byte each".to_owned(), count(svd.original_bytes() as u64)]);
    grid.row([format!("{} as it is", photo.display()), count(file)]);
    grid.row([format!("{rank} components, four bytes a number"), count(svd.bytes() as u64)]);
    let sizes = format!("{} x {} pixels, {} channels", shape.width, shape.height, shape.channels);
    output::print(&format!(
        "{}: {sizes}\n\n{}\nRelative error {} (Frobenius norm), the least any {rank} components can have.\npicture  {}\nfactors  {}\n",
        photo.display(),
        grid.render(),
        percent(relative),
        picture.display(),
        factors.display()
    ))
}

/// Refuses names that do not end in `.png` and files that are there.
fn check(picture: &Path, factors: &Path, force: bool) -> Result<()> {
    let extension = picture.extension().map(|e| e.to_string_lossy().to_lowercase());
    if extension.as_deref() != Some("png") {
        let message = format!("{} does not end in .png: a single photo becomes a picture", picture.display());
        return Err(Error::config("-o", message));
    }
    for path in [picture, factors] {
        if path.exists() && !(force && path.is_file()) {
            let message =
                format!("{} exists: choose another name, or write over it with --force", path.display());
            return Err(Error::config("-o", message));
        }
    }
    Ok(())
}

/// The channels of a photo, each `[height, width]`, values 0 to 255.
fn read(photo: &Path, recipe: &Recipe) -> Result<(Vec<Matrix>, ImageShape)> {
    let mut source = data::open(photo, &recipe.data)?;
    let no_image = || DataError::new(photo, "no image", "a PNG or JPEG image");
    let shape = source.image_shape().ok_or_else(no_image)?;
    let chunk = source.next(1)?.ok_or_else(no_image)?;
    let pixels = shape.height * shape.width;
    let channels = chunk.numbers.row(0).chunks_exact(pixels.max(1));
    Ok((channels.map(|c| Matrix::new(shape.height, shape.width, c.to_vec())).collect(), shape))
}

/// The compressed picture as PNG.
fn png(svd: &ImageSvd, shape: ImageShape, path: &Path) -> Result<Vec<u8>> {
    let channels = svd.reconstruct();
    let mut pixels = Vec::with_capacity(shape.len());
    for i in 0..shape.height * shape.width {
        pixels.extend(channels.iter().map(|c| c.as_slice()[i].round().clamp(0.0, 255.0) as u8));
    }
    let (width, height) = (shape.width as u32, shape.height as u32);
    let image = match shape.channels {
        1 => GrayImage::from_raw(width, height, pixels).map(DynamicImage::from),
        _ => RgbImage::from_raw(width, height, pixels).map(DynamicImage::from),
    };
    let mut bytes = Cursor::new(Vec::new());
    let image = image.ok_or_else(|| Error::model(path, "cannot hold this many channels"))?;
    image
        .write_to(&mut bytes, ImageFormat::Png)
        .map_err(|e| Error::io(path, "write", std::io::Error::other(e)))?;
    Ok(bytes.into_inner())
}

/// The factors by name: `channel1.left` `[k, height]`, `channel1.singular_values` `[k]`, `channel1.right` `[k, width]`.
fn tensors(svd: &ImageSvd) -> Tensors {
    let mut tensors = Tensors::new();
    for (c, channel) in svd.channels().iter().enumerate() {
        let mut add = |name: &str, shape: Vec<usize>, values: &[f32]| {
            let tensor = HostTensor { shape, values: values.to_vec() };
            tensors.insert(format!("channel{}.{name}", c + 1), tensor);
        };
        add("left", vec![svd.rank(), svd.height()], &channel.left);
        add("singular_values", vec![svd.rank()], &channel.singular_values);
        add("right", vec![svd.rank(), svd.width()], &channel.right);
    }
    tensors
}
