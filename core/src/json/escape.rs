//! Between what stands in a JSON string and the text that it means, half surrogate pairs included.

use serde_json_core::str::EscapedStr;

use crate::bytes::Writer;
use crate::wtf8::{Encoder, units};

/// Writes what an escaped string stands for to the front of `out`, as [WTF-8](crate::wtf8), which never takes more bytes.
///
/// `None` when it does not fit or holds an escape that JSON does not know.
pub fn unescape<'o>(string: EscapedStr<'_>, out: &'o mut [u8]) -> Option<&'o [u8]> {
    let mut encoder = Encoder::new(out);
    let mut rest = string.0;
    while let Some(at) = rest.find('\\') {
        encoder.push_str(rest.get(..at)?);
        let mut escape = rest.get(at + 1..)?.chars();
        match escape.next()? {
            'u' => {
                let digits = escape.as_str().get(..4)?;
                if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                    return None;
                }
                encoder.push(u16::from_str_radix(digits, 16).ok()?);
                escape = escape.as_str().get(4..)?.chars();
            }
            'b' => encoder.push(0x08),
            'f' => encoder.push(0x0c),
            'n' => encoder.push(0x0a),
            'r' => encoder.push(0x0d),
            't' => encoder.push(0x09),
            same @ ('"' | '\\' | '/') => encoder.push(same as u16),
            _ => return None,
        }
        rest = escape.as_str();
    }
    encoder.push_str(rest);
    encoder.finish()
}

/// Escapes text, writing to the front of `out` at most six times as many bytes; `None` when it does not fit.
///
/// Half a surrogate pair, and what is no UTF-8 at all, comes out as JavaScript's `JSON.stringify` writes it: `\ud83d`.
pub fn escape<'o>(text: &[u8], out: &'o mut [u8]) -> Option<EscapedStr<'o>> {
    let mut writer = Writer::new(out);
    let mut rest = text;
    loop {
        let valid_len = match core::str::from_utf8(rest) {
            Ok(whole) => whole.len(),
            Err(error) => error.valid_up_to(),
        };
        let (valid, after) = rest.split_at_checked(valid_len)?;
        put_escaped(&mut writer, valid);
        rest = match after {
            [] => break,
            [0xed, 0xa0..0xc0, 0x80..0xc0, after @ ..] => {
                units(rest.get(valid_len..valid_len + 3)?).for_each(|unit| put_unit(&mut writer, unit));
                after
            }
            [_, after @ ..] => {
                put_unit(&mut writer, 0xfffd);
                after
            }
        };
    }
    core::str::from_utf8(writer.finish()?).ok().map(EscapedStr)
}

/// Puts UTF-8, escaping what JSON wants escaped.
fn put_escaped(writer: &mut Writer<'_>, text: &[u8]) {
    let mut rest = text;
    while let Some(at) = rest.iter().position(|&byte| byte < 0x20 || byte == b'"' || byte == b'\\') {
        let Some((plain, [byte, after @ ..])) = rest.split_at_checked(at) else { return };
        writer.put(plain);
        match byte {
            b'"' | b'\\' => writer.put(&[b'\\', *byte]),
            b'\n' => writer.put(b"\\n"),
            b'\r' => writer.put(b"\\r"),
            b'\t' => writer.put(b"\\t"),
            0x08 => writer.put(b"\\b"),
            0x0c => writer.put(b"\\f"),
            other => put_unit(writer, u16::from(*other)),
        }
        rest = after;
    }
    writer.put(rest);
}

fn put_unit(writer: &mut Writer<'_>, unit: u16) {
    let digit = |shift: u16| {
        let nibble = (unit >> shift & 15) as u8;
        if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 }
    };
    writer.put(&[b'\\', b'u', digit(12), digit(8), digit(4), digit(0)]);
}

#[cfg(test)]
mod tests {
    use super::{EscapedStr, escape, unescape};

    #[test]
    fn halves_of_surrogate_pairs_go_through_wtf8_and_back() {
        for (escaped, bytes) in [
            (r"hi \ud83d", b"hi \xed\xa0\xbd".as_slice()),
            (r"\ude00!", b"\xed\xb8\x80!"),
            (r#"\"\\\n\u0000\u001f"#, b"\"\\\n\0\x1f"),
            ("é😀", "é😀".as_bytes()),
        ] {
            assert_eq!(unescape(EscapedStr(escaped), &mut [0; 64]), Some(bytes));
            assert_eq!(escape(bytes, &mut [0; 64]), Some(EscapedStr(escaped)));
        }
        assert_eq!(unescape(EscapedStr(r"\ud83d\ude00"), &mut [0; 64]), Some("😀".as_bytes()));
        assert_eq!(unescape(EscapedStr(r"\u+12f"), &mut [0; 64]), None);
        assert_eq!(escape(b"\xff", &mut [0; 6]), Some(EscapedStr(r"\ufffd")));
    }
}
