//! Takes the frames of a session for one request, or for one WebSocket.

use std::sync::Arc;

use tokio::time::{Duration, timeout};

use crate::sockjs::frame::{Close, Frame};
use crate::sockjs::line::Line;

/// After so long with nothing to say, a connection is told that it is still wanted.
const HEARTBEAT: Duration = Duration::from_secs(25);

/// There is one at a time for a session.
///
/// Dropped before [`Receiver::leave`] and before the last frame, it ends the session: a connection broke, and nobody knows how much
/// of what it was given arrived.
#[derive(Debug)]
pub(crate) struct Receiver {
    line: Option<Arc<Line>>,
    refusal: Option<Close>,
}

impl Receiver {
    /// The one that a line has just attached.
    pub(crate) fn new(line: Arc<Line>) -> Self {
        Self { line: Some(line), refusal: None }
    }

    /// For a request that may not take the session's frames; its client is told why.
    pub(crate) fn refused(close: Close) -> Self {
        Self { line: None, refusal: Some(close) }
    }

    /// The next frame; `None` after a close, or when the session has ended. Nothing is lost when the future is dropped.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        if let Some(refusal) = self.refusal.take() {
            return Some(Frame::Close(refusal));
        }
        let line = self.line.as_ref()?;
        let frame = timeout(HEARTBEAT, line.frame()).await.unwrap_or(Some(Frame::Heartbeat));
        if matches!(frame, None | Some(Frame::Close(_))) {
            self.line = None;
        }
        frame
    }

    /// This request has had enough; its client comes again.
    pub(crate) fn leave(&mut self) {
        if let Some(line) = self.line.take() {
            line.detach();
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        if let Some(line) = self.line.take() {
            line.end();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{HEARTBEAT, Receiver};
    use crate::sockjs::frame::{Close, Frame};
    use crate::sockjs::line::Line;
    use tokio::time::{Duration, Instant, advance};

    #[tokio::test(start_paused = true)]
    async fn a_session_opens_once_and_what_waits_comes_in_one_frame() {
        let line = Line::new();
        let mut first = line.attach().unwrap();
        assert_eq!(first.next().await, Some(Frame::Open));
        first.leave();
        assert!(line.put("a".into()).await && line.put("b".into()).await);
        let mut second = line.attach().unwrap();
        assert_eq!(second.next().await, Some(Frame::Messages(["a".into(), "b".into()].into())));
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_session_has_a_heartbeat() {
        let line = Line::new();
        let mut receiver = line.attach().unwrap();
        receiver.next().await;
        let start = Instant::now();
        assert_eq!(receiver.next().await, Some(Frame::Heartbeat));
        assert_eq!(start.elapsed(), HEARTBEAT);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_does_not_come_back_for_five_seconds_has_gone() {
        let line = Line::new();
        let mut receiver = line.attach().unwrap();
        receiver.next().await;
        advance(Duration::from_secs(60)).await;
        receiver.leave();
        let start = Instant::now();
        line.lasted().await;
        assert_eq!(start.elapsed(), Duration::from_secs(5));
        assert!(line.has_ended() && line.attach().is_none() && line.receive().await.is_none());
        assert!(!line.put("x".into()).await);
    }

    #[tokio::test(start_paused = true)]
    async fn one_request_at_a_time_takes_frames_and_one_that_breaks_ends_the_session() {
        let line = Line::new();
        let receiver = line.attach().unwrap();
        assert!(line.attach().is_none());
        drop(receiver);
        line.free().await;
        assert!(line.has_ended());
    }

    #[tokio::test(start_paused = true)]
    async fn a_closed_session_gives_what_waits_and_then_says_why_to_everyone_who_asks() {
        let line = Line::new();
        let close = Close::new(3000, "Go away!");
        line.put("a".into()).await;
        line.close(close.clone());
        line.close(Close::new(1000, "too late"));
        let mut receiver = line.attach().unwrap();
        let expected = [Frame::Open, Frame::Messages(["a".into()].into()), Frame::Close(close.clone())];
        for frame in expected {
            assert_eq!(receiver.next().await, Some(frame));
        }
        assert_eq!(receiver.next().await, None);
        for _ in 0..3 {
            advance(Duration::from_secs(4)).await;
            assert_eq!(line.attach().unwrap().next().await, Some(Frame::Close(close.clone())));
        }
        line.lasted().await;
        assert!(line.has_ended());
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_client_sent_before_it_went_still_reaches_the_service() {
        let line = Line::new();
        line.deliver(vec!["a".into(), "b".into()]).await;
        line.end();
        line.deliver(vec!["too late".into()]).await;
        assert_eq!(line.receive().await, Some("a".into()));
        assert_eq!(line.receive().await, Some("b".into()));
        assert_eq!(line.receive().await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_closed_session_whose_client_takes_nothing_ends() {
        let line = Line::new();
        let mut stuck = line.attach().unwrap();
        line.close(Close::new(3000, "Go away!"));
        line.lasted().await;
        assert_eq!(stuck.next().await, None);
    }

    #[tokio::test]
    async fn a_refused_request_hears_why_and_nothing_else() {
        let mut receiver = Receiver::refused(Close::new(2010, "Another connection still open"));
        assert!(matches!(receiver.next().await, Some(Frame::Close(_))));
        assert_eq!(receiver.next().await, None);
    }
}
