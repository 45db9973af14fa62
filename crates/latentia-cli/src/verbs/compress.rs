//! `latentia compress` and `latentia decompress`

use std::{
    fs,
    path::{Component, Path, PathBuf},
};

use image::{GrayImage, RgbImage};
use latentia::{
    DataError, Error, Result,
    artifact::{MANIFEST, ModelDirectory, WEIGHTS, files},
    compressed::{Compressed, MAX_BITS, Parts, RowNames, model_digest},
    data::{ImageShape, Matrix, Preprocess, Rows, Scale, Table, Values},
    model::Decode,
};
use serde_json::json;

use super::{Context, rows::names};
use crate::{
    Outcome,
    args::{Compress, Decompress, Output},
    output::{self, Grid, count, number},
    sink::Sink,
    stream,
};

/// Rows to a file of quantised codes.
pub(super) fn compress(args: &Compress, context: &Context) -> Outcome {
    if args.output.exists() && !(args.force && args.output.is_file()) {
        let what =
            format!("{} exists: choose another name, or write over it with --force", args.output.display());
        return Err(Error::config("-o", what).into());
    }
    let opened = context.open(&args.model)?;
    let ModelDirectory { model, manifest, .. } = &opened;
    let encoder = model.require("compress", model.as_encode())?;
    let decoder = model.require("compress", model.as_decode())?;
    let preprocess = &manifest.preprocess;
    let rows = preprocess.open(&args.data, &opened.recipe()?.data)?.read_all()?;
    if rows.x.rows() == 0 {
        return Err(Error::from(DataError::new(&args.data, "no rows of data", "rows to compress")).into());
    }
    let codes = encoder.encode(&rows.x)?;
    let whole = rmse(&rows.x, &decode(decoder, &codes, preprocess.width())?);
    let digest = model_digest(manifest)?;
    let row_names = row_names(&rows);
    let quantised = |bits| -> Result<(Compressed, f64)> {
        let compressed = Compressed::new(&codes, bits, row_names.clone(), digest.clone())?;
        let error = rmse(&rows.x, &decode(decoder, &compressed.codes(), preprocess.width())?);
        Ok((compressed, error))
    };
    let (compressed, error) = match args.max_error {
        None => quantised(args.bits)?,
        Some(most) => fewest_bits(most, whole, quantised)?,
    };
    let (bytes, parts) = compressed.to_bytes()?;
    files::write_bytes(&args.output, &bytes)?;
    let sizes = Sizes {
        parts,
        model: size(&args.model.join(WEIGHTS))? + size(&args.model.join(MANIFEST))?,
        original: bytes_of(&args.data)?,
        numbers: rows.x.as_slice().len() as u64 * 4,
    };
    let peak = (preprocess.image.is_some() && preprocess.scale == Scale::Unit).then_some(1.0);
    let psnr = peak.map(|peak: f64| 20.0 * (peak / error).log10());
    tell(args, context, &compressed, &sizes, (error, whole, psnr))
}

/// Bytes of everything that is compared.
struct Sizes {
    parts: Parts,
    model: u64,
    /// The files as they are; `None` for data that is no file.
    original: Option<u64>,
    numbers: u64,
}

