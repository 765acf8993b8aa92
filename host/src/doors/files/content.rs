//! Gives out the content of a file, whole or in part, from the disk a piece at a time.

use std::fs;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use futures_util::stream::{self, Stream};
use tokio::task::spawn_blocking;
use tracing::warn;

use super::range::{Asked, asked, is_known};
use super::reply::{Refused, Reply};
use crate::depot::{Depot, File, FileId};
use crate::shutdown::Shutdown;

/// Read at once, and so about what each download has in memory.
const PIECE: u64 = 128 << 10;

/// Answers with a content, or with what is known of it where only that is wanted.
pub(super) async fn answer(
    depot: &Depot,
    id: FileId,
    headers: &HeaderMap,
    is_wanted: bool,
    shutdown: &Shutdown,
) -> Result<Reply, Refused> {
    let Some(file) = depot.file(id) else {
        depot.entry(id).ok_or_else(Refused::missing)?;
        let sentence = "This upload is not whole yet. Its client can go on with it, and then it is here.";
        return Err(Refused::new(StatusCode::CONFLICT, sentence));
    };
    let tag = format!("\"{}\"", file.sha256);
    if is_known(headers, &tag) {
        return Ok(Reply::new(StatusCode::NOT_MODIFIED, Body::empty()).with_text(header::ETAG, &tag));
    }
    // Only GET has parts.
    let asked = if is_wanted { asked(headers, file.size, &tag) } else { Asked::Whole };
    let (status, range) = match asked {
        Asked::Whole => (StatusCode::OK, 0..file.size),
        Asked::Part(range) => (StatusCode::PARTIAL_CONTENT, range),
        Asked::Nothing => {
            let refused = Refused::new(StatusCode::RANGE_NOT_SATISFIABLE, format!("There are {} bytes.", file.size));
            return Ok(Reply::from(refused).with_text(header::CONTENT_RANGE, &format!("bytes */{}", file.size)));
        }
    };
    let len = range.end - range.start;
    let body = if is_wanted && len > 0 { body(&file, range.clone(), shutdown.clone()).await? } else { Body::empty() };
    let reply = Reply::new(status, body)
        .with(header::CONTENT_LENGTH, len)
        .with(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"))
        .with(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"))
        .with_text(header::ETAG, &tag)
        .with_text(header::CONTENT_TYPE, &file.kind)
        .with_text(header::CONTENT_DISPOSITION, &disposition(file.name.as_str()));
    if status != StatusCode::PARTIAL_CONTENT {
        return Ok(reply);
    }
    let place = format!("bytes {}-{}/{}", range.start, range.end - 1, file.size);
    Ok(reply.with_text(header::CONTENT_RANGE, &place))
}

async fn body(file: &File, range: Range<u64>, shutdown: Shutdown) -> Result<Body, Refused> {
    let opened = {
        let file = file.clone();
        spawn_blocking(move || file.open()).await.map_err(|_| Refused::stopping())?
    };
    let content = opened.map_err(|error| {
        warn!("The content of {} ({}) cannot be read: {error}.", file.name, file.id);
        match error.kind() {
            // It was removed a moment ago.
            io::ErrorKind::NotFound => Refused::missing(),
            _ => Refused::new(StatusCode::INTERNAL_SERVER_ERROR, "The host's disk does not give this file out."),
        }
    })?;
    Ok(Body::from_stream(pieces(content, range, shutdown)))
}

/// The bytes of a range. When reading fails midway, or the host stops, the connection ends, so that no part is taken for the whole.
fn pieces(content: fs::File, range: Range<u64>, shutdown: Shutdown) -> impl Stream<Item = io::Result<Bytes>> + Send {
    stream::try_unfold((Arc::new(content), range, shutdown), async |(content, range, mut shutdown)| {
        if range.is_empty() {
            return Ok(None);
        }
        let end = range.end.min(range.start + PIECE);
        let (reading, at, len) = (content.clone(), range.start, usize::try_from(end - range.start).unwrap_or(0));
        let read = spawn_blocking(move || {
            let mut piece = vec![0; len];
            reading.read_exact_at(&mut piece, at)?;
            Ok::<_, io::Error>(piece)
        });
        let piece = tokio::select! {
            piece = read => piece.map_err(io::Error::other)??,
            () = shutdown.wanted() => return Err(io::Error::other("the host is stopping")),
        };
        Ok(Some((Bytes::from(piece), (content, end..range.end, shutdown))))
    })
}

/// To be saved under this name, which older clients get in ASCII.
fn disposition(name: &str) -> String {
    let plain = |character: char| match character {
        ' '..='~' if !matches!(character, '"' | '\\' | '%') => character,
        _ => '_',
    };
    let plain: String = name.chars().map(plain).collect();
    let mut encoded = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
}

#[cfg(test)]
mod tests {
    use super::disposition;

    #[test]
    fn a_name_is_said_to_old_and_new_clients() {
        for (name, said) in [
            ("a.txt", "attachment; filename=\"a.txt\"; filename*=UTF-8''a.txt"),
            ("ä \"b\".txt", "attachment; filename=\"_ _b_.txt\"; filename*=UTF-8''%C3%A4%20%22b%22.txt"),
            ("100%; x='y'", "attachment; filename=\"100_; x='y'\"; filename*=UTF-8''100%25%3B%20x%3D%27y%27"),
        ] {
            assert_eq!(disposition(name), said);
        }
    }
}
