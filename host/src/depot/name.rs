//! What a file is called.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};

/// Longest name, in bytes.
pub(crate) const NAME_MAX: usize = 255;

/// What a file is called: nothing that could lead anywhere else, hide, or show itself as what it is not, wherever it is saved later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Name(String);

/// Why a text is no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotAName {
    #[error("The name of a file has 1 to {NAME_MAX} bytes.")]
    Length,
    #[error("The name of a file may not begin with a dot.")]
    Hidden,
    #[error("The name of a file is no path: it may have neither / nor \\ in it.")]
    Path,
    #[error("The name of a file may have no control characters in it, nor any that turn the direction of the text.")]
    Control,
}

impl Name {
    /// Reads a name.
    ///
    /// # Errors
    ///
    /// What is wrong with it, in words for whoever chose it.
    pub(crate) fn new(text: &str) -> Result<Self, NotAName> {
        if text.is_empty() || text.len() > NAME_MAX {
            return Err(NotAName::Length);
        }
        if text.contains(['/', '\\']) {
            return Err(NotAName::Path);
        }
        if text.starts_with('.') {
            return Err(NotAName::Hidden);
        }
        if text.chars().any(is_control) {
            return Err(NotAName::Control);
        }
        Ok(Self(text.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Also what breaks a line, and what makes `exe.txt` of a name that ends in `txt.exe`; letters of right-to-left scripts need none of it.
fn is_control(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::{NAME_MAX, Name, NotAName};

    #[test]
    fn a_name_leads_nowhere_and_hides_nothing() {
        let long = "x".repeat(NAME_MAX + 1);
        let halves = "é".repeat(NAME_MAX / 2 + 1);
        for (text, wrong) in [
            ("", NotAName::Length),
            (&*long, NotAName::Length),
            (&halves, NotAName::Length),
            ("../../etc/passwd", NotAName::Path),
            ("a\\b", NotAName::Path),
            (".hidden", NotAName::Hidden),
            ("..", NotAName::Hidden),
            ("a\0b", NotAName::Control),
            ("a\nb", NotAName::Control),
            ("a\u{85}b", NotAName::Control),
            ("a\u{2028}b", NotAName::Control),
            ("photo\u{202e}gpj.exe", NotAName::Control),
        ] {
            assert_eq!(Name::new(text), Err(wrong), "{text:?}");
        }
        for text in ["a", "a b.txt", "a..b", "שלום.txt", "😀", "CON", "%2e%2e%2f", "\"", &long[1..]] {
            assert_eq!(Name::new(text).unwrap().as_str(), text);
        }
    }
}
