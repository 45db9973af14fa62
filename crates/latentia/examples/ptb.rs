//! A word-level language model of the Penn Treebank: the small LSTM of Zaremba, Sutskever & Vinyals 2014 (2 layers of 200 units,
//! uniform ±0.1, 20 sequences by 20 steps of truncated backpropagation, learning rate 1, gradients clipped to a norm of 5).
//!
//!     LATENTIA_DATA=DIR cargo run --release -p latentia --example ptb -- [--epochs N] [--steps N]
//!
//! `DIR/ptb` holds `ptb.train.txt.gz`, `ptb.valid.txt.gz` and `ptb.test.txt.gz`. `--steps` ends every epoch early.

use std::{
    collections::HashMap,
    env,
    fs::File,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Instant,
};

use burn::{
    module::{Module, Param},
    tensor::{Device, Tensor, TensorData},
};
use flate2::read::GzDecoder;
use latentia::{
    Error, Result, Run,
    nn::{CellKind, Embedding, Recurrent, RecurrentConfig, RecurrentContext, RecurrentStates},
    random::{Purpose, stream},
    train::{Keep, Loss, Objective, OptimizerKind, StepContext, TrainConfig, params::host_values, train},
};
use latentia_ops::{Activation, ClassTargets, Orientation, dense, softmax_cross_entropy};
use rand::RngExt;

const HIDDEN: usize = 200;
const BATCH: usize = 20;
const STEPS: usize = 20;
const RANGE: f64 = 0.1;

#[derive(Module, Debug)]
struct LanguageModel {
    embedding: Embedding,
    recurrent: Recurrent,
    weight: Param<Tensor<2>>,
    bias: Param<Tensor<1>>,
}

impl LanguageModel {
    fn init(words: usize, seed: u64, device: &Device) -> Result<Self> {
        let config = RecurrentConfig {
            cell: CellKind::Lstm,
            inputs: HIDDEN,
            hidden: HIDDEN,
            layers: 2,
            range: RANGE,
            ..RecurrentConfig::default()
        };
        let mut rng = stream(seed, Purpose::Init, 2, 0);
        let weight: Vec<f32> = (0..words * HIDDEN).map(|_| rng.random_range(-RANGE..RANGE) as f32).collect();
        Ok(Self {
            embedding: Embedding::init([words, HIDDEN], RANGE, None, (seed, 0), device),
            recurrent: config.init(seed, 1, device)?,
            weight: Param::from_data(TensorData::new(weight, [words, HIDDEN]), device),
            bias: Param::from_data(TensorData::new(vec![0f32; words], [words]), device),
        })
    }

    /// `−log p` of every word of a window, `[T·B]`, and the states to go on from.
    fn losses(
        &self,
        window: &Window,
        states: Option<RecurrentStates>,
    ) -> Result<(Tensor<1>, RecurrentStates)> {
        let x = self.embedding.forward(&window.words)?.reshape([STEPS, BATCH, HIDDEN]);
        let context = RecurrentContext { states, ..RecurrentContext::default() };
        let (y, states) = self.recurrent.forward(x, context)?;
        let y = y.reshape([STEPS * BATCH, HIDDEN]);
        let (weight, bias) = (self.weight.val(), Some(self.bias.val()));
        let logits = dense(y, weight, bias, Activation::Identity, Orientation::OutIn);
        let losses = softmax_cross_entropy(logits, &ClassTargets::new(window.next.clone()))
            .map_err(|e| Error::config("targets", e.to_string()))?;
        Ok((losses, states))
    }
}

/// `[T, B]` words, and for each the one that follows.
struct Window {
    words: Arc<[i64]>,
    next: Arc<[i64]>,
}

/// A text cut into `BATCH` sequences, and these into windows that continue each other.
fn windows(text: &[i64]) -> Vec<Window> {
    let length = text.len() / BATCH;
    let at = |step: usize, ahead: usize| -> Arc<[i64]> {
        let steps = step * STEPS..(step + 1) * STEPS;
        steps.flat_map(|t| (0..BATCH).map(move |row| text[row * length + t + ahead])).collect()
    };
    (0..(length - 1) / STEPS).map(|step| Window { words: at(step, 0), next: at(step, 1) }).collect()
}

/// Truncated backpropagation through time as an objective: an item is a window, and the states of one are where the next starts.
struct Treebank {
    train: Vec<Window>,
    validation: Vec<Window>,
    states: Option<RecurrentStates>,
    log: Log,
}

/// Tells how far an epoch has come.
struct Log {
    windows: usize,
    sum: f64,
    clock: Instant,
}

impl Log {
    fn new() -> Self {
        Self { windows: 0, sum: 0.0, clock: Instant::now() }
    }

    fn add(&mut self, loss: f64, of: usize) {
        self.windows += 1;
        self.sum += loss;
        if self.windows.is_multiple_of(200) || self.windows == of {
            let (words, seconds) = (self.windows * STEPS * BATCH, self.clock.elapsed().as_secs_f64());
            let perplexity = (self.sum / self.windows as f64).exp();
            let speed = words as f64 / seconds;
            println!("{words:>9} words  perplexity {perplexity:8.2}  {seconds:6.1} s  {speed:7.0} words/s");
        }
    }
}

