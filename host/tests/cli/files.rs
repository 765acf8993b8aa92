//! Files straight on the wire: the program on both ends of a paced line of two pseudo terminals.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use pocketmux_tests::{End, Line};

use crate::running::{PATIENCE, run};

use bench::{BAUD, Bench, Program};

mod bench;

/// Where transfers were gone on with, as the device's log has it; 0 for one from the start.
fn resumed(log: &str) -> Vec<u64> {
    let began = log.lines().filter(|line| line.contains("; it is "));
    began.map(|line| line.split("resumes at ").nth(1).map_or(0, |at| at.trim().parse().unwrap())).collect()
}

#[test]
fn files_of_any_size_cross_both_ways_and_are_the_same() {
    let mut bench = Bench::new("sizes", &Line::new(BAUD));
    let _device = bench.device(&[]);
    let sizes = [("empty", 0), ("one", 1), ("frame", 240), ("two words.txt", 4801), ("large.bin", 1 << 20)];
    let contents: Vec<_> = sizes.iter().map(|(name, size)| (*name, bench.file(name, *size))).collect();
    let names: Vec<&str> = sizes.iter().map(|(name, _)| *name).collect();
    bench.ok(&[&["put"], &names[..]].concat());
    let list = bench.ok(&["ls"]);
    let come = bench.text("come");
    // What is over at once has crossed all the same.
    for (name, size) in [("one", 1), ("frame", 240)] {
        let words = format!("{name}: {size} bytes, verified");
        bench.ok(&["rm", name]);
        let [put, get] = [vec!["put", name], vec!["get", name, "--output", &come]].map(|args| bench.done(&args).2);
        assert!(put.contains(&words) && get.contains(&words), "{put} {get}");
        fs::remove_file(bench.at("come").join(name)).unwrap();
    }
    bench.ok(&[&["get", "--output", &come], &names[..]].concat());
    for (name, content) in &contents {
        assert_eq!(bench.there(name), *content, "{name}");
        assert_eq!(fs::read(bench.at("come").join(name)).unwrap(), *content, "{name}");
        assert!(list.contains(&format!("{:>10}  {name}\n", content.len())), "{list}");
    }
    assert!(!bench.at("come/.pocketmux").exists() && !bench.at("here/.pocketmux").exists(), "nothing is left behind");
    // What is there already does not cross again.
    let sent = bench.wire.as_ref().unwrap().traffic(End::B).carried;
    let (_, _, said) = bench.done(&["put", "large.bin"]);
    assert!(said.contains("there already"), "{said}");
    let (_, _, said) = bench.done(&["get", "large.bin", "--output", &come]);
    assert!(said.contains("there already"), "{said}");
    assert!(bench.wire.as_ref().unwrap().traffic(End::B).carried - sent < 10_000);
}

#[test]
fn a_device_for_once_ends_with_the_first_file_in_either_direction() {
    let mut bench = Bench::new("once", &Line::new(BAUD));
    let content = bench.file("a", 10_000);
    let mut device = bench.device(&["--once"]);
    bench.ok(&["put", "a"]);
    assert_eq!(device.end().code(), Some(0));
    let mut device = bench.device(&["--once"]);
    bench.ok(&["get", "a", "--output", &bench.text("come")]);
    assert_eq!(device.end().code(), Some(0));
    assert_eq!(fs::read(bench.at("come/a")).unwrap(), content);
    let mut device = bench.device(&["--once"]);
    bench.ok(&["ls"]);
    device.signal("-TERM");
    assert_eq!(device.end().code(), Some(130));
    let mut device = bench.device(&[]);
    bench.ok(&["ls"]);
    device.signal("-TERM");
    assert_eq!(device.end().code(), Some(0));
}

#[test]
fn a_device_that_is_killed_in_the_middle_goes_on_where_it_was_and_never_starts_over() {
    let mut bench = Bench::new("killed", &Line::new(BAUD));
    let content = bench.file("a", 600_000);
    let mut device = bench.device(&[]);
    let mut put = bench.command(&["put", "a"]);
    let mut stored = Vec::new();
    for _ in 0..3 {
        let before = stored.last().copied().unwrap_or(0);
        let more = bench.random.number() % 120_000;
        bench.wait_for_part("there", "a", before + 20_000 + more);
        device.kill();
        stored.push(fs::metadata(bench.at("there/.pocketmux/a.part")).unwrap().len());
        device = bench.device(&[]);
    }
    assert_eq!(put.end().code(), Some(0), "{}", put.said());
    assert_eq!(bench.there("a"), content);
    assert_eq!(resumed(&device.said()), [&[0], &stored[..]].concat());
}

