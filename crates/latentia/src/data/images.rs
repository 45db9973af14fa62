//! A PNG or JPEG image, or a folder of them; the names of its sub-folders are classes.

use std::path::{Path, PathBuf};

use image::{DynamicImage, ImageReader, Limits, imageops::FilterType};

use super::{
    Channels, Chunk, ColumnInfo, ColumnKind, ImageShape, Matrix, ReadOptions, Source,
    files::{FILE, FOLDER, check_label, list, within},
    guard::guard,
    options::MAX_IMAGE_SIDE,
    plan::{Plan, Request, Role, numbered},
};
use crate::{DataError, Error, Result};

/// Memory that one image may take.
const MAX_IMAGE_BYTES: u64 = 1 << 30;
/// Values held at a time.
const BUFFER: usize = 8 << 20;

/// Images of one shape, one a row; colours come first within a row.
pub(crate) struct ImageSource {
    path: PathBuf,
    files: Vec<(PathBuf, Option<String>)>,
    shape: ImageShape,
    columns: Vec<ColumnInfo>,
    labelled: bool,
    next: usize,
}

impl ImageSource {
    pub(crate) fn open(request: Request<'_>) -> Result<Self> {
        let (path, options) = (request.path, request.options);
        let files = if path.is_dir() { list(path, is_image)? } else { vec![(path.to_owned(), None)] };
        let Some((first, _)) = files.first() else {
            return Err(DataError::new(path, "no PNG or JPEG file", "a folder of images").into());
        };
        let labelled = files.iter().any(|(_, class)| class.is_some());
        check_label(request, "images")?;
        let shape = match (options.image_height, options.image_width, options.image_channels) {
            (Some(height), Some(width), Some(channels)) => {
                ImageShape { channels: count(channels), height, width }
            }
            (height, width, channels) => {
                let image = decode(first)?;
                let own = if image.color().has_color() { 3 } else { 1 };
                ImageShape {
                    channels: channels.map_or(own, count),
                    height: height.unwrap_or(image.height() as usize),
                    width: width.unwrap_or(image.width() as usize),
                }
            }
        };
        let plain = ReadOptions { label: None, id: None, ..options.clone() };
        let names = numbered('p', shape.len());
        let mut plan = Plan::new(Request { options: &plain, ..request }, names, false)?;
        plan.infer_numbers();
        if plan.roles.iter().any(|role| *role != Role::Number) {
            return Err(Error::config("data.ignore", "the pixels of an image cannot be left out one by one"));
        }
        let mut columns = plan.columns();
        columns.push(ColumnInfo { name: FILE.to_owned(), kind: ColumnKind::Text });
        if labelled {
            columns.push(ColumnInfo { name: FOLDER.to_owned(), kind: ColumnKind::Text });
        }
        Ok(Self { path: path.to_owned(), files, shape, columns, labelled, next: 0 })
    }

    /// Appends an image of the source's shape.
    fn push(&self, file: &Path, values: &mut Vec<f32>) -> Result<()> {
        let ImageShape { channels, height, width } = self.shape;
        let mut image = decode(file)?;
        if (image.height() as usize, image.width() as usize) != (height, width) {
            image = image.resize_exact(width as u32, height as u32, FilterType::Triangle);
        }
        if channels == 1 {
            values.extend(image.to_luma8().as_raw().iter().map(|&v| f32::from(v)));
        } else {
            let pixels = image.to_rgb8();
            for c in 0..channels {
                values.extend(pixels.as_raw().iter().skip(c).step_by(channels).map(|&v| f32::from(v)));
            }
        }
        Ok(())
    }
}

impl Source for ImageSource {
    fn path(&self) -> &Path {
        &self.path
    }

    fn columns(&self) -> &[ColumnInfo] {
        &self.columns
    }

    fn is_named(&self) -> bool {
        false
    }

    fn rows_hint(&self) -> Option<u64> {
        Some(self.files.len() as u64)
    }

    fn image_shape(&self) -> Option<ImageShape> {
        Some(self.shape)
    }

    fn range(&self) -> Option<f32> {
        Some(255.0)
    }

    fn label(&self) -> Option<&str> {
        self.labelled.then_some(FOLDER)
    }

    fn id(&self) -> Option<&str> {
        Some(FILE)
    }

    fn next(&mut self, max_rows: usize) -> Result<Option<Chunk>> {
        let most = (BUFFER / self.shape.len()).max(1);
        let rows = max_rows.min(most).min(self.files.len() - self.next);
        if rows == 0 {
            return Ok(None);
        }
        let files = &self.files[self.next..self.next + rows];
        let mut values = Vec::new();
        for (file, _) in files {
            self.push(file, &mut values)?;
        }
        let mut texts = vec![files.iter().map(|(file, _)| Some(within(&self.path, file))).collect()];
        if self.labelled {
            texts.push(files.iter().map(|(_, class)| class.clone()).collect());
        }
        let first_row = self.next as u64;
        self.next += rows;
        Ok(Some(Chunk { first_row, rows, numbers: Matrix::new(rows, self.shape.len(), values), texts }))
    }
}

fn count(channels: Channels) -> usize {
    match channels {
        Channels::Grey => 1,
        Channels::Rgb => 3,
    }
}

/// Whether a folder holds images.
pub(crate) fn is_folder(path: &Path) -> bool {
    list(path, is_image).is_ok_and(|files| !files.is_empty())
}

fn is_image(path: &Path) -> bool {
    let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
    matches!(extension.as_deref(), Some("png" | "jpg" | "jpeg")) && path.is_file()
}

fn decode(file: &Path) -> Result<DynamicImage> {
    guard(file, || {
        let damaged = |e: &dyn std::fmt::Display| {
            DataError::new(file, format!("damaged data ({e})"), "a PNG or JPEG image")
        };
        let reader = ImageReader::open(file).map_err(|e| Error::io(file, "open", e))?;
        let mut reader = reader.with_guessed_format().map_err(|e| Error::io(file, "read", e))?;
        let mut limits = Limits::default();
        limits.max_image_width = Some(MAX_IMAGE_SIDE as u32);
        limits.max_image_height = Some(MAX_IMAGE_SIDE as u32);
        limits.max_alloc = Some(MAX_IMAGE_BYTES);
        reader.limits(limits);
        reader.decode().map_err(|e| damaged(&e).into())
    })
}
