use super::{ComPort, Failure, OUTGOING_MAX, Standing};

const SPEED: &str = "the speed that --baud asks for";
/// What ser2net 4.3 says first: it suppresses go-ahead, offers an echo and takes it back, and asks for bytes and for RFC 2217.
const GREETING: [u8; 21] = [255, 251, 3, 255, 253, 3, 255, 251, 1, 255, 254, 1, 255, 253, 0, 255, 251, 0, 255, 253, 44];
/// What it says to our offers: something it has said before, and the state of the modem.
const AGREED: [u8; 10] = [255, 253, 3, 255, 250, 44, 107, 0, 255, 240];
/// Our offers: bytes both ways, RFC 2217, no go-ahead both ways.
const OFFERS: [u8; 15] = [255, 251, 0, 255, 253, 0, 255, 251, 44, 255, 251, 3, 255, 253, 3];
/// How many data bits there are.
const QUESTION: [u8; 7] = [255, 250, 44, 2, 0, 255, 240];

fn answer(code: u8, value: &[u8]) -> Vec<u8> {
    [&[255, 250, 44, code + 100], value, &[255, 240]].concat()
}

/// The answers to all that is set.
fn answers(baud: u32) -> Vec<u8> {
    [answer(1, &baud.to_be_bytes()), answer(2, &[8]), answer(3, &[1]), answer(4, &[1]), answer(5, &[1])].concat()
}

fn sent(port: &mut ComPort) -> Vec<u8> {
    let sent = port.poll_transmit().to_vec();
    port.consume(sent.len());
    sent
}

fn hear(port: &mut ComPort, bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let len = port.handle_input(&mut bytes);
    bytes.truncate(len);
    bytes
}

fn open() -> ComPort {
    let mut port = ComPort::new(115_200);
    hear(&mut port, &[&GREETING[..], &AGREED, &answers(115_200)].concat());
    sent(&mut port);
    assert_eq!(port.standing(), Standing::Open);
    port
}

/// Numbers that are the same in every run.
fn random(seed: u64) -> impl Iterator<Item = u8> {
    let mut state = seed;
    std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    })
}

#[test]
fn a_port_is_opened_as_ser2net_has_it() {
    let mut port = ComPort::new(115_200);
    assert_eq!(sent(&mut port), OFFERS);
    assert_eq!(hear(&mut port, &GREETING), b"");
    // The echo is refused; then the port is set.
    let set = [
        &[255, 254, 1][..],
        &[255, 250, 44, 1, 0, 1, 0xc2, 0, 255, 240],
        &[255, 250, 44, 2, 8, 255, 240],
        &[255, 250, 44, 3, 1, 255, 240],
        &[255, 250, 44, 4, 1, 255, 240],
        &[255, 250, 44, 5, 1, 255, 240],
        &[255, 250, 44, 10, 0, 255, 240],
        &[255, 250, 44, 11, 0, 255, 240],
        &QUESTION,
    ];
    assert_eq!(sent(&mut port), set.concat());
    assert_eq!((hear(&mut port, &AGREED), port.standing()), (vec![], Standing::Opening));
    assert_eq!((hear(&mut port, &answers(115_200)), port.standing()), (vec![], Standing::Open));
    assert_eq!(sent(&mut port), b"");
}

#[test]
fn a_speed_that_holds_the_escape_is_escaped() {
    let mut port = ComPort::new(0x0001_ff00);
    sent(&mut port);
    hear(&mut port, &GREETING);
    let set = [255, 250, 44, 1, 0, 1, 255, 255, 0, 255, 240];
    assert!(sent(&mut port).windows(set.len()).any(|bytes| bytes == set));
}

#[test]
fn every_byte_passes_both_ways() {
    let all: Vec<u8> = (0..=255).collect();
    let escaped = [&all[..], &[255]].concat();
    let mut port = open();
    assert_eq!(port.send(&all), all.len());
    assert_eq!(sent(&mut port), escaped);
    assert_eq!(hear(&mut port, &escaped), all);
}

