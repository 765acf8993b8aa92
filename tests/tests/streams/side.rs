//! One side of a link that fills a stream: what it sends on each of its channels, and what it hears.

use pocketmux_core::{Channel, ChannelId, Config, Event, Link, Message, Priority, SendError, Stream};
use pocketmux_tests::Random;
use tokio::time::{Duration, Instant};

const CHANNELS: [Channel<'static>; 3] = [
    Channel::new("chat").with_priority(Priority::Urgent),
    Channel::new("file"),
    Channel::new("log").with_priority(Priority::Bulk),
];
const CHAT: usize = 0;
/// What goes on each channel, each way.
const BYTES: usize = 70_000;
const GOODBYE: &str = "goodbye";
/// Longer than any of these transfers takes unless something stands still.
const PATIENCE: Duration = Duration::from_secs(60);

/// A link, what it has to send and what it has heard.
pub struct Side {
    pub link: Link<'static, 256, 24, 4, [u8; 1100]>,
    pub post: Post,
    start: Instant,
    has_said_goodbye: bool,
}

/// What goes out and what came in, by channel.
pub struct Post {
    channels: [ChannelId; 3],
    outgoing: [Outgoing; 3],
    incoming: [Vec<u8>; 3],
    is_up: bool,
}

/// What is sent on a channel, as one stream.
struct Outgoing {
    content: Vec<u8>,
    taken: usize,
    stream: Option<Stream>,
}

impl Side {
    /// A side whose bytes are its own.
    pub fn new(epoch: u32) -> Self {
        let mut link = Link::new(Config { epoch, ..Config::default() });
        let channels = CHANNELS.map(|channel| link.open(channel).unwrap());
        let mut random = Random::new(epoch.into());
        let outgoing = CHANNELS.map(|_| Outgoing { content: random.bytes(BYTES), taken: 0, stream: None });
        let post = Post { channels, outgoing, incoming: Default::default(), is_up: false };
        Self { link, post, start: Instant::now(), has_said_goodbye: false }
    }

    pub fn now_us(&self) -> u64 {
        self.start.elapsed().as_micros() as u64
    }

    /// Time until the link wants to be called.
    pub fn wait(&self) -> Duration {
        assert!(self.start.elapsed() < PATIENCE, "it stands still: {:?}", self.link.stats());
        let due_us = self.link.poll_timeout().unwrap_or(u64::MAX);
        Duration::from_micros(due_us.saturating_sub(self.now_us())).min(PATIENCE)
    }

    /// Does what is due, and says whether there is something to write.
    pub fn has_output(&mut self) -> bool {
        let now_us = self.now_us();
        self.link.handle_timeout(now_us);
        !self.link.poll_transmit(now_us).is_empty()
    }

    /// Hands the link as much as it takes; true when it took something.
    pub fn send_more(&mut self) -> bool {
        let Self { link, post, .. } = self;
        let mut took = false;
        for (channel, outgoing) in post.channels.iter().zip(&mut post.outgoing).filter(|_| post.is_up) {
            let stream = outgoing.stream.get_or_insert_with(|| link.begin(*channel).unwrap());
            while outgoing.taken < BYTES {
                match link.write(stream, "", &outgoing.content[outgoing.taken..], true) {
                    Ok(len) => outgoing.taken += len,
                    Err(SendError::Full) => break,
                    Err(error) => panic!("{error}"),
                }
                took = true;
            }
        }
        took
    }

    /// True when all that it sends was acknowledged, and all that it is sent has come.
    pub fn is_done(&self) -> bool {
        let is_sent = |outgoing: &Outgoing| {
            let stream = outgoing.stream.as_ref();
            outgoing.taken == BYTES && stream.is_some_and(|stream| !self.link.is_pending(stream.message()))
        };
        self.post.outgoing.iter().all(is_sent) && self.post.incoming.iter().all(|bytes| bytes.len() >= BYTES)
    }

    /// Sends one more message, the last.
    pub fn say_goodbye(&mut self) {
        self.link.send(self.post.channels[CHAT], &Message::text(GOODBYE)).unwrap();
        self.has_said_goodbye = true;
    }

    /// Holds what was heard against what the other side has sent.
    pub fn check(&self, other: &Self) {
        for (at, (heard, sent)) in self.post.incoming.iter().zip(&other.post.outgoing).enumerate() {
            let goodbye = if at == CHAT && other.has_said_goodbye { GOODBYE } else { "" };
            assert_eq!(heard.len(), BYTES + goodbye.len(), "bytes on {}", CHANNELS[at].name);
            assert!(*heard == [&sent.content, goodbye.as_bytes()].concat(), "other bytes on {}", CHANNELS[at].name);
        }
    }
}

impl Post {
    /// Takes an event of the link.
    pub fn hear(&mut self, event: Event<'_>) {
        match event {
            Event::Up(_) => self.is_up = true,
            Event::Frame(frame) => self.incoming[frame.channel.index()].extend_from_slice(frame.data),
            Event::Opened { .. } => {}
            other => panic!("{other:?} on a stream that loses nothing"),
        }
    }
}
