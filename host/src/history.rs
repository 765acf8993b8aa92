//! The history of the channel `chat`: a message is committed to a database before anyone is told of it.
//!
//! Everything on that channel goes through one bounded queue, so its order stays. One thread takes what waits as a group, commits the
//! group's messages in one transaction, and only then tells of them. When the queue is full or the commit fails, the sender is told
//! so and nobody gets the message.
//!
//! The database is `history.sqlite` in the data directory. Without one, or when the file cannot be used, the newest messages are
//! kept in memory for this run; a file that cannot be used is never changed.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::task::spawn_blocking;
use tracing::warn;

mod entry;
mod queue;
mod range;
mod row;
mod schema;
mod store;
mod writer;

pub(crate) use entry::Entry;
pub(crate) use range::{Query, Range};
pub(crate) use row::{Draft, Row, Written};
pub(crate) use writer::Writer;

use crate::message::Message;
use queue::Queue;
use store::Store;

/// The channel that has a history.
pub(crate) const CHAT: &str = "chat";
const FILE: &str = "history.sqlite";

/// Where messages wait to be committed, and where those that were can be read.
#[derive(Debug)]
pub(crate) struct History {
    queue: Arc<Queue>,
    store: Store,
    posts: Semaphore,
}

/// Posts that may wait for their commit at once; the others wait for these.
const POSTS_MAX: usize = 16;

impl History {
    /// Opens what `directory` has; without a directory, or when that fails, a history in memory.
    pub(crate) fn open(directory: Option<&Path>) -> Self {
        let in_file = directory.map(|directory| {
            let path = directory.join(FILE);
            Store::in_file(&path).inspect_err(|error| {
                warn!(
                    "The history {} cannot be used: {error}. It is left as it is; this run keeps its messages in memory, and forgets them \
                     when it ends.",
                    path.display()
                );
            })
        });
        let store = match in_file {
            Some(Ok(store)) => store,
            _ => Store::in_memory().expect("SQLite is built in, and memory takes tables"),
        };
        Self { queue: Arc::default(), store, posts: Semaphore::new(POSTS_MAX) }
    }

    /// Takes a frame, and the message that is whole with it, to be committed and told of.
    ///
    /// # Errors
    ///
    /// A sentence for the sender, when there is no room.
    pub(crate) fn put(&self, entry: Entry) -> Result<(), String> {
        self.queue.put(entry)
    }

    /// Waits for the turn of a post, which lasts as long as the permit.
    pub(crate) async fn post(&self) -> Option<SemaphorePermit<'_>> {
        self.posts.acquire().await.ok()
    }

    /// Starts the thread that commits. `tell` gets every entry in its order, with its row once that is committed.
    pub(crate) fn start(&self, tell: impl Fn(&Entry, Option<&Row>) + Send + 'static) -> Writer {
        Writer::start(self.queue.clone(), self.store.clone(), tell)
    }

    /// Where the messages are that are asked for; `None` when the message that was named is not known.
    pub(crate) async fn range(&self, query: Query) -> rusqlite::Result<Option<Range>> {
        let store = self.store.clone();
        blocking(move || store.range(&query)).await
    }

    /// The next messages of a range; none when it is at its end.
    pub(crate) async fn read(&self, mut range: Range) -> rusqlite::Result<(Vec<Row>, Range)> {
        let store = self.store.clone();
        blocking(move || Ok((store.read(&mut range)?, range))).await
    }
}

impl Drop for History {
    fn drop(&mut self) {
        self.queue.close();
    }
}

/// Does what waits for a disk where nobody else waits.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> rusqlite::Result<T> + Send + 'static,
) -> rusqlite::Result<T> {
    match spawn_blocking(work).await {
        Ok(done) => done,
        // It has said so itself; whoever asked gets an error, and may ask again.
        Err(_panicked) => Err(rusqlite::Error::InvalidQuery),
    }
}

impl Entry {
    /// What came on the channel from a device, a page or a door: a frame, and the message that is whole with it.
    pub(crate) fn heard(frame: axum::extract::ws::Utf8Bytes, message: Option<Message>) -> Self {
        // Bytes are passed on, but are no line of a chat.
        let text = message.as_ref().and_then(|message| Some((message.from.clone(), message.text()?)));
        let draft = text.map(|(from, content)| Draft {
            // Message ids are each page's own and begin at 1 in all of them.
            id: uuid::Uuid::new_v4().to_string(),
            sender: from.filter(|from| !from.is_empty()).map_or_else(|| "browser".into(), |from| from.to_string()),
            content,
            timestamp: None,
        });
        Self { frame, message, draft, answer: None }
    }
}

#[cfg(test)]
mod tests;
