//! The database of the history.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior, params};

use super::range::is_written_as_time;
use super::row::{Draft, Row, Written};
use super::schema::{OpenError, migrate};

/// How long to wait for another program that holds the file.
const PATIENCE: Duration = Duration::from_secs(2);
/// Messages kept in memory, the longest of which have a quarter of a megabyte.
const IN_MEMORY_MAX: i64 = 2000;

/// One connection that writes and one that reads, so that neither waits for the other; for a database in memory, the same one.
#[derive(Clone, Debug)]
pub(super) struct Store {
    writing: Arc<Mutex<Connection>>,
    reading: Arc<Mutex<Connection>>,
    is_in_memory: bool,
}

impl Store {
    /// Opens the database in a file, or makes one.
    pub(super) fn in_file(path: &Path) -> Result<Self, OpenError> {
        if let Some(directory) = path.parent() {
            std::fs::create_dir_all(directory)?;
        }
        let mut writing = Connection::open(path)?;
        writing.busy_timeout(PATIENCE)?;
        // What is in a newer form is not to be changed in any way, so this comes before all else.
        migrate(&mut writing)?;
        writing.pragma_update(None, "journal_mode", "WAL")?;
        // The system has every commit on the disk before anyone is told of it.
        writing.pragma_update(None, "synchronous", "FULL")?;
        let reading = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        reading.busy_timeout(PATIENCE)?;
        let [writing, reading] = [writing, reading].map(|connection| Arc::new(Mutex::new(connection)));
        Ok(Self { writing, reading, is_in_memory: false })
    }

    /// Makes a database that goes with the run.
    pub(super) fn in_memory() -> Result<Self, OpenError> {
        let mut connection = Connection::open_in_memory()?;
        migrate(&mut connection)?;
        let connection = Arc::new(Mutex::new(connection));
        Ok(Self { writing: connection.clone(), reading: connection, is_in_memory: true })
    }

    pub(super) fn reading(&self) -> MutexGuard<'_, Connection> {
        self.reading.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes all of them in one transaction, or none.
    pub(super) fn write(&self, drafts: &[&Draft]) -> rusqlite::Result<Vec<Written>> {
        let mut connection = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let written = drafts.iter().map(|draft| insert(&transaction, draft)).collect::<Result<_, _>>()?;
        if self.is_in_memory {
            let sql = "DELETE FROM messages WHERE seq <= (SELECT max(seq) FROM messages) - ?1";
            transaction.execute(sql, [IN_MEMORY_MAX])?;
        }
        transaction.commit()?;
        Ok(written)
    }

    /// Keeps the thread from writing for a while.
    #[cfg(test)]
    pub(super) fn hold(&self) -> MutexGuard<'_, Connection> {
        self.writing.lock().unwrap()
    }

    /// Makes every later write fail, as a full disk does.
    #[cfg(test)]
    pub(super) fn make_read_only(&self) {
        self.writing.lock().unwrap().pragma_update(None, "query_only", true).unwrap();
    }
}

fn insert(transaction: &Transaction<'_>, draft: &Draft) -> rusqlite::Result<Written> {
    let Draft { id, sender, content, timestamp } = draft;
    let mut time = transaction.prepare_cached(
        "SELECT t, CAST(round(unixepoch(t, 'subsec') * 1000) AS INTEGER)
         FROM (SELECT coalesce(?1, strftime('%Y-%m-%dT%H:%M:%fZ', 'now')) AS t)",
    )?;
    if timestamp.as_deref().is_some_and(|timestamp| !is_written_as_time(timestamp)) {
        return Ok(Written::NotATime);
    }
    let (timestamp, moment): (String, Option<i64>) =
        time.query_row([timestamp], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let Some(moment) = moment else { return Ok(Written::NotATime) };
    let mut insert = transaction.prepare_cached(
        "INSERT INTO messages (id, sender, content, timestamp, moment) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (id) DO NOTHING",
    )?;
    if insert.execute(params![id, sender, content, timestamp, moment])? == 1 {
        return Ok(Written::New(Row { id: id.clone(), sender: sender.clone(), content: content.clone(), timestamp }));
    }
    let mut known = transaction.prepare_cached("SELECT id, sender, content, timestamp FROM messages WHERE id = ?1")?;
    let row = |row: &rusqlite::Row<'_>| {
        Ok(Row { id: row.get(0)?, sender: row.get(1)?, content: row.get(2)?, timestamp: row.get(3)? })
    };
    Ok(Written::Known(known.query_row([id], row)?))
}
