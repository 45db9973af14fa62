//! Training steps of an autoencoder as a fit takes them: rows gathered by an order, the loss read, Adam.

use std::{
    sync::{Arc, Mutex},
    time::Instant,
};

use latentia::{
    Run,
    codes::autoencoder::{AutoencoderConfig, LikelihoodKind},
    data::{Dataset, ImageShape, Matrix, ReadOptions, Scale},
    nn::ActivationKind,
    run::Progress,
    train::{OptimizerKind, TrainConfig},
};

use crate::{Timed, Work, numbers, uniform};

/// Batches in the data: an epoch.
const BATCHES: usize = 8;
/// Steps of a fit that are not counted: the first ones ask the system for memory.
const WARM_UP: usize = 3;

/// An autoencoder in training.
pub(crate) struct Autoencoder {
    config: AutoencoderConfig,
    batch: usize,
    data: Dataset,
}

impl Autoencoder {
    /// `BATCH:SIDE:MAPS-MAPS-…:HIDDEN-…-CODE`: convolutions of 5 x 5 with a stride of 2 over grey images, then dense layers.
    pub(crate) fn convolutional(sizes: &str) -> Result<Self, String> {
        let parts = sizes.split(':').map(|part| numbers(part, &['-'])).collect::<Result<Vec<_>, _>>()?;
        let [batch, side, channels, dense] = &parts[..] else {
            return Err(format!("{sizes}: expected BATCH:SIDE:MAPS:WIDTHS"));
        };
        let (&[batch], &[side], Some((&code, hidden))) = (&batch[..], &side[..], dense.split_last()) else {
            return Err(format!("{sizes}: expected one batch, one side and a code"));
        };
        let config = AutoencoderConfig {
            channels: channels.clone(),
            kernel: 5,
            stride: 2,
            hidden: hidden.to_vec(),
            code,
            activation: ActivationKind::Relu,
            likelihood: LikelihoodKind::Gaussian,
            ..AutoencoderConfig::default()
        };
        let rows = batch * BATCHES;
        let x = Matrix::new(rows, side * side, uniform(rows * side * side, 1));
        let shape = ImageShape { channels: 1, height: side, width: side };
        let data = Dataset::from_images(x, shape, 1.0, &as_it_is(), 0).map_err(|e| e.to_string())?;
        Ok(Self { config, batch, data })
    }

    /// `BATCH:WIDTH-WIDTH-…-WIDTH`, the code in the middle.
    pub(crate) fn new(sizes: &str) -> Result<Self, String> {
        let sizes = numbers(sizes, &[':', '-'])?;
        let (batch, widths) = sizes.split_first().ok_or("expected BATCH:WIDTHS")?;
        let half = widths.len() / 2;
        if widths.len() < 3 || !widths.iter().eq(widths.iter().rev()) {
            return Err(format!("{widths:?}: expected widths that are the same from both ends"));
        }
        let config = AutoencoderConfig {
            hidden: widths[1..half].to_vec(),
            code: widths[half],
            activation: ActivationKind::Relu,
            likelihood: LikelihoodKind::Gaussian,
            ..AutoencoderConfig::default()
        };
        let rows = batch * BATCHES;
        let x = Matrix::new(rows, widths[0], uniform(rows * widths[0], 1));
        let data = Dataset::from_matrix(x, &as_it_is(), 0).map_err(|e| e.to_string())?;
        Ok(Self { config, batch: *batch, data })
    }
}

/// All rows for training, no value changed.
fn as_it_is() -> ReadOptions {
    ReadOptions { scale: Scale::None, validation: 0.0, ..ReadOptions::default() }
}

/// Reads the clock after every step.
struct Clock(Arc<Mutex<Vec<Instant>>>);

impl Progress for Clock {
    fn begin(&mut self, _: &str, _: u64) {}
    fn advance(&mut self, _: u64, _: &str) {
        let now = Instant::now();
        if let Ok(mut times) = self.0.lock() {
            times.push(now);
        }
    }
    fn end(&mut self) {}
}

impl Work for Autoencoder {
    fn run(&mut self, repetitions: usize) -> Result<Timed, String> {
        let times = Arc::new(Mutex::new(Vec::new()));
        let mut run = Run { progress: Box::new(Clock(times.clone())), ..Run::default() };
        let train = TrainConfig {
            epochs: (repetitions + WARM_UP).div_ceil(BATCHES),
            batch_size: self.batch,
            optimizer: OptimizerKind::Adam,
            patience: 0,
            ..TrainConfig::default()
        };
        self.config.fit(&self.data, &train, &mut run).map_err(|e| e.to_string())?;
        let times = times.lock().map_err(|e| e.to_string())?;
        let between = |w: &[Instant]| (w[1] - w[0]).as_secs_f64() * 1e3;
        Ok(Timed::new(times.windows(2).map(between).skip(WARM_UP - 1).take(repetitions).collect()))
    }
}
