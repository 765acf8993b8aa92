//! JavaScript's `escape`, undone (ECMA-262, annex B.2.1): `a%2Cb` is `a,b`, `%uD83D%uDE00` is a face.

/// The name that an escaped one stands for; `None` for one with half a surrogate pair, which no channel has.
pub(super) fn unescape(escaped: &str) -> Option<String> {
    let mut units = Vec::with_capacity(escaped.len());
    let mut rest = escaped;
    while let Some(first) = rest.chars().next() {
        let len = match coded(rest) {
            Some((unit, len)) => {
                units.push(unit);
                len
            }
            // A percent sign that begins nothing stands for itself.
            None => {
                units.extend(first.encode_utf16(&mut [0; 2]).iter());
                first.len_utf8()
            }
        };
        rest = rest.get(len..).unwrap_or_default();
    }
    String::from_utf16(&units).ok()
}

/// The code unit that a text begins with as `%XX` or `%uXXXX`, and the length of that.
fn coded(text: &str) -> Option<(u16, usize)> {
    let (start, len) = if text.starts_with("%u") { (2, 6) } else { (1, 3) };
    let digits = text.strip_prefix('%').and(text.get(start..len))?;
    let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex.then(|| u16::from_str_radix(digits, 16).ok().map(|unit| (unit, len))).flatten()
}

#[cfg(test)]
mod tests {
    use super::unescape;

    #[test]
    fn names_come_back_as_javascript_wrote_them() {
        assert_eq!(unescape("a%2Cb%20c/%E9%uD83D%uDE00%25").unwrap(), "a,b c/é😀%");
        for name in ["constructor", "__proto__", "A-Za-z09@*_+-./", ""] {
            assert_eq!(unescape(name).unwrap(), name);
        }
    }

    #[test]
    fn what_is_no_escape_stands_for_itself_and_half_a_pair_for_nothing() {
        for text in ["%", "100%", "%g0", "%u12", "%u12g4", "%+1", "é%"] {
            assert_eq!(unescape(text).unwrap(), text);
        }
        assert_eq!(unescape("%ud83d"), None);
        assert_eq!(unescape("%41%u0042").unwrap(), "AB");
    }
}
