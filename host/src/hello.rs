//! What a device says of itself, made fit to be shown.
//!
//! A device may send anything. Control characters would forge lines of the log, and marks of writing direction would show another
//! name than the one that is there; both are left out.

use pocketmux_core::Identity;

/// The identity of a HELLO, without characters that deceive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hello {
    pub(crate) name: String,
    pub(crate) firmware: String,
    pub(crate) serial: String,
}

impl Hello {
    /// Takes the words of a device; one without a name is called `nameless`.
    pub(crate) fn new(identity: Identity<'_>, nameless: &str) -> Self {
        let [name, firmware, serial] = [identity.name, identity.firmware, identity.serial].map(plain);
        let name = if name.trim().is_empty() { plain(nameless) } else { name };
        Self { name, firmware, serial }
    }
}

/// The text without control characters, line separators and marks of writing direction.
pub(crate) fn plain(text: &str) -> String {
    text.chars().filter(|character| !is_deceptive(*character)).collect()
}

fn is_deceptive(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::{Hello, plain};
    use pocketmux_core::Identity;

    #[test]
    fn no_character_that_forges_a_line_or_turns_it_around_is_taken() {
        let bad = "\u{0}\n\r\u{1b}\u{7f}\u{85}\u{200e}\u{200f}\u{2028}\u{2029}\u{202a}\u{202e}\u{2066}\u{2069}";
        let text = |inner: &str| format!("a{inner}é b");
        let bad = text(bad);
        let identity = Identity { name: &bad, firmware: &bad, serial: &bad };
        let good = text("");
        let hello = Hello { name: good.clone(), firmware: good.clone(), serial: good.clone() };
        assert_eq!(Hello::new(identity, "tty"), hello);
        assert_eq!(plain("[31m日本 \u{1f600}"), "[31m日本 \u{1f600}");
    }

    #[test]
    fn a_device_without_a_name_has_that_of_its_port() {
        for name in ["", "\n", " \u{202e}"] {
            assert_eq!(Hello::new(Identity { name, firmware: "", serial: "" }, "ttyACM0").name, "ttyACM0");
        }
    }
}
