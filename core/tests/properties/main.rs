//! Properties of the whole path: whatever is sent, however the stream is cut, in whatever order frames come.

mod files;

use pocketmux_core::mux::{Bounds, Mux, Route};
use pocketmux_core::{
    Channel, ChannelId, Config, Cut, Delivery, Demux, Event, Frame, Kind, Link, Message, MessageId, Position, Priority,
    SendError,
    deframe::{Deframer, Run},
    packet::{Open, Packet, Seal},
};
use proptest::collection::vec;
use proptest::prelude::*;

#[derive(Clone, Debug)]
struct Said {
    channel: u8,
    text: bool,
    data: Vec<u8>,
}

fn said() -> impl Strategy<Value = Said> {
    let text = "\\PC{0,60}".prop_map(String::into_bytes);
    let bytes = vec(any::<u8>(), 0..400);
    (0..4u8, prop_oneof![(Just(true), text), (Just(false), bytes)]).prop_map(|(channel, (text, data))| Said {
        channel,
        text,
        data,
    })
}

fn kind(said: &Said) -> Kind {
    if said.text { Kind::Text } else { Kind::Binary }
}

/// A frame that owns its data.
#[derive(Clone, Debug)]
struct Owned {
    message: MessageId,
    channel: ChannelId,
    position: Position,
    kind: Kind,
    data: Vec<u8>,
}

impl Owned {
    fn new(frame: &Frame<'_>) -> Self {
        Self {
            message: frame.message,
            channel: frame.channel,
            position: frame.position,
            kind: frame.kind,
            data: frame.data.to_vec(),
        }
    }

    fn frame(&self) -> Frame<'_> {
        Frame {
            channel: self.channel,
            message: self.message,
            position: self.position,
            kind: self.kind,
            meta: "",
            data: &self.data,
        }
    }
}

/// The frames of one message in pieces of `size`.
fn frames(number: u32, said: &Said, size: usize) -> Vec<Owned> {
    let mut mux = Mux::<256, 512>::new();
    mux.set_cut(Cut::units(size).unwrap());
    let route = Route {
        channel: ChannelId::new(said.channel),
        message: MessageId(number),
        priority: Priority::Normal,
        delivery: Delivery::Reliable,
    };
    mux.send(route, &Message { kind: kind(said), meta: "", data: &said.data }, Bounds::of_data(256)).unwrap();
    let mut out = Vec::new();
    while let Some(slot) = mux.next_slot() {
        out.push(Owned::new(&mux.frame(slot).unwrap()));
        mux.release(slot);
    }
    out
}

type Side = Link<'static, 256, 128, 4>;

fn side(epoch: u32) -> Side {
    let mut link = Link::new(Config { epoch, ..Config::default() });
    for name in ["zero", "one", "two", "three"] {
        link.open(Channel::new(name)).unwrap();
    }
    link
}

/// Two sides that are up, and what came to the second.
struct Pair {
    a: Side,
    b: Side,
    demux: Demux<(ChannelId, MessageId), Vec<u8>, 32>,
    got: Vec<(u8, Vec<u8>)>,
    now_us: u64,
}

impl Pair {
    fn up() -> Self {
        let (mut a, mut b) = (side(1), side(2));
        greet(&mut a, &mut b);
        Self { a, b, demux: Demux::new(|| vec![0; 1024]), got: Vec::new(), now_us: 0 }
    }

    /// Carries to `b` what `a` has to send, in slices of these lengths, and the answer back; false when `a` had nothing.
    fn exchange(&mut self, slices: &[usize]) -> bool {
        self.now_us += 50_000;
        let bytes = output(&mut self.a, self.now_us);
        let (demux, got) = (&mut self.demux, &mut self.got);
        receive(&mut self.b, &bytes, slices, self.now_us, |frame| {
            if let Some(message) = demux.insert((frame.channel, frame.message), &frame).unwrap() {
                got.push((frame.channel.index() as u8, message.data.to_vec()));
            }
        });
        self.now_us += 50_000;
        let answer = output(&mut self.b, self.now_us);
        receive(&mut self.a, &answer, &[64], self.now_us, |_| {});
        !bytes.is_empty()
    }
}

fn greet(a: &mut Side, b: &mut Side) {
    for _ in 0..3 {
        receive(b, &output(a, 0), &[7], 0, |_| {});
        receive(a, &output(b, 0), &[7], 0, |_| {});
    }
}

fn output(link: &mut Side, now_us: u64) -> Vec<u8> {
    link.handle_timeout(now_us);
    let mut out = Vec::new();
    loop {
        let bytes = link.poll_transmit(now_us);
        if bytes.is_empty() {
            return out;
        }
        out.extend_from_slice(bytes);
        link.consume(usize::MAX);
    }
}

