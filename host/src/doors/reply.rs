//! Answers in JSON that the page that asked may read.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use serde::Serialize;

use super::sharing;

const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, PATCH, DELETE, OPTIONS");

/// An answer.
#[derive(Debug)]
pub(super) struct Reply(Response<Body>);

impl Reply {
    pub(super) fn empty(status: StatusCode) -> Self {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = status;
        Self(response)
            .with(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"))
            .with(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))
    }

    fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers_mut().insert(name, value);
        self
    }

    /// JSON that comes bit by bit.
    pub(super) fn streamed(status: StatusCode, body: Body) -> Self {
        let mut reply =
            Self::empty(status).with(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
        *reply.0.body_mut() = body;
        reply
    }

    pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Self {
        Self::streamed(status, serde_json::to_string(value).unwrap_or_default().into())
    }

    pub(super) fn error(status: StatusCode, sentence: &str) -> Self {
        Self::json(status, &serde_json::json!({ "error": sentence }))
    }

    /// An error that may be over in a moment.
    pub(super) fn busy(sentence: &str) -> Self {
        Self::error(StatusCode::SERVICE_UNAVAILABLE, sentence).with(header::RETRY_AFTER, HeaderValue::from_static("1"))
    }

    pub(super) fn allowing(self) -> Self {
        self.with(header::ALLOW, METHODS)
    }

    /// To `OPTIONS`: what the page may ask.
    pub(super) fn preflight(asked: &HeaderMap) -> Self {
        let mut reply = Self::empty(StatusCode::NO_CONTENT).allowing();
        sharing::allow(&mut reply.0, asked, METHODS);
        reply
    }

    /// Lets the page that asked read the answer.
    pub(super) fn shared(mut self, asked: &HeaderMap) -> Response<Body> {
        sharing::share(&mut self.0, asked);
        self.0
    }
}
