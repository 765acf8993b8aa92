//! Two tables of different sizes: channels beyond the smaller, and numbers of it that are taken again at once.

use pocketmux_core::{Channel, ChannelId, Config, Event, Link, Message, OpenError, PeerChannel, SendError};

type Host = Link<'static, 256, 16, 8>;
type Board = Link<'static, 256, 16, 2>;

fn config(epoch: u32) -> Config<'static> {
    Config { epoch, ..Config::default() }
}

/// A host that opens every channel the board has opened, and ends it when the board does.
struct Pair {
    host: Host,
    board: Board,
    /// What the host could not open yet.
    unopened: Vec<PeerChannel>,
    host_heard: Vec<String>,
    board_heard: Vec<String>,
    /// The host hears nothing, and all of it at once afterwards.
    is_host_away: bool,
    waiting: Vec<u8>,
    now_us: u64,
}

impl Pair {
    fn up() -> Self {
        let mut pair = Self {
            host: Host::new(config(1)),
            board: Board::new(config(2)),
            unopened: vec![],
            host_heard: vec![],
            board_heard: vec![],
            is_host_away: false,
            waiting: vec![],
            now_us: 0,
        };
        for name in ["chat", "file"] {
            pair.board.open(Channel::new(name)).unwrap();
        }
        pair.run_ms(50);
        pair
    }

    fn run_ms(&mut self, ms: u64) {
        for _ in 0..ms * 4 {
            self.now_us += 250;
            self.host.handle_timeout(self.now_us);
            self.board.handle_timeout(self.now_us);
            let bytes = self.host.poll_transmit(self.now_us).to_vec();
            self.host.consume(bytes.len());
            self.board_hears(&bytes);
            let bytes = self.board.poll_transmit(self.now_us).to_vec();
            self.board.consume(bytes.len());
            self.waiting.extend(bytes);
            if !self.is_host_away {
                self.host_hears();
            }
            // `file` alone is opened anew.
            if !self.unopened.is_empty() && self.host.open(Channel::new("file")).is_ok() {
                self.unopened.clear();
            }
        }
    }

    fn board_hears(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            bytes = &bytes[self.board.handle_input(bytes, self.now_us)..];
            while let Some(event) = self.board.poll_event() {
                if let Event::Frame(frame) = event {
                    self.board_heard.push(String::from_utf8(frame.data.to_vec()).unwrap());
                }
            }
        }
    }

    fn host_hears(&mut self) {
        let bytes = std::mem::take(&mut self.waiting);
        let mut bytes = &bytes[..];
        while !bytes.is_empty() {
            bytes = &bytes[self.host.handle_input(bytes, self.now_us)..];
            let (mut opened, mut ended) = (None, None);
            while let Some(event) = self.host.poll_event() {
                match event {
                    Event::Opened { peer, channel, ours: None } => {
                        opened = Some((peer, ["chat", "file"].into_iter().find(|name| *name == channel.name).unwrap()));
                    }
                    Event::Closed { ours, .. } => ended = ours,
                    Event::Frame(frame) => self.host_heard.push(String::from_utf8(frame.data.to_vec()).unwrap()),
                    _ => {}
                }
            }
            if let Some(ours) = ended {
                self.host.close(ours);
            }
            if let Some((peer, name)) = opened
                && self.host.open(Channel::new(name)).is_err()
            {
                self.host.keep(peer);
                self.unopened.push(peer);
            }
        }
    }
}

#[test]
fn a_channel_that_ends_and_begins_again_in_a_full_table_loses_nothing() {
    for is_reset in [false, true] {
        let mut pair = Pair::up();
        let mut was_full = false;
        for round in 0..6 {
            let file = pair.board.channel_named("file").unwrap();
            if is_reset {
                pair.board.reset(file, "again");
            } else {
                pair.board.close(file);
            }
            // The end of both directions crosses the table that is opened anew: as soon as the number is free here.
            while pair.board.open(Channel::new("file")).is_err() {
                pair.run_ms(1);
            }
            pair.is_host_away = true;
            let file = pair.board.channel_named("file").unwrap();
            let text = format!("round {round}");
            pair.board.send(file, &Message::text(&text)).unwrap();
            pair.run_ms(5);
            pair.is_host_away = false;
            pair.host_hears();
            was_full |= !pair.unopened.is_empty();
            pair.run_ms(100);
            assert_eq!(pair.host_heard.last(), Some(&text));
            let file = pair.host.channel_named("file").unwrap();
            pair.host.send(file, &Message::text(&text)).unwrap();
            pair.run_ms(100);
            assert_eq!(pair.board_heard.last(), Some(&text));
        }
        assert_eq!((pair.host_heard.len(), pair.board_heard.len()), (6, 6));
        assert!(was_full, "its number was never taken when the channel was opened again");
        assert_eq!((pair.host.counters().unknown, pair.board.counters().unknown), (0, 0));
    }
}

