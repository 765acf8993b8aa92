//! The names of a device's channels, kept for as long as its link borrows them.

use std::sync::OnceLock;

/// Names of channels that the device has ever opened: only added to, so that the link can borrow them.
pub(crate) struct Names([OnceLock<Box<str>>; NAMES]);

/// Beyond the channels that are open at once there are those that came and went.
pub(crate) const NAMES: usize = 1024;

impl Names {
    pub(crate) const fn new() -> Self {
        Self([const { OnceLock::new() }; NAMES])
    }

    /// The name, kept; `None` when there are too many.
    pub(crate) fn keep(&self, name: &str) -> Option<&str> {
        let is_its = |place: &&OnceLock<Box<str>>| place.get().is_none_or(|known| **known == *name);
        self.0.iter().find(is_its).map(|place| &**place.get_or_init(|| name.into()))
    }
}
