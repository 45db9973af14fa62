//! Fits that are killed, interrupted and resumed end with the bits of one that was not.
#![cfg(unix)]

mod common;

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, Stdio},
    thread,
    time::Duration,
};

use common::{Done, Sandbox, checkpoint, people, signal, wait_for};

const FIT: &str = "fit autoencoder people.csv --label health --id name --hidden 64,32 --code 2 --batch-size 16 \
                   --patience 0 --checkpoint-epochs 1";

fn finish(child: Child) -> Done {
    Done::new("fit", child.wait_with_output().unwrap())
}

#[test]
fn a_fit_killed_twenty_times_ends_with_the_bits_of_one_that_was_not() {
    let s = Sandbox::new();
    s.write("people.csv", people(400));
    let fit = format!("{FIT} --epochs 40");
    s.run(&format!("{fit} -o whole")).ok();
    let expected = s.sha256("whole/weights.safetensors");
    let (mut kills, mut runs, mut state) = (0, 0, 7u64);
    while kills < 20 {
        runs += 1;
        assert!(runs < 50, "only {kills} of the kills hit a running fit");
        let dir = format!("run{runs}");
        loop {
            let begun = s.path(&dir).join("checkpoint/recipe.json").exists();
            let mut child = match begun {
                true => s.start(&format!("fit --resume {dir}")),
                false => s.start(&format!("{fit} -o {dir}")),
            };
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            // A machine under load may need longer than that for one step: the last run is left alone.
            if kills < 20 {
                thread::sleep(Duration::from_millis(20 + (state >> 33) % 250));
            } else {
                child.wait().unwrap();
            }
            if child.try_wait().unwrap().is_some() {
                finish(child).ok();
                break;
            }
            child.kill().unwrap();
            child.wait().unwrap();
            kills += 1;
            if s.path(&dir).join("model.json").exists()
                && !s.path(&dir).join("checkpoint/recipe.json").exists()
            {
                break;
            }
        }
        assert_eq!(
            s.sha256(&format!("{dir}/weights.safetensors")),
            expected,
            "run {runs} after {kills} kills"
        );
        s.run(&format!("inspect {dir}")).ok();
    }
}

#[test]
fn the_first_interrupt_keeps_a_usable_model_and_says_how_to_go_on() {
    let s = Sandbox::new();
    s.write("people.csv", people(400));
    s.run(&format!("{FIT} --epochs 60 -o whole")).ok();
    for name in ["INT", "TERM"] {
        let child = s.start(&format!("{FIT} --epochs 60 -o {name}"));
        wait_for("a checkpoint", || checkpoint(&s, name).is_some());
        signal(&child, name);
        let done = finish(child);
        assert_eq!(done.code, Some(130), "{done:#?}");
        assert!(done.stderr.contains(&format!("latentia fit --resume {name}")), "{done:#?}");
        assert!(done.stdout.contains("stopped on request"), "{done:#?}");
        s.run(&format!("encode {name} people.csv -o codes.csv --force")).ok();
        s.run(&format!("fit --resume {name}")).ok();
        let digest = |dir: &str| s.sha256(&format!("{dir}/weights.safetensors"));
        assert_eq!(digest(name), digest("whole"));
        s.run(&format!("fit --resume {name}")).fails(1, &["complete"]);
    }
}

#[test]
fn the_second_interrupt_leaves_at_once() {
    let s = Sandbox::new();
    s.write("people.csv", people(400));
    let child = s.start(&format!("{FIT} --epochs 1000000 -o m"));
    wait_for("a checkpoint", || checkpoint(&s, "m").is_some());
    signal(&child, "INT");
    signal(&child, "INT");
    assert_eq!(finish(child).code, Some(130));
    // Whichever moment it was, the directory can be gone on with.
    let before = checkpoint(&s, "m");
    assert!(before.is_some());
    let child = s.start("fit --resume m");
    wait_for("another checkpoint", || checkpoint(&s, "m").is_some_and(|now| Some(now) != before));
    signal(&child, "INT");
    assert_eq!(finish(child).code, Some(130));
    s.run("inspect m").ok();
}

