//! Takes bytes into an upload.
//!
//! What an answer of success was given for is on the disk. What came before a connection broke, a client fell silent, or the disk
//! was full is kept, except where a checksum was to say that it is right: of those bytes all count or none.

use axum::body::{Body, BodyDataStream, Bytes};
use axum::http::StatusCode;
use futures_util::StreamExt as _;
use tokio::task::spawn_blocking;
use tokio::time::{Duration, timeout};

use super::check::Check;
use super::reply::Refused;
use super::turn::Turn;
use crate::depot::{AppendError, Upload};
use crate::shutdown::Shutdown;

/// A client that sends nothing for this long is gone. How long all of it takes is its own business.
const STALLED: Duration = Duration::from_secs(30);
/// Of what is refused, so much is still read, and for so long: many clients only hear an answer when they have sent everything.
const DRAINED_MAX: usize = 8 << 20;
const DRAIN_PATIENCE: Duration = Duration::from_secs(2);

/// Why no more is taken.
enum End {
    /// There is no more.
    Whole,
    Cut(Refused),
}

/// Adds a body to an upload, and gives the upload back unless something was wrong.
pub(super) async fn receive(
    upload: Upload,
    body: Body,
    check: Option<Check>,
    turn: &Turn,
    shutdown: &mut Shutdown,
) -> Result<Upload, Refused> {
    let begin = upload.offset();
    let mut stream = body.into_data_stream();
    let is_checked = check.is_some();
    let marked = blocking(move || {
        let mut upload = upload;
        if is_checked {
            upload.mark()?;
        }
        Ok(upload)
    });
    let (mut upload, mut check) = (marked.await?, check);
    let (end, is_too_long) = loop {
        let chunk = match next(&mut stream, turn, shutdown).await {
            Ok(Some(chunk)) => chunk,
            Ok(None) => break (End::Whole, false),
            Err(refused) => break (End::Cut(refused), false),
        };
        let appended;
        (upload, check, appended) = blocking(move || {
            let (mut upload, mut check) = (upload, check);
            if let Some(check) = &mut check {
                check.add(&chunk);
            }
            let appended = upload.append(&chunk);
            Ok((upload, check, appended))
        })
        .await?;
        if let Err(error) = appended {
            let is_too_long = matches!(error, AppendError::TooLong(_));
            drain(stream).await;
            break (End::Cut(error.into()), is_too_long);
        }
    };
    blocking(move || close(upload, begin, end, check, is_too_long)).await
}

/// The next bytes; why there are none, unless it is because there are no more.
async fn next(stream: &mut BodyDataStream, turn: &Turn, shutdown: &mut Shutdown) -> Result<Option<Bytes>, Refused> {
    tokio::select! {
        biased;
        () = shutdown.wanted() => Err(Refused::stopping()),
        () = turn.is_over() => Err(Refused::new(StatusCode::LOCKED, "Another request goes on with this upload.")),
        next = timeout(STALLED, stream.next()) => match next {
            Ok(Some(Ok(chunk))) => Ok(Some(chunk)),
            Ok(None) => Ok(None),
            Ok(Some(Err(_))) => Err(Refused::bad("The connection broke.")),
            Err(_) => Err(Refused::new(StatusCode::REQUEST_TIMEOUT, "Nothing came for too long. What came is kept.")),
        },
    }
}

/// Brings to the disk what counts, and takes back what does not.
fn close(mut upload: Upload, begin: u64, end: End, check: Option<Check>, is_too_long: bool) -> Result<Upload, Refused> {
    let is_checked = check.is_some();
    let refused = match end {
        End::Whole => check.map_or(Ok(()), Check::verify).err(),
        End::Cut(refused) => Some(refused),
    };
    let Some(refused) = refused else {
        upload.settle()?;
        return Ok(upload);
    };
    // Of a client that cannot count nothing is taken either.
    if is_checked || is_too_long {
        upload.go_back(begin)?
    } else {
        upload.settle()?
    }
    Err(refused)
}

/// Reads on for a while what nobody wants.
pub(super) async fn drain(mut stream: BodyDataStream) {
    let reading = async {
        let mut len = 0;
        while let Some(Ok(chunk)) = stream.next().await {
            len += chunk.len();
            if len > DRAINED_MAX {
                break;
            }
        }
    };
    // Whoever is not done by then is cut off.
    let _ = timeout(DRAIN_PATIENCE, reading).await;
}

/// Does what waits for the disk where that holds up nobody.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refused> + Send + 'static,
) -> Result<T, Refused> {
    // It is not begun any more when the host stops.
    spawn_blocking(work).await.unwrap_or_else(|_| Err(Refused::stopping()))
}
