//! Mini-batch training with schedules, clipping, early stopping, checkpoints and resumption.

use std::{collections::BTreeMap, path::Path, time::Instant};

use burn::module::Module;

use super::{
    checkpoint::{Checkpoint, Progress},
    config::{Keep, OptimizerKind, TrainConfig},
    history::{Ended, EpochRecord},
    lbfgs::Lbfgs,
    objective::{Objective, StepContext},
    optimizer::{Failed, Optimizer},
    params::{Tensors, collect, host_values, restore},
};
use crate::{Error, Result, run::Run};

/// The result of [`train`].
#[derive(Debug)]
pub struct Trained<M> {
    /// The module after the last step, without autodiff.
    pub last: M,
    /// The weights of the best validation loss; `None` without validation rows or before the first epoch's end.
    pub best: Option<Tensors>,
    /// The epoch they are of, from 1.
    pub best_epoch: Option<usize>,
    /// One record an epoch.
    pub history: Vec<EpochRecord>,
    /// One record for each epoch of what was trained before the whole.
    pub pretraining: Vec<EpochRecord>,
    /// How the run ended.
    pub ended: Ended,
}

impl<M: Module> Trained<M> {
    /// The module with the weights that `keep` names, and the record with the last weights.
    ///
    /// # Errors
    /// Never for weights of the same training.
    pub fn kept(self, keep: Keep) -> Result<(M, Trained<Tensors>)> {
        let Self { last, best, best_epoch, history, pretraining, ended } = self;
        let tensors = collect(&last);
        let module = match (&best, keep) {
            (Some(best), Keep::Best) => {
                restore(last, best).map_err(|e| Error::model("weights of the best epoch", e))?
            }
            _ => last,
        };
        Ok((module, Trained { last: tensors, best, best_epoch, history, pretraining, ended }))
    }
}

/// The state of a run between two steps.
pub(super) struct State<M> {
    pub model: M,
    pub stepper: Stepper,
    pub epoch: usize,
    pub step: usize,
    pub global_step: u64,
    pub sums: Sums,
    pub best: Option<Tensors>,
    pub best_loss: Option<f64>,
    pub best_epoch: Option<usize>,
    pub history: Vec<EpochRecord>,
}

/// What turns gradients into the next module.
#[derive(Debug)]
pub(super) enum Stepper {
    FirstOrder(Optimizer),
    Lbfgs(Box<Lbfgs>),
}

impl Stepper {
    fn new(config: &TrainConfig) -> Self {
        match config.optimizer {
            OptimizerKind::Lbfgs => Self::Lbfgs(Box::default()),
            _ => Self::FirstOrder(Optimizer::new(config)),
        }
    }
}

/// Sums over the rows of an epoch; `rows` is their number.
#[derive(Debug, Clone, Default)]
pub(super) struct Sums(pub BTreeMap<String, f64>);

impl Sums {
    fn add(&mut self, name: &str, value: f64) {
        match self.0.get_mut(name) {
            Some(sum) => *sum += value,
            None => {
                self.0.insert(name.to_owned(), value);
            }
        }
    }

    fn set(&mut self, name: &str, value: f64) {
        self.0.insert(name.to_owned(), value);
    }

    fn get(&self, name: &str) -> f64 {
        self.0.get(name).copied().unwrap_or(0.0)
    }
}

const ROWS: &str = "rows";
const STEPS: &str = "steps";
const TOTAL: &str = "total";
const NORM: &str = "gradient norm";
const RATE: &str = "learning rate";
const TERM: &str = "term ";

