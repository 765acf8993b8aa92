//! Which bytes of a content are asked for: `Range: bytes=0-99`.

use std::ops::Range;

use axum::http::{HeaderMap, header};

/// What to answer with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Whole,
    Part(Range<u64>),
    /// No byte there is.
    Nothing,
}

/// Reads what is asked for of so many bytes under a tag. Several parts at once are not served: then, as with anything that is no range, it is the whole.
pub(super) fn asked(headers: &HeaderMap, size: u64, tag: &str) -> Asked {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    // Of a content that has changed since, a part would not fit.
    if text(header::IF_RANGE).is_some_and(|known| known != tag) {
        return Asked::Whole;
    }
    let range = text(header::RANGE).and_then(|range| range.trim().split_once('='));
    let range = range.filter(|(unit, _)| unit.eq_ignore_ascii_case("bytes")).map(|(_, range)| range.trim());
    let Some((first, last)) = range.and_then(|range| range.split_once('-')) else { return Asked::Whole };
    let range = match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => first..last.saturating_add(1).min(size),
        (Some(first), None) if last.is_empty() => first..size,
        (None, Some(len)) if first.is_empty() => size.saturating_sub(len)..size,
        _ => return Asked::Whole,
    };
    if range.is_empty() { Asked::Nothing } else { Asked::Part(range) }
}

/// Digits and nothing else; more than there can be is as many as there can be.
pub(super) fn number(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

/// Whether a client has what is under this tag.
pub(super) fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let known = headers.get_all(header::IF_NONE_MATCH).into_iter().filter_map(|value| value.to_str().ok());
    let mut tags = known.flat_map(|value| value.split(',')).map(str::trim);
    tags.any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

#[cfg(test)]
mod tests {
    use super::{Asked, asked, is_known};
    use axum::http::{HeaderMap, HeaderValue, header};

    #[test]
    fn a_range_is_cut_to_what_there_is() {
        for (range, wanted) in [
            ("bytes=0-0", Asked::Part(0..1)),
            ("bytes=2-5", Asked::Part(2..6)),
            ("Bytes=2-", Asked::Part(2..10)),
            ("bytes=-3", Asked::Part(7..10)),
            ("bytes=-99", Asked::Part(0..10)),
            ("bytes=9-99999999999999999999999", Asked::Part(9..10)),
            ("bytes=10-", Asked::Nothing),
            ("bytes=99999999999999999999999-", Asked::Nothing),
            ("bytes=-0", Asked::Nothing),
            ("bytes=5-2", Asked::Whole),
            ("bytes=-", Asked::Whole),
            ("bytes=+1-2", Asked::Whole),
            ("bytes=0-1,4-5", Asked::Whole),
            ("lines=0-1", Asked::Whole),
            ("", Asked::Whole),
        ] {
            let headers = HeaderMap::from_iter([(header::RANGE, HeaderValue::from_static(range))]);
            assert_eq!(asked(&headers, 10, "\"a\""), wanted, "{range}");
            for (known, wanted) in [
                ("\"a\"", wanted),
                ("\"b\"", Asked::Whole),
                ("W/\"a\"", Asked::Whole),
                ("Sat, 01 Jan 2000 00:00:00 GMT", Asked::Whole),
            ] {
                let mut headers = headers.clone();
                headers.insert(header::IF_RANGE, HeaderValue::from_static(known));
                assert_eq!(asked(&headers, 10, "\"a\""), wanted, "{range} if {known}");
            }
        }
        let headers = HeaderMap::from_iter([(header::RANGE, HeaderValue::from_static("bytes=0-"))]);
        assert_eq!(asked(&headers, 0, ""), Asked::Nothing);
    }

    #[test]
    fn a_tag_is_known_alone_or_among_others() {
        for (known, is) in [("\"a\"", true), ("\"b\", W/\"a\"", true), ("*", true), ("\"b\"", false), ("a", false)] {
            let headers = HeaderMap::from_iter([(header::IF_NONE_MATCH, HeaderValue::from_static(known))]);
            assert_eq!(is_known(&headers, "\"a\""), is, "{known}");
        }
    }
}
