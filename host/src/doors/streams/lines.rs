//! Cuts a stream of text into lines, wherever the pieces end that it comes in.
//!
//! A line longer than [`LINE_MAX`] is skipped whole, to the next newline; only its head is kept, which says what it was for.

/// Longest line that is taken, in bytes: the longest message, with about as much again for what JSON escapes.
pub(crate) const LINE_MAX: usize = 512 << 10;
/// What is kept of a longer one, in characters.
const HEAD_MAX: usize = 512;

/// A line, without its newline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    Whole(String),
    /// It was too long; its head.
    TooLong(String),
}

/// The line that has begun.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    begun: String,
    is_too_long: bool,
}

impl Lines {
    /// Takes of `piece` up to the end of a line, which it gives; `None` once all of it is taken.
    pub(crate) fn next(&mut self, piece: &mut &str) -> Option<Line> {
        let Some((end, rest)) = piece.split_once('\n') else {
            self.add(std::mem::take(piece));
            return None;
        };
        self.add(end);
        *piece = rest;
        let text = std::mem::take(&mut self.begun);
        Some(if std::mem::take(&mut self.is_too_long) { Line::TooLong(text) } else { Line::Whole(text) })
    }

    fn add(&mut self, text: &str) {
        if self.is_too_long {
            return;
        }
        if self.begun.len() + text.len() > LINE_MAX {
            self.is_too_long = true;
            self.begun = self.begun.chars().chain(text.chars()).take(HEAD_MAX).collect();
        } else {
            self.begun.push_str(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{HEAD_MAX, LINE_MAX, Line, Lines};

    fn cut(pieces: &[&str]) -> Vec<Line> {
        let mut lines = Lines::default();
        let mut all = Vec::new();
        for piece in pieces {
            let mut rest = *piece;
            all.extend(std::iter::from_fn(|| lines.next(&mut rest)));
            assert!(rest.is_empty());
        }
        all
    }

    #[test]
    fn where_the_pieces_end_makes_no_difference() {
        let text = "[1]\n\nünd\nrest";
        let expected = ["[1]", "", "ünd"].map(|line| Line::Whole(line.into()));
        assert_eq!(cut(&[text]), expected);
        for (at, _) in text.char_indices() {
            let (first, second) = text.split_at(at);
            assert_eq!(cut(&[first, "", second]), expected, "{at}");
        }
        let single: Vec<String> = text.chars().map(String::from).collect();
        assert_eq!(cut(&single.iter().map(String::as_str).collect::<Vec<_>>()), expected);
    }

    #[test]
    fn a_line_that_is_too_long_is_skipped_whole_and_the_next_one_is_taken() {
        let longest = "x".repeat(LINE_MAX);
        let head = Line::TooLong("x".repeat(HEAD_MAX));
        let next = Line::Whole("next".into());
        assert_eq!(cut(&[&longest, "\nnext\n"]), [Line::Whole(longest.clone()), next.clone()]);
        assert_eq!(cut(&[&longest, "y", &longest, "z\nnext\n"]), [head.clone(), next.clone()]);
        assert_eq!(cut(&[&format!("{longest}y\nnext\n")]), [head, next]);
    }
}
