//! Checks that a text is one JSON value (RFC 8259), to the letter and without recursion.
//!
//! The reader of fields takes some broken values for good where it passes them over, and descends into nested ones. A text that
//! is relayed to others as it came must be one that their readers take too, so it is checked as a whole before anything is read.

use crate::json::JsonError;

/// Arrays and objects within each other that a text may hold.
pub const DEPTH_MAX: usize = 32;

/// Where the check stands in the text, and what it stands in.
struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
    /// A bit for each open array or object, the innermost lowest: 1 for an object.
    objects: u32,
    depth: usize,
}

/// Refuses what is no JSON, with the byte from which on, and what is nested too deep.
pub(crate) fn check(text: &[u8]) -> Result<(), JsonError> {
    let mut scanner = Scanner { text, at: 0, objects: 0, depth: 0 };
    scanner.run().map_err(|error| error.unwrap_or(JsonError::Syntax(scanner.at)))
}

/// A broken text is `Err(None)`: where is known.
type Step<T = ()> = Result<T, Option<JsonError>>;

impl Scanner<'_> {
    fn run(&mut self) -> Step {
        loop {
            // In front of a value.
            self.space();
            let opened = match self.peek() {
                Some(b'{') => self.open(true, b'}')?,
                Some(b'[') => self.open(false, b']')?,
                Some(b'"') => self.string()?,
                Some(b'-' | b'0'..=b'9') => self.number()?,
                Some(b't') => self.literal(b"true")?,
                Some(b'f') => self.literal(b"false")?,
                Some(b'n') => self.literal(b"null")?,
                _ => return Err(None),
            };
            if !opened && !self.go_on()? {
                return Ok(());
            }
        }
    }

    /// Behind a value: closes what ends here; true when another value follows.
    fn go_on(&mut self) -> Step<bool> {
        loop {
            self.space();
            let in_object = self.objects & 1 == 1;
            match self.peek() {
                None if self.depth == 0 => return Ok(false),
                Some(b',') if self.depth > 0 => {
                    self.at += 1;
                    if in_object {
                        self.key()?;
                    }
                    return Ok(true);
                }
                Some(b'}') if self.depth > 0 && in_object => self.close(),
                Some(b']') if self.depth > 0 && !in_object => self.close(),
                _ => return Err(None),
            }
        }
    }

    /// Opens an array or object; true when a value follows, false when it was empty and is closed again.
    fn open(&mut self, object: bool, end: u8) -> Step<bool> {
        if self.depth == DEPTH_MAX {
            return Err(Some(JsonError::Depth));
        }
        self.at += 1;
        self.depth += 1;
        self.objects = self.objects << 1 | u32::from(object);
        self.space();
        if self.peek() == Some(end) {
            self.close();
            return Ok(false);
        }
        if object {
            self.key()?;
        }
        Ok(true)
    }

    fn close(&mut self) {
        self.at += 1;
        self.depth -= 1;
        self.objects >>= 1;
    }

    fn key(&mut self) -> Step {
        self.space();
        if self.peek() != Some(b'"') {
            return Err(None);
        }
        let start = self.at;
        self.string()?;
        // Readers disagree about which field an escaped name means, so a frame has none; what is nested is nobody's field.
        if self.depth == 1 && self.text.get(start..self.at).is_some_and(|key| key.contains(&b'\\')) {
            return Err(Some(JsonError::EscapedName));
        }
        self.space();
        if self.peek() != Some(b':') {
            return Err(None);
        }
        self.at += 1;
        Ok(())
    }

    fn string(&mut self) -> Step<bool> {
        self.at += 1;
        loop {
            match self.peek().ok_or(None)? {
                b'"' => break,
                b'\\' => {
                    self.at += 1;
                    match self.peek().ok_or(None)? {
                        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {}
                        b'u' if self.hex_digits(4) => self.at += 4,
                        _ => return Err(None),
                    }
                }
                0..0x20 => return Err(None),
                _ => {}
            }
            self.at += 1;
        }
        self.at += 1;
        Ok(false)
    }

    fn hex_digits(&self, count: usize) -> bool {
        let digits = self.text.get(self.at + 1..self.at + 1 + count);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    }

    fn number(&mut self) -> Step<bool> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            _ => self.digits()?,
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(false)
    }

    fn digits(&mut self) -> Step {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at > start { Ok(()) } else { Err(None) }
    }

    fn literal(&mut self, word: &[u8]) -> Step<bool> {
        for expected in word {
            if self.peek() != Some(*expected) {
                return Err(None);
            }
            self.at += 1;
        }
        Ok(false)
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::{DEPTH_MAX, check};
    use crate::json::JsonError;

    #[test]
    fn what_the_grammar_allows_is_taken() {
        for text in [
            "0",
            " -0.5e+3\n",
            "1E2",
            "true",
            "false",
            "null",
            "\"\"",
            "[]",
            "{}",
            "[ [ ] , { } ]",
            "\"é😀\\u12aF\\/\"",
            "{\"a\":[1,{\"b\":null}],\"c\":\"\"}",
        ] {
            assert_eq!(check(text.as_bytes()), Ok(()), "{text}");
        }
    }

    #[test]
    fn what_it_does_not_is_refused_with_its_place() {
        for (text, at) in [
            ("", 0),
            ("tru", 3),
            ("01", 1),
            ("1.", 2),
            ("1e", 2),
            ("-", 1),
            ("+1", 0),
            ("[1,]", 3),
            ("{,}", 1),
            ("[1 2]", 3),
            ("{\"a\" 1}", 5),
            ("{\"a\":1,}", 7),
            ("[}", 1),
            ("[1}", 2),
            ("\"\\x\"", 2),
            ("\"\\u12g4\"", 2),
            ("\"\n\"", 1),
            ("\"", 1),
            ("1 2", 2),
            ("]", 0),
            ("{1:2}", 1),
            ("NaN", 0),
        ] {
            assert_eq!(check(text.as_bytes()), Err(JsonError::Syntax(at)), "{text}");
        }
    }

    #[test]
    fn a_field_is_named_plainly() {
        assert_eq!(check(br#"{"ch\u0061nnel":"b"}"#), Err(JsonError::EscapedName));
        assert_eq!(check(br#"{"meta":{"\u0061":1}}"#), Ok(()));
    }

    #[test]
    fn depth_has_a_limit_and_costs_no_stack() {
        let nested = |depth| "[".repeat(depth) + &"]".repeat(depth);
        assert_eq!(check(nested(DEPTH_MAX).as_bytes()), Ok(()));
        assert_eq!(check(nested(1_000_000).as_bytes()), Err(JsonError::Depth));
    }
}
