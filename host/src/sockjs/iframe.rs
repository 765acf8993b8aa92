//! The page that clients without CORS put into a frame, to ask from within it.
//!
//! It is what the protocol says and no more: the script that it names is not there, and only pages of this host may frame it. With
//! both it would be a way around the rule of which pages may use the host; pages that may need no such frame.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};

use crate::sockjs::reply::{PAGE, Reply};

const IFRAME: &str = r#"<!DOCTYPE html>
<html>
<head>
  <meta http-equiv="X-UA-Compatible" content="IE=edge" />
  <meta http-equiv="Content-Type" content="text/html; charset=UTF-8" />
  <script src="/sockjs.js"></script>
  <script>
    document.domain = document.domain;
    SockJS.bootstrap_iframe();
  </script>
</head>
<body>
  <h2>Don't panic!</h2>
  <p>This is a SockJS hidden iframe. It's used for cross domain magic.</p>
</body>
</html>"#;

/// What pages with scripts in them may do.
pub(crate) const POLICY: &str = "default-src 'self'; script-src 'self' 'unsafe-inline'; frame-ancestors 'self'";

pub(crate) fn serve(asked: &HeaderMap) -> Response<Body> {
    let mut hasher = DefaultHasher::new();
    IFRAME.hash(&mut hasher);
    let tag = format!("\"{:016x}\"", hasher.finish());
    if asked.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return Reply::empty(StatusCode::NOT_MODIFIED).finish();
    }
    let reply = Reply::typed(PAGE, IFRAME).cached().with(header::CONTENT_SECURITY_POLICY, POLICY);
    let mut response = reply.finish();
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::serve;
    use axum::http::{HeaderMap, StatusCode, header};

    #[test]
    fn a_known_page_does_not_come_again() {
        let first = serve(&HeaderMap::new());
        let known = HeaderMap::from_iter([(header::IF_NONE_MATCH, first.headers()[header::ETAG].clone())]);
        let again = serve(&known);
        assert_eq!((first.status(), again.status()), (StatusCode::OK, StatusCode::NOT_MODIFIED));
        assert!(!again.headers().contains_key(header::CONTENT_TYPE));
    }
}