/// Shows every frame that comes of `stream`, given in slices of these lengths.
fn receive(link: &mut Side, stream: &[u8], slices: &[usize], now_us: u64, mut each: impl FnMut(Frame<'_>)) {
    let mut rest = stream;
    let mut lengths = slices.iter().copied().cycle();
    while !rest.is_empty() {
        let (mut slice, after) = rest.split_at(lengths.next().unwrap_or(rest.len()).clamp(1, rest.len()));
        rest = after;
        while !slice.is_empty() {
            slice = &slice[link.handle_input(slice, now_us)..];
            while let Some(event) = link.poll_event() {
                if let Event::Frame(frame) = event {
                    each(frame);
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    /// Any message set, any chunking, any slicing of the byte stream.
    #[test]
    fn what_is_sent_over_a_link_arrives(
        said in vec(said(), 0..12),
        size in prop_oneof![Just(None), (40..300usize).prop_map(Some)],
        slices in vec(1..50usize, 1..10),
    ) {
        let mut pair = Pair::up();
        pair.a.mux().set_cut(size.and_then(Cut::units).unwrap_or_default());
        for said in &said {
            let message = Message { kind: kind(said), meta: "", data: &said.data };
            // One channel does not get the whole queue.
            while let Err(error) = pair.a.send(ChannelId::new(said.channel), &message) {
                prop_assert_eq!(error, SendError::Full);
                prop_assert!(pair.exchange(&slices));
            }
        }
        while pair.exchange(&slices) {}
        let mut got = pair.got;
        let mut sent: Vec<_> = said.into_iter().filter(|said| !said.data.is_empty()).map(|said| (said.channel, said.data)).collect();
        // Messages overtake each other, being of different lengths; nothing else changes.
        got.sort();
        sent.sort();
        prop_assert_eq!(got, sent);
    }

    /// Any order and any repetition of the frames, several messages at once, halves of surrogate pairs among them.
    #[test]
    fn the_demux_gives_every_message_once(
        said in vec(said(), 1..6),
        pieces in 1..=32usize,
        shuffle in any::<u64>(),
        repeats in vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let mut all = Vec::new();
        for (number, said) in said.iter().enumerate() {
            // At most 32 frames a message, so that the worst order leaves no more gaps than a message may have.
            let size = (said.data.len().div_ceil(pieces)).max(1);
            all.extend(frames(number as u32, said, size));
        }
        let repeated: Vec<_> = repeats.iter().filter(|_| !all.is_empty()).map(|index| index.get(&all).clone()).collect();
        all.extend(repeated);
        let mut random = shuffle | 1;
        for at in (1..all.len()).rev() {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            all.swap(at, (random % (at as u64 + 1)) as usize);
        }
        let mut demux = Demux::<_, _, 8>::new(|| vec![0; 512]);
        let mut got = Vec::new();
        for owned in &all {
            if let Some(message) = demux.insert(owned.message, &owned.frame()).unwrap() {
                got.push((owned.message.0, message.data.to_vec()));
            }
        }
        got.sort();
        let sent: Vec<_> = (0..).zip(said).filter(|(_, said)| !said.data.is_empty()).map(|(n, said)| (n, said.data)).collect();
        prop_assert_eq!(got, sent);
        prop_assert_eq!(demux.pending(), 0);
    }

    /// Noise around packets: a packet with a delimiter on both sides arrives, whatever stands beyond them.
    #[test]
    fn the_deframer_resynchronises_at_the_next_delimiter(noise in vec(any::<u8>(), 0..600), slices in vec(1..30usize, 1..10)) {
        let packet = Packet::Open(Open { id: ChannelId::new(3), place: 0, channel: Channel::new("after the noise") });
        let mut out = [0; 64];
        let bytes = packet.encode(Seal::default(), &mut out).unwrap().to_vec();
        let mut stream = noise;
        stream.push(0);
        let mut run = vec![0; bytes.len() + 1];
        run[1..].copy_from_slice(&bytes);
        let len = pocketmux_core::cobs::encode(&mut run, bytes.len()).unwrap();
        stream.extend_from_slice(&run[..len]);
        stream.push(0);
        let mut deframer = Deframer::<[u8; 128]>::new();
        let mut last = None;
        let mut lengths = slices.into_iter().cycle();
        let mut rest = stream.as_slice();
        while !rest.is_empty() {
            let (mut slice, after) = rest.split_at(lengths.next().unwrap().min(rest.len()));
            rest = after;
            while let Some(run) = deframer.next_run(&mut slice) {
                if let Run::Packet(bytes) = run {
                    last = Some(bytes.to_vec());
                }
            }
        }
        let last = last.unwrap();
        prop_assert_eq!(Packet::decode(&last, Seal::default()), Ok(packet));
    }

    /// Bytes from anywhere: nothing panics, and a stream that goes on as a link comes up.
    #[test]
    fn a_link_survives_any_input(noise in vec(any::<u8>(), 0..2000)) {
        let (mut a, mut b) = (side(1), side(2));
        receive(&mut b, &noise, &[7], 0, |_| {});
        greet(&mut a, &mut b);
        prop_assert!(a.is_up() && b.is_up());
    }
}
