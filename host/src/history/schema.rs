//! The tables of the history, and how those of older versions become these.
//!
//! The version is the database's `user_version`. A migration is one transaction, so a crash leaves the old or the new.

use rusqlite::{Connection, Transaction};

/// Why a database cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    /// Update the host, or choose another directory.
    #[error("it has version {0}, and this program knows none above {VERSION}")]
    Newer(u32),
    /// The directory cannot be made.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// What SQLite says.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
}

type Migration = fn(&Transaction<'_>) -> rusqlite::Result<()>;

/// What makes each version of the one before it.
const MIGRATIONS: [Migration; 1] = [create];
const VERSION: u32 = MIGRATIONS.len() as u32;

/// Makes the tables what they are to be.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), OpenError> {
    let version: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let missing = MIGRATIONS.get(version as usize..).ok_or(OpenError::Newer(version))?;
    for (made, migration) in (version + 1..).zip(missing) {
        let transaction = connection.transaction()?;
        migration(&transaction)?;
        transaction.pragma_update(None, "user_version", made)?;
        transaction.commit()?;
    }
    Ok(())
}

/// `seq` is the order of commitment; `moment` is the timestamp in milliseconds since 1970, by which messages are listed.
fn create(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    let is_foreign = transaction.table_exists(None, "messages")?;
    if is_foreign {
        // Chat systems that keep the same four fields without a version: their file can be put here and goes on.
        transaction.execute_batch("ALTER TABLE messages RENAME TO messages_before")?;
    }
    transaction.execute_batch(
        "CREATE TABLE messages (
             seq INTEGER PRIMARY KEY AUTOINCREMENT,
             id TEXT NOT NULL UNIQUE,
             sender TEXT NOT NULL,
             content TEXT NOT NULL,
             timestamp TEXT NOT NULL,
             moment INTEGER NOT NULL
         ) STRICT;
         CREATE INDEX messages_by_moment ON messages (moment, seq);",
    )?;
    if is_foreign {
        transaction.execute_batch(
            "INSERT INTO messages (id, sender, content, timestamp, moment)
                 SELECT id, coalesce(sender, ''), coalesce(content, ''), coalesce(timestamp, ''),
                     coalesce(CAST(round(unixepoch(timestamp, 'subsec') * 1000) AS INTEGER), 0)
                 FROM messages_before WHERE id IS NOT NULL ORDER BY timestamp, rowid;
             DROP TABLE messages_before;",
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{OpenError, VERSION, migrate};
    use rusqlite::Connection;

    #[test]
    fn a_file_of_the_same_fields_without_a_version_goes_on() {
        let mut connection = Connection::open_in_memory().unwrap();
        let before = "CREATE TABLE messages (id TEXT PRIMARY KEY, sender TEXT, content TEXT, timestamp TEXT);
            INSERT INTO messages VALUES ('b', 'Bob', 'second', '2024-01-02T00:00:00.000Z'),
                ('a', 'Ann', 'first', '2024-01-01T00:00:00.500Z'), ('c', NULL, 'no time', 'x');";
        connection.execute_batch(before).unwrap();
        (0..2).for_each(|_| migrate(&mut connection).unwrap());
        let mut rows = connection.prepare("SELECT id, sender, moment FROM messages ORDER BY seq").unwrap();
        let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
        let rows: Vec<(String, String, i64)> = rows.map(Result::unwrap).collect();
        let row = |id: &str, sender: &str, moment| (id.to_owned(), sender.to_owned(), moment);
        assert_eq!(rows, [row("a", "Ann", 1_704_067_200_500), row("b", "Bob", 1_704_153_600_000), row("c", "", 0)]);
        assert!(!connection.table_exists(None, "messages_before").unwrap());
    }

    #[test]
    fn what_a_newer_program_has_made_is_left_alone() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.pragma_update(None, "user_version", VERSION + 1).unwrap();
        assert!(matches!(migrate(&mut connection), Err(OpenError::Newer(version)) if version == VERSION + 1));
        assert!(!connection.table_exists(None, "messages").unwrap());
    }
}
