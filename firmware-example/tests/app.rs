//! The application against a link of the core, in virtual time.

use std::collections::VecDeque;
use std::convert::Infallible;

use pocketmux_core::{Channel, ChannelId, Config, Demux, Event, Identity, Link, Message, MessageId, SendError};
use pocketmux_firmware_example::{App, Board, file};

/// A UART that takes 12 bytes a millisecond, as one at 115200 baud does.
#[derive(Default)]
struct Uart {
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

const NAMES: [&str; 16] = [
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

/// A board and the peer that listens to it; `FRAME` is what the peer takes.
struct Bench<'b, const FRAME: usize> {
    app: App<'b>,
    uart: Uart,
    peer: Link<'static, FRAME, 16, 16>,
    demux: Demux<(ChannelId, MessageId), Vec<u8>, 8>,
    heard: Vec<(&'static str, Vec<u8>)>,
    now_ms: u64,
}

impl<'b, const FRAME: usize> Bench<'b, FRAME> {
    fn new(board: &'b Board) -> Self {
        let mut peer = Link::new(Config {
            identity: Identity { name: "peer", ..Identity::default() },
            epoch: 77,
            ..Config::default()
        });
        for name in NAMES {
            peer.open(Channel::new(name)).unwrap();
        }
        let demux = Demux::new(|| vec![0; 4096]);
        Self { app: App::new(board), uart: Uart::default(), peer, demux, heard: Vec::new(), now_ms: 0 }
    }

    /// Says a line on `chat`, once the board gives credit for it.
    fn say(&mut self, line: &str) {
        while let Err(error) = self.peer.send(ChannelId::new(0), &Message::text(line)) {
            assert_eq!(error, SendError::Full);
            self.run_ms(1);
        }
    }

    fn run_ms(&mut self, ms: u64) {
        for _ in 0..ms {
            self.now_ms += 1;
            let now_us = self.now_ms * 1000;
            self.uart.room = 12;
            self.app.step(&mut self.uart, now_us).unwrap();
            let bytes = std::mem::take(&mut self.uart.from_board);
            let mut input = &bytes[..];
            while !input.is_empty() {
                input = &input[self.peer.handle_input(input, now_us)..];
                while let Some(event) = self.peer.poll_event() {
                    if let Event::Frame(frame) = event
                        && let Some(message) = self.demux.insert((frame.channel, frame.message), &frame).unwrap()
                    {
                        self.heard.push((NAMES[frame.channel.index()], message.data.to_vec()));
                    }
                }
            }
            self.peer.handle_timeout(now_us);
            while !self.peer.poll_transmit(now_us).is_empty() {
                self.uart.to_board.extend(self.peer.poll_transmit(now_us));
                self.peer.consume(usize::MAX);
            }
        }
    }

    fn heard_on(&self, channel: &str) -> Vec<&[u8]> {
        self.heard.iter().filter(|(name, _)| *name == channel).map(|(_, data)| &data[..]).collect()
    }
}

fn board() -> Board {
    Board::new("bench", [0, 1, 2, 3, 4, 5, 6, 7], 5)
}

#[test]
fn presence_every_second_the_file_once_and_a_log_of_it() {
    let board = board();
    let mut bench = Bench::<256>::new(&board);
    bench.run_ms(5_100);
    assert_eq!(bench.heard_on("presence"), [b"online"; 6]);
    assert_eq!(bench.heard_on("file"), [file::CONTENT]);
    assert_eq!(bench.heard_on("log"), [&b"link up"[..], b"file sent"]);
    let counted: Vec<_> =
        bench.heard_on("stats").iter().map(|text| String::from_utf8(text.to_vec()).unwrap()).collect();
    assert!(counted.len() == 2 && counted[1].starts_with("{\"sent\":") && counted[1].ends_with('}'), "{counted:?}");
}

#[test]
fn ten_numbers_come_every_half_second_and_none_is_dropped_while_the_file_goes() {
    let board = board();
    let mut bench = Bench::<256>::new(&board);
    bench.run_ms(5_100);
    for name in &NAMES[6..] {
        let numbers = bench.heard_on(name);
        assert!((9..=11).contains(&numbers.len()), "{name} {}", numbers.len());
        assert!(numbers.iter().all(|text| text.starts_with(b"{\"myValue\":") && text.ends_with(b"}")));
    }
    let stats = String::from_utf8(bench.heard_on("stats")[1].to_vec()).unwrap();
    assert!(!stats.contains("mystream"), "{stats}");
}

#[test]
fn a_line_is_thought_over_and_answered_while_the_file_goes_on() {
    let board = board();
    let mut bench = Bench::<256>::new(&board);
    bench.run_ms(30);
    bench.say("ahoy");
    bench.run_ms(600);
    assert_eq!(bench.heard_on("typing"), [&b"typing"[..], b"idle"]);
    assert_eq!(bench.heard_on("chat"), [b"bench heard: ahoy"]);
    assert_eq!(bench.heard_on("file"), [file::CONTENT]);
}

#[test]
fn the_file_asked_for_in_the_middle_of_itself_comes_whole_and_once_more() {
    let board = board();
    let mut bench = Bench::<256>::new(&board);
    bench.run_ms(100);
    bench.say("/file");
    bench.say("/file");
    bench.run_ms(2_000);
    assert_eq!(bench.heard_on("file"), [file::CONTENT; 2]);
    bench.say("/file");
    bench.run_ms(1_000);
    assert_eq!(bench.heard_on("file"), [file::CONTENT; 3]);
}

#[test]
fn a_peer_that_takes_only_small_frames_gets_the_file_too() {
    let board = board();
    let mut bench = Bench::<133>::new(&board);
    bench.run_ms(2_000);
    assert_eq!(bench.heard_on("file"), [file::CONTENT]);
}

#[test]
fn what_the_board_cannot_take_it_says_so() {
    let board = board();
    let mut bench = Bench::<256>::new(&board);
    bench.run_ms(30);
    bench.say(&"x".repeat(257));
    bench.run_ms(600);
    for n in 0..5 {
        bench.say(&format!("line {n}"));
    }
    bench.run_ms(1_000);
    bench.peer.send(ChannelId::new(0), &Message::bytes(&[0xff; 3])).unwrap();
    bench.run_ms(1_000);
    let chat = bench.heard_on("chat");
    let excuses: Vec<_> = chat.iter().filter(|line| !line.starts_with(b"bench heard")).copied().collect();
    assert_eq!(
        excuses,
        [
            &b"bench: too long for me, 256 bytes at most"[..],
            b"bench: too fast for me, I lost a line",
            b"bench: that was bytes, not a line"
        ]
    );
    assert_eq!(chat.len() - excuses.len(), 3);
}
