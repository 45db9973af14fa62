//! What a run is given besides its data: device, seed, where to write, how to tell about progress, when to stop.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
};

use burn::tensor::Device;

use crate::{Error, Result};

/// The surroundings of a fit.
///
/// [`Run::default`] is the CPU, seed 0, no progress display, nothing written but the result.
pub struct Run {
    /// Where tensors live. Without autodiff; training adds it.
    pub device: Device,
    /// The seed of everything random.
    pub seed: u64,
    /// What the progress display calls the training that is under way.
    pub task: String,
    /// Who is told how far the work has come.
    pub progress: Box<dyn Progress>,
    /// Asks the run to stop at the next step.
    pub cancel: Cancel,
    /// Where checkpoints go; `None` keeps none.
    pub checkpoints: Option<PathBuf>,
    /// Whether to go on from the newest checkpoint in that place.
    pub resume: bool,
}

impl Default for Run {
    fn default() -> Self {
        Self {
            device: Device::flex(),
            seed: 0,
            task: "training".to_owned(),
            progress: Box::new(Silent),
            cancel: Cancel::default(),
            checkpoints: None,
            resume: false,
        }
    }
}

/// A flag shared between a run and whoever may stop it.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicU8>);

impl Cancel {
    /// Asks to stop; returns how often this has been asked, this time included.
    pub fn ask(&self) -> u8 {
        self.0.fetch_add(1, Ordering::SeqCst).saturating_add(1)
    }

    /// Whether anyone asked to stop.
    pub fn is_asked(&self) -> bool {
        self.0.load(Ordering::SeqCst) > 0
    }
}

/// Hears how far long work has come.
pub trait Progress: Send {
    /// A piece of work of `total` steps begins (0: not known).
    fn begin(&mut self, what: &str, total: u64);
    /// It has come to `done` steps; `note` is a short line to show beside the bar.
    fn advance(&mut self, done: u64, note: &str);
    /// It is finished.
    fn end(&mut self);
}

/// Shows nothing.
pub struct Silent;

impl Progress for Silent {
    fn begin(&mut self, _: &str, _: u64) {}
    fn advance(&mut self, _: u64, _: &str) {}
    fn end(&mut self) {}
}

/// The devices this build knows, the CPU first.
pub const DEVICES: &[&str] = &[
    "cpu",
    #[cfg(feature = "cuda")]
    "cuda",
    #[cfg(feature = "wgpu")]
    "wgpu",
    #[cfg(feature = "metal")]
    "metal",
    #[cfg(feature = "rocm")]
    "rocm",
];

/// The device of that name (`cpu`, or a GPU backend this build was compiled with; see [`DEVICES`]).
pub fn device(name: &str) -> Result<Device> {
    match name {
        "cpu" => Ok(Device::flex()),
        #[cfg(feature = "cuda")]
        "cuda" => Ok(Device::cuda(0)),
        #[cfg(feature = "wgpu")]
        "wgpu" => Ok(Device::wgpu(burn::tensor::DeviceKind::DefaultDevice)),
        #[cfg(feature = "metal")]
        "metal" => Ok(Device::metal(burn::tensor::DeviceKind::DefaultDevice)),
        #[cfg(feature = "rocm")]
        "rocm" => Ok(Device::rocm(0)),
        other => Err(Error::config(
            "device",
            format!(
                "this build has no device '{other}', it has {}. GPU devices are cargo features: build with \
                 `--features cuda`, `wgpu`, `metal` or `rocm`",
                DEVICES.join(", ")
            ),
        )),
    }
}
