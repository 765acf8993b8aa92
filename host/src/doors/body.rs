//! Reads what a request brings, within bounds.

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use futures_util::StreamExt as _;
use serde::de::DeserializeOwned;
use tokio::time::{Duration, timeout};

use super::reply::Reply;

/// Of a body that is too long, so much is read before the answer, which many clients only hear when they have sent everything.
const READ_MAX: usize = 8 << 20;
/// How long a body may take to arrive.
const PATIENCE: Duration = Duration::from_secs(30);

/// Reads a body of at most so many bytes.
///
/// # Errors
///
/// The answer to one that is longer, late or broken off.
pub(super) async fn read(body: Body, len_max: usize) -> Result<Vec<u8>, Reply> {
    match timeout(PATIENCE, collect(body, len_max)).await {
        Ok(read) => read,
        Err(_elapsed) => Err(Reply::error(StatusCode::REQUEST_TIMEOUT, "The message took too long to arrive.")),
    }
}

/// Reads a body in JSON.
///
/// # Errors
///
/// As for [`read`], and the answer to what is not JSON or not what is expected.
pub(super) async fn read_json<T: DeserializeOwned>(body: Body, len_max: usize) -> Result<T, Reply> {
    let bytes = read(body, len_max).await?;
    serde_json::from_slice(&bytes).map_err(|error| bad(&format!("This is not the JSON that is expected: {error}.")))
}

fn bad(sentence: &str) -> Reply {
    Reply::error(StatusCode::BAD_REQUEST, sentence)
}

async fn collect(body: Body, len_max: usize) -> Result<Vec<u8>, Reply> {
    let (mut stream, mut bytes, mut len) = (body.into_data_stream(), Vec::new(), 0);
    while let Some(chunk) = stream.next().await {
        let chunk: Bytes = chunk.map_err(|_| bad("The message did not arrive whole."))?;
        len += chunk.len();
        if len <= len_max {
            bytes.extend_from_slice(&chunk);
        } else if len > READ_MAX {
            break;
        }
    }
    if len > len_max {
        let sentence = format!("A message has at most {len_max} bytes, with all that is around it.");
        return Err(Reply::error(StatusCode::PAYLOAD_TOO_LARGE, &sentence));
    }
    Ok(bytes)
}
