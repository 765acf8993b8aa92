//! The names of a device's channels and the content types of their messages, kept for as long as its link borrows them.
//!
//! The link borrows what it announces, and may announce it again at any time: after a reboot, after noise. So nothing is ever taken out,
//! and the tables are bounded instead: a device that makes up a name for every upload must not fill the host's memory. Beyond the bounds
//!
//! - a channel of a name that was never seen is left out: the log says so once, the device list does not have it, what the device sends on it
//!   reaches nobody, and what clients send on it does not reach the device. Channels of known names come and go as before;
//! - a content type that was never seen is shown to clients, but not said to the device of our direction.
//!
//! Both begin anew with the host.

use std::sync::OnceLock;

/// Names of channels: beyond those that are open at once there are those that came and went.
pub(crate) const NAMES: usize = 1024;
/// Content types: few kinds of messages are made up along the way.
const CONTENTS: usize = 64;

/// What the device has ever called its channels, and their messages: only added to, so that the link can borrow it.
pub(crate) struct Names {
    channels: Kept<NAMES>,
    contents: Kept<CONTENTS>,
}

impl Names {
    pub(crate) const fn new() -> Self {
        Self { channels: Kept::new(), contents: Kept::new() }
    }

    /// The name of a channel, kept; `None` when there are too many.
    pub(crate) fn keep(&self, name: &str) -> Option<&str> {
        self.channels.keep(name)
    }

    /// A content type, kept; none when there are too many.
    pub(crate) fn keep_content(&self, content: &str) -> &str {
        self.contents.keep(content).unwrap_or_default()
    }
}

struct Kept<const N: usize>([OnceLock<Box<str>>; N]);

impl<const N: usize> Kept<N> {
    const fn new() -> Self {
        Self([const { OnceLock::new() }; N])
    }

    fn keep(&self, text: &str) -> Option<&str> {
        let is_its = |place: &&OnceLock<Box<str>>| place.get().is_none_or(|known| **known == *text);
        self.0.iter().find(is_its).map(|place| &**place.get_or_init(|| text.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::{CONTENTS, NAMES, Names};

    #[test]
    fn beyond_the_bound_only_what_is_known_is_kept() {
        let names = Names::new();
        for n in 0..NAMES {
            assert_eq!(names.keep(&n.to_string()), Some(n.to_string().as_str()));
        }
        assert_eq!((names.keep("one more"), names.keep("1000")), (None, Some("1000")));
        for n in 0..CONTENTS {
            assert_eq!(names.keep_content(&n.to_string()), n.to_string());
        }
        assert_eq!((names.keep_content("one more"), names.keep_content("7")), ("", "7"));
    }
}
