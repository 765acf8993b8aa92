//! Lets pages from elsewhere ask and read the answers: the CORS protocol of the Fetch standard (<https://fetch.spec.whatwg.org/#http-cors-protocol>).
//! Whether a page may ask at all was judged before.

use axum::http::{HeaderMap, HeaderValue, Response, header};

/// How long a page need not ask again what it may ask, in seconds.
const REMEMBERED: HeaderValue = HeaderValue::from_static("600");

/// Answers `OPTIONS`: what the page may ask.
pub(super) fn allow<B>(response: &mut Response<B>, asked: &HeaderMap, methods: HeaderValue) {
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, REMEMBERED);
    if let Some(wanted) = asked.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
    }
}

/// Lets the page that asked read the answer.
pub(super) fn share<B>(response: &mut Response<B>, asked: &HeaderMap) {
    let origin = asked.get(header::ORIGIN).cloned().unwrap_or(HeaderValue::from_static("*"));
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::VARY, HeaderValue::from_static("Origin"));
}
