//! Two links and the wire between them, in virtual time.

use pocketmux_core::{
    Channel, ChannelId, Config, Delivery, Demux, Event, Identity, Link, Message, MessageId, Priority, cobs,
    packet::{Hello, Packet, Seal, Terms},
};

pub const CHAT: ChannelId = ChannelId::new(0);
pub const URGENT: ChannelId = ChannelId::new(1);
pub const BULK: ChannelId = ChannelId::new(2);
pub const LATEST: ChannelId = ChannelId::new(3);
pub const LOSSY: ChannelId = ChannelId::new(4);

const CHANNELS: [Channel<'static>; 5] = [
    Channel::new("chat"),
    Channel::new("urgent").with_priority(Priority::Urgent),
    Channel::new("bulk").with_priority(Priority::Bulk),
    Channel::new("latest").with_delivery(Delivery::Latest),
    Channel::new("lossy").with_delivery(Delivery::Lossy),
];

/// What a side was told, without the frames.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    Up(String),
    Down,
    Opened(String),
    Closed(String, Option<String>),
    Silent,
    Back,
    Incompatible,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    pub total: Option<u32>,
    pub data: Vec<u8>,
}

pub struct Side {
    pub link: Link<'static, 256, 16, 8>,
    pub heard: Vec<Heard>,
    pub frames: Vec<Frame>,
    pub metas: Vec<String>,
    demux: Demux<(ChannelId, MessageId), Vec<u8>, 16>,
    rebuilt: Vec<(String, Vec<u8>)>,
}

impl Side {
    pub fn new(name: &'static str, epoch: u32) -> Self {
        Self::with_silence(name, epoch, Config::default().silence_ms)
    }

    fn with_silence(name: &'static str, epoch: u32, silence_ms: u32) -> Self {
        let identity = Identity { name, firmware: "test 1", serial: "0001" };
        let mut link = Link::new(Config { identity, epoch, silence_ms });
        for channel in CHANNELS {
            link.open(channel).unwrap();
        }
        let demux = Demux::new(|| vec![0; 4096]);
        Self { link, heard: vec![], frames: vec![], metas: vec![], demux, rebuilt: vec![] }
    }

    /// Messages that came whole, by the name of their channel.
    pub fn messages(&self) -> Vec<(String, Vec<u8>)> {
        self.rebuilt.clone()
    }

    /// The data of all frames in the order of their arrival.
    pub fn order(&self) -> String {
        self.frames.iter().flat_map(|frame| frame.data.iter().map(|&byte| char::from(byte))).collect()
    }

    pub fn take_in(&mut self, mut input: &[u8], now_us: u64) {
        let names = CHANNELS.map(|channel| channel.name);
        // Time, too, brings events.
        loop {
            input = &input[self.link.handle_input(input, now_us)..];
            while let Some(event) = self.link.poll_event() {
                match event {
                    Event::Up(peer) => self.heard.push(Heard::Up(peer.identity.name.into())),
                    Event::Down => {
                        self.demux.clear();
                        self.heard.push(Heard::Down);
                    }
                    Event::Opened { channel, .. } => {
                        let words = [channel.name, channel.meta].map(str::trim);
                        self.heard.push(Heard::Opened(words.join(" ").trim().into()));
                    }
                    Event::Frame(frame) => {
                        self.frames.push(Frame { total: frame.position.total(), data: frame.data.to_vec() });
                        self.metas.extend((!frame.meta.is_empty()).then(|| frame.meta.to_string()));
                        if let Ok(Some(message)) = self.demux.insert((frame.channel, frame.message), &frame) {
                            let name = CHANNELS[frame.channel.index()].name;
                            self.rebuilt.push((name.into(), message.data.to_vec()));
                        }
                    }
                    Event::Closed { ours, reset, .. } => {
                        let name = ours.map_or("", |ours| names.get(ours.index()).map_or("", |name| name));
                        self.heard.push(Heard::Closed(name.into(), reset.map(String::from)));
                    }
                    Event::Silent => self.heard.push(Heard::Silent),
                    Event::Back => self.heard.push(Heard::Back),
                    _ => self.heard.push(Heard::Incompatible),
                }
            }
            if input.is_empty() {
                return;
            }
        }
    }
}

pub struct Pair {
    pub a: Side,
    pub b: Side,
    pub unplugged: bool,
    /// Nothing arrives at `a`.
    pub is_a_deaf: bool,
    pub drop_opens: bool,
    /// Both sides speak only version 3, as far as the other can tell.
    pub other_version: bool,
    pub bit_error_rate: f64,
    pub now_us: u64,
    random: u64,
}

impl Pair {
    pub fn new() -> Self {
        Self {
            a: Side::new("a", 11),
            b: Side::new("b", 22),
            unplugged: false,
            is_a_deaf: false,
            drop_opens: false,
            other_version: false,
            bit_error_rate: 0.0,
            now_us: 0,
            random: 0x9e37_79b9_7f4a_7c15,
        }
    }

    /// A pair that has greeted and wants no sign of life.
    pub fn up_without_keep_alive() -> Self {
        Self::up_with_silences([0, 0])
    }

