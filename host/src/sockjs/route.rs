//! What a path below a service's prefix asks for.

use axum::http::Method;

/// Longest name of a session; clients choose eight characters.
const NAME_MAX: usize = 128;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route<'p> {
    Greeting,
    Info,
    /// The page that old clients put into a frame.
    Iframe,
    /// A WebSocket without the protocol's frames.
    RawWebSocket,
    /// A session, or a part of one. The server's name before it is for load balancers alone.
    Session(&'p str, Transport),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    WebSocket,
    Xhr,
    XhrStreaming,
    XhrSend,
    EventSource,
    HtmlFile,
    Jsonp,
    JsonpSend,
}

impl<'p> Route<'p> {
    /// Reads what is behind the prefix: nothing, or a path.
    pub(crate) fn of(path: &'p str) -> Option<Self> {
        let path = path.strip_suffix('/').unwrap_or(path);
        if path.is_empty() {
            return Some(Self::Greeting);
        }
        let mut parts = path.strip_prefix('/')?.split('/');
        match (parts.next()?, parts.next(), parts.next(), parts.next()) {
            ("info", None, ..) => Some(Self::Info),
            ("websocket", None, ..) => Some(Self::RawWebSocket),
            (page, None, ..) => is_iframe(page).then_some(Self::Iframe),
            (server, Some(session), Some(transport), None) if is_name(server) && is_name(session) => {
                Some(Self::Session(session, Transport::of(transport)?))
            }
            _ => None,
        }
    }

    /// The methods that it answers, as `Allow` has them.
    pub(crate) fn methods(&self) -> &'static str {
        use Transport::{EventSource, HtmlFile, Jsonp, JsonpSend, WebSocket, Xhr, XhrSend, XhrStreaming};
        match self {
            Self::Info => "OPTIONS, GET",
            Self::Greeting | Self::Iframe | Self::RawWebSocket => "GET",
            Self::Session(_, WebSocket | EventSource | HtmlFile | Jsonp) => "GET",
            Self::Session(_, Xhr | XhrStreaming | XhrSend) => "OPTIONS, POST",
            Self::Session(_, JsonpSend) => "POST",
        }
    }

    pub(crate) fn is_websocket(&self) -> bool {
        matches!(self, Self::RawWebSocket | Self::Session(_, Transport::WebSocket))
    }

    pub(crate) fn allows(&self, method: &Method) -> bool {
        self.methods().split(", ").any(|allowed| allowed == method.as_str())
    }
}

impl Transport {
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "websocket" => Self::WebSocket,
            "xhr" => Self::Xhr,
            "xhr_streaming" => Self::XhrStreaming,
            "xhr_send" => Self::XhrSend,
            "eventsource" => Self::EventSource,
            "htmlfile" => Self::HtmlFile,
            "jsonp" => Self::Jsonp,
            "jsonp_send" => Self::JsonpSend,
            _ => return None,
        })
    }

    /// True for those that pages from elsewhere ask by means of CORS.
    pub(crate) fn is_shared(self) -> bool {
        matches!(self, Self::Xhr | Self::XhrStreaming | Self::XhrSend | Self::EventSource)
    }
}

fn is_name(part: &str) -> bool {
    (1..=NAME_MAX).contains(&part.len()) && !part.contains('.')
}

fn is_iframe(page: &str) -> bool {
    let version = page.strip_prefix("iframe").and_then(|rest| rest.strip_suffix(".html"));
    let is_part = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'z' | b'-' | b'.' | b'_');
    version.is_some_and(|version| version.bytes().all(is_part))
}

#[cfg(test)]
mod tests {
    use super::{Route, Transport};
    use axum::http::Method;

    #[test]
    fn paths_of_the_protocol_are_known_with_a_slash_behind_or_without() {
        for (path, route) in [
            ("", Route::Greeting),
            ("/", Route::Greeting),
            ("/info", Route::Info),
            ("/info/", Route::Info),
            ("/iframe.html", Route::Iframe),
            ("/iframe-0.1.2abc-dirty.2144.html", Route::Iframe),
            ("/websocket", Route::RawWebSocket),
            ("/000/abc/websocket", Route::Session("abc", Transport::WebSocket)),
            ("/abc_i-j%20/a_b-c%20/xhr/", Route::Session("a_b-c%20", Transport::Xhr)),
        ] {
            assert_eq!(Route::of(path), Some(route), "{path}");
        }
    }

    #[test]
    fn other_paths_are_none() {
        for path in [
            "//",
            "///",
            "a",
            "/a",
            "/a.html",
            "/a/a",
            "/a/a/",
            "///xhr",
            "//xhr",
            "/a./a/xhr",
            "/a/a./xhr",
            "/./.",
            "/a/b/c/xhr",
            "/a/b/other",
            "/iframe",
            "/iframe.htm",
            "/IFRAME.HTML",
            "/iframe.HTML",
            "/iframe-/.html",
            "/iframe-A.html",
        ] {
            assert_eq!(Route::of(path), None, "{path}");
        }
        assert_eq!(Route::of(&format!("/0/{}/xhr", "x".repeat(129))), None);
    }

    #[test]
    fn a_route_has_its_methods() {
        let xhr = Route::of("/0/0/xhr").unwrap();
        assert!(xhr.allows(&Method::POST) && xhr.allows(&Method::OPTIONS) && !xhr.allows(&Method::GET));
        assert!(!Route::Greeting.allows(&Method::POST));
    }
}