fn tell(
    args: &Compress,
    context: &Context,
    compressed: &Compressed,
    sizes: &Sizes,
    (error, whole, psnr): (f64, f64, Option<f64>),
) -> Outcome {
    let file = sizes.parts.total() as u64;
    let against = sizes.original.unwrap_or(sizes.numbers);
    let ratio = |bytes: u64| against as f64 / bytes as f64;
    if context.global.json {
        return output::print_json(&json!({
            "file": args.output, "rows": compressed.rows(), "bits": compressed.bits,
            "bytes": {
                "codes": sizes.parts.codes, "names": sizes.parts.names, "frame": sizes.parts.frame, "file": file,
                "model": sizes.model, "original": sizes.original, "numbers": sizes.numbers,
            },
            "ratio": ratio(file), "ratio_with_model": ratio(file + sizes.model),
            "rmse": error, "rmse_without_rounding": whole, "psnr": psnr,
        }));
    }
    let mut grid = Grid::new(["", "bytes", "smaller by"]);
    let times = |bytes: u64| format!("{:.2}", ratio(bytes));
    let mut row = |name: &str, bytes: u64, beside: String| grid.row([name.to_owned(), count(bytes), beside]);
    if let Some(original) = sizes.original {
        row("the data as it is", original, String::new());
    }
    row("the data as numbers of four bytes", sizes.numbers, String::new());
    row("codes alone", sizes.parts.codes as u64, times(sizes.parts.codes as u64));
    row("the file: codes, names, frame", file, times(file));
    row("the file and the model", file + sizes.model, times(file + sizes.model));
    let psnr = psnr.map(|v| format!(", PSNR {v:.2} dB")).unwrap_or_default();
    output::print(&format!(
        "{} rows, {} bits a number of the code\n\n{}\nError of a scaled feature (root mean square) {}{psnr}; {} without \
         the rounding of the codes.\nfile  {}\n",
        count(compressed.rows() as u64),
        compressed.bits,
        grid.render(),
        number(error),
        number(whole),
        args.output.display()
    ))
}

/// The fewest bits whose error is at most `most`; the error need not fall with every bit, so all are tried.
fn fewest_bits(
    most: f64,
    whole: f64,
    quantised: impl Fn(u32) -> Result<(Compressed, f64)>,
) -> Result<(Compressed, f64)> {
    for bits in 1..=MAX_BITS {
        let (compressed, error) = quantised(bits)?;
        if error <= most {
            return Ok((compressed, error));
        }
    }
    let why = format!(
        "{most} cannot be reached: without any rounding of the codes the model leaves {}. Fit one with a larger code",
        number(whole)
    );
    Err(Error::config("--max-error", why))
}

/// The file of codes back to rows.
pub(super) fn decompress(args: &Decompress, context: &Context) -> Outcome {
    let opened = context.open(&args.model)?;
    let ModelDirectory { model, manifest, .. } = &opened;
    let decoder = model.require("decompress", model.as_decode())?;
    let bytes = fs::read(&args.file).map_err(|e| Error::io(&args.file, "read", e))?;
    let compressed = Compressed::from_bytes(&args.file, &bytes)?;
    if compressed.model != model_digest(manifest)? {
        let expected = format!("codes of the model in {}", args.model.display());
        return Err(Error::from(DataError::new(&args.file, "codes of another model", expected)).into());
    }
    let codes = compressed.codes();
    let expected = model.as_encode().map_or(codes.cols(), |m| m.code_size());
    let classes = manifest.preprocess.classes().len();
    let known = |label: &Option<u32>| label.is_none_or(|label| (label as usize) < classes);
    if codes.cols() != expected || !compressed.names.labels.iter().flatten().all(known) {
        let found = "codes that do not fit the model they name";
        return Err(Error::from(DataError::new(&args.file, found, "a file of latentia compress")).into());
    }
    let preprocess = &manifest.preprocess;
    let x = decode(decoder, &codes, preprocess.width())?;
    match preprocess.image {
        Some(shape) if args.output.extension().is_none() => {
            pictures(&args.output, args.force, preprocess, shape, &x, &compressed.names)
        }
        shape => {
            let output = Output { output: Some(args.output.clone()), force: args.force };
            let mut sink = Sink::create(&output, shape)?;
            let table = preprocess.inverse(&x)?;
            let rows = rows_of(compressed.names, x);
            let table = match sink.is_bare() {
                true => table,
                false => names(&rows, preprocess, table.columns()).beside(table),
            };
            sink.write(&table)?;
            sink.finish()
        }
    }
}

/// Decodes some rows at a time.
fn decode(decoder: &dyn Decode, codes: &Matrix, width: usize) -> Result<Matrix> {
    let batch = stream::batch_rows(width) * codes.cols().max(1);
    let mut values = Vec::with_capacity(codes.rows() * width);
    for part in codes.as_slice().chunks(batch) {
        let part = Matrix::new(part.len() / codes.cols(), codes.cols(), part.to_vec());
        values.extend_from_slice(decoder.decode(&part)?.as_slice());
    }
    Ok(Matrix::new(codes.rows(), width, values))
}