impl Objective for Treebank {
    type Model = LanguageModel;

    fn items(&self) -> usize {
        self.train.len()
    }

    fn order(&self, _: u64, _: usize) -> Vec<usize> {
        (0..self.train.len()).collect()
    }

    fn loss(&mut self, model: &LanguageModel, items: &[usize], at: StepContext) -> Loss {
        if at.step == 0 {
            (self.states, self.log) = (None, Log::new());
        }
        let window = &self.train[items[0]];
        let (losses, states) =
            model.losses(window, self.states.take()).expect("windows hold words of the vocabulary");
        self.states = Some(states.detach());
        // Summed over the steps, mean over the sequences: what a learning rate of 1 and a norm of 5 refer to.
        let total = losses.sum() / BATCH as f64;
        self.log.add(f64::from(host_values(total.clone())[0]) / STEPS as f64, self.train.len());
        Loss { total, terms: Vec::new() }
    }

    fn validate(&mut self, model: &LanguageModel, _: StepContext) -> Option<f64> {
        let loss = evaluate(model, &self.validation);
        println!("{:>9} perplexity on the validation text: {:.2}", "", loss.exp());
        Some(loss)
    }
}

/// The mean of `−log p` over the words of consecutive windows.
fn evaluate(model: &LanguageModel, windows: &[Window]) -> f64 {
    let (mut states, mut sum) = (None, 0.0);
    for window in windows {
        let (losses, next) = model.losses(window, states).expect("windows hold words of the vocabulary");
        sum += host_values(losses).iter().map(|&l| f64::from(l)).sum::<f64>();
        states = Some(next);
    }
    sum / (windows.len() * STEPS * BATCH) as f64
}

/// The words of a text, each line ended by `<eos>`.
fn read(folder: &Path, part: &str) -> Result<Vec<String>> {
    let path = folder.join(format!("ptb.{part}.txt.gz"));
    let file = File::open(&path).map_err(|e| Error::io(&path, "open", e))?;
    let mut words = Vec::new();
    for line in BufReader::new(GzDecoder::new(file)).lines() {
        let line = line.map_err(|e| Error::io(&path, "read", e))?;
        words.extend(line.split_whitespace().map(str::to_owned));
        words.push("<eos>".to_owned());
    }
    if words.len() <= (STEPS + 1) * BATCH {
        let expected = format!("more than {} for one window", (STEPS + 1) * BATCH);
        return Err(latentia::DataError::new(path, format!("{} words", words.len()), expected).into());
    }
    Ok(words)
}

/// The value of `--name N`.
fn option(name: &str) -> Result<Option<usize>> {
    let mut arguments = env::args().skip_while(|argument| argument != name).skip(1);
    let Some(value) = arguments.next() else { return Ok(None) };
    match value.parse() {
        Ok(value) if value > 0 => Ok(Some(value)),
        _ => Err(Error::config(name, format!("found '{value}', expected a number above 0"))),
    }
}

fn main() -> ExitCode {
    match learn() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn learn() -> Result<()> {
    let Some(folder) = env::var_os("LATENTIA_DATA").map(|dir| PathBuf::from(dir).join("ptb")) else {
        return Err(Error::config(
            "LATENTIA_DATA",
            "is not set, expected the folder that holds ptb/ptb.train.txt.gz, ptb.valid.txt.gz and ptb.test.txt.gz",
        ));
    };
    let [text, validation, test] = [read(&folder, "train")?, read(&folder, "valid")?, read(&folder, "test")?];
    let mut vocabulary: HashMap<&str, i64> = HashMap::new();
    for word in text.iter().chain(&validation).chain(&test) {
        let next = vocabulary.len() as i64;
        vocabulary.entry(word).or_insert(next);
    }
    let numbers =
        |words: &[String]| -> Vec<i64> { words.iter().map(|word| vocabulary[word.as_str()]).collect() };
    let mut run = Run::default();
    let model = LanguageModel::init(vocabulary.len(), run.seed, &run.device)?;
    println!(
        "{} words of text, {} different, {} parameters",
        text.len(),
        vocabulary.len(),
        model.num_params()
    );

    let mut objective = Treebank {
        train: windows(&numbers(&text)),
        validation: windows(&numbers(&validation)),
        states: None,
        log: Log::new(),
    };
    objective.train.truncate(option("--steps")?.unwrap_or(usize::MAX));
    let config = TrainConfig {
        epochs: option("--epochs")?.unwrap_or(1),
        batch_size: 1,
        learning_rate: 1.0,
        optimizer: OptimizerKind::Sgd,
        momentum: 0.0,
        clip_norm: 5.0,
        keep: Keep::Last,
        patience: 0,
        ..TrainConfig::default()
    };
    let trained = train(&mut objective, model, &config, "ptb", &mut run)?;
    let perplexity = evaluate(&trained.last, &windows(&numbers(&test))).exp();
    println!("perplexity on the test text: {perplexity:.2}");
    Ok(())
}
