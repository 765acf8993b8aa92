//! An open directory: what is in it is reached by plain names, never through a link, and nothing outside it is.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, openat, renameat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, fstatat, mkdirat};
use nix::sys::statvfs::fstatvfs;
use nix::unistd::{UnlinkatFlags, fsync, unlinkat};

/// What the system says of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    /// A regular file, and not a directory, a link, a pipe or a device.
    pub(super) is_file: bool,
    pub(super) len: u64,
    /// When its content was last changed, in nanoseconds since 1970.
    pub(super) modified: i128,
    /// Under how many names it is there.
    pub(super) links: u64,
}

impl From<FileStat> for Seen {
    // The widths of these differ from system to system.
    #[allow(clippy::unnecessary_cast, clippy::useless_conversion)]
    fn from(stat: FileStat) -> Self {
        Self {
            is_file: SFlag::from_bits_truncate(stat.st_mode & SFlag::S_IFMT.bits()) == SFlag::S_IFREG,
            len: u64::try_from(stat.st_size).unwrap_or_default(),
            modified: i128::from(stat.st_mtime) * 1_000_000_000 + i128::from(stat.st_mtime_nsec),
            links: stat.st_nlink as u64,
        }
    }
}

impl Seen {
    /// What the system says of an open file.
    pub(super) fn of(file: &File) -> io::Result<Self> {
        Ok(fstat(file)?.into())
    }
}

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// To be read.
    Read,
    /// To be read, and written at its end.
    Append,
    /// The same, for a file that is not there yet.
    New,
}

/// An open directory.
#[derive(Debug)]
pub(super) struct Dir(OwnedFd);

impl Dir {
    /// The directory on that path, which may lead through links: a person named it.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        Ok(Self(nix::fcntl::open(path, flags, Mode::empty())?))
    }

    /// The directory of that name in this one; `None` if there is none.
    pub(super) fn folder(&self, name: &str) -> io::Result<Option<Self>> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        match openat(&self.0, name, flags, Mode::empty()) {
            Ok(folder) => Ok(Some(Self(folder))),
            Err(Errno::ENOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The same, made if there is none.
    pub(super) fn make_folder(&self, name: &str) -> io::Result<Self> {
        if let Some(folder) = self.folder(name)? {
            return Ok(folder);
        }
        match mkdirat(&self.0, name, Mode::S_IRWXU) {
            Ok(()) | Err(Errno::EEXIST) => {}
            Err(error) => return Err(error.into()),
        }
        self.sync()?;
        self.folder(name)?.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// What is there under that name; `None` if nothing is.
    pub(super) fn look(&self, name: &str) -> io::Result<Option<Seen>> {
        match fstatat(&self.0, name, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat.into())),
            Err(Errno::ENOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Opens a regular file; what is none counts as not there.
    pub(super) fn file(&self, name: &str, how: How) -> io::Result<(File, Seen)> {
        let wanted = match how {
            How::Read => OFlag::O_RDONLY,
            How::Append => OFlag::O_RDWR | OFlag::O_APPEND,
            How::New => OFlag::O_RDWR | OFlag::O_APPEND | OFlag::O_CREAT | OFlag::O_EXCL,
        };
        // A pipe in the place of a file is not waited for.
        let flags = wanted | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let opened = openat(&self.0, name, flags, Mode::from_bits_truncate(0o666));
        let file: File = match opened {
            Ok(file) => file.into(),
            Err(Errno::ELOOP | Errno::EISDIR | Errno::ENXIO) => return Err(io::ErrorKind::NotFound.into()),
            Err(error) => return Err(error.into()),
        };
        let seen = Seen::of(&file)?;
        if seen.is_file { Ok((file, seen)) } else { Err(io::ErrorKind::NotFound.into()) }
    }

    /// Gives a file in this directory a name in that one, at once, in place of what has the name.
    pub(super) fn rename(&self, name: &str, to: &Self, new: &str) -> io::Result<()> {
        Ok(renameat(&self.0, name, &to.0, new)?)
    }

    /// Removes a file, or the link of that name; false if there is none.
    pub(super) fn remove(&self, name: &str) -> io::Result<bool> {
        match unlinkat(&self.0, name, UnlinkatFlags::NoRemoveDir) {
            Ok(()) => Ok(true),
            Err(Errno::ENOENT) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes a directory if it is empty.
    pub(super) fn remove_folder(&self, name: &str) {
        let _ = unlinkat(&self.0, name, UnlinkatFlags::RemoveDir);
    }

    /// Waits until the names in it are stored.
    pub(super) fn sync(&self) -> io::Result<()> {
        Ok(fsync(&self.0)?)
    }

    /// The names in it, in no order, but for those that are no text.
    pub(super) fn names(&self) -> io::Result<Vec<String>> {
        let mut dir = nix::dir::Dir::openat(
            &self.0,
            ".",
            OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC,
            Mode::empty(),
        )?;
        let mut names = Vec::new();
        for entry in dir.iter() {
            if let Ok(name) = entry?.file_name().to_str() {
                names.push(name.to_owned());
            }
        }
        Ok(names)
    }

    /// Bytes that are free, and bytes that there are, on the medium.
    // The widths of these differ from system to system.
    #[allow(clippy::unnecessary_cast, clippy::useless_conversion)]
    pub(super) fn space(&self) -> io::Result<(u64, u64)> {
        let space = fstatvfs(&self.0)?;
        let block = space.fragment_size() as u64;
        let bytes = |blocks: u64| blocks.saturating_mul(block);
        Ok((bytes(space.blocks_available().into()), bytes(space.blocks().into())))
    }
}