#[test]
fn a_directory_takes_one_fit_at_a_time() {
    let s = Sandbox::new();
    s.write("people.csv", people(400));
    let mut child = s.start(&format!("{FIT} --epochs 1000000 -o m"));
    wait_for("a checkpoint", || checkpoint(&s, "m").is_some());
    s.run(&format!("{FIT} --epochs 1 -o m --force")).fails(1, &["m: another fit is writing here"]);
    s.run("fit --resume m").fails(1, &["m: another fit is writing here"]);
    assert!(child.try_wait().unwrap().is_none(), "the first fit must not be disturbed");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_damaged_checkpoint_is_an_error_that_names_it() {
    let s = Sandbox::new();
    s.write("people.csv", people(200));
    s.run(&format!("{FIT} --epochs 2 --keep-checkpoint -o m")).ok();
    let step = std::fs::read_dir(s.path("m/checkpoint")).unwrap().find_map(|e| {
        let path = e.unwrap().path();
        path.is_dir().then_some(path)
    });
    let step = step.unwrap();
    for file in ["weights.safetensors", "optimizer.safetensors", "progress.json"] {
        let path = step.join(file);
        let whole = std::fs::read(&path).unwrap();
        for damaged in [&whole[..0], &whole[..whole.len() / 2], &whole[..whole.len() - 2]] {
            std::fs::write(&path, damaged).unwrap();
            s.run("fit --resume m").fails(1, &[file]);
        }
        std::fs::remove_file(&path).unwrap();
        s.run("fit --resume m").fails(1, &[file]);
        std::fs::write(&path, whole).unwrap();
    }
}

#[test]
fn an_interrupted_result_is_not_written() {
    let s = Sandbox::new();
    s.write("people.csv", people(400));
    s.run("fit pca people.csv --ignore name --label health --components 2 -o m").ok();
    // Rows come through a pipe that stays open, so that the result can be neither complete nor not yet begun.
    let (rows, more) = (people(40_000), people(40_000));
    let mut command = s.command("score m - -o scores.csv --top 4");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(rows.as_bytes()).unwrap();
    let written = |file: std::fs::DirEntry| {
        let name = file.file_name();
        name != "people.csv" && name != "m" && file.metadata().is_ok_and(|m| m.len() > 0)
    };
    wait_for("the first rows of the result", || {
        std::fs::read_dir(s.path(".")).unwrap().filter_map(Result::ok).any(written)
    });
    signal(&child, "INT");
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(said.any(|line| line.unwrap().contains("nothing is written")), "it has not heard");
    // What it was reading may end now; it may also have stopped reading.
    let _ = stdin.write_all(more.split_once('\n').unwrap().1.as_bytes());
    drop(stdin);
    let done = finish(child);
    assert_eq!(done.code, Some(130), "{done:#?}");
    let left: Vec<_> = std::fs::read_dir(s.path(".")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "m, people.csv and nothing else: {left:?}");
}

#[test]
fn a_fit_killed_before_its_recipe_was_written_can_simply_be_started_again() {
    let s = Sandbox::new();
    s.write("people.csv", people(100));
    std::fs::create_dir_all(s.path("m/checkpoint")).unwrap();
    s.write("m/.lock", "");
    s.run("fit --resume m").fails(1, &["m", "no checkpoint"]);
    s.run(&format!("{FIT} --epochs 1 -o m")).ok();
}

#[test]
fn a_checkpoint_half_removed_beside_a_complete_model_is_not_gone_on_with() {
    let s = Sandbox::new();
    s.write("people.csv", people(100));
    s.run(&format!("{FIT} --epochs 1 --keep-checkpoint -o m")).ok();
    std::fs::remove_file(s.path("m/checkpoint/recipe.json")).unwrap();
    s.run("fit --resume m").fails(1, &["complete"]);
    s.run(&format!("{FIT} --epochs 1 --keep-checkpoint -o m --resume")).fails(1, &["complete"]);
    s.run("inspect m").ok();
}

#[test]
fn a_directory_to_go_on_in_that_is_not_there_is_named() {
    let s = Sandbox::new();
    s.run("fit --resume nowhere").fails(2, &["--resume", "there is no directory 'nowhere'"]);
}