/// Trains `model` (on the device of `run`, without autodiff) to minimise `objective`.
///
/// `identity` is a digest of everything the result depends on; a checkpoint of another run is refused.
///
/// # Errors
/// A loss or gradient that is not finite, a checkpoint that cannot be written or read.
pub fn train<O: Objective>(
    objective: &mut O,
    model: O::Model,
    config: &TrainConfig,
    identity: &str,
    run: &mut Run,
) -> Result<Trained<O::Model>> {
    config.validate()?;
    let mut state = begin(objective, model, config, identity, run)?;
    let full_batch = matches!(state.stepper, Stepper::Lbfgs(_));
    let batch = if full_batch { objective.items().max(1) } else { config.batch_size };
    let steps_per_epoch = objective.items().div_ceil(batch);
    run.progress.begin(&run.task, (config.epochs * steps_per_epoch) as u64);
    let mut clock = Instant::now();
    let mut last_checkpoint = Instant::now();
    let mut ended = if stopped_early(&state, config) { Ended::EarlyStopped } else { Ended::Completed };
    'epochs: while state.epoch < config.epochs && ended == Ended::Completed {
        let order = objective.order(config.seed, state.epoch);
        for (step, items) in order.chunks(batch).enumerate().skip(state.step) {
            if run.cancel.is_asked() {
                ended = Ended::Cancelled;
                break 'epochs;
            }
            let at = StepContext {
                seed: config.seed,
                epoch: state.epoch,
                step,
                global_step: state.global_step,
                training: true,
            };
            let rate = config.learning_rate_at(state.global_step, steps_per_epoch as u64);
            state = step_once(objective, state, items, at, (rate, config.batch_size))?;
            state.step = step + 1;
            state.global_step += 1;
            if due(config, &last_checkpoint) && state.step < steps_per_epoch {
                save(objective, &state, identity, run.checkpoints.as_deref())?;
                last_checkpoint = Instant::now();
            }
            run.progress.advance(state.global_step, &note(&state));
        }
        finish_epoch(objective, &mut state, config, clock.elapsed().as_secs_f64());
        clock = Instant::now();
        let by_epoch = config.checkpoint_epochs > 0 && state.epoch % config.checkpoint_epochs == 0;
        if by_epoch || due(config, &last_checkpoint) {
            save(objective, &state, identity, run.checkpoints.as_deref())?;
            last_checkpoint = Instant::now();
        }
        if stopped_early(&state, config) {
            ended = Ended::EarlyStopped;
        }
    }
    run.progress.end();
    if ended == Ended::Cancelled {
        if state.global_step == 0 {
            return Err(Error::Cancelled);
        }
        save(objective, &state, identity, run.checkpoints.as_deref())?;
    }
    Ok(Trained {
        last: state.model.valid(),
        best: state.best,
        best_epoch: state.best_epoch,
        history: state.history,
        pretraining: Vec::new(),
        ended,
    })
}

/// The state to start from: fresh, or that of the newest checkpoint.
fn begin<O: Objective>(
    objective: &mut O,
    model: O::Model,
    config: &TrainConfig,
    identity: &str,
    run: &Run,
) -> Result<State<O::Model>> {
    let found = match (&run.checkpoints, run.resume) {
        (Some(dir), true) => Checkpoint::read_newest(dir)?.map(|c| (dir, c)),
        _ => None,
    };
    let Some((dir, checkpoint)) = found else {
        return Ok(State {
            model: model.train(),
            stepper: Stepper::new(config),
            epoch: 0,
            step: 0,
            global_step: 0,
            sums: Sums::default(),
            best: None,
            best_loss: None,
            best_epoch: None,
            history: Vec::new(),
        });
    };
    let wrong = |message: String| Error::model(dir, message);
    let Checkpoint { progress, weights, best, optimizer, lbfgs, objective: carried } = checkpoint;
    if progress.run != identity {
        return Err(wrong(
            "the checkpoint is of another run: the recipe or the data have changed. Fit anew with --force, or \
             resume with the recipe and data it was started with"
                .into(),
        ));
    }
    objective.restore_state(carried).map_err(&wrong)?;
    Ok(State {
        model: restore(model, &weights).map_err(&wrong)?.train(),
        stepper: match lbfgs {
            Some(bytes) => Stepper::Lbfgs(Box::new(Lbfgs::from_bytes(bytes).map_err(&wrong)?)),
            None => Stepper::FirstOrder(
                Optimizer::restore(config, &optimizer, progress.optimizer_steps, &run.device)
                    .map_err(&wrong)?,
            ),
        },
        epoch: progress.epoch,
        step: progress.step,
        global_step: progress.global_step,
        sums: Sums(progress.sums.into_iter().map(|(k, v)| (k, f64::from_bits(v))).collect()),
        best,
        best_loss: progress.best_loss.map(f64::from_bits),
        best_epoch: progress.best_epoch,
        history: progress.history,
    })
}

/// Takes one step and adds what it saw to the sums of the epoch.
fn step_once<O: Objective>(
    objective: &mut O,
    mut state: State<O::Model>,
    items: &[usize],
    at: StepContext,
    (rate, chunk): (f64, usize),
) -> Result<State<O::Model>> {
    let stepped = match &mut state.stepper {
        Stepper::FirstOrder(optimizer) => optimizer.step(objective, state.model, items, at, rate),
        Stepper::Lbfgs(lbfgs) => lbfgs.step(objective, state.model, items, at, chunk),
    };
    let stepped = stepped.map_err(|fault| not_finite(at, fault))?;
    let rows = items.len() as f64;
    state.model = stepped.model;
    state.sums.add(ROWS, rows);
    state.sums.add(STEPS, 1.0);
    state.sums.add(TOTAL, stepped.loss * rows);
    state.sums.add(NORM, stepped.norm);
    state.sums.set(RATE, rate);
    for (name, term) in stepped.terms {
        state.sums.add(&format!("{TERM}{name}"), term * rows);
    }
    Ok(state)
}

