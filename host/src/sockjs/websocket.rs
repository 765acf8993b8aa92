//! A session over a WebSocket, which is a whole session by itself; or without the protocol's frames, for programs that are no browsers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use axum::body::{Body, Bytes};
use axum::extract::FromRequestParts as _;
use axum::extract::ws::{CloseFrame, Message as Packet, WebSocket, WebSocketUpgrade, close_code};
use axum::http::Response;
use axum::http::request::Parts;
use axum::response::IntoResponse as _;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::time::{Duration, Instant, timeout, timeout_at};

use crate::client;
use crate::shutdown::Shutdown;
use crate::sockjs::frame::{Close, Frame};
use crate::sockjs::line::Line;
use crate::sockjs::message::Message;
use crate::sockjs::receiver::Receiver;
use crate::sockjs::reply::Reply;
use crate::sockjs::service::{Room, Serve};
use crate::sockjs::session::Session;

/// How long the socket may take for one frame.
const WRITE_PATIENCE: Duration = Duration::from_secs(10);
/// How long a client may take to answer a ping.
const PONG_PATIENCE: Duration = Duration::from_secs(10);
/// How long a client may take to answer a close.
const FAREWELL: Duration = Duration::from_secs(2);
/// Longest reason that a WebSocket can be closed with, in bytes.
const REASON_MAX: usize = 123;

/// What a WebSocket is to be closed with; `None` when it is gone already.
type Leave = Option<Close>;

/// Answers the request for a WebSocket and serves it.
pub(crate) async fn accept(mut parts: Parts, room: &Room, serve: &Serve, is_raw: bool) -> Response<Body> {
    let upgrade = match WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
        Ok(upgrade) => upgrade,
        Err(rejection) => return rejection.into_response(),
    };
    let permit = match room.enter() {
        Ok(permit) => permit,
        Err(full) => return Reply::from(full).finish(),
    };
    let (serve, shutdown) = (serve.clone(), room.shutdown.clone());
    client::limit_buffers(upgrade).on_upgrade(async move |socket| {
        let line = Line::new();
        let service = serve(Session::new(line.clone()));
        tokio::join!(service, converse(socket, line, is_raw, shutdown));
        drop(permit);
    })
}

/// Carries the frames and messages of a session until one side closes it.
async fn converse(socket: WebSocket, line: Arc<Line>, is_raw: bool, mut shutdown: Shutdown) {
    let Some(mut receiver) = line.attach() else { return };
    let (mut sink, mut stream) = socket.split();
    let heard = AtomicBool::new(true);
    let talk = async {
        tokio::select! {
            leave = talk(&mut sink, &mut receiver, is_raw, &heard) => leave,
            () = shutdown.wanted() => {
                line.close(Close::new(1001, "The host is stopping."));
                timeout(FAREWELL, talk(&mut sink, &mut receiver, is_raw, &heard)).await.unwrap_or_default()
            }
        }
    };
    let leave = tokio::select! {
        leave = talk => leave,
        leave = listen(&mut stream, &line, is_raw, &heard) => leave,
    };
    line.end();
    if let Some(close) = leave {
        farewell(sink, stream, close).await;
    }
}

/// Takes what the client sends.
async fn listen(stream: &mut SplitStream<WebSocket>, line: &Line, is_raw: bool, heard: &AtomicBool) -> Leave {
    while let Some(packet) = stream.next().await {
        heard.store(true, Relaxed);
        match packet {
            Ok(Packet::Text(text)) if is_raw => line.deliver(vec![text.as_str().into()]).await,
            Ok(Packet::Text(text)) if text.is_empty() => {}
            Ok(Packet::Text(text)) => match Message::list_or_one(&text) {
                Ok(messages) => line.deliver(messages).await,
                Err(_) => return Some(Close::new(3000, "Broken framing.")),
            },
            Ok(Packet::Binary(_)) => return Some(Close::new(close_code::UNSUPPORTED, "Only text is taken here.")),
            // The socket answers pings and closes by itself; after a close the stream ends.
            Ok(Packet::Ping(_) | Packet::Pong(_) | Packet::Close(_)) => {}
            Err(error) => return judge(&error.to_string()),
        }
        // What is read already costs no waiting; the others are to have their turn all the same.
        tokio::task::consume_budget().await;
    }
    None
}

fn judge(error: &str) -> Leave {
    let (code, words) = client::judge(error)?;
    let words = if code == close_code::SIZE { "A message has at most 4 MiB." } else { words };
    Some(Close::new(code, words))
}

/// Gives the client what the session has for it.
async fn talk(
    sink: &mut SplitSink<WebSocket, Packet>,
    receiver: &mut Receiver,
    is_raw: bool,
    heard: &AtomicBool,
) -> Leave {
    let mut pong_by = None;
    loop {
        let frame = match pong_by {
            None => receiver.next().await?,
            Some(at) => match timeout_at(at, receiver.next()).await {
                Ok(frame) => frame?,
                Err(_elapsed) if heard.load(Relaxed) => {
                    pong_by = None;
                    continue;
                }
                Err(_elapsed) => return Some(Close::new(3000, "No response from heartbeat")),
            },
        };
        let packets = match &frame {
            Frame::Heartbeat => {
                heard.store(false, Relaxed);
                pong_by = Some(Instant::now() + PONG_PATIENCE);
                vec![Packet::Ping(Bytes::new())]
            }
            Frame::Open if is_raw => continue,
            Frame::Close(close) if is_raw => return Some(close.clone()),
            Frame::Messages(messages) if is_raw => {
                messages.iter().map(|message| Packet::Text(message.to_text().into())).collect()
            }
            framed => vec![Packet::Text(framed.to_text().into())],
        };
        if !matches!(timeout(WRITE_PATIENCE, write(sink, packets)).await, Ok(Ok(()))) {
            return None;
        }
        if matches!(frame, Frame::Close(_)) {
            return Some(Close::new(close_code::NORMAL, "Normal closure"));
        }
    }
}

async fn write(sink: &mut SplitSink<WebSocket, Packet>, packets: Vec<Packet>) -> Result<(), axum::Error> {
    for packet in packets {
        sink.feed(packet).await?;
    }
    sink.flush().await
}

/// Says why, and waits a little for the answer, so that the client can read it before the socket is gone.
async fn farewell(mut sink: SplitSink<WebSocket, Packet>, mut stream: SplitStream<WebSocket>, close: Close) {
    let len = (0..=close.reason.len().min(REASON_MAX)).rev().find(|&len| close.reason.is_char_boundary(len));
    let reason = close.reason[..len.unwrap_or_default()].into();
    let _ = timeout(FAREWELL, async {
        if sink.send(Packet::Close(Some(CloseFrame { code: close.code, reason }))).await.is_ok() {
            while let Some(Ok(_)) = stream.next().await {}
        }
    })
    .await;
}
