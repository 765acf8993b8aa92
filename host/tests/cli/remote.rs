//! Files through a host that runs, which has the virtual device.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::running::{PATIENCE, Running, pocketmux, run};

use proxy::Proxy;

mod proxy;

/// A host, and a folder to work in.
struct Bench {
    host: Running,
    folder: PathBuf,
}

impl Bench {
    fn new(name: &str) -> Self {
        let host = Running::start(&format!("remote-{name}"), &["--port", "demo"]);
        let folder = std::env::temp_dir().join(format!("pocketmux-remote-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder).unwrap();
        let bench = Self { host, folder };
        let began = Instant::now();
        // The device has to say hello, and to open its channel of files.
        while bench.run(&["ls"]).0 != Some(0) {
            assert!(began.elapsed() < PATIENCE, "{:?}", bench.run(&["ls"]));
        }
        bench
    }

    fn file(&self, name: &str, len: usize) -> String {
        let path = self.folder.join(name);
        fs::write(&path, (0..len).map(|at| (at * 31 + at / 241) as u8).collect::<Vec<_>>()).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn run(&self, args: &[&str]) -> (Option<i32>, String, String) {
        run(&[args, &["--host", &self.host.address]].concat())
    }

    fn start(&self, args: &[&str]) -> Child {
        start(&self.host.address, args)
    }

    fn output(&self) -> &str {
        self.folder.to_str().unwrap()
    }

    /// Waits until a part of a file has crossed.
    fn wait_for_part(&self) {
        let began = Instant::now();
        while self.stored("only").is_none() {
            assert!(began.elapsed() < PATIENCE);
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// What the device has of a file.
    fn stored(&self, name: &str) -> Option<String> {
        let (_, list, _) = self.run(&["ls"]);
        list.lines().find(|line| line.contains(name)).map(str::to_owned)
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn start(host: &str, args: &[&str]) -> Child {
    let mut command = pocketmux(&[args, &["--host", host]].concat());
    command.stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
}

fn signal(child: &Child, name: &str) {
    let sent = std::process::Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// Its exit code, and what it said.
fn end(mut child: Child) -> (Option<i32>, String) {
    let began = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if began.elapsed() > 2 * PATIENCE {
            let _ = child.kill();
            panic!("it does not end: {:?}", child.wait_with_output());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let ended = child.wait_with_output().unwrap();
    (ended.status.code(), String::from_utf8(ended.stderr).unwrap())
}

/// The address of one that takes connections and says nothing, and what it is that hears them.
fn mute_host() -> (String, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    (format!("http://{}", listener.local_addr().unwrap()), listener)
}

#[test]
fn a_file_goes_to_the_device_and_comes_back_and_the_host_keeps_neither() {
    let bench = Bench::new("there-and-back");
    let path = bench.file("a b.bin", 20_000);
    let (code, _, said) = bench.run(&["put", &path]);
    assert!(code == Some(0) && said.contains("20000 bytes, verified"), "{said}");
    assert_eq!(bench.stored("a b.bin").unwrap(), "     20000  a b.bin");
    assert_eq!(bench.run(&["mv", "a b.bin", "c.bin", "--device", "virtual"]).0, Some(0));
    let (code, _, said) = bench.run(&["get", "c.bin", "--output", bench.output()]);
    assert!(code == Some(0) && said.contains("20000 bytes, verified"), "{said}");
    assert_eq!(fs::read(bench.folder.join("c.bin")).unwrap(), fs::read(&path).unwrap());
    assert_eq!(fs::read_dir(&bench.folder).unwrap().count(), 2);
    let entries = fs::read_dir(bench.host.data.join("files/entries")).unwrap();
    assert_eq!(entries.count(), 0);
    assert_eq!(bench.run(&["rm", "c.bin"]).0, Some(0));
    assert_eq!(bench.run(&["ls"]).1, "     65536  free\n");
}

#[test]
fn an_interrupted_command_goes_on_where_it_was() {
    let bench = Bench::new("interrupted");
    let path = bench.file("a.bin", 50_000);
    let put = bench.start(&["put", &path]);
    bench.wait_for_part();
    signal(&put, "-INT");
    let (code, said) = end(put);
    assert!(code == Some(130) && said.contains("goes on from here"), "{said}");
    let there = bench.stored("only").expect("what has crossed stays");
    assert!(there.contains("50000  a.bin"), "{there}");
    let (code, _, said) = bench.run(&["put", &path]);
    assert!(code == Some(0) && said.contains("of which"), "{said}");
    assert_eq!(bench.stored("a.bin").unwrap(), "     50000  a.bin");
}

#[test]
fn what_goes_wrong_is_told_by_words_and_by_the_exit_code() {
    let bench = Bench::new("wrong");
    let large = bench.file("large.bin", 70_000);
    let small = bench.file("small.bin", 10);
    let hidden = bench.file(".hidden", 10);
    for (args, code, words) in [
        (vec!["put", &large], 3, "the store has no room"),
        (vec!["get", "none"], 3, "there is no such file"),
        (vec!["rm", "none"], 3, "there is no such file"),
        (vec!["mv", "none", "other"], 3, "there is no such file"),
        (vec!["put", &hidden], 2, "does not begin with a dot"),
        (vec!["put", "/nowhere/a"], 1, "/nowhere/a cannot be read"),
        (vec!["put", &small, "--device", "nobody"], 4, "no device nobody. It knows: virtual"),
        (vec!["get", "../passwd"], 2, "a file's name"),
        (vec!["get"], 2, "<NAME>..."),
        (vec!["put", &small, "--port", "demo"], 2, "--port"),
    ] {
        let (exit, _, said) = bench.run(&args);
        assert!(exit == Some(code) && said.contains(words), "{args:?}: {exit:?} {said}");
    }
    for (host, words) in [
        ("https://localhost:8765", "write http://localhost:8765"),
        ("ftp://localhost", "http://NAME:PORT is expected"),
        ("http://", "http://NAME:PORT is expected"),
        ("http://a b", "http://NAME:PORT is expected"),
    ] {
        let (code, _, said) = run(&["ls", "--host", host]);
        assert!(code == Some(2) && said.contains(words), "{code:?} {said}");
    }
    let (code, _, said) = run(&["ls", "--host", "http://127.0.0.1:9"]);
    assert!(code == Some(4) && said.contains("Start one with `pocketmux`"), "{said}");
    // One that is refused leaves the others to be tried.
    let (code, _, said) = bench.run(&["put", &large, &small]);
    assert!(code == Some(3) && said.contains("10 bytes, verified"), "{said}");
}

#[test]
fn a_host_that_never_answers_is_given_up() {
    let (address, _listener) = mute_host();
    let path = std::env::temp_dir().join(format!("pocketmux-remote-{}-mute.bin", std::process::id()));
    fs::write(&path, "x").unwrap();
    let put = ["put", path.to_str().unwrap()];
    let jobs: [&[&str]; 6] = [&["ls"], &put, &["get", "a"], &["rm", "a"], &["mv", "a", "b"], &["ls", "--timeout", "1"]];
    let running = jobs.map(|args| start(&address, args));
    for (child, seconds) in running.into_iter().zip([10, 10, 10, 10, 10, 1]) {
        let (code, said) = end(child);
        assert!(code == Some(4) && said.contains(&format!("does not answer within {seconds} s")), "{code:?} {said}");
    }
    fs::remove_file(&path).unwrap();
}

#[test]
fn a_command_that_waits_for_a_mute_host_ends_when_it_is_told_to() {
    let (address, listener) = mute_host();
    for name in ["-INT", "-TERM"] {
        let child = start(&address, &["ls"]);
        let _connection = listener.accept().unwrap();
        signal(&child, name);
        let (code, said) = end(child);
        assert!(code == Some(130) && said.contains("Interrupted."), "{code:?} {said}");
    }
}

#[test]
fn a_host_that_falls_silent_in_the_middle_is_waited_for_as_long_as_a_device_is() {
    let bench = Bench::new("silent");
    let path = bench.file("a.bin", 50_000);
    let proxy = Proxy::to(&bench.host.address);
    let put = start(&proxy.address, &["put", &path, "--timeout", "1"]);
    bench.wait_for_part();
    proxy.fall_silent();
    let (code, said) = end(put);
    assert!(code == Some(4) && said.contains("does not answer within 1 s"), "{code:?} {said}");
}

#[test]
fn a_host_that_falls_silent_in_the_middle_keeps_nobody_from_ending() {
    let bench = Bench::new("stopped");
    let path = bench.file("a.bin", 50_000);
    let proxy = Proxy::to(&bench.host.address);
    let put = start(&proxy.address, &["put", &path]);
    bench.wait_for_part();
    proxy.fall_silent();
    signal(&put, "-INT");
    let (code, said) = end(put);
    assert!(code == Some(130) && said.contains("the host goes on"), "{code:?} {said}");
}

#[test]
fn a_lost_answer_to_the_last_piece_of_an_upload_changes_nothing() {
    let bench = Bench::new("lost");
    let proxy = Proxy::to(&bench.host.address);
    for (name, len) in [("a.bin", 20_000), ("empty.bin", 0)] {
        let path = bench.file(name, len);
        proxy.lose_an_answer();
        let (code, said) = end(start(&proxy.address, &["put", &path]));
        assert!(code == Some(0) && said.contains(&format!("{len} bytes, verified")), "{code:?} {said}");
        // Of nothing no piece is sent.
        assert_eq!(proxy.has_lost(), len > 0, "{said}");
        assert_eq!(bench.stored(name).unwrap(), format!("{len:>10}  {name}"));
    }
    let entries = fs::read_dir(bench.host.data.join("files/entries")).unwrap();
    assert_eq!(entries.count(), 0);
}

#[test]
fn several_who_send_the_same_file_at_once_are_all_done_when_it_is_there() {
    let bench = Bench::new("several");
    let path = bench.file("a.bin", 30_000);
    let running: Vec<_> = (0..6).map(|_| bench.start(&["put", &path])).collect();
    for child in running {
        let (code, said) = end(child);
        assert_eq!(code, Some(0), "{said}");
    }
    assert_eq!(bench.stored("a.bin").unwrap(), "     30000  a.bin");
}

#[test]
fn what_cannot_be_written_is_not_fetched_and_no_link_is_followed() {
    let bench = Bench::new("output");
    let path = bench.file("a.bin", 1000);
    assert_eq!(bench.run(&["put", &path]).0, Some(0));
    fs::create_dir_all(bench.folder.join("taken/a.bin")).unwrap();
    for output in ["nowhere", "a.bin", "taken"] {
        let output = bench.folder.join(output);
        let (code, _, said) = bench.run(&["get", "a.bin", "--output", output.to_str().unwrap()]);
        assert!(code == Some(1) && said.contains("cannot be written"), "{said}");
        assert!(!said.contains("1000 bytes"), "{said}");
    }
    let (come, precious) = (bench.folder.join("come"), bench.folder.join("precious"));
    fs::create_dir(&come).unwrap();
    fs::write(&precious, "precious").unwrap();
    symlink(&precious, come.join(".a.bin.part")).unwrap();
    assert_eq!(bench.run(&["get", "a.bin", "--output", come.to_str().unwrap()]).0, Some(0));
    assert_eq!(fs::read(come.join("a.bin")).unwrap(), fs::read(&path).unwrap());
    assert_eq!(fs::read(&precious).unwrap(), b"precious");
    assert_eq!(fs::read_dir(&come).unwrap().count(), 1);
}
