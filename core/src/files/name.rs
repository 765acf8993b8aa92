//! What a file may be called.

use core::fmt;

use heapless::String;

/// Longest name of a file, in bytes of UTF-8.
pub const NAME_MAX: usize = 64;

/// The name of a file: safe to be shown, and to be one in a folder.
///
/// 1 to [`NAME_MAX`] bytes without control characters, `/` and `\`, and not beginning with a dot: no name leads out of a folder, none is hidden there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Name(String<NAME_MAX>);

/// What is wrong with the name of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum NameError {
    /// It is empty or has more than [`NAME_MAX`] bytes.
    Length,
    /// It has a control character, a `/` or a `\`.
    Character,
    /// It begins with a dot.
    Dot,
}

impl Name {
    /// Checks a name.
    ///
    /// # Errors
    ///
    /// [`NameError`] says what to change.
    pub fn new(name: &str) -> Result<Self, NameError> {
        if name.is_empty() || name.len() > NAME_MAX {
            return Err(NameError::Length);
        }
        if name.starts_with('.') {
            return Err(NameError::Dot);
        }
        if name.chars().any(|c| c.is_control() || c == '/' || c == '\\') {
            return Err(NameError::Character);
        }
        String::try_from(name).map(Self).map_err(|_| NameError::Length)
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Length => "a file's name has 1 to 64 bytes",
            Self::Character => "a file's name has no control character, no / and no \\",
            Self::Dot => "a file's name does not begin with a dot",
        })
    }
}

impl core::error::Error for NameError {}

#[cfg(test)]
mod tests {
    use super::{NAME_MAX, Name, NameError};

    #[test]
    fn a_name_that_could_leave_its_folder_or_hide_in_it_is_none() {
        for (name, error) in [
            ("", NameError::Length),
            (".", NameError::Dot),
            ("..", NameError::Dot),
            (".profile", NameError::Dot),
            ("../../etc/passwd", NameError::Dot),
            ("a/b", NameError::Character),
            ("a\\b", NameError::Character),
            ("a\0b", NameError::Character),
            ("a\nb", NameError::Character),
            ("a\u{85}b", NameError::Character),
        ] {
            assert_eq!(Name::new(name), Err(error), "{name:?}");
        }
        let long = "é".repeat(NAME_MAX / 2);
        assert_eq!(Name::new(&long).unwrap().as_str(), long);
        assert_eq!(Name::new(&(long + "x")), Err(NameError::Length));
    }
}
