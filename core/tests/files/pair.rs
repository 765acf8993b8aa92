//! Two peers with files, and the wire between them, in virtual time.

use pocketmux_core::files::{self, Answer, Ended, FileMessage, Files, Heard, Reason};
use pocketmux_core::{Channel, ChannelId, Config, Demux, Event, Identity, Link, Message, MessageId};

use crate::shelf::Shelf;

pub const CHAT: ChannelId = ChannelId::new(0);
pub const FILE: ChannelId = ChannelId::new(1);
/// Of virtual time in a turn.
const TURN_US: u64 = 1000;
/// Bytes that the wire carries in a turn: about 115200 baud.
const BYTES: usize = 12;

pub struct Peer {
    pub link: Link<'static, 256, 16, 4>,
    pub files: Files<Shelf, 2>,
    epoch: u32,
    name: &'static str,
    pub ended: Vec<Ended>,
    pub answers: Vec<(u32, Answer)>,
    /// Whole messages that are not of the protocol.
    pub plain: Vec<(String, Vec<u8>)>,
    demux: Demux<(ChannelId, MessageId), Vec<u8>, 4>,
    /// Files are not looked at: an application that hangs.
    pub is_stuck: bool,
    /// What comes for files is only written down: a test plays this side.
    pub is_played: bool,
    pub told: Vec<String>,
}

impl Peer {
    fn new(name: &'static str, epoch: u32, shelf: Shelf) -> Self {
        let identity = Identity { name, firmware: "test 1", serial: "0001" };
        let mut link = Link::new(Config { identity, epoch, ..Config::default() });
        link.open(Channel::new("chat")).unwrap();
        assert_eq!(link.open(files::channel()), Ok(FILE));
        let demux = Demux::new(|| vec![0; 4096]);
        let files = Files::new(shelf, FILE, 4);
        let (ended, answers, plain) = (vec![], vec![], vec![]);
        Self { link, files, epoch, name, ended, answers, plain, demux, is_stuck: false, is_played: false, told: vec![] }
    }

    pub fn shelf(&mut self) -> &mut Shelf {
        self.files.store()
    }

    fn take_in(&mut self, mut input: &[u8], now_us: u64) {
        loop {
            input = &input[self.link.handle_input(input, now_us)..];
            while let Some(event) = self.link.poll_event() {
                match event {
                    Event::Down => {
                        self.demux.clear();
                        self.files.handle_down();
                    }
                    Event::Frame(frame) if self.is_played => {
                        let told = FileMessage::decode(frame.data)
                            .map(|(number, message)| format!("{} {message:?}", number.number));
                        self.told.extend(told);
                    }
                    Event::Frame(frame) if !self.is_stuck => match self.files.handle_frame(&frame, now_us) {
                        Heard::Taken => {}
                        Heard::Answer(number) => self.answers.push((number, self.files.answer())),
                        Heard::Plain => {
                            let insert = self.demux.insert((frame.channel, frame.message), &frame);
                            if let Ok(Some(message)) = insert {
                                let channel = if frame.channel == CHAT { "chat" } else { "file" };
                                self.plain.push((channel.into(), message.data.to_vec()));
                            }
                        }
                    },
                    _ => {}
                }
            }
            if input.is_empty() {
                break;
            }
        }
        self.link.handle_timeout(now_us);
        if !self.is_stuck {
            self.files.transmit(&mut self.link, now_us);
        }
        self.ended.extend(std::iter::from_fn(|| self.files.poll_event()));
    }

    fn say(&mut self, now_us: u64) -> Vec<u8> {
        let mut bytes = Vec::new();
        while bytes.len() < BYTES {
            let shown = self.link.poll_transmit(now_us);
            if shown.is_empty() {
                break;
            }
            let taken = shown.len().min(BYTES - bytes.len());
            bytes.extend_from_slice(&shown[..taken]);
            self.link.consume(taken);
        }
        bytes
    }
}

/// Two peers, `a` and `b`.
pub struct Pair {
    pub a: Peer,
    pub b: Peer,
    pub now_us: u64,
    /// Of a bit.
    pub error_rate: f64,
    pub is_unplugged: bool,
    pub random: Random,
    /// Bytes that went from `a` to `b`.
    pub carried: usize,
}

/// xorshift64: the same numbers for the same seed.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }

    pub fn chance(&mut self, probability: f64) -> bool {
        (self.below(1 << 32) as f64) < probability * (1u64 << 32) as f64
    }

    pub fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.below(256) as u8).collect()
    }
}

impl Pair {
    pub fn new(a: Shelf, b: Shelf) -> Self {
        let (a, b) = (Peer::new("a", 11, a), Peer::new("b", 22, b));
        let random = Random(0x9e37_79b9_7f4a_7c15);
        Self { a, b, now_us: 0, error_rate: 0.0, is_unplugged: false, random, carried: 0 }
    }

    /// Two peers that have met.
    pub fn up(a: Shelf, b: Shelf) -> Self {
        let mut pair = Self::new(a, b);
        pair.run_while(|pair| !(pair.a.link.is_up() && pair.b.link.is_up()));
        pair
    }

    pub fn turn(&mut self) {
        self.now_us += TURN_US;
        let (mut to_b, mut to_a) = (self.a.say(self.now_us), self.b.say(self.now_us));
        self.carried += to_b.len();
        for byte in to_b.iter_mut().chain(&mut to_a) {
            if self.random.chance(self.error_rate * 8.0) {
                *byte ^= 1 << self.random.below(8);
            }
        }
        if self.is_unplugged {
            (to_a, to_b) = (vec![], vec![]);
        }
        self.b.take_in(&to_b, self.now_us);
        self.a.take_in(&to_a, self.now_us);
    }

    pub fn run_ms(&mut self, ms: usize) {
        (0..ms).for_each(|_| self.turn());
    }

    /// Runs on while that holds, for ten minutes of virtual time at most.
    pub fn run_while(&mut self, mut holds: impl FnMut(&mut Self) -> bool) {
        for _ in 0..600_000 {
            if !holds(self) {
                return;
            }
            self.turn();
        }
        panic!("it goes on for ever: a ended {:?}, b ended {:?}", self.a.ended, self.b.ended);
    }

    /// Runs until `a` has ended so many transfers.
    pub fn run_until_ended(&mut self, count: usize) {
        self.run_while(|pair| pair.a.ended.len() < count);
        // The other side is to hear of it, too.
        self.run_ms(200);
    }

    /// What became of the transfers of `a`, in the order of their ends.
    pub fn results(&self) -> Vec<Result<(), Reason>> {
        self.a.ended.iter().map(|ended| ended.result.map_err(|failure| failure.reason)).collect()
    }

    /// `b` starts anew with what its shelf has stored, less so many bytes of what is still arriving.
    pub fn reboot_b(&mut self, lost: usize) {
        let mut shelf = self.b.shelf().clone();
        shelf.lose_power(lost);
        self.b = Peer::new(self.b.name, self.b.epoch + 1, shelf);
    }

    pub fn chat(&mut self, text: &str) {
        self.a.link.send(CHAT, &Message::text(text)).unwrap();
    }
}
