//! Answers of the files door, which the page that asked may read.

use std::borrow::Cow;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};

use super::super::sharing;
use crate::depot::{AppendError, CreateError, DiskError, FinishError, TakeError};

pub(super) const TUS_RESUMABLE: HeaderName = HeaderName::from_static("tus-resumable");
pub(super) const TUS_VERSION: HeaderName = HeaderName::from_static("tus-version");
pub(super) const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
pub(super) const UPLOAD_LENGTH: HeaderName = HeaderName::from_static("upload-length");
pub(super) const VERSION: HeaderValue = HeaderValue::from_static("1.0.0");
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PATCH, DELETE, OPTIONS");
/// What a page from elsewhere may read of an answer, beyond the little that it always may.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "Accept-Ranges, Content-Disposition, Content-Length, Content-Range, ETag, Location, Pocketmux-Transfer, Retry-After, \
     Tus-Checksum-Algorithm, Tus-Extension, Tus-Max-Size, Tus-Resumable, Tus-Version, Upload-Length, Upload-Metadata, Upload-Offset",
);
/// A content is shown by nobody as a page of this host: it may be anything.
const POLICY: HeaderValue = HeaderValue::from_static("sandbox; default-src 'none'; frame-ancestors 'none'");

/// An answer.
#[derive(Debug)]
pub(super) struct Reply(Response<Body>);

impl Reply {
    pub(super) fn new(status: StatusCode, body: impl Into<Body>) -> Self {
        let mut response = Response::new(body.into());
        *response.status_mut() = status;
        Self(response)
            .with(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"))
            .with(header::CONTENT_SECURITY_POLICY, POLICY)
            .with(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))
    }

    pub(super) fn with(mut self, name: HeaderName, value: impl Into<HeaderValue>) -> Self {
        self.0.headers_mut().insert(name, value.into());
        self
    }

    /// With a header whose value may not be fit for one, and then is left out.
    pub(super) fn with_text(self, name: HeaderName, value: &str) -> Self {
        match HeaderValue::from_str(value) {
            Ok(value) => self.with(name, value),
            Err(_) => self,
        }
    }

    /// To `OPTIONS`: what the door can do, and what a page from elsewhere may ask.
    pub(super) fn options(asked: &HeaderMap, size_max: u64) -> Self {
        let mut reply = Self::new(StatusCode::NO_CONTENT, Body::empty())
            .with(header::ALLOW, METHODS)
            .with(TUS_VERSION, VERSION)
            .with(
                HeaderName::from_static("tus-extension"),
                HeaderValue::from_static("creation,creation-with-upload,termination,checksum"),
            )
            .with(HeaderName::from_static("tus-max-size"), size_max)
            .with(HeaderName::from_static("tus-checksum-algorithm"), HeaderValue::from_static("sha1,sha256,crc32"));
        sharing::allow(&mut reply.0, asked, METHODS);
        reply
    }

    /// Lets the page that asked read the answer.
    pub(super) fn shared(self, asked: &HeaderMap) -> Response<Body> {
        let mut reply = self.with(TUS_RESUMABLE, VERSION).with(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        sharing::share(&mut reply.0, asked);
        reply.0
    }
}

/// Why a request is not done, in a sentence for whoever asked.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) status: StatusCode,
    sentence: Cow<'static, str>,
}

impl Refused {
    pub(super) fn new(status: StatusCode, sentence: impl Into<Cow<'static, str>>) -> Self {
        Self { status, sentence: sentence.into() }
    }

    pub(super) fn bad(sentence: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, sentence)
    }

    pub(super) fn missing() -> Self {
        TakeError::Missing.into()
    }

    pub(super) fn locked() -> Self {
        TakeError::Taken.into()
    }

    pub(super) fn not_here() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "This is not done here.")
    }

    /// The host ends, and takes what is being done here with it.
    pub(super) fn stopping() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "The host is stopping. Go on when it is back.")
    }
}

impl From<Refused> for Reply {
    fn from(Refused { status, sentence }: Refused) -> Self {
        let reply = Self::new(status, format!("{sentence}\n"))
            .with(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        match status {
            StatusCode::LOCKED | StatusCode::SERVICE_UNAVAILABLE => reply.with(header::RETRY_AFTER, 1),
            StatusCode::PRECONDITION_FAILED => reply.with(TUS_VERSION, VERSION),
            StatusCode::METHOD_NOT_ALLOWED => reply.with(header::ALLOW, METHODS),
            _ => reply,
        }
    }
}

impl From<DiskError> for Refused {
    fn from(error: DiskError) -> Self {
        let status = match error {
            DiskError::Full => StatusCode::INSUFFICIENT_STORAGE,
            DiskError::Broken(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, error.to_string())
    }
}

impl From<CreateError> for Refused {
    fn from(error: CreateError) -> Self {
        let status = match error {
            CreateError::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            CreateError::TooMany(_) => StatusCode::INSUFFICIENT_STORAGE,
            CreateError::Exists => StatusCode::CONFLICT,
            CreateError::Disk(error) => return error.into(),
        };
        Self::new(status, error.to_string())
    }
}

impl From<TakeError> for Refused {
    fn from(error: TakeError) -> Self {
        let status = match error {
            TakeError::Missing => StatusCode::NOT_FOUND,
            TakeError::Whole(_) => StatusCode::CONFLICT,
            TakeError::Taken => StatusCode::LOCKED,
            TakeError::Disk(error) => return error.into(),
        };
        Self::new(status, error.to_string())
    }
}

impl From<AppendError> for Refused {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::TooLong(_) => Self::new(StatusCode::PAYLOAD_TOO_LARGE, error.to_string()),
            AppendError::Disk(error) => error.into(),
        }
    }
}

impl From<FinishError> for Refused {
    fn from(error: FinishError) -> Self {
        match error {
            FinishError::Short(_) => Self::new(StatusCode::CONFLICT, error.to_string()),
            FinishError::Disk(error) => error.into(),
        }
    }
}
