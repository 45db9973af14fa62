//! Published experiments, and data sets by name.

mod common;

use common::Sandbox;

#[test]
fn reproduce_lists_what_there_is() {
    let s = Sandbox::new();
    let text = s.run("reproduce").ok().stdout;
    for word in ["digits-autoencoder", "linear-autoencoder", "mnist-pca", "mnist-autoencoder", "Hinton"] {
        assert!(text.contains(word), "'{word}' is missing in:\n{text}");
    }
    let value = s.run("reproduce --json").ok().json();
    let named = |name: &str| value.as_array().unwrap().iter().find(|e| e["name"] == name).unwrap().clone();
    assert_eq!(named("mnist-autoencoder")["figures"][0]["published"], 3.0);
}

#[test]
fn reproduce_prints_published_expected_and_found_side_by_side() {
    let s = Sandbox::new();
    let text = s.run("reproduce digits-autoencoder").ok().stdout;
    for word in ["published", "expected", "found", "squared error of PCA", "5-NN accuracy", "All as expected"]
    {
        assert!(text.contains(word), "'{word}' is missing in:\n{text}");
    }
    assert!(s.path("digits-autoencoder/report.html").is_file());
    s.run("reproduce digits-autoencoder").fails(2, &["digits-autoencoder exists", "--force"]);
}

#[test]
fn a_linear_autoencoder_comes_to_pca() {
    let s = Sandbox::new();
    let value = s.run("reproduce linear-autoencoder --json -o m").ok().json();
    let figure = &value["figures"][0];
    assert_eq!(
        (&figure["as_expected"], &figure["figure"]["published"]),
        (&true.into(), &1.0.into()),
        "{value}"
    );
    assert!(s.path("m/model.json").is_file());
}

#[test]
fn figures_outside_what_is_expected_are_said_to_be() {
    let s = Sandbox::new();
    let text = s.run("reproduce digits-autoencoder --set train.epochs=1 -o m").ok().stdout;
    assert!(text.contains("Outside what is expected: squared error is"), "{text}");
    assert!(text.contains("changed by --set"), "{text}");
}

#[test]
fn wrong_requests_say_what_is_right() {
    let s = Sandbox::new();
    s.run("reproduce digit-autoencoder").fails(2, &["did you mean 'digits-autoencoder'?"]);
    s.run("reproduce digits-autoencoder --set train.epoch=1").fails(2, &["did you mean 'epochs'?"]);
    s.run("reproduce --set train.epochs=1").fails(2, &["--set", "name the experiment"]);
    assert_eq!(std::fs::read_dir(s.path("")).unwrap().count(), 0);
}

#[test]
fn data_that_is_here_is_printed_and_data_that_is_nowhere_is_described() {
    let s = Sandbox::new();
    assert!(s.run("data get digits").ok().stdout.contains("comes with the program"));
    let run = |words: &str| {
        let mut command = s.command(words);
        command.env("XDG_CACHE_HOME", s.path("cache")).env_remove("LATENTIA_DATA");
        common::Done::new(words, command.output().unwrap())
    };
    run("data get digts").fails(1, &["The nearest data set is \"digits\""]);
    // Published in another form only: where, and where to put it.
    run("data get usps").fails(1, &["usps.h5", "IDX", "cache/latentia/usps", "LATENTIA_DATA"]);
    run("fit pca mnist --components 2").fails(1, &["latentia data get mnist"]);
    assert!(!s.path("cache").exists(), "nothing is made before there is something to fetch");
}

#[test]
fn a_classifier_is_put_on_the_model_that_comes_first() {
    let s = Sandbox::new();
    let set = "--set train.epochs=2 --set train.seed=4 -o few --json";
    let value = s.run(&format!("reproduce digits-few-labels {set}")).ok().json();
    assert_eq!(value["figures"][0]["figure"]["measure"], "error %");
    let first = s.run("inspect few-encoder --json").ok().json();
    assert_eq!((first["kind"].as_str(), first["seed"].as_u64()), (Some("autoencoder"), Some(4)));
}
