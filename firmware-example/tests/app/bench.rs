//! A board's application and its peer, joined by a UART in memory.

use std::collections::VecDeque;
use std::convert::Infallible;

use pocketmux_core::files::{Answer, Ended, Files, Heard, Ram};
use pocketmux_core::{Channel, ChannelId, Config, Demux, Event, Identity, Link, Message, MessageId, SendError};
use pocketmux_firmware_example::{App, Board};

const FILE: ChannelId = ChannelId::new(3);

/// A UART that takes 12 bytes a millisecond, as one at 115200 baud does.
#[derive(Default)]
pub struct Uart {
    to_board: VecDeque<u8>,
    from_board: Vec<u8>,
    room: usize,
}

impl embedded_io::ErrorType for Uart {
    type Error = Infallible;
}

impl embedded_io::ReadReady for Uart {
    fn read_ready(&mut self) -> Result<bool, Infallible> {
        Ok(!self.to_board.is_empty())
    }
}

impl embedded_io::Read for Uart {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, Infallible> {
        let len = buf.len().min(self.to_board.len());
        buf.iter_mut().zip(self.to_board.drain(..len)).for_each(|(to, from)| *to = from);
        Ok(len)
    }
}

impl embedded_io::WriteReady for Uart {
    fn write_ready(&mut self) -> Result<bool, Infallible> {
        Ok(self.room > 0)
    }
}

impl embedded_io::Write for Uart {
    fn write(&mut self, buf: &[u8]) -> Result<usize, Infallible> {
        let len = buf.len().min(self.room);
        self.room -= len;
        self.from_board.extend_from_slice(&buf[..len]);
        Ok(len)
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

pub const NAMES: [&str; 16] = [
    "chat",
    "presence",
    "typing",
    "file",
    "log",
    "stats",
    "mystream0",
    "mystream1",
    "mystream2",
    "mystream3",
    "mystream4",
    "mystream5",
    "mystream6",
    "mystream7",
    "mystream8",
    "mystream9",
];

/// The store of a board, and that of its peer.
pub type BoardStore = Ram<5000, 4>;
pub type PeerStore = Ram<10_000, 4>;

/// A board and the peer that listens to it; `FRAME` is what the peer takes.
pub struct Bench<'b, const FRAME: usize> {
    app: App<'b, BoardStore>,
    uart: Uart,
    pub peer: Link<'static, FRAME, 16, 16>,
    pub files: Files<PeerStore, 2>,
    demux: Demux<(ChannelId, MessageId), Vec<u8>, 8>,
    heard: Vec<(&'static str, Vec<u8>)>,
    /// What the board answered to requests, and how transfers ended at the peer.
    pub answers: Vec<(u32, Answer)>,
    pub ended: Vec<Ended>,
    now_ms: u64,
}

pub fn board() -> Board {
    Board::new("bench", [0, 1, 2, 3, 4, 5, 6, 7], 5)
}

impl<'b, const FRAME: usize> Bench<'b, FRAME> {
    pub fn new(board: &'b Board) -> Self {
        let mut peer = Link::new(Config {
            identity: Identity { name: "peer", ..Identity::default() },
            epoch: 77,
            ..Config::default()
        });
        for name in NAMES {
            peer.open(Channel::new(name)).unwrap();
        }
        let demux = Demux::new(|| vec![0; 4096]);
        Self {
            app: App::new(board, BoardStore::new(), 4),
            uart: Uart::default(),
            peer,
            files: Files::new(PeerStore::new(), FILE, 4),
            demux,
            heard: Vec::new(),
            answers: Vec::new(),
            ended: Vec::new(),
            now_ms: 0,
        }
    }

    /// Says a line on `chat`, once the board gives credit for it.
    pub fn say(&mut self, line: &str) {
        while let Err(error) = self.peer.send(ChannelId::new(0), &Message::text(line)) {
            assert_eq!(error, SendError::Full);
            self.run_ms(1);
        }
    }

    pub fn run_ms(&mut self, ms: u64) {
        for _ in 0..ms {
            self.now_ms += 1;
            let now_us = self.now_ms * 1000;
            self.uart.room = 12;
            self.app.step(&mut self.uart, now_us).unwrap();
            self.hear(now_us);
            self.files.transmit(&mut self.peer, now_us);
            self.ended.extend(std::iter::from_fn(|| self.files.poll_event()));
            self.peer.handle_timeout(now_us);
            while !self.peer.poll_transmit(now_us).is_empty() {
                self.uart.to_board.extend(self.peer.poll_transmit(now_us));
                self.peer.consume(usize::MAX);
            }
        }
    }

    /// Lets the peer have what the board sent.
    fn hear(&mut self, now_us: u64) {
        let bytes = std::mem::take(&mut self.uart.from_board);
        let mut input = &bytes[..];
        while !input.is_empty() {
            input = &input[self.peer.handle_input(input, now_us)..];
            while let Some(event) = self.peer.poll_event() {
                let Event::Frame(frame) = event else { continue };
                match self.files.handle_frame(&frame, now_us) {
                    Heard::Taken => {}
                    Heard::Answer(number) => self.answers.push((number, self.files.answer())),
                    Heard::Plain => {
                        if let Some(message) = self.demux.insert((frame.channel, frame.message), &frame).unwrap() {
                            self.heard.push((NAMES[frame.channel.index()], message.data.to_vec()));
                        }
                    }
                }
            }
        }
    }

    pub fn heard_on(&self, channel: &str) -> Vec<&[u8]> {
        self.heard.iter().filter(|(name, _)| *name == channel).map(|(_, data)| &data[..]).collect()
    }
}
