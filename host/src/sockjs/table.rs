//! The sessions of a service by their names. WebSockets have none.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::sockjs::line::Line;

#[derive(Debug, Default)]
pub(crate) struct Table(Mutex<HashMap<String, Arc<Line>>>);

impl Table {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Line>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The session of this name, unless it has ended.
    pub(crate) fn find(&self, name: &str) -> Option<Arc<Line>> {
        self.lock().get(name).filter(|line| !line.has_ended()).cloned()
    }

    /// The session of this name, or else a new one, which somebody has to serve.
    pub(crate) fn enter(self: &Arc<Self>, name: &str) -> Result<Arc<Line>, Entry> {
        let mut lines = self.lock();
        if let Some(line) = lines.get(name).filter(|line| !line.has_ended()) {
            return Ok(line.clone());
        }
        let line = Line::new();
        lines.insert(name.to_owned(), line.clone());
        Err(Entry { table: self.clone(), name: name.to_owned(), line })
    }
}

/// A session's place in the table; without it, the session has ended.
#[derive(Debug)]
pub(crate) struct Entry {
    table: Arc<Table>,
    name: String,
    pub(crate) line: Arc<Line>,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.line.end();
        let mut lines = self.table.lock();
        // Since it ended, another may have been opened under the same name.
        if lines.get(&self.name).is_some_and(|line| Arc::ptr_eq(line, &self.line)) {
            lines.remove(&self.name);
            if lines.len() < lines.capacity() / 4 {
                lines.shrink_to_fit();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Table;
    use std::sync::Arc;

    #[tokio::test]
    async fn a_name_is_free_again_when_its_session_has_ended() {
        let table = Arc::new(Table::default());
        let first = table.enter("a").unwrap_err();
        assert!(table.enter("a").is_ok_and(|line| Arc::ptr_eq(&line, &first.line)));
        first.line.end();
        assert!(table.find("a").is_none());
        let second = table.enter("a").unwrap_err();
        drop(first);
        assert!(table.find("a").is_some_and(|line| Arc::ptr_eq(&line, &second.line)));
        drop(second);
        assert!(table.find("a").is_none() && table.lock().is_empty());
    }
}
