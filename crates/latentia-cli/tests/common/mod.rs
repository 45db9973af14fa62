//! A folder of its own for each test, the program run in it, and small data that a test can know by heart.

#![allow(dead_code, reason = "each test file uses some of it")]

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use sha2::{Digest, Sha256};

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_latentia");

/// A folder that is removed at the end.
pub(crate) struct Sandbox {
    dir: tempfile::TempDir,
}

/// What a finished program left.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    command: String,
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    /// A folder with `people.csv` and a model `m` fitted to it in a moment.
    pub(crate) fn with_model() -> Self {
        let sandbox = Self::new();
        sandbox.write("people.csv", people(240));
        sandbox
            .run("fit autoencoder people.csv --label health --id name --hidden 8 --code 2 --epochs 2 -o m")
            .ok();
        sandbox
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    pub(crate) fn sha256(&self, name: &str) -> String {
        let bytes = fs::read(self.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
        Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
    }

    /// The program with words split at spaces.
    pub(crate) fn command(&self, words: &str) -> Command {
        let mut command = Command::new(PROGRAM);
        command.args(words.split_whitespace()).current_dir(self.dir.path()).env_remove("RUST_LOG");
        command.stdin(Stdio::null());
        command
    }

    /// Runs it to its end.
    pub(crate) fn run(&self, words: &str) -> Done {
        Done::new(words, self.command(words).output().unwrap())
    }

    /// Runs a line of a shell in which `latentia` is the program.
    pub(crate) fn shell(&self, line: &str) -> Done {
        let bin = Path::new(PROGRAM).parent().unwrap();
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap_or_default());
        let output =
            Command::new("sh").args(["-c", line]).env("PATH", path).current_dir(self.dir.path()).output();
        Done::new(line, output.unwrap())
    }

    /// Starts it, its output kept.
    pub(crate) fn start(&self, words: &str) -> Child {
        self.command(words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }
}

impl Done {
    pub(crate) fn new(command: &str, output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            command: command.to_owned(),
        }
    }

    /// It must have succeeded.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:#?}");
        self
    }

    /// It must have failed with this code, one error line that says all of `words`, and no panic.
    #[track_caller]
    pub(crate) fn fails(self, code: i32, words: &[&str]) -> Self {
        assert!(self.code == Some(code), "expected exit code {code}: {self:#?}");
        assert!(self.stderr.contains("error:"), "no error line: {self:#?}");
        assert!(!self.stderr.contains("fault of its own"), "a panic: {self:#?}");
        for word in words {
            assert!(self.stderr.contains(word), "'{word}' is not in the error: {self:#?}");
        }
        self
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {self:#?}"))
    }
}

/// Waits for `condition`, at most a minute.
#[track_caller]
pub(crate) fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < Duration::from_secs(60), "waited in vain for {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// The name of a complete checkpoint of the fit that writes `dir`.
pub(crate) fn checkpoint(s: &Sandbox, dir: &str) -> Option<String> {
    let entries = fs::read_dir(s.path(dir).join("checkpoint")).ok()?;
    let names = entries.filter_map(|e| Some(e.ok()?.file_name().to_string_lossy().into_owned()));
    names.filter(|name| name.starts_with("step-")).max()
}

/// Sends a signal by name.
pub(crate) fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([format!("-{name}"), child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// People whose weight follows from their height and whose health follows from both: a name, numbers, a category, a
/// class with two values.
pub(crate) fn people(rows: usize) -> String {
    let mut text = String::from("name,age,height,weight,city,health\n");
    let mut state = 1u64;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / (1u64 << 24) as f64
    };
    for i in 0..rows {
        let age = 20.0 + 60.0 * random();
        let height = 150.0 + 45.0 * random();
        let ill = random() < 0.1;
        let weight = 0.9 * height - 90.0 + 8.0 * random() + if ill { 60.0 } else { 0.0 };
        let city = ["north", "south", "west"][(random() * 3.0) as usize];
        let health = if ill { "ill" } else { "well" };
        writeln!(text, "p{i},{age:.1},{height:.1},{weight:.1},{city},{health}").unwrap();
    }
    text
}

/// The first line of a text, and the number of lines after it.
pub(crate) fn header_and_rows(text: &str) -> (String, usize) {
    let mut lines = text.lines();
    (lines.next().unwrap_or_default().to_owned(), lines.count())
}