#[test]
fn numbers_stay_below_what_the_peer_keeps() {
    let mut pair = Pair::up();
    for name in ["chat", "file"] {
        assert!(pair.host.open(Channel::new(name)).unwrap().index() < 2);
    }
    assert_eq!(pair.host.open(Channel::new("third")), Err(OpenError::Full));
    pair.host.close(pair.host.channel_named("chat").unwrap());
    pair.run_ms(50);
    assert_eq!(pair.host.open(Channel::new("third")).map(|id| id.index() < 2), Ok(true));
}

#[test]
fn a_channel_that_was_opened_beyond_what_the_peer_keeps_is_refused_and_can_be_opened_again() {
    let mut pair = Pair::up();
    let mut host = Host::new(config(7));
    let names = ["a", "b", "c", "d"];
    let ids = names.map(|name| host.open(Channel::new(name)).unwrap());
    pair.host = host;
    pair.run_ms(50);
    // It gives up on what the board has opened.
    pair.unopened.clear();
    for (name, id) in names.into_iter().zip(ids) {
        let sent = pair.host.send(id, &Message::text(name)).map(|_| ());
        assert_eq!(sent, if id.index() < 2 { Ok(()) } else { Err(SendError::Beyond) });
        assert_eq!(pair.host.begin(id).map(|_| ()), sent);
    }
    // It ends at once: there is nobody to tell.
    pair.host.close(ids[0]);
    pair.host.close(ids[3]);
    pair.run_ms(50);
    let again = pair.host.open(Channel::new("d")).unwrap();
    assert_eq!(again.index(), 0);
    assert!(pair.host.send(again, &Message::text("d")).is_ok());
    pair.run_ms(5000);
    // Signs of life, and nothing that is repeated for ever.
    let sent = pair.host.counters().sent;
    assert!(sent < 50 && pair.host.mux().is_empty() && pair.host.stats().in_flight == 0, "{sent} packets");
}

/// Two sides with a table of one channel.
type One = Link<'static, 256, 16, 1>;

fn hand_over(from: &mut One, to: &mut One, now_us: u64, heard: &mut Vec<String>) {
    let bytes = from.poll_transmit(now_us).to_vec();
    from.consume(bytes.len());
    let mut bytes = &bytes[..];
    while !bytes.is_empty() {
        bytes = &bytes[to.handle_input(bytes, now_us)..];
        let mut kept = None;
        while let Some(event) = to.poll_event() {
            match event {
                Event::Opened { peer, ours: None, .. } => kept = Some(peer),
                Event::Frame(frame) => heard.push(String::from_utf8(frame.data.to_vec()).unwrap()),
                _ => {}
            }
        }
        if let Some(peer) = kept {
            to.keep(peer);
        }
    }
}

#[test]
fn two_full_tables_that_wait_for_each_other_go_on_when_one_gives_up() {
    let (mut a, mut b) = (One::new(config(1)), One::new(config(2)));
    let mut heard = [vec![], vec![]];
    for now_us in 0..10 {
        hand_over(&mut a, &mut b, now_us, &mut heard[1]);
        hand_over(&mut b, &mut a, now_us, &mut heard[0]);
    }
    assert!(a.is_up() && b.is_up());
    // Now each opens, says something and closes before it has heard of the other's opening.
    for (side, name) in [(&mut a, "a"), (&mut b, "b")] {
        let id = side.open(Channel::new("chat")).unwrap();
        side.send(id, &Message::text(name)).unwrap();
        side.close(id);
    }
    let mut open = [false; 2];
    for now_us in (10..60_000_000).step_by(1000) {
        hand_over(&mut a, &mut b, now_us, &mut heard[1]);
        hand_over(&mut b, &mut a, now_us, &mut heard[0]);
        open[0] |= a.open(Channel::new("chat")).is_ok();
        open[1] |= b.open(Channel::new("chat")).is_ok();
        if now_us > 30_000_000 && now_us <= 30_001_000 {
            assert_eq!(open, [false; 2], "neither goes on by itself");
            a.reset(ChannelId::new(0), "it takes too long");
        }
        a.handle_timeout(now_us);
        b.handle_timeout(now_us);
    }
    assert_eq!((open, heard), ([true; 2], [vec!["b".to_string()], vec![]]));
}