#[test]
fn a_put_and_a_get_that_are_killed_go_on_where_they_were_when_they_are_run_again() {
    let mut bench = Bench::new("again", &Line::new(BAUD));
    let content = bench.file("a", 300_000);
    let device = bench.device(&[]);
    let mut put = bench.command(&["put", "a"]);
    let [first, second] = [(); 2].map(|()| 20_000 + bench.random.number() % 100_000);
    let at_least = bench.wait_for_part("there", "a", first);
    put.kill();
    bench.ok(&["put", "a"]);
    assert_eq!(bench.there("a"), content);
    let come = bench.text("come");
    let mut get = bench.command(&["get", "a", "--output", &come]);
    bench.wait_for_part("come", "a", second);
    get.kill();
    let stored = fs::metadata(bench.at("come/.pocketmux/a.part")).unwrap().len();
    bench.ok(&["get", "a", "--output", &come]);
    assert_eq!(fs::read(bench.at("come/a")).unwrap(), content);
    let resumed = resumed(&device.said());
    assert!(resumed.len() == 4 && resumed[1] >= at_least && resumed[3] == stored, "{resumed:?} {stored}");
}

#[test]
fn ctrl_c_leaves_what_has_crossed_and_the_same_command_goes_on() {
    let mut bench = Bench::new("interrupted", &Line::new(BAUD));
    let content = bench.file("a", 300_000);
    let device = bench.device(&[]);
    let mut put = bench.command(&["put", "a"]);
    bench.wait_for_part("there", "a", 50_000);
    put.signal("-INT");
    assert_eq!(put.end().code(), Some(130));
    assert!(put.said().contains("goes on from there"), "{}", put.said());
    assert!(device.said().contains("it was paused"), "{}", device.said());
    let stored = fs::metadata(bench.at("there/.pocketmux/a.part")).unwrap().len();
    assert!(bench.ok(&["ls"]).contains(&format!("    300000  a  (only {stored} of it)\n")));
    bench.ok(&["put", "a"]);
    assert_eq!((bench.there("a"), resumed(&device.said())), (content, vec![0, stored]));
}

#[test]
fn a_pulled_cable_is_waited_for_and_nothing_is_sent_twice() {
    let mut bench = Bench::new("pulled", &Line::new(BAUD));
    let content = bench.file("a", 300_000);
    let device = bench.device(&[]);
    let mut put = bench.command(&["put", "a"]);
    bench.wait_for_part("there", "a", 50_000);
    bench.pull();
    bench.plug(&Line::new(BAUD));
    assert_eq!(put.end().code(), Some(0), "{}", put.said());
    assert_eq!(bench.there("a"), content);
    assert!(put.said().contains("It is awaited."), "{}", put.said());
    // The link goes on, so the transfer need not even be begun again.
    assert_eq!(resumed(&device.said()), [0]);
    // And one that does not come back within the time that it is given.
    let mut put = bench.command(&["put", "a", "--timeout", "1"]);
    assert_eq!(put.end().code(), Some(0));
    bench.file("b", 300_000);
    let mut put = bench.command(&["put", "b", "--timeout", "1"]);
    bench.wait_for_part("there", "b", 50_000);
    bench.pull();
    assert_eq!(put.end().code(), Some(4), "{}", put.said());
}

#[test]
fn noise_costs_time_and_never_a_wrong_byte() {
    let mut bench = Bench::new("noise", &Line { bit_error_rate: 1e-5, ..Line::new(BAUD) });
    let content = bench.file("a", 500_000);
    let _device = bench.device(&[]);
    bench.ok(&["put", "a"]);
    bench.ok(&["get", "a", "--output", &bench.text("come")]);
    assert_eq!(bench.there("a"), content);
    assert_eq!(fs::read(bench.at("come/a")).unwrap(), content);
    let flipped: u64 = [End::A, End::B].map(|end| bench.wire.as_ref().unwrap().traffic(end).flipped).iter().sum();
    assert!(flipped > 10, "{flipped}");
}

#[test]
fn what_a_device_refuses_and_what_is_not_there_have_their_exit_codes() {
    let mut bench = Bench::new("codes", &Line::new(BAUD));
    bench.file("a", 10);
    bench.file("b", 10);
    bench.file("new\nline", 1);
    let _device = bench.device(&[]);
    let come = bench.text("come");
    bench.ok(&["put", "a", "b"]);
    bench.ok(&["mv", "a", "c"]);
    bench.ok(&["rm", "b"]);
    for (args, code, words) in [
        (vec!["get", "a", "--output", &come], 3, "no such file"),
        (vec!["rm", "a", "c"], 3, "no such file"),
        (vec!["mv", "a", "b"], 3, "no such file"),
        (vec!["get", "a", "--output", "nowhere"], 1, "nowhere cannot be used"),
        (vec!["put", "absent"], 1, "absent cannot be read"),
        (vec!["put", ".."], 2, "1 to 64 bytes"),
        (vec!["put", "a", "./a"], 2, "Two of the files"),
        (vec!["put", "../here"], 1, "is no file"),
        (vec!["put", "new\nline"], 2, "no control character"),
        (vec!["put"], 2, "required"),
        (vec!["get", "../a"], 2, "begin with a dot"),
        (vec!["get", "a/b"], 2, "no control character"),
        (vec!["rm", ""], 2, "1 to 64 bytes"),
        (vec!["mv", "a"], 2, "required"),
    ] {
        let (exit, _, said) = bench.done(&args);
        assert!(exit == Some(code) && said.contains(words), "{args:?}: {exit:?} {said}");
    }
    // The one that was there is gone all the same.
    assert!(!bench.ok(&["ls"]).contains("  c\n"));
    bench.ok(&["put", "a", "b"]);
    let (exit, _, said) = bench.done(&["mv", "a", "b"]);
    assert!(exit == Some(3) && said.contains("there is a file of that name"), "{said}");
    assert!(!bench.at("come/.pocketmux").exists());
}