#[test]
fn how_the_servers_bytes_are_sliced_makes_no_difference() {
    let data = b"\xffdata\r\0\xff\xff";
    let mut stream = [&GREETING[..], &AGREED, &answers(115_200)].concat();
    for byte in data {
        stream.extend(if *byte == 255 { &[255, 255][..] } else { std::slice::from_ref(byte) });
        stream.extend(answer(8, &[]));
        stream.extend([255, 241, 255, 251, 24]);
        stream.extend(answer(9, &[]));
    }
    let mut whole = ComPort::new(115_200);
    let heard = hear(&mut whole, &stream);
    assert_eq!(heard, data);
    for seed in 1..200 {
        let (mut sliced, mut rest, mut heard) = (ComPort::new(115_200), &stream[..], Vec::new());
        for cut in random(seed) {
            let (slice, after) = rest.split_at(usize::from(cut % 16).min(rest.len()));
            heard.extend(hear(&mut sliced, slice));
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
        assert_eq!(heard, data, "seed {seed}");
        assert_eq!(sliced.poll_transmit(), whole.poll_transmit(), "seed {seed}");
        assert_eq!(sliced.standing(), Standing::Open, "seed {seed}");
    }
}

#[test]
fn a_suspended_port_takes_no_data_until_it_is_resumed() {
    let mut port = open();
    hear(&mut port, &answer(8, &[]));
    assert!(port.is_suspended());
    assert_eq!((port.send(b"data"), sent(&mut port)), (0, vec![]));
    hear(&mut port, &answer(9, &[]));
    assert_eq!((port.send(b"data"), sent(&mut port)), (4, b"data".to_vec()));
}

#[test]
fn a_server_that_does_not_do_what_is_needed_is_known() {
    for (says, failure) in [
        (&[255, 254, 44][..], Failure::NotComPort),
        (&[255, 254, 0], Failure::NotBinary),
        (&[255, 252, 0], Failure::NotBinary),
        (&answer(1, &9600u32.to_be_bytes()), Failure::Unset(SPEED)),
        (&answer(2, &[7]), Failure::Unset("8 data bits")),
        (&answer(5, &[2]), Failure::Unset("no flow control")),
    ] {
        let mut port = ComPort::new(115_200);
        hear(&mut port, says);
        assert_eq!(port.standing(), Standing::Failed(failure), "{says:?}");
    }
    let mut port = open();
    hear(&mut port, &[255, 254, 0]);
    assert_eq!(port.standing(), Standing::Failed(Failure::NotBinary), "it may change its mind later, too");
}

#[test]
fn a_speed_may_be_what_the_ports_clock_makes_of_it() {
    for (answered, standing) in [(117_647, Standing::Open), (125_000, Standing::Failed(Failure::Unset(SPEED)))] {
        let mut port = ComPort::new(115_200);
        hear(&mut port, &GREETING);
        hear(&mut port, &answers(answered));
        assert_eq!(port.standing(), standing);
    }
}

#[test]
fn what_is_noted_of_an_open_port_changes_nothing() {
    let mut port = open();
    hear(&mut port, &answer(1, &9600u32.to_be_bytes()));
    hear(&mut port, &answer(7, &[0xb0]));
    assert_eq!((port.standing(), sent(&mut port)), (Standing::Open, vec![]));
}

#[test]
fn a_sign_of_life_is_an_answer_to_the_question_and_not_to_what_is_set() {
    let mut port = open();
    assert!(!port.gives_signs());
    hear(&mut port, &answer(2, &[8]));
    assert!(port.gives_signs());
    port.ask_for_sign();
    assert_eq!(sent(&mut port), QUESTION);
}

#[test]
fn requests_without_end_use_no_memory() {
    let mut port = open();
    for n in 0..5_000u32 {
        hear(&mut port, &[255, 251, n as u8 | 64]);
        hear(&mut port, &answer(1, &n.to_be_bytes()));
    }
    assert!(port.poll_transmit().len() <= OUTGOING_MAX);
    assert!(port.send(b"data") < 4);
    sent(&mut port);
    assert_eq!(port.send(b"data"), 4);
    assert_eq!(port.standing(), Standing::Open);
}

#[test]
fn whatever_the_server_sends_memory_is_bounded_and_nothing_panics() {
    for seed in 1..100 {
        let mut port = ComPort::new(115_200);
        // Half of it commands, so that most paths are walked.
        let mut noise = random(seed).map(|byte| match byte % 8 {
            0..2 => 255,
            2 => 250,
            3 => 240,
            4 => 251 + byte / 8 % 4,
            5 => [0, 1, 3, 44][usize::from(byte / 8 % 4)],
            _ => byte,
        });
        for _ in 0..200 {
            let len = noise.next().unwrap_or_default();
            let mut bytes: Vec<u8> = noise.by_ref().take(len.into()).collect();
            assert!(port.handle_input(&mut bytes) <= bytes.len(), "seed {seed}");
            port.send(&bytes);
            port.ask_for_sign();
            port.ask_for_sign();
            assert!(port.poll_transmit().len() <= OUTGOING_MAX, "seed {seed}");
            port.consume(len.into());
        }
    }
}
