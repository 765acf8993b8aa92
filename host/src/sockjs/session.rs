//! What a service is given for each client.

use std::sync::Arc;

use tokio::time::{Duration, timeout};

use crate::sockjs::frame::Close;
use crate::sockjs::line::Line;
use crate::sockjs::message::Message;

/// How long a client may take nothing while there is no room to send it more.
const SEND_PATIENCE: Duration = Duration::from_secs(10);

/// A client, however it is connected. Dropped, it is closed as one whose service is through.
#[derive(Debug)]
pub(crate) struct Session(Arc<Line>);

/// That a session is closed; whoever serves it may stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Closed;

impl Session {
    /// The service's end of a line.
    pub(crate) fn new(line: Arc<Line>) -> Self {
        Self(line)
    }

    /// The next message; `None` once the session is closed. Nothing is lost when the future is dropped.
    pub(crate) async fn recv(&self) -> Option<Message> {
        self.0.receive().await
    }

    /// Sends a message, after waiting for room where the client is slow; one that is too slow is let go.
    ///
    /// # Errors
    ///
    /// [`Closed`].
    pub(crate) async fn send(&self, message: Message) -> Result<(), Closed> {
        match timeout(SEND_PATIENCE, self.0.put(message)).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Closed),
            Err(_elapsed) => {
                self.close(1013, "This client could not keep up.");
                Err(Closed)
            }
        }
    }

    /// Closes the session: what was sent arrives, then the code and the reason.
    pub(crate) fn close(&self, code: u16, reason: &str) {
        self.0.close(Close::new(code, reason));
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.close(1000, "Normal closure");
    }
}

#[cfg(test)]
mod tests {
    use super::{Closed, SEND_PATIENCE, Session};
    use crate::sockjs::frame::Frame;
    use crate::sockjs::line::Line;
    use crate::sockjs::message::Message;
    use tokio::time::{Duration, Instant};

    fn long() -> Message {
        "x".repeat(100 << 10).as_str().into()
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_nothing_is_let_go_and_one_that_comes_back_is_not() {
        let line = Line::new();
        let session = Session::new(line.clone());
        let fill = async {
            while session.send(long()).await.is_ok() {}
            Instant::now()
        };
        let start = Instant::now();
        let take = async {
            tokio::time::sleep(SEND_PATIENCE - Duration::from_secs(1)).await;
            let mut receiver = line.attach().unwrap();
            receiver.next().await;
            assert!(matches!(receiver.next().await, Some(Frame::Messages(messages)) if messages.len() == 3));
            receiver.leave();
        };
        let (end, ()) = tokio::join!(fill, take);
        assert_eq!(end - start, 2 * SEND_PATIENCE - Duration::from_secs(1));
        assert_eq!(session.send("more".into()).await, Err(Closed));
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_that_does_not_read_holds_its_client_up_until_it_does() {
        let line = Line::new();
        let session = Session::new(line.clone());
        line.deliver(vec![long(), long(), long()]).await;
        let mut late = Box::pin(line.deliver(vec!["late".into()]));
        assert!(tokio::time::timeout(Duration::from_secs(60), &mut late).await.is_err());
        assert_eq!(session.recv().await, Some(long()));
        late.await;
        for message in [long(), long(), "late".into()] {
            assert_eq!(session.recv().await, Some(message));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_that_its_service_drops_closes() {
        let line = Line::new();
        drop(Session::new(line.clone()));
        let mut receiver = line.attach().unwrap();
        receiver.next().await;
        assert_eq!(receiver.next().await.map(|frame| frame.to_text()).unwrap(), r#"c[1000,"Normal closure"]"#);
    }
}