    /// A pair that has greeted, each side with its own patience in milliseconds.
    pub fn up_with_silences(silences_ms: [u32; 2]) -> Self {
        let a = Side::with_silence("a", 11, silences_ms[0]);
        let b = Side::with_silence("b", 22, silences_ms[1]);
        let mut pair = Self { a, b, ..Self::new() };
        pair.run_ms(1);
        pair
    }

    /// A pair that has greeted.
    pub fn up() -> Self {
        let mut pair = Self::new();
        pair.run_ms(1);
        pair
    }

    pub fn reboot_b(&mut self) {
        self.b = Side::new("b", 23);
    }

    /// Lets everything that is queued cross, and the time pass.
    pub fn run_ms(&mut self, ms: u64) {
        for _ in 0..ms {
            self.now_us += 1000;
            self.a.link.handle_timeout(self.now_us);
            self.b.link.handle_timeout(self.now_us);
            while self.cross() {}
        }
    }

    /// Has each side say a text to the other, which it hears once.
    pub fn exchange(&mut self, text: &str) {
        for side in [&mut self.a, &mut self.b] {
            side.link.send(CHAT, &Message::text(text)).unwrap();
        }
        self.run_ms(200);
        for side in [&self.a, &self.b] {
            let said = ("chat".to_string(), text.as_bytes().to_vec());
            assert_eq!(side.messages().iter().filter(|message| **message == said).count(), 1, "{text}");
        }
    }

    /// Lets one packet of `a` cross, and its answers.
    pub fn one_frame(&mut self) {
        let bytes = transmit(&mut self.a.link, self.now_us).unwrap_or_default();
        self.b.take_in(&bytes, self.now_us);
        while let Some(bytes) = transmit(&mut self.b.link, self.now_us) {
            self.a.take_in(&bytes, self.now_us);
        }
    }

    /// One packet each way; false when there was none.
    fn cross(&mut self) -> bool {
        let from_a = transmit(&mut self.a.link, self.now_us).map(|bytes| self.spoil(bytes));
        let from_b = transmit(&mut self.b.link, self.now_us);
        let translate =
            |bytes: Option<Vec<u8>>| if self.other_version { bytes.map(|bytes| as_version_3(&bytes)) } else { bytes };
        let (from_a, from_b) = (translate(from_a), translate(from_b));
        if !self.unplugged {
            let lost = self.drop_opens && from_a.as_ref().is_some_and(|bytes| is_open(bytes));
            self.b.take_in(from_a.as_deref().filter(|_| !lost).unwrap_or_default(), self.now_us);
            self.a.take_in(from_b.as_deref().filter(|_| !self.is_a_deaf).unwrap_or_default(), self.now_us);
        }
        from_a.is_some() || from_b.is_some()
    }

    fn spoil(&mut self, mut bytes: Vec<u8>) -> Vec<u8> {
        for byte in &mut bytes {
            for bit in 0..8 {
                if self.next_random() < self.bit_error_rate {
                    *byte ^= 1 << bit;
                }
            }
        }
        bytes
    }

    /// Xorshift: the same numbers in every run.
    fn next_random(&mut self) -> f64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) as f64 / (1u64 << 53) as f64
    }
}

fn transmit(link: &mut Link<'static, 256, 16, 8>, now_us: u64) -> Option<Vec<u8>> {
    let bytes = link.poll_transmit(now_us).to_vec();
    link.consume(bytes.len());
    (!bytes.is_empty()).then_some(bytes)
}

fn is_open(wire: &[u8]) -> bool {
    let mut run = wire.split(|&byte| byte == 0).find(|run| !run.is_empty()).unwrap().to_vec();
    let packet = pocketmux_core::cobs::decode(&mut run).unwrap();
    packet.first().is_some_and(|kind| kind >> 4 == 2)
}

/// The same HELLO from a side that speaks only version 3.
fn as_version_3(wire: &[u8]) -> Vec<u8> {
    let mut run = wire.split(|&byte| byte == 0).find(|run| !run.is_empty()).unwrap().to_vec();
    match Packet::decode(cobs::decode(&mut run).unwrap(), Seal::default()).unwrap() {
        Packet::Hello(Hello { terms, .. }) => hello(Terms { version_min: 3, version_max: 3, ..terms }),
        other => panic!("{other:?} without a link"),
    }
}

/// What a peer of epoch 99 that knows nobody states.
pub const TERMS: Terms = Terms {
    version_min: 2,
    version_max: 2,
    epoch: 99,
    seen: 0,
    packet_max: 252,
    window: 16,
    ack_every: 4,
    silence_ms: 1000,
    channels: 8,
};

/// A HELLO on the wire.
pub fn hello(terms: Terms) -> Vec<u8> {
    let mut out = [0; 128];
    let hello = Packet::Hello(Hello { asks: true, terms, identity: Identity::default() });
    let packet = hello.encode(Seal::default(), &mut out).unwrap().to_vec();
    let mut run = vec![0; cobs::encoded_max(packet.len())];
    let start = run.len() - packet.len();
    run[start..].copy_from_slice(&packet);
    let len = cobs::encode(&mut run, packet.len()).unwrap();
    run.truncate(len);
    run.push(0);
    run
}
