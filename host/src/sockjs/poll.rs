//! Answers that carry frames: one frame each, or a stream of them up to a limit.

use std::convert::Infallible;

use axum::body::{Body, Bytes};
use futures_util::stream;

use crate::sockjs::receiver::Receiver;
use crate::sockjs::reply::Reply;
use crate::sockjs::wrap::Wrap;

/// Waits for a frame and answers with it.
pub(crate) async fn one(mut receiver: Receiver, wrap: Wrap) -> Reply {
    let frame = receiver.next().await;
    receiver.leave();
    let body = frame.map(|frame| wrap.frame(&frame.to_text())).unwrap_or_default();
    Reply::typed(wrap.content_type(), body)
}

/// Answers with frames as they come, until they have this many bytes: browsers keep all of an answer in memory until its end.
pub(crate) fn many(receiver: Receiver, wrap: Wrap, bytes_max: usize) -> Reply {
    let content_type = wrap.content_type();
    let frames = Frames { receiver, prelude: wrap.prelude(), wrap, left: bytes_max };
    let chunks = stream::unfold(frames, async |mut frames| {
        let chunk = frames.chunk().await?;
        Some((Ok::<Bytes, Infallible>(chunk.into()), frames))
    });
    Reply::typed(content_type, Body::from_stream(chunks))
}

/// What is still to be written of one answer.
struct Frames {
    receiver: Receiver,
    wrap: Wrap,
    prelude: Option<String>,
    left: usize,
}

impl Frames {
    async fn chunk(&mut self) -> Option<String> {
        if let Some(prelude) = self.prelude.take() {
            return Some(prelude);
        }
        let chunk = self.wrap.frame(&self.receiver.next().await?.to_text());
        self.left = self.left.saturating_sub(chunk.len());
        if self.left == 0 {
            self.receiver.leave();
        }
        Some(chunk)
    }
}

#[cfg(test)]
mod tests {
    use super::{Frames, Wrap};
    use crate::sockjs::frame::Close;
    use crate::sockjs::line::Line;

    #[tokio::test]
    async fn a_stream_ends_at_its_limit_and_the_session_goes_on() {
        let line = Line::new();
        let receiver = line.attach().unwrap();
        let mut frames = Frames { receiver, wrap: Wrap::Xhr, prelude: None, left: 8 };
        assert_eq!(frames.chunk().await.as_deref(), Some("o\n"));
        line.put("ab".into()).await;
        assert_eq!(frames.chunk().await.as_deref(), Some("a[\"ab\"]\n"));
        assert_eq!(frames.chunk().await, None);
        drop(frames);
        assert!(!line.has_ended());
    }

    #[tokio::test]
    async fn a_stream_ends_behind_a_close() {
        let line = Line::new();
        line.close(Close::new(3000, "Go away!"));
        let wrap = Wrap::XhrStreaming;
        let mut frames = Frames { receiver: line.attach().unwrap(), prelude: wrap.prelude(), wrap, left: 1000 };
        assert_eq!(frames.chunk().await.map(|chunk| chunk.len()), Some(2049));
        assert_eq!(frames.chunk().await.as_deref(), Some("o\n"));
        assert_eq!(frames.chunk().await.as_deref(), Some("c[3000,\"Go away!\"]\n"));
        assert_eq!(frames.chunk().await, None);
    }
}
