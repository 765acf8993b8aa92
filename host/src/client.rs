//! One WebSocket client: what it sends goes to the hub, what the hub has goes to it.
//!
//! Reading goes on while writing waits. Everything that is ready is written in one go. A client that cannot keep up, or whose
//! socket does not take one batch in [`WRITE_PATIENCE`], is let go with 1013; one that does not answer two pings is gone.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::time::{Duration, Instant, MissedTickBehavior, interval_at, sleep, timeout};
use tracing::debug;

use crate::hub::{Hub, Reader};
use crate::inbound::Inbound;
use crate::pace::Pace;
use crate::refusal::Refusals;
use crate::shutdown::Shutdown;

/// The subprotocol of clients that also want to hear about devices.
pub(crate) const SESSION_PROTOCOL: &str = "pocketmux.v1";
/// Longest message taken from a client, in bytes.
const MESSAGE_MAX: usize = 1 << 20;
/// A third of an idle client's memory, and room for twenty classic frames; axum's own choice of 128 KiB would be all of it.
const READ_BUFFER: usize = 2 << 10;
/// Bytes gathered before they are written, unless there is no more to write.
const WRITE_BUFFER: usize = 16 << 10;
const WRITE_PATIENCE: Duration = Duration::from_secs(10);
const PING_INTERVAL: Duration = Duration::from_secs(20);
const PINGS_MISSED_MAX: u8 = 2;
/// Frames taken from one client before the others get a turn.
const TURN: usize = 16;
/// How long a client may take to answer a close.
const FAREWELL: Duration = Duration::from_secs(2);
/// The same for one that was let go because it did not read: it may want to know why.
const FAREWELL_SLOW: Duration = Duration::from_secs(5);

/// Sets the buffers and limits of a client's socket, and the subprotocol that clients of frames may speak.
pub(crate) fn limit(upgrade: WebSocketUpgrade, is_feed: bool) -> WebSocketUpgrade {
    limit_buffers(upgrade)
        .max_write_buffer_size(WRITE_BUFFER + 2 * MESSAGE_MAX)
        .protocols((!is_feed).then_some(SESSION_PROTOCOL))
}

/// Sets only the buffers, to what an idle client may cost, and the longest message.
pub(crate) fn limit_buffers(upgrade: WebSocketUpgrade) -> WebSocketUpgrade {
    upgrade
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_message_size(MESSAGE_MAX)
        .max_frame_size(MESSAGE_MAX)
}

