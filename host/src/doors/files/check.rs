//! What a client says the bytes of a request come to: `Upload-Checksum: sha1 ...`.

use axum::http::{HeaderMap, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use super::reply::Refused;

/// A checksum as it grows, and what it should come to.
#[derive(Debug)]
pub(super) struct Check {
    sum: Sum,
    expected: Vec<u8>,
}

#[derive(Debug)]
enum Sum {
    Sha1(Sha1),
    Sha256(Sha256),
    Crc32(crc32fast::Hasher),
}

impl Sum {
    fn named(name: &str) -> Option<(Self, usize)> {
        match name {
            "sha1" => Some((Self::Sha1(Sha1::new()), 20)),
            "sha256" => Some((Self::Sha256(Sha256::new()), 32)),
            // Its four bytes with the highest first, as numbers are written in networks.
            "crc32" => Some((Self::Crc32(crc32fast::Hasher::new()), 4)),
            _ => None,
        }
    }
}

impl Check {
    /// Reads the header, if there is one.
    pub(super) fn of(headers: &HeaderMap) -> Result<Option<Self>, Refused> {
        let Some(value) = headers.get("upload-checksum") else { return Ok(None) };
        let wrong = || {
            Refused::bad(
                "Upload-Checksum is the name of an algorithm (sha1, sha256 or crc32), a space, and the checksum in base64.",
            )
        };
        let (name, expected) = value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or_else(wrong)?;
        let (sum, len) = Sum::named(name).ok_or_else(wrong)?;
        let expected = STANDARD.decode(expected.trim()).ok().filter(|bytes| bytes.len() == len).ok_or_else(wrong)?;
        Ok(Some(Self { sum, expected }))
    }

    pub(super) fn add(&mut self, bytes: &[u8]) {
        match &mut self.sum {
            Sum::Sha1(sum) => sum.update(bytes),
            Sum::Sha256(sum) => sum.update(bytes),
            Sum::Crc32(sum) => sum.update(bytes),
        }
    }

    pub(super) fn verify(self) -> Result<(), Refused> {
        let is = match self.sum {
            Sum::Sha1(sum) => sum.finalize().to_vec(),
            Sum::Sha256(sum) => sum.finalize().to_vec(),
            Sum::Crc32(sum) => sum.finalize().to_be_bytes().to_vec(),
        };
        if is == self.expected {
            return Ok(());
        }
        let status = StatusCode::from_u16(460).expect("it has three digits");
        Err(Refused::new(status, "The bytes do not come to this checksum; none of them was kept. Send them again."))
    }
}

#[cfg(test)]
mod tests {
    use super::Check;
    use axum::http::{HeaderMap, HeaderValue};

    fn check(value: &'static str) -> Result<Option<Check>, super::Refused> {
        Check::of(&HeaderMap::from_iter([("upload-checksum".parse().unwrap(), HeaderValue::from_static(value))]))
    }

    #[test]
    fn each_algorithm_knows_its_own() {
        for value in [
            "sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=",
            "sha256 uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek=",
            "crc32 DUoRhQ==",
        ] {
            let right = |bytes: &[u8]| {
                let mut check = check(value).unwrap().unwrap();
                bytes.chunks(3).for_each(|bytes| check.add(bytes));
                check.verify().map_err(|refused| refused.status.as_u16())
            };
            assert_eq!(
                (right(b"hello world"), right(b"hello worle"), right(b"")),
                (Ok(()), Err(460), Err(460)),
                "{value}"
            );
        }
    }

    #[test]
    fn what_is_no_checksum_is_refused_before_anything_is_written() {
        for value in [
            "",
            "sha1",
            "sha1 ",
            "sha1 AAAA",
            "md5 AAAAAAAAAAAAAAAAAAAAAA==",
            "sha1 ***",
            "SHA1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=",
        ] {
            assert_eq!(check(value).unwrap_err().status.as_u16(), 400, "{value}");
        }
        assert!(Check::of(&HeaderMap::new()).unwrap().is_none());
    }
}