#[test]
fn a_port_without_a_device_and_a_wrong_command_line_have_theirs() {
    let (code, _, said) = run(&["ls", "--port", "/dev/ttyNONE"]);
    assert!(code == Some(4) && said.contains("/dev/ttyNONE does not exist"), "{said}");
    for (args, words) in [
        (vec!["ls", "--baud", "9600"], "--port"),
        (vec!["--port", "demo", "ls", "--port", "demo"], "written behind it"),
        (vec!["device", "--port", "demo", "--dir", "."], "leads to a device"),
        (vec!["device", "--port", "/dev/ttyNONE"], "--dir"),
        (vec!["put", "x", "--port", "demo", "--baud", "7"], "50..=12000000"),
    ] {
        let (code, _, said) = run(&args);
        assert!(code == Some(2) && said.contains(words), "{args:?}: {code:?} {said}");
    }
    let (code, _, said) = run(&["device", "--port", "/dev/ttyNONE", "--dir", "/nowhere"]);
    assert!(code == Some(1) && said.contains("/nowhere cannot be used"), "{said}");
    let (_, help, _) = run(&["put", "--help"]);
    assert!(help.contains("130 interrupted"), "{help}");
}

#[test]
fn nobody_at_the_other_end_is_noticed() {
    let bench = Bench::new("nobody", &Line::new(BAUD));
    let (code, _, said) = bench.done(&["ls"]);
    assert!(code == Some(4) && said.contains("No device answered"), "{said}");
}

/// The device on a file system of 256 KiB, which is the one of this process alone.
fn device_on_a_small_disk(bench: &Bench) -> Program {
    let mut command = Command::new("unshare");
    let script = "mount -t tmpfs -o size=256k none \"$1\" && shift && exec \"$@\"";
    command.args(["-rm", "sh", "-c", script, "sh", &bench.text("there"), env!("CARGO_BIN_EXE_pocketmux"), "device"]);
    command.args(["--port", &bench.text("tty-there"), "--baud", &BAUD.to_string(), "--dir", &bench.text("there")]);
    bench.start(command, "device.log")
}

#[test]
fn a_full_disk_refuses_and_keeps_what_is_there() {
    let mut bench = Bench::new("full", &Line::new(BAUD));
    let [large, content] = [bench.file("large", 300_000), bench.file("a", 200_000)];
    let device = device_on_a_small_disk(&bench);
    let (code, _, said) = bench.done(&["put", "large", "a"]);
    assert!(code == Some(3) && said.contains("the store has no room for it"), "{said} {}", device.said());
    // Of two that fit one by one, the second waits until there is room.
    fs::write(bench.at("here/b"), &large[..100_000]).unwrap();
    let (code, _, said) = bench.done(&["put", "b"]);
    assert!(code == Some(3), "{said}");
    // Another process fills the disk while a file comes.
    let inside = Path::new("/proc").join(device.child.id().to_string()).join("root");
    let there = inside.join(bench.at("there").strip_prefix("/").unwrap());
    bench.ok(&["rm", "a"]);
    let mut put = bench.command(&["put", "a"]);
    let start = Instant::now();
    while fs::metadata(there.join(".pocketmux/a.part")).map_or(0, |data| data.len()) < 20_000 {
        assert!(start.elapsed() < PATIENCE, "{}", bench.logs());
        std::thread::sleep(Duration::from_millis(1));
    }
    let _ = fs::write(there.join("filler"), vec![1; 256 << 10]);
    assert_eq!(put.end().code(), Some(3), "{}", put.said());
    assert!(put.said().contains("the store has no room for it"), "{}", put.said());
    fs::remove_file(there.join("filler")).unwrap();
    bench.ok(&["put", "a"]);
    assert_eq!(fs::read(there.join("a")).unwrap(), content);
    assert!(*resumed(&device.said()).last().unwrap() >= 20_000, "{}", device.said());
}
