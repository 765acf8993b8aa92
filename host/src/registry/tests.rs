use super::{ASIDE_MAX, DEVICES_MAX, FILE, Known, Registry, TEXT_MAX};
use std::fs;
use std::path::{Path, PathBuf};

fn directory(name: &str) -> PathBuf {
    let directory = std::env::temp_dir().join(format!("pocketmux-registry-{}-{name}", std::process::id()));
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).unwrap();
    directory
}

fn known(name: &str, firmware: &str) -> Known {
    Known { name: name.into(), serial: "1".into(), firmware: firmware.into(), ..Known::default() }
}

fn again(directory: &Path) -> Vec<Known> {
    Registry::load(Some(directory)).devices()
}

#[tokio::test]
async fn what_was_noted_is_known_after_a_restart() {
    let directory = directory("restart");
    let mut registry = Registry::load(Some(&directory));
    let writer = registry.keep().unwrap();
    for seen in [known("pico", "a 1"), known("microbit", "a 1"), known("pico", "a 2")] {
        registry.note(seen);
    }
    writer.finish().await;
    assert_eq!(again(&directory), [known("microbit", "a 1"), known("pico", "a 2")]);
    fs::remove_dir_all(directory).unwrap();
}

#[tokio::test]
async fn the_last_of_many_states_is_the_one_that_stays() {
    let directory = directory("latest");
    let mut registry = Registry::load(Some(&directory));
    let writer = registry.keep().unwrap();
    for n in 0..200 {
        registry.note(known("pico", &n.to_string()));
        tokio::task::yield_now().await;
    }
    drop(registry);
    writer.finish().await;
    assert_eq!(again(&directory), [known("pico", "199")]);
    fs::remove_dir_all(directory).unwrap();
}

#[tokio::test]
async fn what_cannot_be_read_is_set_aside_and_the_next_file_is_good() {
    let directory = directory("damaged");
    let file = directory.join(FILE);
    let damaged: [&[u8]; 2] = [b"{\"devices\":[{\"na", b"\xff\xfe{}"];
    for (bytes, aside) in damaged.into_iter().zip(["devices.json.damaged", "devices.json.damaged-2"]) {
        fs::write(&file, bytes).unwrap();
        let mut registry = Registry::load(Some(&directory));
        let writer = registry.keep().unwrap();
        assert!(registry.devices().is_empty());
        assert_eq!(fs::read(directory.join(aside)).unwrap(), bytes);
        registry.note(known("pico", ""));
        writer.finish().await;
        assert_eq!(again(&directory).len(), 1);
    }
    fs::remove_dir_all(directory).unwrap();
}

#[tokio::test]
async fn what_can_neither_be_read_nor_set_aside_is_not_overwritten() {
    let directory = directory("kept");
    let file = directory.join(FILE);
    fs::write(&file, "{").unwrap();
    fs::write(directory.join("devices.json.damaged"), "").unwrap();
    for n in 2..=ASIDE_MAX {
        fs::write(directory.join(format!("devices.json.damaged-{n}")), "").unwrap();
    }
    let mut registry = Registry::load(Some(&directory));
    assert!(registry.keep().is_none());
    registry.note(known("pico", ""));
    assert_eq!((registry.devices().len(), fs::read_to_string(&file).unwrap().as_str()), (1, "{"));
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn the_number_of_devices_is_bounded() {
    let mut registry = Registry::load(None);
    (0..DEVICES_MAX + 3).for_each(|n| registry.note(known(&n.to_string(), "")));
    assert_eq!(registry.devices().len(), DEVICES_MAX);
    assert_eq!(registry.devices()[0].name, "3");
}

#[test]
fn a_file_with_more_than_that_is_bounded_too() {
    let directory = directory("bounds");
    let mut devices: Vec<Known> = (0..DEVICES_MAX + 3).map(|n| known(&n.to_string(), "\u{1b}é")).collect();
    devices.push(known(&"é".repeat(TEXT_MAX), &"x".repeat(TEXT_MAX + 1)));
    let text = serde_json::json!({ "devices": devices }).to_string();
    fs::write(directory.join(FILE), text).unwrap();
    let read = again(&directory);
    assert_eq!((read.len(), read[0].name.as_str(), read[0].firmware.as_str()), (DEVICES_MAX, "4", "é"));
    let last = read.last().unwrap();
    assert_eq!((last.name.len(), last.firmware.len()), (TEXT_MAX, TEXT_MAX));
    fs::remove_dir_all(directory).unwrap();
}
