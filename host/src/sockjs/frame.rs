//! What the server says to a client: one frame at a time.

use std::collections::VecDeque;

use crate::sockjs::message::Message;

/// The end of a session, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Close {
    pub(crate) code: u16,
    pub(crate) reason: String,
}

impl Close {
    pub(crate) fn new(code: u16, reason: &str) -> Self {
        Self { code, reason: reason.to_owned() }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    /// The session is there: the first frame of every session.
    Open,
    /// The connection is to be kept, and there is nothing to say.
    Heartbeat,
    /// Messages, in order.
    Messages(VecDeque<Message>),
    /// The session is over.
    Close(Close),
}

impl Frame {
    /// The frame as every transport but the raw WebSocket has it.
    pub(crate) fn to_text(&self) -> String {
        match self {
            Self::Open => "o".to_owned(),
            Self::Heartbeat => "h".to_owned(),
            Self::Messages(messages) => {
                let mut text = "a[".to_owned();
                for (at, message) in messages.iter().enumerate() {
                    if at > 0 {
                        text.push(',');
                    }
                    message.quote(&mut text);
                }
                text.push(']');
                text
            }
            Self::Close(Close { code, reason }) => {
                let mut text = format!("c[{code},");
                Message::from(reason.as_str()).quote(&mut text);
                text.push(']');
                text
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Close, Frame};

    #[test]
    fn frames_are_those_of_the_protocol() {
        let messages = ["a", "\"b\""].map(Into::into).into();
        for (frame, text) in [
            (Frame::Open, "o"),
            (Frame::Heartbeat, "h"),
            (Frame::Messages(messages), r#"a["a","\"b\""]"#),
            (Frame::Close(Close::new(3000, "Go away!")), r#"c[3000,"Go away!"]"#),
        ] {
            assert_eq!(frame.to_text(), text);
        }
    }
}
