//! One stream: what is heard on its channel goes to the client, what the client writes is said there.

use std::sync::Arc;

use pocketmux_core::Kind;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::doors::streams::answer;
use crate::doors::streams::event::{Data, Ways};
use crate::doors::streams::place::Place;
use crate::listener::{Listener, Overrun};
use crate::message::Message;
use crate::sockjs::{Closed, Session};

/// A stream that is open. Dropped, it neither hears nor says anything more.
#[derive(Debug)]
pub(crate) struct Stream {
    place: Place,
    /// As the host sees them.
    ways: Ways,
    listener: Arc<Listener>,
    is_paused: watch::Sender<bool>,
    task: AbortHandle,
}

impl Stream {
    /// Begins to give the client what is heard from now on.
    pub(crate) fn open(id: &str, place: Place, ways: Ways, listener: Listener, session: Arc<Session>) -> Self {
        let listener = Arc::new(listener);
        if ways.writable {
            listener.add(&place.channel);
        }
        let is_paused = watch::Sender::new(false);
        let tell = Tell {
            id: id.into(),
            place: place.clone(),
            listener: listener.clone(),
            is_paused: is_paused.subscribe(),
            session,
        };
        let task = tokio::spawn(tell.run()).abort_handle();
        Self { place, ways, listener, is_paused, task }
    }

    /// Says what the client writes; nothing, where the stream does not go that way.
    ///
    /// # Errors
    ///
    /// A sentence that says what is wrong with it, and what to do.
    pub(crate) fn say(&self, Data { text, is_json }: &Data) -> Result<(), String> {
        // A stream that was overrun is closed, whatever the client still writes into it.
        if !self.ways.readable || self.task.is_finished() {
            return Ok(());
        }
        let message = self.listener.message(&self.place.channel, None, Kind::Text, text);
        self.listener.pass(Message { to: self.place.device.clone(), is_json: *is_json, ..message })
    }

    /// Holds what is heard, in the listener's own queue, or gives it again.
    pub(crate) fn pause(&self, is_paused: bool) {
        self.is_paused.send_replace(is_paused);
    }

    /// The client writes no more. True when there is nothing left that the stream is for.
    pub(crate) fn end(&mut self) -> bool {
        self.ways.readable = false;
        !self.ways.writable
    }

    /// True when the host has closed it.
    pub(crate) fn is_closed(&self) -> bool {
        self.task.is_finished()
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The task of a stream.
struct Tell {
    id: Box<str>,
    place: Place,
    listener: Arc<Listener>,
    is_paused: watch::Receiver<bool>,
    session: Arc<Session>,
}

impl Tell {
    async fn run(mut self) {
        while matches!(self.turn().await, Ok(true)) {}
    }

    /// Tells one thing; false after the last.
    async fn turn(&mut self) -> Result<bool, Closed> {
        let Self { id, place, listener, is_paused, session } = self;
        tokio::select! {
            heard = next(listener, is_paused) => match heard {
                Ok(message) if place.has(&message) => session.send(answer::data(id, &message).as_str().into()).await?,
                Ok(_of_another) => {}
                Err(Overrun) => {
                    let sentence = "This stream is closed: its reader was too slow, and messages are lost. Open another.";
                    let lines = answer::error(id, sentence) + &answer::close(id);
                    session.send(lines.as_str().into()).await?;
                    return Ok(false);
                }
            },
            () = listener.refusals().changed() => {}
        }
        for sentence in listener.refusals().take_sentences() {
            session.send(answer::error(id, &sentence).as_str().into()).await?;
        }
        Ok(true)
    }
}

/// The next message, once the stream is not paused. Nothing is lost when the future is dropped.
async fn next(listener: &Listener, is_paused: &mut watch::Receiver<bool>) -> Result<Message, Overrun> {
    loop {
        // Without its sender the stream is closed, and this task is about to end.
        let _ = is_paused.wait_for(|is_paused| !is_paused).await;
        tokio::select! {
            biased;
            Ok(_) = is_paused.wait_for(|is_paused| *is_paused) => {}
            heard = listener.recv() => return heard,
        }
    }
}
