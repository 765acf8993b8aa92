//! A side with files, and a peer that says anything: messages of the protocol in any order with right and wrong fields, any other bytes, new boots,
//! long silences. Nothing panics, there are never more transfers than there is room for, a file that nobody names stays as it is, and every file has the
//! content of its digest. Then the peer only listens, and every transfer has to come to its end.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pocketmux_core::files::{
    self, ANSWER_US, About, Algorithm, CONTROL_MAX, Digest, FileMessage, Files, Hasher, Heard, Kind, META, Name,
    Number, Ram, Reason, Store,
};
use pocketmux_core::{Channel, ChannelId, Config, Event, Link, Message};

type LinkOfSide = Link<'static, 200, 8, 2, [u8; 500]>;

const FILE: ChannelId = ChannelId::new(1);
const TRANSFERS: usize = 2;
/// Names that files have and that are asked for.
const NAMES: [&str; 4] = ["a", "b.txt", "../c", "d"];
/// The file that nobody names.
const KEPT: &str = "kept";
const STEP_US: u64 = 100_000;
/// Longer than any transfer waits, three times.
const REST_STEPS: u64 = 3 * ANSWER_US / STEP_US;

fn content(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 7 + len) as u8).collect()
}

fn digest(algorithm: Algorithm, content: &[u8]) -> Digest {
    let mut hasher = Hasher::new(algorithm).expect("both are built in");
    hasher.update(content);
    hasher.digest()
}

fn link(epoch: u32) -> LinkOfSide {
    let mut link = Link::new(Config { epoch, ..Config::default() });
    link.open(Channel::new("chat")).unwrap();
    assert_eq!(link.open(files::channel()), Ok(FILE));
    link
}

/// The side with files, and the peer.
struct Duo {
    link: LinkOfSide,
    files: Files<Ram<2000, 6>, TRANSFERS>,
    peer: LinkOfSide,
    peer_epoch: u32,
    now_us: u64,
}

impl Duo {
    fn new() -> Self {
        let mut store = Ram::new();
        for (name, len) in [(KEPT, 300), (NAMES[0], 100)] {
            let content = content(len);
            let (name, digest) = (Name::new(name).unwrap(), digest(Algorithm::Sha256, &content));
            let (file, _) = store.receive(&About { name, size: len as u32, digest, kind: Kind::new() }).unwrap();
            store.append(file, &content).unwrap();
            store.finish(file).unwrap();
        }
        Self { link: link(1), files: Files::new(store, FILE, 2), peer: link(2), peer_epoch: 2, now_us: 0 }
    }

    /// Lets time pass, and everything that is to be said arrive.
    fn step(&mut self, elapsed_us: u64) {
        self.now_us += elapsed_us;
        self.link.handle_timeout(self.now_us);
        self.peer.handle_timeout(self.now_us);
        for _ in 0..20 {
            self.files.transmit(&mut self.link, self.now_us);
            let said = self.link.poll_transmit(self.now_us).to_vec();
            self.link.consume(said.len());
            let mut rest = &said[..];
            loop {
                rest = &rest[self.peer.handle_input(rest, self.now_us)..];
                while self.peer.poll_event().is_some() {}
                if rest.is_empty() {
                    break;
                }
            }
            let answer = self.peer.poll_transmit(self.now_us).to_vec();
            self.peer.consume(answer.len());
            self.hear(&answer);
            if said.is_empty() && answer.is_empty() {
                break;
            }
        }
        while self.files.poll_event().is_some() {}
        assert!(self.files.transfers().count() <= TRANSFERS);
    }

    fn hear(&mut self, mut rest: &[u8]) {
        loop {
            rest = &rest[self.link.handle_input(rest, self.now_us)..];
            while let Some(event) = self.link.poll_event() {
                match event {
                    Event::Down => self.files.handle_down(),
                    Event::Frame(frame) => {
                        let heard = self.files.handle_frame(&frame, self.now_us);
                        assert!(frame.meta != META || heard != Heard::Plain);
                    }
                    _ => {}
                }
            }
            if rest.is_empty() {
                break;
            }
        }
    }

    /// The peer says it, unless it is about the file that nobody names.
    fn say(&mut self, bytes: &[u8]) {
        let named = match FileMessage::decode(bytes) {
            Some((_, FileMessage::Offer { name, .. } | FileMessage::Remove(name))) => [name, ""],
            Some((_, FileMessage::Rename { from, to })) => [from, to],
            _ => [""; 2],
        };
        if !named.contains(&KEPT) {
            // What finds no room is not said.
            let _ = self.peer.send(FILE, &Message::bytes(bytes).with_meta(META));
        }
    }

