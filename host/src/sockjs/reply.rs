//! Answers to requests, with the headers that the protocol and old browsers want.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};

pub(crate) const TEXT: &str = "text/plain; charset=UTF-8";
pub(crate) const SCRIPT: &str = "application/javascript; charset=UTF-8";
pub(crate) const PAGE: &str = "text/html; charset=UTF-8";

/// Some phones cache even answers to POST.
const UNCACHED: &str = "no-store, no-cache, no-transform, must-revalidate, max-age=0";
const CACHED: &str = "public, max-age=31536000";
const CACHED_SECONDS: &str = "31536000";
/// For caches that know no `max-age`; those that do go by that.
const FAR_AWAY: &str = "Thu, 31 Dec 2037 23:55:55 GMT";

/// Why a request gets nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused(pub(crate) StatusCode, pub(crate) &'static str);

impl From<Refused> for Reply {
    fn from(Refused(status, words): Refused) -> Self {
        Self::text(status, words)
    }
}

/// An answer that is being put together.
#[derive(Debug)]
pub(crate) struct Reply(Response<Body>);

impl Reply {
    /// No body, and so no type of one.
    pub(crate) fn empty(status: StatusCode) -> Self {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = status;
        Self(response).with(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
    }

    pub(crate) fn typed(content_type: &'static str, body: impl Into<Body>) -> Self {
        let mut reply = Self::empty(StatusCode::OK).with(header::CONTENT_TYPE, content_type);
        *reply.0.body_mut() = body.into();
        reply
    }

    pub(crate) fn text(status: StatusCode, body: impl Into<Body>) -> Self {
        let mut reply = Self::typed(TEXT, body);
        *reply.0.status_mut() = status;
        reply
    }

    pub(crate) fn with(mut self, name: HeaderName, value: &'static str) -> Self {
        self.0.headers_mut().insert(name, HeaderValue::from_static(value));
        self
    }

    pub(crate) fn uncached(self) -> Self {
        self.with(header::CACHE_CONTROL, UNCACHED)
    }

    pub(crate) fn cached(self) -> Self {
        self.with(header::CACHE_CONTROL, CACHED).with(header::EXPIRES, FAR_AWAY)
    }

    /// Lets the page that asked read the answer. Whether it may ask at all was judged before.
    pub(crate) fn shared(mut self, asked: &HeaderMap) -> Self {
        let own = self.0.headers_mut();
        match asked.get(header::ORIGIN) {
            Some(origin) => {
                own.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
                own.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
            }
            None => {
                own.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
            }
        }
        own.insert(header::VARY, HeaderValue::from_static("Origin"));
        if let Some(wanted) = asked.get(header::ACCESS_CONTROL_REQUEST_HEADERS)
            && !wanted.is_empty()
        {
            own.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
        }
        self
    }

    /// To `OPTIONS`: what the page may ask.
    pub(crate) fn preflight(asked: &HeaderMap, methods: &'static str) -> Self {
        Self::empty(StatusCode::NO_CONTENT)
            .cached()
            .shared(asked)
            .with(header::ACCESS_CONTROL_ALLOW_METHODS, methods)
            .with(header::ACCESS_CONTROL_MAX_AGE, CACHED_SECONDS)
    }

    /// Sets the cookie by which load balancers know where a session is, to what they have made of it.
    pub(crate) fn with_cookie(mut self, asked: &HeaderMap) -> Self {
        let cookies = asked.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
        let mut pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let found = pairs.find(|(name, _)| *name == "JSESSIONID").map_or("dummy", |(_, value)| value);
        if let Ok(cookie) = HeaderValue::from_str(&format!("JSESSIONID={found}; path=/")) {
            self.0.headers_mut().insert(header::SET_COOKIE, cookie);
        }
        self
    }

    pub(crate) fn finish(self) -> Response<Body> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::Reply;
    use axum::http::{HeaderMap, HeaderValue, StatusCode, header};

    fn asked(name: header::HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn an_answer_names_the_page_that_asked() {
        let response = Reply::preflight(&asked(header::ORIGIN, "http://a.example"), "OPTIONS, POST").finish();
        assert_eq!(response.headers()[header::ACCESS_CONTROL_ALLOW_ORIGIN], "http://a.example");
        assert_eq!(response.headers()[header::ACCESS_CONTROL_ALLOW_CREDENTIALS], "true");
        let response = Reply::empty(StatusCode::OK).shared(&HeaderMap::new()).finish();
        assert_eq!(response.headers()[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
        assert!(!response.headers().contains_key(header::ACCESS_CONTROL_ALLOW_CREDENTIALS));
    }

    #[test]
    fn the_cookie_is_the_one_there_is_or_a_new_one() {
        let cookie = |asked: &HeaderMap| {
            Reply::empty(StatusCode::OK).with_cookie(asked).finish().headers()[header::SET_COOKIE].clone()
        };
        assert_eq!(cookie(&asked(header::COOKIE, "a=b; JSESSIONID=abcdef; c=d")), "JSESSIONID=abcdef; path=/");
        assert_eq!(cookie(&HeaderMap::new()), "JSESSIONID=dummy; path=/");
    }
}
