//! One session: two queues between a service and whatever its client is reached by at the moment.
//!
//! ```text
//! open -> closing -> ended        `close`: the client is still to be told, by as many requests as it makes
//!    `--------------^             `end`: the client has gone, or has not come for five seconds
//! ```
//!
//! What the client sent before the end still reaches the service; what was for the client is dropped with it.

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::{Duration, Instant, timeout_at};

use crate::sockjs::frame::{Close, Frame};
use crate::sockjs::message::Message;
use crate::sockjs::queue::Queue;
use crate::sockjs::receiver::Receiver;

/// How long a session may be without a request that takes its frames.
const ABSENCE: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(crate) struct Line {
    state: Mutex<State>,
    /// The client sent something or has gone, or there is room again to send to it.
    to_service: Notify,
    /// The service sent something or has closed, or there is room again for what the client sends.
    to_client: Notify,
    /// The client came or left, or the session is to close.
    presence: Notify,
    /// Held by a request that delivers, so that two at a time neither change places nor take memory for two.
    pub(crate) delivering: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    from_client: Queue,
    to_client: Queue,
    /// The client has been told that the session is there.
    is_greeted: bool,
    is_attached: bool,
    /// When the session ends unless its client comes; `None` while it is there.
    ends_at: Option<Instant>,
}

#[derive(Debug, PartialEq, Eq)]
enum Phase {
    Open,
    Closing(Close),
    Ended,
}

impl Line {
    /// A session that nobody has spoken in yet.
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::new(State {
                phase: Phase::Open,
                from_client: Queue::default(),
                to_client: Queue::default(),
                is_greeted: false,
                is_attached: false,
                ends_at: Some(Instant::now() + ABSENCE),
            }),
            to_service: Notify::new(),
            to_client: Notify::new(),
            presence: Notify::new(),
            delivering: tokio::sync::Mutex::default(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until `ready` gives something; it is asked again with all `news`. Nothing is lost when the future is dropped.
    async fn until<T>(&self, news: &Notify, mut ready: impl FnMut(&mut State) -> Option<T>) -> T {
        loop {
            let mut told = pin!(news.notified());
            told.as_mut().enable();
            let value = ready(&mut self.lock());
            if let Some(value) = value {
                return value;
            }
            told.await;
        }
    }

    /// The next message from the client; `None` when there will be none.
    pub(crate) async fn receive(&self) -> Option<Message> {
        let (message, had_room) = self
            .until(&self.to_service, |state| {
                let had_room = state.from_client.has_room();
                match state.from_client.pop() {
                    Some(message) => Some((Some(message), had_room)),
                    None => (state.phase != Phase::Open).then_some((None, true)),
                }
            })
            .await;
        if !had_room {
            self.to_client.notify_waiters();
        }
        message
    }

    /// Puts in a message for the client once there is room; false when the session is not open any more.
    pub(crate) async fn put(&self, message: Message) -> bool {
        let mut message = Some(message);
        let put = self
            .until(&self.to_service, |state| match state.phase {
                Phase::Open if !state.to_client.has_room() => None,
                Phase::Open => Some(message.take().map(|message| state.to_client.push(message)).is_some()),
                Phase::Closing(_) | Phase::Ended => Some(false),
            })
            .await;
        self.to_client.notify_waiters();
        put
    }

    /// Hands over what the client sent, once there is room. After the end of a session nobody wants it.
    pub(crate) async fn deliver(&self, messages: Vec<Message>) {
        let mut messages = Some(messages);
        self.until(&self.to_client, |state| match state.phase {
            Phase::Open if !state.from_client.has_room() => None,
            Phase::Open => {
                messages.take().into_iter().flatten().for_each(|message| state.from_client.push(message));
                Some(())
            }
            Phase::Closing(_) | Phase::Ended => Some(()),
        })
        .await;
        self.to_service.notify_waiters();
    }

    /// Closes the session if it is open: its client gets what waits for it, then the reason.
    pub(crate) fn close(&self, close: Close) {
        let mut state = self.lock();
        if state.phase == Phase::Open {
            state.phase = Phase::Closing(close);
            // A client that takes nothing must not keep it for ever.
            state.ends_at.get_or_insert_with(|| Instant::now() + ABSENCE);
        }
        drop(state);
        self.tell_all();
    }

    /// Ends the session: the client has gone.
    pub(crate) fn end(&self) {
        let mut state = self.lock();
        state.phase = Phase::Ended;
        state.to_client.take();
        drop(state);
        self.tell_all();
    }

    fn tell_all(&self) {
        for news in [&self.to_service, &self.to_client, &self.presence] {
            news.notify_waiters();
        }
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.lock().phase == Phase::Ended
    }

    /// Begins to take frames for the client; `None` when another request does.
    pub(crate) fn attach(self: &Arc<Self>) -> Option<Receiver> {
        let mut state = self.lock();
        if state.is_attached || state.phase == Phase::Ended {
            return None;
        }
        state.is_attached = true;
        if state.phase == Phase::Open {
            state.ends_at = None;
        }
        drop(state);
        Some(Receiver::new(self.clone()))
    }

    /// The request that took frames is through, and another is going to come.
    pub(crate) fn detach(&self) {
        self.lock().detach();
        self.presence.notify_waiters();
    }

    /// Waits until a request may take frames, or the session has ended.
    pub(crate) async fn free(&self) {
        self.until(&self.presence, |state| (!state.is_attached || state.phase == Phase::Ended).then_some(())).await;
    }

    /// The next frame for the client; `None` when there will be none. A close is the last, and detaches.
    pub(crate) async fn frame(&self) -> Option<Frame> {
        let (frame, had_room) = self
            .until(&self.to_client, |state| {
                let had_room = state.to_client.has_room();
                let frame = match &state.phase {
                    Phase::Ended => return Some((None, true)),
                    _ if !state.is_greeted => Frame::Open,
                    _ if !state.to_client.is_empty() => Frame::Messages(state.to_client.take()),
                    Phase::Open => return None,
                    Phase::Closing(close) => Frame::Close(close.clone()),
                };
                state.is_greeted = true;
                if matches!(frame, Frame::Close(_)) {
                    state.detach();
                }
                Some((Some(frame), had_room))
            })
            .await;
        if !had_room {
            self.to_service.notify_waiters();
        }
        if matches!(frame, Some(Frame::Close(_))) {
            self.presence.notify_waiters();
        }
        frame
    }

    /// Waits until the client has gone, or has not come for too long, and ends the session.
    pub(crate) async fn lasted(&self) {
        loop {
            let mut told = pin!(self.presence.notified());
            told.as_mut().enable();
            let (has_ended, ends_at) = {
                let state = self.lock();
                (state.phase == Phase::Ended, state.ends_at)
            };
            match ends_at {
                _ if has_ended => return,
                None => told.await,
                Some(at) => {
                    let is_over = timeout_at(at, told).await.is_err() && self.lock().ends_at == Some(at);
                    if is_over {
                        self.end();
                    }
                }
            }
        }
    }
}

impl State {
    fn detach(&mut self) {
        self.is_attached = false;
        self.ends_at = Some(Instant::now() + ABSENCE);
    }
}
