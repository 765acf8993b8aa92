//! The application's run loop: one link, and what to do on each of its channels.

use core::fmt::Write as _;

use embedded_io::{Read, ReadReady, Write, WriteReady};
use heapless::{Deque, String};
use pocketmux_core::files::{Ended, Files, Heard, Progress, Store};
use pocketmux_core::io::{Wire, WireError, transmit};
use pocketmux_core::{Buffer, ChannelId, Config, Demux, Event, Identity, Link, Message, MessageId, Priority, Rebuilt};

use crate::channels::{BLOCKS, CHANNELS, CHAT, COUNT, FILE, FRAME, LOG, PRESENCE, STATS, TYPING};
use crate::chat::Chat;
use crate::file::Sender;
use crate::log::info;
use crate::numbers::Numbers;

const PRESENCE_US: u64 = 1_000_000;
const STATS_US: u64 = 5_000_000;
/// Files on their way at a time, in and out.
const TRANSFERS: usize = 2;

/// Which board this is.
#[derive(Clone, Debug)]
pub struct Board {
    name: &'static str,
    serial: String<16>,
    epoch: u32,
}

impl Board {
    /// `serial` is the chip's own number; `epoch` differs at every boot.
    #[must_use]
    pub fn new(name: &'static str, serial: [u8; 8], epoch: u32) -> Self {
        let mut hex = String::new();
        for byte in serial {
            // Sixteen digits fit into sixteen bytes.
            let _ = write!(hex, "{byte:02x}");
        }
        Self { name, serial: hex, epoch }
    }
}

/// The application, whose files are in a store `S`; about 8 KiB of RAM beside that.
///
/// The parameters of its [`Link`] are those of the smallest board unless it is told others.
pub struct App<'b, S, const FRAME_MAX: usize = FRAME, const POOL: usize = BLOCKS, P = [u8; FRAME_MAX]> {
    name: &'static str,
    link: Link<'b, FRAME_MAX, POOL, COUNT, P>,
    files: Files<S, TRANSFERS>,
    wire: Wire<64>,
    messages: Demux<(ChannelId, MessageId), [u8; 256], 3>,
    chat: Chat,
    file: Option<Sender>,
    wants_file: bool,
    /// Lines for the `log` channel.
    lines: Deque<&'static str, 4>,
    numbers: Numbers,
    presence_at_us: u64,
    stats_at_us: u64,
    /// Its channels are open.
    is_open: bool,
}

impl<'b, S: Store, const FRAME_MAX: usize, const POOL: usize, P: Buffer> App<'b, S, FRAME_MAX, POOL, P> {
    /// An application that says hello on its first step.
    ///
    /// It hashes `hash_steps` times 128 bytes of a file in a step: as many as it has the time for before something else wants its turn.
    #[must_use]
    pub fn new(board: &'b Board, store: S, hash_steps: u16) -> Self {
        let firmware = concat!("pocketmux-example ", env!("CARGO_PKG_VERSION"));
        let identity = Identity { name: board.name, firmware, serial: &board.serial };
        let config = Config { identity, epoch: board.epoch, ..Config::default() };
        Self {
            name: board.name,
            // Made where it stays, and its channels opened on the first step: a second one, on its way here, would not fit on the stack
            // of the smallest board.
            link: Link::new(config),
            files: Files::new(store, FILE, hash_steps),
            wire: Wire::new(),
            messages: Demux::new(|| [0; 256]),
            chat: Chat::default(),
            file: None,
            wants_file: false,
            lines: Deque::new(),
            numbers: Numbers::new(),
            presence_at_us: 0,
            stats_at_us: 0,
            is_open: false,
        }
    }

    /// Opens the channels, in a function of its own for the sake of the stack.
    #[inline(never)]
    fn open(&mut self) {
        for channel in CHANNELS {
            // The table has room for them, and the names are valid.
            let _ = self.link.open(channel);
        }
        self.is_open = true;
    }

    /// One turn of the run loop: takes what the UART has, gives what it will take, and never waits.
    ///
    /// Call it whenever the UART or the clock has moved, at least every few milliseconds. `now_us` is the time in microseconds since any start.
    ///
    /// # Errors
    ///
    /// Those of the UART; the application goes on with the next call. A UART has no end, so that of a stream in its place is a line on which
    /// nothing comes.
    pub fn step<U: Read + ReadReady + Write + WriteReady>(
        &mut self,
        uart: &mut U,
        now_us: u64,
    ) -> Result<(), U::Error> {
        self.step_telling(uart, now_us, |_| {})
    }

    /// The same, telling of every transfer that has ended.
    ///
    /// # Errors
    ///
    /// As for [`step`](App::step).
    pub fn step_telling<U: Read + ReadReady + Write + WriteReady>(
        &mut self,
        uart: &mut U,
        now_us: u64,
        tell: impl FnMut(&Ended),
    ) -> Result<(), U::Error> {
        match self.turn(uart, now_us, tell) {
            Err(WireError::Uart(error)) => Err(error),
            Ok(()) | Err(WireError::Closed) => Ok(()),
        }
    }

    /// The UART was pulled and plugged in again, or is another one.
    pub fn interrupted(&mut self) {
        self.wire = Wire::new();
        self.link.interrupted();
    }

