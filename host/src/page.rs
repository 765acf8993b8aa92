//! The web page, embedded in the program: every file of `host/web`.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};

/// Nothing but the host's own files, no script or style in the page itself, and no other site around it.
///
/// The page may open WebSockets to other hosts, where the person at it asks it to, and shows what it was sent as `blob:` and `data:`.
const POLICY: &str = "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data: blob:; object-src 'none'; \
                      base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

struct File {
    name: &'static str,
    content: &'static str,
}

macro_rules! files {
    ($($name:literal),+ $(,)?) => { [$(File { name: $name, content: include_str!(concat!("../web/", $name)) }),+] };
}

static FILES: &[File] = &files![
    "base64.mjs",
    "chat.mjs",
    "client.mjs",
    "depot.mjs",
    "devices.mjs",
    "digest.mjs",
    "drop.mjs",
    "element.mjs",
    "exchange.mjs",
    "files.css",
    "files.mjs",
    "frame.mjs",
    "icon.svg",
    "ids.mjs",
    "index.html",
    "jobs.mjs",
    "listing.mjs",
    "page.mjs",
    "people.mjs",
    "pocket.mjs",
    "question.mjs",
    "rebuilder.mjs",
    "request.mjs",
    "store.mjs",
    "style.css",
    "transfers.mjs",
    "upload.mjs",
    "wire.mjs",
];

impl File {
    fn content_type(&self) -> &'static str {
        match self.name.rsplit_once('.').map(|(_, extension)| extension) {
            Some("html") => "text/html; charset=utf-8",
            Some("mjs") => "text/javascript; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            Some("svg") => "image/svg+xml",
            _ => "text/plain; charset=utf-8",
        }
    }

    /// Changes with the content, so that a browser asks every time and is answered with a word.
    fn tag(&self) -> String {
        let mut hasher = DefaultHasher::new();
        self.content.hash(&mut hasher);
        format!("\"{:016x}\"", hasher.finish())
    }
}

/// The file at a path of the site; `None` when there is none.
pub(crate) fn serve(path: &str, headers: &HeaderMap) -> Option<Response<Body>> {
    let name = match path.strip_prefix('/')? {
        "" => "index.html",
        name => name,
    };
    let file = FILES.iter().find(|file| file.name == name)?;
    let tag = file.tag();
    let is_known = headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let mut response =
        if is_known { respond(StatusCode::NOT_MODIFIED, "") } else { respond(StatusCode::OK, file.content) };
    let own = response.headers_mut();
    own.insert(header::CONTENT_TYPE, HeaderValue::from_static(file.content_type()));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        own.insert(header::ETAG, tag);
    }
    Some(response)
}

/// A response of plain text with the headers that every response of the host has.
pub(crate) fn respond(status: StatusCode, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    const HEADERS: [(HeaderName, &str); 6] = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
        (header::CACHE_CONTROL, "no-cache"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ];
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::{FILES, serve};
    use axum::http::{HeaderMap, StatusCode, header};

    #[test]
    fn every_file_of_the_page_is_embedded() {
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/web");
        let mut there: Vec<_> = std::fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        there.sort();
        assert_eq!(there, FILES.iter().map(|file| file.name).collect::<Vec<_>>());
    }

    #[test]
    fn a_file_comes_with_its_type_and_a_known_one_does_not_come_again() {
        let response = serve("/", &HeaderMap::new()).unwrap();
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/html; charset=utf-8");
        assert_eq!(response.headers()[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert!(!response.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap().contains("unsafe"));
        let known = HeaderMap::from_iter([(header::IF_NONE_MATCH, response.headers()[header::ETAG].clone())]);
        assert_eq!(serve("/index.html", &known).unwrap().status(), StatusCode::NOT_MODIFIED);
        assert_eq!(serve("/page.mjs", &known).unwrap().status(), StatusCode::OK);
        assert!(serve("/../Cargo.toml", &known).is_none() && serve("page.mjs", &known).is_none());
    }

    #[test]
    fn the_page_has_no_script_or_style_of_its_own() {
        let page = FILES.iter().find(|file| file.name == "index.html").unwrap().content;
        assert!(!page.contains("<style") && !page.contains(" style=") && !page.contains(" onclick="));
        assert_eq!(page.matches("<script").count(), page.matches("src=\"/page.mjs\"").count());
    }
}
