//! Which messages are asked for, and how far they have been read.

use super::row::Row;
use super::store::Store;
use rusqlite::{Connection, OptionalExtension as _, params, params_from_iter};

/// Messages read at once, and bytes of them, counted before the last: no answer is ever whole in memory.
const CHUNK_ROWS: u32 = 256;
const CHUNK_BYTES: usize = 128 << 10;

/// Which messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Query {
    /// Those committed after the message of this id; else those with a later timestamp than this one.
    pub(crate) since: Option<String>,
    /// Those that stand before the message of this id.
    pub(crate) before: Option<String>,
    /// At most so many: the first ones after `since`, else the newest.
    pub(crate) limit: Option<u32>,
}

/// A place in the list by timestamp.
type Place = (i64, i64);

const FIRST: Place = (i64::MIN, i64::MIN);
const LAST: Place = (i64::MAX, i64::MAX);

/// Messages that have not been read yet. What is committed meanwhile is not among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    order: Order,
    /// The last that was committed.
    top: i64,
    left: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    /// By timestamp, after a place and up to another one.
    Timestamp(Place, Place),
    /// As they were committed, after one.
    Commitment(i64),
}

impl Range {
    fn of(connection: &Connection, query: &Query) -> rusqlite::Result<Option<Self>> {
        let place = |id: &str| {
            let sql = "SELECT moment, seq FROM messages WHERE id = ?1";
            connection.prepare_cached(sql)?.query_row([id], |row| Ok((row.get(0)?, row.get(1)?))).optional()
        };
        let top = connection.query_row("SELECT coalesce(max(seq), 0) FROM messages", [], |row| row.get(0))?;
        let until = match &query.before {
            None => LAST,
            Some(id) => match place(id)? {
                None => return Ok(None),
                Some((moment, seq)) => (moment, seq - 1),
            },
        };
        let left = query.limit.unwrap_or(u32::MAX);
        let order = match (&query.since, query.limit) {
            (Some(since), _) => match place(since)? {
                Some((_, seq)) => Order::Commitment(seq),
                None => match moment(connection, since)? {
                    Some(moment) => Order::Timestamp((moment, i64::MAX), until),
                    None => return Ok(None),
                },
            },
            (None, None) => Order::Timestamp(FIRST, until),
            (None, Some(limit)) => Order::Timestamp(newest(connection, until, limit)?, until),
        };
        Ok(Some(Self { order, top, left }))
    }

    fn read(&mut self, connection: &Connection) -> rusqlite::Result<Vec<Row>> {
        let most = i64::from(self.left.min(CHUNK_ROWS));
        let (sql, bounds) = match self.order {
            Order::Timestamp(from, to) => (
                "SELECT id, sender, content, timestamp, moment, seq FROM messages
                 WHERE seq <= ?1 AND (moment, seq) > (?3, ?4) AND (moment, seq) <= (?5, ?6)
                 ORDER BY moment, seq LIMIT ?2",
                vec![from.0, from.1, to.0, to.1],
            ),
            Order::Commitment(after) => (
                "SELECT id, sender, content, timestamp, moment, seq FROM messages
                 WHERE seq <= ?1 AND seq > ?3 ORDER BY seq LIMIT ?2",
                vec![after],
            ),
        };
        let mut statement = connection.prepare_cached(sql)?;
        let mut found = statement.query(params_from_iter([self.top, most].into_iter().chain(bounds)))?;
        let (mut rows, mut bytes) = (Vec::new(), 0);
        while bytes < CHUNK_BYTES
            && let Some(row) = found.next()?
        {
            let place = (row.get(4)?, row.get(5)?);
            let row = Row { id: row.get(0)?, sender: row.get(1)?, content: row.get(2)?, timestamp: row.get(3)? };
            bytes += row.sender.len() + row.content.len();
            rows.push(row);
            self.left -= 1;
            self.order = match self.order {
                Order::Timestamp(_, to) => Order::Timestamp(place, to),
                Order::Commitment(_) => Order::Commitment(place.1),
            };
        }
        Ok(rows)
    }
}

impl Store {
    /// Where the messages are that are asked for; `None` when the message that was named is not known.
    pub(super) fn range(&self, query: &Query) -> rusqlite::Result<Option<Range>> {
        let connection = self.reading();
        // All that it looks up is of one moment.
        let moment = connection.unchecked_transaction()?;
        Range::of(&moment, query)
    }

    /// The next messages of a range; none when it is at its end.
    pub(super) fn read(&self, range: &mut Range) -> rusqlite::Result<Vec<Row>> {
        range.read(&self.reading())
    }
}

/// The place after which there are so many messages up to another.
fn newest(connection: &Connection, until: Place, limit: u32) -> rusqlite::Result<Place> {
    let sql = "SELECT moment, seq FROM messages WHERE (moment, seq) <= (?1, ?2) ORDER BY moment DESC, seq DESC LIMIT 1 OFFSET ?3";
    let after = connection
        .prepare_cached(sql)?
        .query_row(params![until.0, until.1, limit], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    Ok(after.unwrap_or(FIRST))
}

/// Milliseconds since 1970; `None` for what is no time.
fn moment(connection: &Connection, timestamp: &str) -> rusqlite::Result<Option<i64>> {
    if !is_written_as_time(timestamp) {
        return Ok(None);
    }
    let sql = "SELECT CAST(round(unixepoch(?1, 'subsec') * 1000) AS INTEGER)";
    connection.prepare_cached(sql)?.query_row([timestamp], |row| row.get(0))
}

/// True for what begins as ISO 8601 has it. SQLite would also take `now`, a day's number and a time of no day.
pub(super) fn is_written_as_time(timestamp: &str) -> bool {
    let form = b"0000-00-00";
    let bytes = timestamp.as_bytes();
    bytes.len() <= 40
        && bytes.len() >= form.len()
        && bytes.iter().zip(form).all(|(byte, form)| byte == form || (*form == b'0' && byte.is_ascii_digit()))
}