/// Root of the mean squared difference of two matrices.
fn rmse(x: &Matrix, y: &Matrix) -> f64 {
    let squares = x.as_slice().iter().zip(y.as_slice()).map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2));
    (squares.sum::<f64>() / x.as_slice().len().max(1) as f64).sqrt()
}

/// What is kept of the names of rows: their numbers only where some were left out.
fn row_names(rows: &Rows) -> RowNames {
    let all = rows.rows.iter().zip(1..).all(|(&row, i)| row == i);
    RowNames { ids: rows.ids.clone(), rows: (!all).then(|| rows.rows.clone()), labels: rows.labels.clone() }
}

/// The inverse of [`row_names`].
fn rows_of(names: RowNames, x: Matrix) -> Rows {
    let rows = names.rows.unwrap_or_else(|| (1..=x.rows() as u64).collect());
    Rows { x, labels: names.labels, ids: names.ids, tags: None, targets: None, rows }
}

/// Writes every row as a PNG into a folder, named as the file it was.
fn pictures(
    folder: &Path,
    force: bool,
    preprocess: &Preprocess,
    shape: ImageShape,
    x: &Matrix,
    names: &RowNames,
) -> Outcome {
    if folder.exists() && !(force && folder.is_dir()) {
        let what = format!("{} exists: choose another name, or write into it with --force", folder.display());
        return Err(Error::config("-o", what).into());
    }
    let table = preprocess.inverse(x)?;
    let unit = if greatest(&table) > 1.5 { 1.0 } else { 255.0 };
    for i in 0..x.rows() {
        let name = names.ids.as_ref().and_then(|ids| within(&ids[i]));
        let path = folder.join(name.unwrap_or_else(|| format!("row-{}", i + 1).into()).with_extension("png"));
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|e| Error::io(parent, "create", e))?;
        }
        let byte = |j: usize| match &table.columns()[j].1 {
            Values::Numbers(v) => (v[i] * unit).round().clamp(0.0, 255.0) as u8,
            _ => 0,
        };
        let pixels = shape.height * shape.width;
        let bytes =
            (0..pixels).flat_map(|p| (0..shape.channels).map(move |c| c * pixels + p)).map(byte).collect();
        let (width, height) = (shape.width as u32, shape.height as u32);
        let saved = match shape.channels {
            1 => GrayImage::from_raw(width, height, bytes).map(|image| image.save(&path)),
            _ => RgbImage::from_raw(width, height, bytes).map(|image| image.save(&path)),
        };
        if let Some(Err(e)) = saved {
            return Err(Error::io(&path, "write", std::io::Error::other(e)).into());
        }
    }
    Ok(())
}

fn greatest(table: &Table) -> f32 {
    let numbers = table.columns().iter().filter_map(|(_, values)| match values {
        Values::Numbers(v) => v.iter().copied().reduce(f32::max),
        _ => None,
    });
    numbers.fold(0.0, f32::max)
}

/// The name of a file inside a folder; a name that leads out of it is not taken.
fn within(name: &str) -> Option<PathBuf> {
    let path = PathBuf::from(name);
    let inside = path.components().all(|part| matches!(part, Component::Normal(_)));
    (inside && path.file_name().is_some()).then_some(path)
}

fn size(path: &Path) -> Result<u64> {
    fs::metadata(path).map(|m| m.len()).map_err(|e| Error::io(path, "read", e))
}

/// Bytes of a file, or of all files of a folder and its sub-folders.
fn bytes_of(path: &Path) -> Result<Option<u64>> {
    if !path.exists() {
        return Ok(None);
    }
    if !path.is_dir() {
        return size(path).map(Some);
    }
    let mut sum = 0;
    for entry in fs::read_dir(path).map_err(|e| Error::io(path, "read", e))? {
        sum += bytes_of(&entry.map_err(|e| Error::io(path, "read", e))?.path())?.unwrap_or(0);
    }
    Ok(Some(sum))
}
