//! IDX, the format of MNIST: two zero bytes, a type, the number of dimensions, the sides, then the elements, all
//! big-endian.

use std::{
    io::{self, Read},
    path::{Path, PathBuf},
};

use super::{
    Format,
    array::{ArraySource, Elements, Header, LabelArray, label_name, read_labels},
    element::{Element, Kind},
    npy,
    open::{detect, open_bytes, read_error},
    plan::Request,
};
use crate::{DataError, Result};

/// Opens an IDX file of images with the labels beside it, if any.
pub(crate) fn open_idx(request: Request<'_>) -> Result<ArraySource> {
    let path = request.path;
    let mut stream = open_bytes(path)?;
    let header = read_header(path, &mut stream)?;
    let beside = request.options.label_file.clone().or_else(|| labels_beside(path));
    let labels = beside.map(|file| open_label_file(&file, label_name(request.options))).transpose()?;
    ArraySource::new(request, header, Elements::Stream(stream), labels)
}

/// Reads a file of labels, IDX or NPY.
pub(crate) fn open_label_file(file: &Path, name: &str) -> Result<LabelArray> {
    let mut stream = open_bytes(file)?;
    let header = match detect(file)? {
        Format::Npy => npy::read_header(file, &mut stream)?,
        _ => read_header(file, &mut stream)?,
    };
    read_labels(file, name, &header, &mut stream)
}

/// `train-labels-idx1-ubyte[.gz]` for `train-images-idx3-ubyte[.gz]`, where there is one.
fn labels_beside(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?.to_str()?;
    let stem = name.strip_suffix(".gz").unwrap_or(name);
    let stem = stem.replace("images", "labels").replace("idx3", "idx1");
    let candidates = [format!("{stem}.gz"), stem];
    let files = candidates
        .iter()
        .filter(|candidate| *candidate != name)
        .map(|candidate| path.with_file_name(candidate));
    files.into_iter().find(|file| file.is_file())
}

fn read_header(path: &Path, bytes: &mut dyn Read) -> Result<Header> {
    let mut word = || -> Result<[u8; 4]> {
        let mut word = [0; 4];
        bytes.read_exact(&mut word).map_err(|e: io::Error| read_error(path, &e))?;
        Ok(word)
    };
    let magic = word()?;
    let fault = || DataError::new(path, format!("first bytes {magic:02x?}"), "an IDX header");
    let [0, 0, kind, dimensions @ 1..=4] = magic else { return Err(fault().into()) };
    let element = match kind {
        0x08 => Element::new(Kind::Unsigned, 1, true),
        0x09 => Element::new(Kind::Signed, 1, true),
        0x0b => Element::new(Kind::Signed, 2, true),
        0x0c => Element::new(Kind::Signed, 4, true),
        0x0d => Element::new(Kind::Float, 4, true),
        0x0e => Element::new(Kind::Float, 8, true),
        _ => None,
    };
    let element = element.ok_or_else(fault)?;
    let shape = (0..dimensions).map(|_| Ok(u32::from_be_bytes(word()?) as usize)).collect::<Result<_>>()?;
    Ok(Header { element, shape, fortran: false })
}
