//! What a file is known by.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

/// The id of a file: 32 hexadecimal digits, made up by the host. Paths are built from it, and from nothing else that a client says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct FileId(Uuid);

/// That a text is no id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an id of a file is 32 hexadecimal digits")]
pub(crate) struct NotAnId;

impl FileId {
    /// An id that nothing has.
    pub(crate) fn new() -> Self {
        Self(Uuid::new_v4())
    }
}

impl fmt::Display for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.simple().fmt(f)
    }
}

impl FromStr for FileId {
    type Err = NotAnId;

    /// Takes one way to write it: two names for a file would be one too many.
    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let id = Uuid::try_parse(text).map(Self).map_err(|_| NotAnId)?;
        if id.to_string() == text { Ok(id) } else { Err(NotAnId) }
    }
}

impl Serialize for FileId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for FileId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::FileId;

    #[test]
    fn an_id_is_written_in_one_way_only() {
        let id = FileId::new();
        let text = id.to_string();
        assert_eq!((text.len(), text.parse()), (32, Ok(id)));
        let spaced = format!("{} ", &text[..31]);
        let hyphens = "67e55044-10b1-426f-9247-bb680e5fe0c8";
        let upper = "67E5504410B1426F9247BB680E5FE0C8";
        for other in ["", "..", "../../etc/passwd", hyphens, upper, &text[1..], &spaced, &format!("{text}/")] {
            assert!(other.parse::<FileId>().is_err(), "{other}");
        }
    }
}
