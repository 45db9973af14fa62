//! Data sets by name.

use latentia::data::{Dataset, ImageShape, ReadOptions, catalogue};

#[test]
fn the_digits_are_part_of_the_library() {
    let data = Dataset::load("digits", &ReadOptions::default(), 1).unwrap();
    assert_eq!((data.train.len(), data.validation.len(), data.width()), (1617, 180, 64));
    assert_eq!(data.image_shape(), Some(ImageShape { channels: 1, height: 8, width: 8 }));
    assert_eq!(data.classes(), ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    let most = data.train.x.as_slice().iter().copied().fold(0.0, f32::max);
    assert_eq!(most, 1.0);
    let all = data.preprocess.open("digits", &ReadOptions::default()).unwrap().read_all().unwrap();
    assert_eq!((all.x.rows(), all.labels.unwrap()[1]), (1797, Some(1)));
}

#[test]
fn names_are_told_apart_from_files() {
    let error = catalogue::resolve("mnst").unwrap_err().to_string();
    assert!(error.contains("The nearest data set is \"mnist\""), "{error}");
    let names: std::collections::BTreeSet<_> = catalogue::ENTRIES.iter().map(|entry| entry.name).collect();
    assert_eq!(names.len(), catalogue::ENTRIES.len());
    assert!(catalogue::ENTRIES.iter().flat_map(|entry| entry.files).all(|file| file.sha256.len() == 64));
}

#[test]
fn copies_at_hand_are_whole() {
    if std::env::var_os("LATENTIA_DATA").is_none() {
        eprintln!("skipped: LATENTIA_DATA is not set");
        return;
    }
    for entry in catalogue::ENTRIES {
        catalogue::verify(entry).unwrap();
    }
    let data = Dataset::load("mnist", &ReadOptions::default(), 1).unwrap();
    assert_eq!((data.train.len(), data.validation.len(), data.test.len()), (54_000, 6_000, 10_000));
    assert_eq!(data.classes().len(), 10);
}

#[test]
fn sets_of_views_are_made_of_data_sets() {
    for set in catalogue::VIEW_SETS {
        assert!(catalogue::ENTRIES.iter().all(|entry| entry.name != set.name), "{}", set.name);
        assert!(set.views.len() > 1 && set.views.iter().all(|(_, name)| catalogue::find(name).is_ok()));
    }
    let error = catalogue::resolve("multi30").unwrap_err().to_string();
    assert!(error.contains("The nearest data set is \"multi30k"), "{error}");
}
