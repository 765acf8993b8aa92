//! Topics: websocket-multiplex over SockJS, at `/multiplex`.
//!
//! A client sends `sub,topic`, `msg,topic,payload` and `uns,topic`, and gets the last two. A topic is a channel under its name as JavaScript's
//! `escape` writes it, a payload is one message. What makes no sense is passed over without a word, as that library does; a topic for which
//! there is no room, or that can be no channel, is refused with `uns,topic`.

mod escape;
mod example;

use std::sync::Arc;

use pocketmux_core::Kind;
use tokio::time::sleep;

use crate::hub::Hub;
use crate::inbound::{CHANNEL_MAX, HOSTS_OWN};
use crate::listener::Listener;
use crate::message;
use crate::pace::Pace;
use crate::sockjs::{Closed, Message, Session};

pub use example::Example;

/// Topics that one client may have at once.
const TOPICS_MAX: usize = 256;

/// Serves a client until its session ends.
pub(crate) async fn serve(session: Session, hub: Arc<Hub>, example: Option<Example>) {
    let mut client = Client { listener: Listener::new(hub), topics: Vec::new(), example };
    let mut pace = Pace::new();
    loop {
        tokio::select! {
            message = session.recv() => {
                let Some(message) = message else { return };
                for answer in client.take(message.as_wtf8()) {
                    if session.send(answer.as_str().into()).await.is_err() {
                        return;
                    }
                }
                if let Some(wait) = pace.count(message.len()) {
                    sleep(wait).await;
                }
            }
            heard = client.listener.recv() => match heard {
                Ok(message) if client.tell(&session, &message).await.is_ok() => {}
                Ok(_) => return,
                Err(_overrun) => return session.close(1013, "This client could not keep up."),
            },
        }
    }
}

/// One client's subscriptions.
struct Client {
    listener: Listener,
    topics: Vec<Topic>,
    example: Option<Example>,
}

/// A topic as the client writes it, and the channel that it stands for; none for a service of the example.
struct Topic {
    written: String,
    channel: Option<String>,
}

impl Client {
    /// Takes what the client sends; what to answer.
    fn take(&mut self, text: &[u8]) -> Vec<String> {
        let mut parts = text.splitn(3, |byte| *byte == b',');
        let (Some(kind), Some(topic)) = (parts.next(), parts.next()) else { return Vec::new() };
        let Ok(topic) = str::from_utf8(topic) else { return Vec::new() };
        match (kind, self.place(topic)) {
            (b"sub", None) => self.subscribe(topic),
            (b"msg", Some(at)) => self.say(at, parts.next().unwrap_or_default()),
            (b"uns", Some(at)) => {
                self.unsubscribe(at);
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    fn place(&self, topic: &str) -> Option<usize> {
        self.topics.iter().position(|known| known.written == topic)
    }

    fn subscribe(&mut self, topic: &str) -> Vec<String> {
        if let Some(service) = self.example.and_then(|example| example.service(topic)) {
            if !service.ends {
                self.topics.push(Topic { written: topic.into(), channel: None });
            }
            return service.greet();
        }
        let channel = escape::unescape(topic)
            .filter(|name| !name.is_empty() && name.len() <= CHANNEL_MAX && !HOSTS_OWN.contains(&name.as_str()));
        let Some(channel) = channel.filter(|_| self.topics.len() < TOPICS_MAX) else {
            return vec![format!("uns,{topic}")];
        };
        self.listener.add(&channel);
        self.topics.push(Topic { written: topic.into(), channel: Some(channel) });
        Vec::new()
    }

    fn say(&self, at: usize, payload: &[u8]) -> Vec<String> {
        let Some(Topic { written, channel }) = self.topics.get(at) else { return Vec::new() };
        match channel {
            // There is no word for a refusal in what these clients speak.
            Some(channel) => _ = self.listener.say(channel, None, Kind::Text, payload),
            None => {
                let service = self.example.and_then(|example| example.service(written));
                return service.map(|service| service.answer(payload)).into_iter().collect();
            }
        }
        Vec::new()
    }

    fn unsubscribe(&mut self, at: usize) {
        let Topic { channel, .. } = self.topics.swap_remove(at);
        // It may go on under another spelling.
        if let Some(channel) = channel
            && !self.topics.iter().any(|topic| topic.channel.as_ref() == Some(&channel))
        {
            self.listener.remove(&channel);
        }
    }

    /// Tells the client a message, under each topic that is its channel.
    async fn tell(&self, session: &Session, message: &message::Message) -> Result<(), Closed> {
        for topic in self.topics.iter().filter(|topic| topic.channel.as_deref() == Some(&*message.channel)) {
            let mut text = format!("msg,{},", topic.written).into_bytes();
            match message.kind {
                Kind::Text => text.extend_from_slice(&message.data),
                Kind::Binary => text.extend_from_slice(message.base64().as_bytes()),
            }
            session.send(Message::from_wtf8(text)).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
