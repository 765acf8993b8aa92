//! Fields of a query or of a posted form.

/// The field of this name; nothing when it is not there or no text.
pub(crate) fn field(form: &str, name: &str) -> Option<String> {
    let fields = form.split('&').map(|field| field.split_once('=').unwrap_or((field, "")));
    let (_, value) = fields.into_iter().find(|(found, _)| *found == name)?;
    decoded(value)
}

fn decoded(value: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                let (high, low) = (digit(rest.next())?, digit(rest.next())?);
                (high << 4 | low) as u8
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::field;

    #[test]
    fn a_field_is_found_and_decoded() {
        assert_eq!(field("c=%63all.back_1", "c").as_deref(), Some("call.back_1"));
        assert_eq!(field("p=p&d=%5B%22x+y%C3%A9%22%5D", "d").as_deref(), Some("[\"x yé\"]"));
        assert_eq!(field("d", "d").as_deref(), Some(""));
    }

    #[test]
    fn what_is_not_there_or_broken_is_none() {
        for form in ["", "p=p", "dd=1", "d=%", "d=%2", "d=%zz", "d=%ff", "d=%+1"] {
            assert_eq!(field(form, "d"), None, "{form}");
        }
    }
}
