//! What a page says of itself and, the first of a file, of the file.

use embedded_storage::nor_flash::NorFlash;

use super::region::{Page, Region, UNIT_MAX};
use crate::bytes::{Reader, Writer, copy};
use crate::crc::crc32_after;
use crate::files::digest::Digest;
use crate::files::name::{NAME_MAX, Name};
use crate::files::store::{About, KIND_MAX, Kind, StoreError};

const MAGIC: u32 = u32::from_le_bytes(*b"pmf1");

/// Magic and version, id, index and generation, CRC.
pub(super) const HEADER_LEN: usize = 16;
/// CRC, size, digest, name and kind, each with its length.
pub(super) const ABOUT_LEN: usize = 4 + 4 + 33 + 1 + NAME_MAX + 1 + KIND_MAX;
/// The above with what fills the last unit of the flash.
const ABOUT_SPACE: usize = ABOUT_LEN.next_multiple_of(UNIT_MAX);

/// Whose a page is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// The file; no other of the store has had it.
    pub(super) id: u32,
    /// The page, counted in its file.
    pub(super) index: u16,
    /// Higher in the copy of a page that took its place.
    pub(super) generation: u16,
}

impl<F: NorFlash, const BLOCK: usize> Region<F, BLOCK> {
    /// What a page says of itself; `None` when it says nothing that is understood.
    pub(super) fn header(&mut self, page: Page) -> Option<Header> {
        let mut bytes = [0; UNIT_MAX];
        self.read(page, 0, bytes.get_mut(..Self::HEADER_LEN)?).ok()?;
        let (body, check) = bytes.get(..HEADER_LEN)?.split_last_chunk()?;
        let check_is_right = u32::from_le_bytes(*check) == crc32_after(Self::DIMENSIONS, body);
        let mut body = Reader::new(body);
        let (magic, id, of_file) = (body.u32()?, body.u32()?, body.u32()?);
        let header = Header { id, index: of_file as u16, generation: (of_file >> 16) as u16 };
        (check_is_right && magic == MAGIC).then_some(header)
    }

    /// Makes an erased page one of a file; whatever it must have from the beginning is in it by then.
    pub(super) fn write_header(&mut self, page: Page, header: Header) -> Result<(), StoreError> {
        let of_file = u32::from(header.generation) << 16 | u32::from(header.index);
        let mut words = [MAGIC, header.id, of_file, 0].map(u32::to_le_bytes);
        if let Some((check, body)) = words.split_last_mut() {
            *check = crc32_after(Self::DIMENSIONS, body.as_flattened()).to_le_bytes();
        }
        let mut bytes = [0xff; UNIT_MAX];
        copy(&mut bytes, words.as_flattened());
        let written = self.write(page, 0, bytes.get(..Self::HEADER_LEN).unwrap_or_default());
        if written.is_err() {
            // It may be there all the same, and must not count beside the page that is taken next.
            self.mark(page, Self::GONE).unwrap_or_default();
        }
        written
    }

    /// What file it is that the first page belongs to.
    pub(super) fn about(&mut self, page: Page, id: u32) -> Option<About> {
        let mut bytes = [0; ABOUT_SPACE];
        self.read(page, Self::ABOUT, bytes.get_mut(..Self::ABOUT_LEN)?).ok()?;
        let (check, body) = bytes.get(..ABOUT_LEN)?.split_first_chunk()?;
        if u32::from_le_bytes(*check) != crc32_after(id, body) {
            return None;
        }
        let mut body = Reader::new(body);
        let size = body.u32()?;
        let digest = Digest::read(&mut body)??;
        let name = Name::new(body.string()?).ok()?;
        Some(About { name, size, digest, kind: Kind::try_from(body.string()?).ok()? })
    }

    /// Notes in a first page what file it is.
    pub(super) fn write_about(&mut self, page: Page, id: u32, about: &About) -> Result<(), StoreError> {
        let mut bytes = [0xff; ABOUT_SPACE];
        let (check, body) = bytes.split_first_chunk_mut().ok_or(StoreError::Failed)?;
        let mut out = Writer::new(body);
        out.u32(about.size);
        Digest::write(Some(about.digest), &mut out);
        out.bytes(about.name.as_str().as_bytes());
        out.bytes(about.kind.as_bytes());
        *check = crc32_after(id, body.get(..ABOUT_LEN - 4).unwrap_or_default()).to_le_bytes();
        self.write(page, Self::ABOUT, bytes.get(..Self::ABOUT_LEN).unwrap_or_default())
    }
}
