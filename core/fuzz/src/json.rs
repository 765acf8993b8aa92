//! Any text: what is read as a frame is written as one that reads the same, and its strings go through WTF-8 unharmed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pocketmux_core::json::{EscapedStr, JsonFrame, escape, unescape};
use pocketmux_core::wtf8;

fuzz_target!(|data: &[u8]| {
    escape_and_back(data);
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(frame) = JsonFrame::parse(text) {
        let mut out = vec![0; text.len() + 200];
        let written = frame.write(&mut out).expect("there is room");
        assert_eq!(JsonFrame::parse(written), Ok(frame));
        let mut scratch = vec![0; frame.data.0.len()];
        let plain = unescape(frame.data, &mut scratch).expect("a frame's strings are sound").to_vec();
        escape_and_back(&plain);
    }
    let _ = unescape(EscapedStr(text), &mut vec![0; text.len()]);
});

/// Escaping keeps the code units of any bytes, where broken ones count as replacement characters.
fn escape_and_back(bytes: &[u8]) {
    let mut escaped = vec![0; bytes.len() * 6];
    let escaped = escape(bytes, &mut escaped).expect("six times is enough");
    let mut back = vec![0; escaped.0.len()];
    let back = unescape(escaped, &mut back).expect("what was escaped is sound");
    if std::str::from_utf8(bytes).is_ok() {
        assert_eq!(back, bytes);
    }
    let mut joined = back.to_vec();
    assert_eq!(wtf8::join(&mut joined), back.len(), "the encoder joins halves by itself");
}
