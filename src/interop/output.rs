//! The files of an export: written under temporary names, made durable, and published together, the one that names the
//! others last.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::interop::stream::PieceStream;
use crate::io::{Buffers, Dir, How, NewFile, NoTap, PublishError, StreamWriter, create_temp, publish_synced, sync_all};

/// Bytes are moved in pieces of this.
const ROOM_BYTES: usize = 256 << 10;

/// The files of one export.
pub(crate) struct Output {
    dir: Dir,
    how: How,
    buffers: Arc<Buffers>,
    /// Written in full.
    done: Vec<(NewFile, String)>,
}

impl Output {
    /// Files beside `path`, in a folder that is made if it is missing; `overwrite` lets them replace others.
    pub(crate) fn beside(path: &Path, overwrite: bool) -> Result<Self> {
        let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let how = if overwrite { How::Replace } else { How::NoReplace };
        Ok(Self { dir: Dir::create(folder, NoTap::shared())?, how, buffers: Arc::default(), done: Vec::new() })
    }

    /// Begins the file of this name. Files are published in the order in which they are finished.
    pub(crate) fn begin(&self, name: &str) -> Result<Sink> {
        if self.how == How::NoReplace && self.dir.exists(name)? {
            return Err(self.taken(name));
        }
        let out = StreamWriter::new(create_temp(&self.dir, name)?, &self.buffers);
        Ok(Sink { out, name: name.to_owned(), room: Vec::new() })
    }

    /// Takes a file that is written in full.
    pub(crate) fn finish(&mut self, sink: Sink) -> Result<()> {
        let file = sink.out.finish()?;
        self.done.push((file, sink.name));
        Ok(())
    }

    /// Gives all files their names, durably. Says which files there are then.
    ///
    /// What an earlier export left under the name of the last file is removed first, so that at no moment that file
    /// names others than were written with it.
    pub(crate) fn publish(mut self) -> Result<Vec<PathBuf>> {
        let files = std::mem::take(&mut self.done);
        let mut published: Vec<String> = Vec::new();
        // All of them are whole on the disk before one has its name.
        let mut failed = sync_all(&files.iter().map(|(file, _)| file).collect::<Vec<_>>(), &[]).err();
        if failed.is_none()
            && self.how == How::Replace
            && files.len() > 1
            && let Some((_, last)) = files.last()
        {
            failed = self.dir.unlink(last).and_then(|()| self.dir.sync()).err();
        }
        for (file, name) in files {
            if failed.is_some() {
                file.discard();
                continue;
            }
            match publish_synced(&self.dir, file, &name, self.how) {
                Ok(()) => published.push(name),
                Err(PublishError::NameTaken) => failed = Some(self.taken(&name)),
                Err(PublishError::Before(error)) => failed = Some(error),
                Err(PublishError::Unknown(error)) => {
                    published.push(name);
                    failed = Some(error);
                }
            }
        }
        let Some(error) = failed else {
            return Ok(published.iter().map(|name| self.dir.path().join(name)).collect());
        };
        // Half an export is of no use; what cannot be removed is named by nothing.
        for name in &published {
            let _stays = self.dir.unlink(name);
        }
        Err(error)
    }

    fn taken(&self, name: &str) -> Error {
        Error::new(ErrorKind::NameTaken, "there is a file of this name already")
            .in_file(self.dir.path().join(name))
            .advise("give another path, or overwrite it expressly")
    }
}

impl Drop for Output {
    /// What was not published is removed.
    fn drop(&mut self) {
        for (file, _) in self.done.drain(..) {
            file.discard();
        }
    }
}

/// A file that is being written from front to back, by a thread of its own while the next bytes are read.
pub(crate) struct Sink {
    out: StreamWriter,
    name: String,
    room: Vec<u8>,
}

impl Sink {
    /// Where the next byte goes.
    pub(crate) fn position(&self) -> u64 {
        self.out.len()
    }

    /// Appends bytes.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.out.append(bytes)
    }

    /// Appends a piece, showing its bytes to `see` on the way.
    pub(crate) fn copy(
        &mut self,
        stream: &mut dyn PieceStream,
        len_bytes: u64,
        mut see: impl FnMut(&[u8]),
    ) -> Result<()> {
        let mut left = len_bytes;
        while left > 0 {
            self.room.resize(left.min(ROOM_BYTES as u64) as usize, 0);
            stream.fill(&mut self.room)?;
            see(&self.room);
            self.out.append(&self.room)?;
            left -= self.room.len() as u64;
        }
        Ok(())
    }

    /// Gives up: the file is removed.
    pub(crate) fn discard(self) {
        self.out.discard();
    }
}