    /// The files on their way.
    pub fn transfers(&self) -> impl Iterator<Item = Progress<'_>> {
        self.files.transfers()
    }

    /// True while there is work that waits for nobody, such as hashing: the next step is due at once.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.link.is_up() && self.files.poll_timeout() == Some(0)
    }

    /// Lets the other side know without delay what was heard of it, as before leaving for good; true when it has heard all that was said of files and
    /// nothing is left to be acknowledged.
    pub fn take_leave(&mut self) -> bool {
        let is_saying = self.files.is_saying(&self.link);
        self.link.acknowledge() && !is_saying
    }

    fn turn<U: Read + ReadReady + Write + WriteReady>(
        &mut self,
        uart: &mut U,
        now_us: u64,
        tell: impl FnMut(&Ended),
    ) -> Result<(), WireError<U::Error>> {
        if !self.is_open {
            self.open();
        }
        while let Some(event) = self.wire.poll(&mut self.link, uart, now_us)? {
            match event {
                Event::Up(_peer) => {
                    info!("up: {}", _peer);
                    self.wants_file = true;
                    self.presence_at_us = now_us;
                    self.log("link up");
                }
                Event::Down => {
                    info!("down: the peer has started anew");
                    self.messages.clear();
                    self.files.handle_down();
                    self.chat = Chat::default();
                    self.file = None;
                    self.wants_file = false;
                }
                Event::Frame(frame) => {
                    if self.files.handle_frame(&frame, now_us) != Heard::Plain {
                        continue;
                    }
                    let rebuilt = self.messages.insert((frame.channel, frame.message), &frame);
                    match rebuilt {
                        Ok(Some(message)) if frame.channel == CHAT => self.chat.hear(&message, now_us),
                        Ok(Some(message)) => note(frame.channel, &message),
                        Ok(None) => {}
                        Err(_error) => {
                            info!("dropped a frame: {}", _error);
                            if frame.channel == CHAT {
                                self.chat.too_long();
                            }
                        }
                    }
                }
                Event::Incompatible { min: _min, max: _max } => {
                    info!(
                        "the host speaks versions {} to {} of the protocol and this board version {}: update the older of the two",
                        _min,
                        _max,
                        pocketmux_core::packet::VERSION
                    );
                }
                Event::Silent => info!("nothing is heard from the host"),
                Event::Back => info!("the host is heard again"),
                _ => {}
            }
        }
        self.work(now_us);
        self.note_ended(tell);
        transmit(&mut self.link, uart, now_us)
    }

    /// Queues what is due.
    fn work(&mut self, now_us: u64) {
        if !self.link.is_up() {
            return;
        }
        if now_us >= self.presence_at_us && self.send(PRESENCE, "online") {
            self.presence_at_us = now_us + PRESENCE_US;
        }
        if now_us >= self.stats_at_us && self.send_stats() {
            self.stats_at_us = now_us + STATS_US;
        }
        if let Some(state) = self.chat.typing() {
            let told = self.send(TYPING, state);
            self.chat.told(told);
        }
        if let Some(answer) = self.chat.due(self.name, now_us)
            && self.link.send(CHAT, &Message::text_wtf8(&answer)).is_ok()
        {
            self.chat.answered();
        }
        if let Some(excuse) = self.chat.excuse(self.name)
            && self.link.send(CHAT, &Message::text_wtf8(&excuse)).is_ok()
        {
            self.chat.excused();
        }
        // A lossy channel would count a drop for each time that it is full.
        while let Some(line) = self.lines.front()
            && self.link.mux().room(Priority::Bulk) > 0
            && self.send(LOG, line)
        {
            self.lines.pop_front();
        }
        if self.link.mux().room(Priority::Bulk) > 0
            && let Some((channel, text)) = self.numbers.due(now_us)
            && self.send(channel, &text)
        {
            let is_busy = self.files.transfers().next().is_some();
            self.numbers.told(now_us, is_busy);
        }
        self.work_on_file();
        self.files.transmit(&mut self.link, now_us);
    }

    fn note_ended(&mut self, mut tell: impl FnMut(&Ended)) {
        while let Some(ended) = self.files.poll_event() {
            info!("{}", ended);
            tell(&ended);
            self.log(match (ended.result, ended.is_sending) {
                (Ok(()), true) => "sent a file",
                (Ok(()), false) => "received a file",
                (Err(_), true) => "a file on its way out ended early",
                (Err(_), false) => "a file on its way in ended early",
            });
        }
    }

    /// Says how the link does, in a function of its own for the sake of the stack.
    #[inline(never)]
    fn send_stats(&mut self) -> bool {
        // With drops on three channels of ours.
        let mut text = String::<384>::new();
        write!(text, "{}", self.link.stats()).is_ok() && self.send(STATS, &text)
    }

    /// Sends the file if it is wanted; a request in the middle of one waits for its end.
    fn work_on_file(&mut self) {
        self.wants_file |= self.chat.take_file_request();
        if self.file.is_none() && self.wants_file {
            self.file = Sender::begin(&mut self.link);
            self.wants_file = self.file.is_none();
        }
        if let Some(sender) = &mut self.file
            && sender.send_more(&mut self.link)
        {
            self.file = None;
            self.log("file sent");
        }
    }

    /// Queues a line for the `log` channel; while the queue is full it is dropped, as logs are.
    fn log(&mut self, line: &'static str) {
        let _ = self.lines.push_back(line);
    }

    fn send(&mut self, channel: ChannelId, text: &str) -> bool {
        self.link.send(channel, &Message::text(text)).is_ok()
    }
}

/// What other channels bring is only noted.
fn note(_channel: ChannelId, _message: &Rebuilt<'_>) {
    info!("{} brought {} bytes", _channel, _message.data.len());
}
