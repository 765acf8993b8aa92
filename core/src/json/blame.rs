//! Finds out what is wrong with a text that is JSON but was refused as a frame. Only refused texts pay for it.

use core::marker::PhantomData;

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json_core::str::EscapedStr;

use crate::json::JsonError;

/// Which of the required fields are there, whatever they hold.
#[derive(Deserialize)]
struct Present {
    #[serde(default, deserialize_with = "anything")]
    channel: bool,
    #[serde(default, deserialize_with = "anything", rename = "messageId")]
    message_id: bool,
    #[serde(default, deserialize_with = "anything")]
    sequence: bool,
    #[serde(default, deserialize_with = "anything")]
    data: bool,
}

fn anything<'de, D: Deserializer<'de>>(value: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(value).map(|_| true)
}

/// Which field is to blame for a text that [`Fields`] refused: the one that alone is refused as well.
///
/// The reader tells neither place nor field, so each field is read once more without the others.
pub(super) fn blame(text: &str) -> JsonError {
    if !text.trim_start().starts_with('{') {
        return JsonError::NotObject;
    }
    let Ok((present, _)) = serde_json_core::from_str::<Present>(text) else { return JsonError::Twice };
    let required = [
        ("channel", present.channel),
        ("messageId", present.message_id),
        ("sequence", present.sequence),
        ("data", present.data),
    ];
    if let Some((field, _)) = required.into_iter().find(|(_, present)| !present) {
        return JsonError::Missing(field);
    }
    /// True when the text reads with only this field, of this type.
    macro_rules! reads {
        ($field:literal, $kind:ty) => {{
            #[derive(Deserialize)]
            #[serde(bound(deserialize = "'de: 'a"))]
            struct Alone<'a> {
                #[serde(default, rename = $field)]
                _field: $kind,
                #[serde(skip)]
                _text: PhantomData<&'a str>,
            }
            serde_json_core::from_str::<Alone<'_>>(text).is_ok()
        }};
    }
    let strings = [
        ("channel", reads!("channel", EscapedStr<'a>)),
        ("messageId", reads!("messageId", EscapedStr<'a>)),
        ("data", reads!("data", EscapedStr<'a>)),
        ("encoding", reads!("encoding", Option<EscapedStr<'a>>)),
        ("from", reads!("from", Option<EscapedStr<'a>>)),
    ];
    let numbers = [
        ("total", reads!("total", Option<i64>), reads!("total", Option<f64>)),
        ("sequence", reads!("sequence", i64), reads!("sequence", f64)),
    ];
    let string = strings.into_iter().find(|(_, reads)| !reads).map(|(field, _)| JsonError::Type(field, "a string"));
    let number = numbers.into_iter().find(|(_, whole, _)| !whole).map(|(field, _, number)| match number {
        true => JsonError::Fraction(field),
        false => JsonError::Type(field, "a whole number"),
    });
    let once = reads!("total", IgnoredAny) && reads!("encoding", IgnoredAny) && reads!("from", IgnoredAny);
    if once { string.or(number).unwrap_or(JsonError::NotObject) } else { JsonError::Twice }
}
