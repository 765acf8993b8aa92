//! The application against a link of the core, in virtual time.

mod bench;
mod files;

use bench::{Bench, NAMES, board};
use pocketmux_core::{ChannelId, Message};
use pocketmux_firmware_example::file;

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
