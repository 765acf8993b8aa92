//! What tells two contents apart: SHA-256, or CRC-32 for boards that have no room for it.

#[cfg(feature = "sha256")]
use sha2::{Digest as _, Sha256};

use crate::bytes::{Reader, Writer};
use crate::crc::crc32_after;

const NONE: u8 = 0;
const CRC32: u8 = 1;
const SHA256: u8 = 2;

/// How a digest is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Algorithm {
    /// CRC-32/ISO-HDLC: notices accidents, not intent.
    Crc32,
    /// SHA-256 (FIPS 180-4).
    Sha256,
}

impl Algorithm {
    /// The best that this build can make: SHA-256 with the feature `sha256`.
    pub const BEST: Self = if cfg!(feature = "sha256") { Self::Sha256 } else { Self::Crc32 };
}

/// The digest of some content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Digest {
    /// By [`Algorithm::Crc32`].
    Crc32(u32),
    /// By [`Algorithm::Sha256`].
    Sha256([u8; 32]),
}

impl Digest {
    /// How it was made.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        match self {
            Self::Crc32(_) => Algorithm::Crc32,
            Self::Sha256(_) => Algorithm::Sha256,
        }
    }

    /// Reads a digest, or that it is not known.
    pub(super) fn read(body: &mut Reader<'_>) -> Option<Option<Self>> {
        match body.u8()? {
            NONE => Some(None),
            CRC32 => Some(Some(Self::Crc32(body.u32()?))),
            SHA256 => Some(Some(Self::Sha256(body.take()?))),
            _ => None,
        }
    }

    pub(super) fn write(digest: Option<Self>, out: &mut Writer<'_>) {
        match digest {
            None => out.u8(NONE),
            Some(Self::Crc32(crc)) => {
                out.u8(CRC32);
                out.u32(crc);
            }
            Some(Self::Sha256(hash)) => {
                out.u8(SHA256);
                out.put(&hash);
            }
        }
    }
}

/// A digest in the making.
#[derive(Clone, Debug)]
pub enum Hasher {
    /// By [`Algorithm::Crc32`].
    Crc32(u32),
    /// By [`Algorithm::Sha256`].
    #[cfg(feature = "sha256")]
    Sha256(Sha256),
}

impl Hasher {
    /// Of nothing yet; `None` for an algorithm that this build does not have.
    #[must_use]
    pub fn new(algorithm: Algorithm) -> Option<Self> {
        match algorithm {
            Algorithm::Crc32 => Some(Self::Crc32(0)),
            #[cfg(feature = "sha256")]
            Algorithm::Sha256 => Some(Self::Sha256(Sha256::new())),
            #[cfg(not(feature = "sha256"))]
            Algorithm::Sha256 => None,
        }
    }

    /// Takes in the bytes that come next.
    pub fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Crc32(crc) => *crc = crc32_after(*crc, bytes),
            #[cfg(feature = "sha256")]
            Self::Sha256(hash) => hash.update(bytes),
        }
    }

    /// The digest of what was taken in so far.
    #[must_use]
    pub fn digest(&self) -> Digest {
        match self {
            Self::Crc32(crc) => Digest::Crc32(*crc),
            #[cfg(feature = "sha256")]
            Self::Sha256(hash) => Digest::Sha256(hash.clone().finalize().into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Algorithm, Digest, Hasher};

    #[test]
    fn the_digests_of_the_standards_come_out_however_the_input_is_cut() {
        let sha = *b"\xba\x78\x16\xbf\x8f\x01\xcf\xea\x41\x41\x40\xde\x5d\xae\x22\x23\xb0\x03\x61\xa3\x96\x17\x7a\x9c\xb4\x10\xff\x61\xf2\x00\x15\xad";
        for (algorithm, content, digest) in [
            (Algorithm::Sha256, "abc", Digest::Sha256(sha)),
            (Algorithm::Crc32, "123456789", Digest::Crc32(0xcbf4_3926)),
        ] {
            let mut hasher = Hasher::new(algorithm).unwrap();
            content.bytes().for_each(|byte| hasher.update(&[byte]));
            assert_eq!(hasher.digest(), digest);
        }
    }
}