fn not_finite(at: StepContext, fault: Failed) -> Error {
    Error::NotFinite {
        epoch: at.epoch + 1,
        step: at.global_step + 1,
        what: match fault {
            Failed::Loss => "the loss".into(),
            Failed::Gradient(parameter) => format!("the gradient of '{parameter}'"),
        },
        hint: "Try a smaller train.learning-rate, train.clip-norm 1, or another data.scale; the last checkpoint \
               is still usable"
            .into(),
    }
}

fn finish_epoch<O: Objective>(
    objective: &mut O,
    state: &mut State<O::Model>,
    config: &TrainConfig,
    seconds: f64,
) {
    let clock = Instant::now();
    let at = StepContext {
        seed: config.seed,
        epoch: state.epoch,
        step: 0,
        global_step: state.global_step,
        training: false,
    };
    let model = state.model.valid();
    let validation_loss = objective.validate(&model, at);
    let measured = objective.measure_training(&model, at);
    let metrics = objective.metrics(&model, at).into_iter().map(|(name, value)| (name.to_owned(), value));
    let sums = std::mem::take(&mut state.sums);
    let rows = sums.get(ROWS).max(1.0);
    let terms = sums.0.iter().filter_map(|(k, v)| Some((k.strip_prefix(TERM)?.to_owned(), v / rows)));
    state.epoch += 1;
    state.step = 0;
    state.history.push(EpochRecord {
        stage: None,
        epoch: state.epoch,
        steps: state.global_step,
        train_loss: measured.unwrap_or(sums.get(TOTAL) / rows),
        train_terms: terms.collect(),
        validation_loss,
        metrics: metrics.collect(),
        learning_rate: sums.get(RATE),
        gradient_norm: sums.get(NORM) / sums.get(STEPS).max(1.0),
        seconds: seconds + clock.elapsed().as_secs_f64(),
    });
    // A loss that is not finite never counts as better.
    if let Some(loss) = validation_loss.filter(|l| l.is_finite())
        && state.best_loss.is_none_or(|best| loss < best - config.min_delta)
    {
        state.best_loss = Some(loss);
        state.best_epoch = Some(state.epoch);
        state.best = Some(collect(&state.model));
    }
}

fn stopped_early<M>(state: &State<M>, config: &TrainConfig) -> bool {
    let best = state.best_epoch.unwrap_or(0);
    config.patience > 0
        && state.history.last().is_some_and(|r| r.validation_loss.is_some())
        && state.epoch >= best + config.patience
}

fn due(config: &TrainConfig, last: &Instant) -> bool {
    config.checkpoint_minutes > 0.0 && last.elapsed().as_secs_f64() >= config.checkpoint_minutes * 60.0
}

fn save<O: Objective>(
    objective: &O,
    state: &State<O::Model>,
    identity: &str,
    dir: Option<&Path>,
) -> Result<()> {
    let Some(dir) = dir else { return Ok(()) };
    let (optimizer, optimizer_steps, lbfgs) = match &state.stepper {
        Stepper::FirstOrder(optimizer) => {
            let (tensors, steps) = optimizer.state();
            (tensors, steps, None)
        }
        Stepper::Lbfgs(lbfgs) => {
            let bytes = lbfgs.to_bytes().map_err(|e| Error::model(dir, e))?;
            (Tensors::new(), state.global_step, Some(bytes))
        }
    };
    let checkpoint = Checkpoint {
        progress: Progress {
            run: identity.to_owned(),
            epoch: state.epoch,
            step: state.step,
            global_step: state.global_step,
            optimizer_steps,
            sums: state.sums.0.iter().map(|(k, v)| (k.clone(), v.to_bits())).collect(),
            best_loss: state.best_loss.map(f64::to_bits),
            best_epoch: state.best_epoch,
            history: state.history.clone(),
        },
        weights: collect(&state.model),
        best: state.best.clone(),
        optimizer,
        lbfgs,
        objective: objective.state(),
    };
    checkpoint.write(dir)
}

/// The line beside the progress bar.
fn note<M>(state: &State<M>) -> String {
    let now = state.sums.get(TOTAL) / state.sums.get(ROWS).max(1.0);
    let validation = state.history.last().and_then(|r| r.validation_loss);
    match validation {
        Some(v) => format!("epoch {}  loss {now:.5}  validation {v:.5}", state.epoch + 1),
        None => format!("epoch {}  loss {now:.5}", state.epoch + 1),
    }
}

/// The value of a tensor with one element.
pub(super) fn scalar(tensor: &burn::tensor::Tensor<1>) -> f64 {
    f64::from(host_values(tensor.clone())[0])
}