/// Why a client is let go; `None` when it has gone by itself.
pub(crate) type Leave = Option<(u16, &'static str)>;

/// Serves a client, of frames or of the live feed of the chat, until it goes or the host stops.
///
/// Not an `async fn`, so that the socket is taken apart before the future is made, and not kept in it twice.
pub(crate) fn serve(
    socket: WebSocket,
    hub: Arc<Hub>,
    is_feed: bool,
    mut shutdown: Shutdown,
) -> impl Future<Output = ()> + Send {
    let is_session = socket.protocol().is_some_and(|protocol| protocol == SESSION_PROTOCOL);
    let (mut sink, mut stream) = socket.split();
    async move {
        let refusals = Arc::new(Refusals::new());
        let unanswered = AtomicU8::new(0);
        let subscription = if is_feed { hub.subscribe_to_feed() } else { hub.subscribe(is_session) };
        let inbound = (!is_feed).then(|| Inbound::new(&hub, refusals.clone()));
        let leave = tokio::select! {
            leave = listen(&mut stream, inbound, &unanswered) => leave,
            leave = talk(&mut sink, subscription, &refusals, &unanswered) => leave,
            () = shutdown.wanted() => Some((close_code::AWAY, "The host is stopping.")),
        };
        if let Some((code, reason)) = leave {
            let mut last_words = Vec::new();
            refusals.take(&mut last_words);
            let _ = timeout(FAREWELL, write(&mut sink, &mut last_words, false)).await;
            debug!("a client is let go: {code} {reason}");
            // Rare and last: it is to cost the others nothing.
            Box::pin(farewell(sink, stream, code, reason)).await;
        }
    }
}

/// Takes what the client sends; one of the feed has nothing to say.
async fn listen(stream: &mut SplitStream<WebSocket>, mut inbound: Option<Inbound<'_>>, unanswered: &AtomicU8) -> Leave {
    let (mut turn, mut pace) = (0, Pace::new());
    while let Some(message) = stream.next().await {
        unanswered.store(0, Relaxed);
        let len = match message {
            Ok(Message::Text(text)) => {
                if let Some(inbound) = &mut inbound {
                    inbound.take(text.as_str());
                }
                text.as_str().len()
            }
            Ok(Message::Binary(bytes)) => {
                if let Some(inbound) = &inbound {
                    inbound.refuse_binary(bytes.len());
                }
                bytes.len()
            }
            // The socket answers pings and closes by itself; after a close the stream ends.
            Ok(Message::Ping(bytes) | Message::Pong(bytes)) => bytes.len(),
            Ok(Message::Close(_)) => 0,
            Err(error) => {
                let leave = judge(&error.to_string());
                if let (Some((close_code::SIZE, _)), Some(inbound)) = (&leave, &inbound) {
                    inbound.refuse_oversized(MESSAGE_MAX);
                }
                return leave;
            }
        };
        if let Some(wait) = pace.count(len) {
            sleep(wait).await;
        }
        turn = (turn + 1) % TURN;
        if turn == 0 {
            // A flood is taken no faster than everyone, its sender included, has a turn at reading it.
            tokio::task::yield_now().await;
        }
    }
    None
}

/// What to close with after an error, which axum only gives as words.
pub(crate) fn judge(error: &str) -> Leave {
    if error.contains("too long") {
        Some((close_code::SIZE, "A message has at most 1 MiB. Cut it into frames."))
    } else if error.contains("UTF-8") {
        Some((close_code::INVALID, "Text must be UTF-8."))
    } else if error.contains("protocol error") && !error.contains("without closing handshake") {
        Some((close_code::PROTOCOL, "This is not the WebSocket protocol."))
    } else {
        None
    }
}

/// Gives the client what the hub has for it.
async fn talk(
    sink: &mut SplitSink<WebSocket, Message>,
    (mut reader, mut batch): (Reader<'_>, Vec<Utf8Bytes>),
    refusals: &Refusals,
    unanswered: &AtomicU8,
) -> Leave {
    let slow = Some((close_code::AGAIN, "This client could not keep up."));
    let mut pings = interval_at(Instant::now() + PING_INTERVAL, PING_INTERVAL);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut is_ping_due = false;
    loop {
        refusals.take(&mut batch);
        if reader.take(&mut batch).is_err() {
            return slow;
        }
        if !batch.is_empty() || is_ping_due {
            match timeout(WRITE_PATIENCE, write(sink, &mut batch, std::mem::take(&mut is_ping_due))).await {
                Ok(Ok(())) => continue,
                Ok(Err(_gone)) => return None,
                Err(_elapsed) => return slow,
            }
        }
        batch.shrink_to(0);
        is_ping_due = wait(&mut reader, refusals, &mut pings).await;
        if is_ping_due && unanswered.fetch_add(1, Relaxed) >= PINGS_MISSED_MAX {
            return Some((close_code::AWAY, "No answer to pings."));
        }
    }
}

/// Waits for something to say; true when it is a ping.
async fn wait(reader: &mut Reader<'_>, refusals: &Refusals, pings: &mut tokio::time::Interval) -> bool {
    tokio::select! {
        () = reader.changed() => false,
        () = refusals.changed() => false,
        _ = pings.tick() => true,
    }
}

async fn write(
    sink: &mut SplitSink<WebSocket, Message>,
    batch: &mut Vec<Utf8Bytes>,
    with_ping: bool,
) -> Result<(), axum::Error> {
    for text in batch.drain(..) {
        sink.feed(Message::Text(text)).await?;
    }
    if with_ping {
        sink.feed(Message::Ping(axum::body::Bytes::new())).await?;
    }
    sink.flush().await
}

/// Says why, and waits a little for the answer, so that the client can read it before the socket is gone.
async fn farewell(
    mut sink: SplitSink<WebSocket, Message>,
    mut stream: SplitStream<WebSocket>,
    code: u16,
    reason: &'static str,
) {
    let patience = if code == close_code::AGAIN { FAREWELL_SLOW } else { FAREWELL };
    let _ = timeout(patience, async {
        let close = Message::Close(Some(CloseFrame { code, reason: Utf8Bytes::from_static(reason) }));
        if sink.send(close).await.is_ok() {
            while let Some(Ok(_)) = stream.next().await {}
        }
        if code == close_code::SIZE {
            // The socket reads no more after such an error; closing it now, with input unread, would reset the connection and take the
            // reason with it.
            sleep(FAREWELL / 2).await;
        }
    })
    .await;
}

#[cfg(test)]
mod tests {
    use super::judge;
    use axum::extract::ws::close_code;

    #[test]
    fn errors_close_with_the_code_that_fits() {
        let code = |error: &str| judge(error).map(|(code, _)| code);
        assert_eq!(code("Space limit exceeded: Message too long: 2 > 1"), Some(close_code::SIZE));
        assert_eq!(code("UTF-8 encoding error: invalid utf-8 sequence"), Some(close_code::INVALID));
        assert_eq!(code("WebSocket protocol error: Reserved bits are non-zero"), Some(close_code::PROTOCOL));
        assert_eq!(code("WebSocket protocol error: Connection reset without closing handshake"), None);
        assert_eq!(code("IO error: Broken pipe (os error 32)"), None);
    }
}
