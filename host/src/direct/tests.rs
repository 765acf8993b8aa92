use std::fs;
use std::path::PathBuf;

use pocketmux_core::files::{Algorithm, Answer, Digest, Ended, Files, Heard, Name, Reason, channel};
use pocketmux_core::{ChannelId, Config, Event, Identity};

use crate::folder::Folder;
use crate::outgoing::DeviceLink;

/// One side: a link and a directory.
struct Side {
    link: Box<DeviceLink<'static>>,
    files: Files<Folder, 4>,
    path: PathBuf,
    answers: Vec<Answer>,
    ended: Vec<Ended>,
}

impl Side {
    fn new(name: &'static str, test: &str, epoch: u32) -> Self {
        let path = std::env::temp_dir().join(format!("pocketmux-direct-{}-{test}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        let identity = Identity { name, ..Identity::default() };
        let mut link = Box::new(DeviceLink::new(Config { identity, epoch, ..Config::default() }));
        let channel = link.open(channel()).unwrap();
        assert_eq!(channel, ChannelId::new(0));
        let files = Files::new(Folder::new(&path).unwrap(), channel, 16);
        Self { link, files, path, answers: Vec::new(), ended: Vec::new() }
    }

    fn put(&self, name: &str, content: &str) {
        fs::write(self.path.join(name), content).unwrap();
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.path).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = entries.filter(|name| !name.starts_with('.')).collect();
        names.sort();
        names
    }

    fn take_in(&mut self, mut input: &[u8], now_us: u64) {
        loop {
            input = &input[self.link.handle_input(input, now_us)..];
            while let Some(event) = self.link.poll_event() {
                if let Event::Frame(frame) = event
                    && let Heard::Answer(_) = self.files.handle_frame(&frame, now_us)
                {
                    self.answers.push(self.files.answer());
                }
            }
            if input.is_empty() {
                return;
            }
        }
    }
}

impl Drop for Side {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Sides take turns; what one says is heard by the other at once.
fn run(a: &mut Side, b: &mut Side, now_us: &mut u64, ms: u64) {
    for _ in 0..ms {
        *now_us += 1000;
        turn(a, b, *now_us);
        turn(b, a, *now_us);
    }
}

fn turn(from: &mut Side, to: &mut Side, now_us: u64) {
    from.link.handle_timeout(now_us);
    from.take_in(&[], now_us);
    from.files.transmit(&mut from.link, now_us);
    while let Some(ended) = from.files.poll_event() {
        from.ended.push(ended);
    }
    loop {
        let bytes = from.link.poll_transmit(now_us).to_vec();
        if bytes.is_empty() {
            return;
        }
        from.link.consume(bytes.len());
        to.take_in(&bytes, now_us);
    }
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

#[test]
fn a_private_side_gives_takes_and_tells_nothing_but_what_it_began_itself() {
    let (mut ours, mut theirs) = (Side::new("ours", "private", 1), Side::new("theirs", "private", 2));
    let mut now_us = 0;
    ours.files.keep_private();
    ours.put("secret", "secret");
    theirs.put("gift", "gift");
    run(&mut ours, &mut theirs, &mut now_us, 50);
    theirs.files.list(&mut theirs.link, 0).unwrap();
    run(&mut ours, &mut theirs, &mut now_us, 200);
    theirs.files.remove(&mut theirs.link, "secret").unwrap();
    run(&mut ours, &mut theirs, &mut now_us, 200);
    theirs.files.rename(&mut theirs.link, "secret", "known").unwrap();
    run(&mut ours, &mut theirs, &mut now_us, 200);
    assert_eq!(theirs.answers, vec![Answer::Refused(Reason::Missing); 3]);
    theirs.files.get(&name("secret")).unwrap();
    theirs.files.offer(&name("gift")).unwrap();
    run(&mut ours, &mut theirs, &mut now_us, 500);
    let mut results: Vec<_> = theirs.ended.iter().map(|ended| ended.result.unwrap_err().reason).collect();
    results.sort_by_key(|reason| *reason as u8);
    assert_eq!(results, [Reason::NoRoom, Reason::Missing]);
    assert_eq!((ours.names(), theirs.names()), (vec!["secret".to_owned()], vec!["gift".to_owned()]));
    // And what it asks for comes.
    ours.files.get(&name("gift")).unwrap();
    ours.files.offer(&name("secret")).unwrap();
    run(&mut ours, &mut theirs, &mut now_us, 500);
    assert_eq!(
        (ours.names(), theirs.names()),
        (vec!["gift".into(), "secret".into()], vec!["gift".into(), "secret".into()])
    );
}

#[test]
fn a_file_is_offered_by_the_digest_that_the_other_side_can_check() {
    let (mut ours, mut theirs) = (Side::new("ours", "digest", 1), Side::new("theirs", "digest", 2));
    let mut now_us = 0;
    ours.put("a", "123456789");
    ours.files.store().learn(&name("a")).unwrap();
    run(&mut ours, &mut theirs, &mut now_us, 50);
    ours.files.set_algorithm(Algorithm::Crc32);
    ours.files.offer(&name("a")).unwrap();
    run(&mut ours, &mut theirs, &mut now_us, 500);
    let [ended] = &ours.ended[..] else { panic!("{:?}", ours.ended) };
    assert_eq!((ended.digest, ended.result), (Some(Digest::Crc32(0xcbf4_3926)), Ok(())));
    assert_eq!(theirs.names(), ["a"]);
}
