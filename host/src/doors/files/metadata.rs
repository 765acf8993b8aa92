//! What a client says of the file that it is about to upload: `Upload-Metadata: filename aGkudHh0,filetype dGV4dC9wbGFpbg==`.

use std::collections::HashMap;

use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::reply::Refused;
use crate::depot::Name;

/// Longest header, which is kept and given back.
const METADATA_MAX: usize = 4096;
/// Longest media type.
const KIND_MAX: usize = 127;
/// Longest name of a device.
const DEVICE_MAX: usize = 255;
/// What a file is whose client does not say.
const UNKNOWN: &str = "application/octet-stream";
const UNNAMED: &str = "unnamed";

/// What is used of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Metadata {
    pub(super) name: Name,
    pub(super) kind: String,
    /// The device that the file is for.
    pub(super) device: Option<String>,
    /// The header itself.
    pub(super) text: Option<String>,
}

impl Metadata {
    /// Reads the header; a file without one has no name of its own.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, Refused> {
        let text = headers.get("upload-metadata").map(|value| value.to_str()).transpose();
        let text = text.map_err(|_| wrong())?.filter(|text| !text.trim().is_empty());
        if text.is_some_and(|text| text.len() > METADATA_MAX) {
            return Err(Refused::bad(format!("Upload-Metadata has at most {METADATA_MAX} bytes.")));
        }
        let mut values = HashMap::new();
        for pair in text.into_iter().flat_map(|text| text.split(',')) {
            let pair = pair.trim();
            let (key, value) = pair.split_once(' ').unwrap_or((pair, ""));
            let value = STANDARD.decode(value.trim()).map_err(|_| wrong())?;
            if key.is_empty() || values.insert(key, value).is_some() {
                return Err(wrong());
            }
        }
        let mut value = |key: &str| {
            let value = values.remove(key).filter(|value| !value.is_empty()).map(String::from_utf8);
            value.transpose().map_err(|_| Refused::bad(format!("The {key} in Upload-Metadata is no UTF-8.")))
        };
        let name = Name::new(value("filename")?.as_deref().unwrap_or(UNNAMED));
        let device = value("device")?;
        if device.as_ref().is_some_and(|device| device.len() > DEVICE_MAX || device.chars().any(char::is_control)) {
            return Err(Refused::bad("No device has such a name."));
        }
        Ok(Self {
            name: name.map_err(|wrong| Refused::bad(wrong.to_string()))?,
            kind: value("filetype")?.filter(|kind| is_media_type(kind)).unwrap_or_else(|| UNKNOWN.to_owned()),
            device,
            text: text.map(str::to_owned),
        })
    }
}

fn wrong() -> Refused {
    Refused::bad("Upload-Metadata is pairs of a key and a value in base64, a comma between them, each key once.")
}

/// Whether it can be said in a header, as `text/plain; charset=utf-8`.
fn is_media_type(text: &str) -> bool {
    let is_token = |text: &str| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
    };
    let (essence, rest) = text.split_once(';').unwrap_or((text, ""));
    let names_both = essence.trim().split_once('/').is_some_and(|(kind, subkind)| is_token(kind) && is_token(subkind));
    names_both && text.len() <= KIND_MAX && rest.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

#[cfg(test)]
mod tests {
    use super::{METADATA_MAX, Metadata};
    use axum::http::{HeaderMap, HeaderValue};
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    fn read(text: &str) -> Result<Metadata, u16> {
        let headers =
            HeaderMap::from_iter([("upload-metadata".parse().unwrap(), HeaderValue::from_str(text).unwrap())]);
        Metadata::of(&headers).map_err(|refused| refused.status.as_u16())
    }

    fn pair(key: &str, value: &[u8]) -> String {
        format!("{key} {}", STANDARD.encode(value))
    }

    #[test]
    fn what_is_known_is_taken_and_all_of_it_is_kept() {
        let text = [
            pair("filename", "ä b.txt".as_bytes()),
            pair("filetype", b"text/plain; charset=utf-8"),
            "is_new".into(),
            pair("device", b"pico"),
        ]
        .join(",");
        let Metadata { name, kind, device, text: kept } = read(&text).unwrap();
        assert_eq!((name.as_str(), &*kind, device.as_deref()), ("ä b.txt", "text/plain; charset=utf-8", Some("pico")));
        assert_eq!(kept, Some(text));
        let bare = Metadata::of(&HeaderMap::new()).unwrap();
        assert_eq!(
            (bare.name.as_str(), &*bare.kind, bare.device, bare.text),
            ("unnamed", "application/octet-stream", None, None)
        );
    }

    #[test]
    fn a_type_that_is_none_is_not_known() {
        for kind in [
            "",
            "text",
            "text/",
            "/plain",
            "text/plain\r\nset-cookie: a=b",
            "a/b; \u{e9}",
            "a b/c",
            &format!("a/{}", "b".repeat(200)),
        ] {
            let kind = read(&pair("filetype", kind.as_bytes())).unwrap().kind;
            assert_eq!(kind, "application/octet-stream");
        }
    }

    #[test]
    fn what_cannot_be_read_or_is_no_name_is_refused() {
        for text in [
            "filename ***",
            ",",
            "filename YQ==,filename YQ==",
            &pair("filename", b"\xff"),
            &pair("filename", b"../../etc/passwd"),
            &pair("filename", b"a\0"),
            &pair("filename", b"a\nb"),
            &pair("filename", b".hidden"),
            &pair("device", b"a\nb"),
            &pair("other", &[b'x'; METADATA_MAX]),
        ] {
            assert_eq!(read(text), Err(400), "{text}");
        }
    }
}
