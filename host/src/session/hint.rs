//! What to look at when a device does not say hello.

/// A sentence about a line of so many bits a second, on which so much came that was no frame.
pub(crate) fn hint(baud: u32, noise: u32) -> String {
    if noise > 0 {
        format!(
            "Something arrives, but no Pocketmux frame: check that both sides use {baud} baud (--baud), and that the Pocketmux firmware is \
             what runs on the board."
        )
    } else {
        format!(
            "It has not said hello: check that the Pocketmux firmware is on the board and runs, that TX and RX are crossed and GND is \
             joined, and that both sides use {baud} baud (--baud)."
        )
    }
}

#[cfg(test)]
mod tests {
    use super::hint;

    #[test]
    fn the_hint_goes_by_what_came_in() {
        assert!(hint(9600, 3).starts_with("Something arrives") && hint(9600, 3).contains("9600 baud"));
        assert!(hint(9600, 0).contains("TX and RX are crossed"));
    }
}
