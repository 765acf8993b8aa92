//! What two states have to have in common to count as one.
//!
//! The link has no equality of its own, so its `Debug` form is read: without the bytes of buffers, which the labels of frames stand for;
//! without what is only counted or measured; and with moments as distances from now.

use std::fmt::{self, Debug, Write};

/// Fields that change nothing but the pace.
const LEFT_OUT: [&str; 6] = ["counters", "line", "round_trip", "left_at", "bytes", "buf"];

/// The text by which a link is told from others at `now_us`.
pub fn digest(link: &impl Debug, now_us: u64) -> String {
    let mut writer = Digest {
        out: String::with_capacity(8192),
        word: String::new(),
        skip: None,
        depth: 0,
        is_moment: false,
        now_us,
    };
    let _ = write!(writer, "{link:?}");
    writer.out
}

struct Digest {
    out: String,
    /// The letters and digits just read.
    word: String,
    /// The depth of brackets at which what is left out ends.
    skip: Option<usize>,
    depth: usize,
    /// What comes next is a moment.
    is_moment: bool,
    now_us: u64,
}

impl Write for Digest {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        let mut rest = text;
        while let Some(end) = rest.bytes().position(|byte| !is_letter(&byte)) {
            let (word, after) = rest.split_at(end);
            // Most of it by far is the bytes of buffers, which are left out.
            if self.skip.is_none() {
                self.word.push_str(word);
            }
            self.read(after.as_bytes()[0]);
            rest = &after[1..];
        }
        if self.skip.is_none() {
            self.word.push_str(rest);
        }
        Ok(())
    }
}

impl Digest {
    /// Reads the sign behind a word.
    fn read(&mut self, sign: u8) {
        match sign {
            b':' if self.skip.is_none() => {
                self.skip = LEFT_OUT.contains(&self.word.as_str()).then_some(self.depth);
                self.is_moment = self.word.ends_with("_us");
            }
            b'{' | b'[' | b'(' => self.depth += 1,
            b'}' | b']' | b')' => self.depth -= 1,
            _ => {}
        }
        match self.skip {
            Some(depth) if self.depth < depth || (self.depth == depth && sign == b',') => self.skip = None,
            Some(_) => {}
            None => {
                match self.word.parse::<i64>() {
                    Ok(moment) if self.is_moment => {
                        let _ = write!(self.out, "{}", moment - self.now_us as i64);
                        self.is_moment = false;
                    }
                    _ => self.out.push_str(&self.word),
                }
                self.out.push(char::from(sign));
            }
        }
        self.word.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::digest;

    #[derive(Debug)]
    #[expect(dead_code, reason = "read by its debug form")]
    struct State {
        buf: [u8; 3],
        at_us: u64,
        counters: (u8, [u8; 2]),
        next: Option<u8>,
    }

    #[test]
    fn what_only_the_time_and_the_buffers_tell_apart_is_the_same() {
        let state = |byte, at_us, next| State { buf: [byte; 3], at_us, counters: (byte, [byte; 2]), next };
        let first = digest(&state(1, 100, None), 40);
        assert_eq!(first, "State {  at_us: 60,  next: None }");
        assert_eq!(first, digest(&state(2, 1100, None), 1040));
        assert_ne!(first, digest(&state(1, 101, None), 40));
        assert_ne!(first, digest(&state(1, 100, Some(1)), 40));
    }
}