    /// A message of the protocol, with fields that are right or nearly.
    fn message(&mut self, kind: u8, number: u8, value: u8) {
        let number = Number { number: u32::from(number & 7), is_yours: number & 8 != 0 };
        let (len, name) = (usize::from(value) * 4, NAMES[usize::from(value) % NAMES.len()]);
        let algorithm = if value & 4 == 0 { Algorithm::Sha256 } else { Algorithm::Crc32 };
        let whole = content(len);
        let digest_of = |len: usize| digest(algorithm, whole.get(..len).unwrap_or(&whole));
        let message = match kind % 12 {
            0 | 1 => FileMessage::Offer { size: len as u32, digest: digest_of(len), kind: "text/plain", name },
            2 => FileMessage::Data { offset: 0, content: &whole },
            // Behind what may be there already, or wherever.
            3 => FileMessage::Data { offset: u32::from(value), content: &whole },
            4 => FileMessage::Accept {
                offset: u32::from(value) % 100,
                digest: Some(digest(algorithm, &content(100)[..usize::from(value) % 100])),
            },
            5 => FileMessage::Done,
            6 => FileMessage::Cancel(if value & 1 == 0 { Reason::Cancelled } else { Reason::Paused }),
            7 => FileMessage::Get(name),
            8 => FileMessage::List(u32::from(value & 7)),
            9 => FileMessage::Remove(name),
            10 => FileMessage::Rename { from: name, to: NAMES[usize::from(value >> 2) % NAMES.len()] },
            _ => FileMessage::Accept { offset: 0, digest: None },
        };
        let mut out = [0; CONTROL_MAX];
        let mut bytes = message.encode(number, &mut out).expect("it fits").to_vec();
        if let FileMessage::Data { content, .. } = message {
            bytes.extend_from_slice(content);
        }
        self.say(&bytes);
    }

    /// What the application of the side does.
    fn act(&mut self, value: u8) {
        let name = Name::new(NAMES[usize::from(value >> 4) % NAMES.len()]).unwrap_or_else(|_| Name::new(KEPT).unwrap());
        match value & 7 {
            0 => drop(self.files.offer(&name)),
            1 => drop(self.files.get(&name)),
            2 | 3 => {
                let reason = if value & 8 == 0 { Reason::Cancelled } else { Reason::Paused };
                let id = self.files.transfers().nth(usize::from(value & 1)).map(|transfer| transfer.id);
                id.into_iter().for_each(|id| self.files.cancel(id, reason));
            }
            4 => self.files.hold(),
            5 => drop(self.files.list(&mut self.link, u32::from(value))),
            6 => self.files.set_algorithm(if value & 8 == 0 { Algorithm::Crc32 } else { Algorithm::Sha256 }),
            _ => drop(self.files.rename(&mut self.link, name.as_str(), "e")),
        }
    }

    /// The peer starts anew.
    fn reboot(&mut self) {
        self.peer_epoch += 1;
        self.peer = link(self.peer_epoch);
    }

    /// Looks at every file that is whole.
    fn check(&mut self) {
        let store = self.files.store();
        let entries: Vec<_> = (0..).map_while(|index| store.entry(index)).collect();
        let mut is_kept = false;
        for entry in entries {
            assert!(entry.stored <= entry.size);
            let Ok((file, entry)) = store.open(&entry.name) else { continue };
            let mut bytes = vec![0; entry.size as usize];
            assert_eq!(store.read(file, 0, &mut bytes), Ok(bytes.len()));
            let known = entry.digest.expect("this store knows all digests");
            assert_eq!(digest(known.algorithm(), &bytes), known, "{}", entry.name);
            is_kept |= entry.name.as_str() == KEPT && bytes == content(300);
            store.close(file);
        }
        assert!(is_kept, "a file was lost that nobody named");
    }
}

fuzz_target!(|data: &[u8]| {
    let mut duo = Duo::new();
    (0..3).for_each(|_| duo.step(STEP_US));
    let mut rest = data;
    while let Some((&[operation, value], after)) = rest.split_first_chunk() {
        rest = after;
        match operation & 15 {
            0..=7 => duo.message(operation & 15, operation >> 4, value),
            8..=10 => duo.message(operation & 15, operation >> 4, value),
            11 => {
                let len = usize::from(value).min(rest.len());
                duo.say(&rest[..len]);
                rest = &rest[len..];
            }
            12 | 13 => duo.act(value),
            14 if value < 8 => duo.reboot(),
            // Up to 25 seconds, of which the other side says something in every one, or not.
            14 => (0..value).for_each(|_| duo.step(STEP_US)),
            _ => duo.now_us += u64::from(value) * STEP_US,
        }
        duo.step(1_000);
    }
    duo.check();
    for _ in 0..REST_STEPS {
        if duo.files.transfers().count() == 0 {
            return;
        }
        duo.step(STEP_US);
    }
    panic!("a transfer does not come to its end: {:?}", duo.files.transfers().next());
});
