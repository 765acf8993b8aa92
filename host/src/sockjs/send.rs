//! Takes the messages that a client posts.

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, StatusCode, header};
use tokio::time::{Duration, timeout};

use crate::sockjs::form;
use crate::sockjs::line::Line;
use crate::sockjs::message::{Message, NoMessages};
use crate::sockjs::reply::{Refused, Reply};

/// Longest body of a request. Clients gather what is sent while a request is under way into the next.
const PAYLOAD_MAX: usize = 4 << 20;
/// How long a body may take to arrive.
const BODY_PATIENCE: Duration = Duration::from_secs(30);
/// How long a request waits for a service that is behind.
const ROOM_PATIENCE: Duration = Duration::from_secs(10);

/// Takes a list of messages.
pub(crate) async fn take(line: &Line, body: Body) -> Reply {
    match deliver(line, body, |bytes| Message::list(&bytes)).await {
        // Some browsers take an answer without a type for XML, and complain.
        Ok(()) => Reply::text(StatusCode::NO_CONTENT, Body::empty()),
        Err(refused) => refused.into(),
    }
}

/// Takes a list of messages from a form, in its field `d`.
pub(crate) async fn take_form(line: &Line, asked: &HeaderMap, body: Body) -> Reply {
    let content_type = asked.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_form = content_type.split(';').next().is_some_and(|kind| kind.trim() == "application/x-www-form-urlencoded");
    let read = |bytes: Bytes| {
        if !is_form {
            return Message::list(&bytes);
        }
        let form = str::from_utf8(&bytes).map_err(|_| NoMessages::Broken)?;
        Message::list(form::field(form, "d").unwrap_or_default().as_bytes())
    };
    match deliver(line, body, read).await {
        // A body, because some browsers do odd things without one.
        Ok(()) => Reply::text(StatusCode::OK, "ok"),
        Err(refused) => refused.into(),
    }
}

async fn deliver(
    line: &Line,
    body: Body,
    read: impl FnOnce(Bytes) -> Result<Vec<Message>, NoMessages>,
) -> Result<(), Refused> {
    let _turn = line.delivering.lock().await;
    let refuse = |status, words| Err(Refused(status, words));
    let bytes = match timeout(BODY_PATIENCE, to_bytes(body, PAYLOAD_MAX)).await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(_)) => return refuse(StatusCode::PAYLOAD_TOO_LARGE, "At most 4 MiB are taken at once.\n"),
        Err(_elapsed) => return refuse(StatusCode::REQUEST_TIMEOUT, "The messages took too long to arrive.\n"),
    };
    let messages = read(bytes).map_err(|error| Refused(StatusCode::INTERNAL_SERVER_ERROR, error.words()))?;
    if timeout(ROOM_PATIENCE, line.deliver(messages)).await.is_err() {
        return refuse(StatusCode::SERVICE_UNAVAILABLE, "The service is behind; these messages were not taken.\n");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{PAYLOAD_MAX, take, take_form};
    use crate::sockjs::line::Line;
    use axum::body::{Body, to_bytes};
    use axum::http::{HeaderMap, HeaderValue, StatusCode, header};

    async fn read(reply: super::Reply) -> (StatusCode, String) {
        let response = reply.finish();
        let status = response.status();
        let body = to_bytes(response.into_body(), 1000).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn what_is_posted_reaches_the_service() {
        let line = Line::new();
        assert_eq!(read(take(&line, Body::from(r#"["a"]"#)).await).await, (StatusCode::NO_CONTENT, String::new()));
        let form = HeaderMap::from_iter([(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/x-www-form-urlencoded; charset=UTF-8"),
        )]);
        assert_eq!(read(take_form(&line, &form, Body::from("d=%5B%22b%22%5D")).await).await.1, "ok");
        assert_eq!(read(take_form(&line, &HeaderMap::new(), Body::from(r#"["%61"]"#)).await).await.1, "ok");
        for text in ["a", "b", "%61"] {
            assert_eq!(line.receive().await, Some(text.into()));
        }
    }

    #[tokio::test]
    async fn what_is_no_list_is_refused_with_the_reason() {
        let line = Line::new();
        let broken = (StatusCode::INTERNAL_SERVER_ERROR, "Broken JSON encoding.".to_owned());
        assert_eq!(read(take(&line, Body::from("[\"a")).await).await, broken);
        assert_eq!(read(take(&line, Body::empty()).await).await.1, "Payload expected.");
        let too_long = Body::from(vec![b' '; PAYLOAD_MAX + 1]);
        assert_eq!(read(take(&line, too_long).await).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_is_refused_when_the_service_stays_behind() {
        let line = Line::new();
        let flood = format!("[\"{}\"]", "x".repeat(300 << 10));
        assert_eq!(read(take(&line, Body::from(flood)).await).await.0, StatusCode::NO_CONTENT);
        assert_eq!(read(take(&line, Body::from("[\"b\"]")).await).await.0, StatusCode::SERVICE_UNAVAILABLE);
        line.receive().await;
        assert_eq!(read(take(&line, Body::from("[\"c\"]")).await).await.0, StatusCode::NO_CONTENT);
        assert_eq!(line.receive().await, Some("c".into()));
    }
}
