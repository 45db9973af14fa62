//! PCA at full size: MNIST against scikit-learn's figure. Needs `LATENTIA_DATA` to name a folder with `mnist/`.

use std::io::Read;
use std::path::Path;
use std::time::Instant;

use flate2::read::GzDecoder;
use latentia::codes::pca::PcaConfig;
use latentia::data::Matrix;

/// Images of an IDX file, a row each, from 0 to 1.
fn images(path: &Path) -> Matrix {
    let file = std::fs::File::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut bytes = Vec::new();
    GzDecoder::new(file).read_to_end(&mut bytes).unwrap();
    let count = u32::from_be_bytes(bytes[4..8].try_into().unwrap()) as usize;
    Matrix::new(count, 784, bytes[16..].iter().map(|&b| f32::from(b) / 255.0).collect())
}

#[test]
fn thirty_components_of_mnist_leave_the_error_scikit_learn_leaves() {
    let Ok(data) = std::env::var("LATENTIA_DATA") else {
        eprintln!("skipped: LATENTIA_DATA is not set");
        return;
    };
    let folder = Path::new(&data).join("mnist");
    let train = images(&folder.join("train-images-idx3-ubyte.gz"));
    let test = images(&folder.join("t10k-images-idx3-ubyte.gz"));
    let start = Instant::now();
    let pca = PcaConfig { code: 30, ..PcaConfig::default() }.fit(&train, 0).unwrap();
    eprintln!("fitted 60,000 x 784 in {:.2} s", start.elapsed().as_secs_f64());
    let errors = pca.squared_errors(&test).unwrap();
    let error = errors.iter().sum::<f64>() / errors.len() as f64;
    let from_energy = pca.errors_by_size(&test, &[30]).unwrap()[0];
    assert!((error - 13.866).abs() < 0.0005, "squared error {error}");
    assert!((error - from_energy).abs() < 1e-4, "{error} against {from_energy} from the energies");
}
