//! The one training loop.
//!
//! [`train`] minimises an [`Objective`] by mini-batch gradient descent. Everything random in it is a function of the
//! seed, the epoch and the step ([`crate::random`]), so a run that is killed and resumed from a [`checkpoint`] ends with
//! the bits of one that was not.

pub mod checkpoint;
pub mod config;
mod history;
mod lbfgs;
mod looping;
mod objective;
mod optimizer;
pub mod params;

pub use config::{Keep, OptimizerKind, Schedule, TrainConfig};
pub use history::{Ended, EpochRecord};
pub use looping::{Trained, train};
pub use objective::{Loss, Objective, StepContext};
pub use optimizer::Optimizer;
