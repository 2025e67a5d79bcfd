//! One writer per store: an advisory lock that dies with its process.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};

use market::Timestamp;

use crate::disk::Layout;
use crate::error::{Holder, StoreError};

/// The lock of a store, held until dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
}

/// Given up by name: a process being started at this moment still holds a copy of the descriptor, and
/// would hold the lock with it.
impl Drop for Lock {
    fn drop(&mut self) {
        if let Err(error) = self.file.unlock() {
            tracing::warn!(%error, "the store's lock could not be given up");
        }
    }
}

impl Lock {
    /// Takes the lock and says who has it.
    pub(crate) fn take(layout: &Layout, now: Timestamp) -> Result<Self, StoreError> {
        let path = layout.lock();
        let failed = |action| move |error: io::Error| (action, error);
        let taken = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(failed("open"))
            .and_then(|mut file| match file.try_lock() {
                Ok(()) => introduce(&mut file, now).map_err(failed("write")).map(|()| Ok(file)),
                Err(TryLockError::WouldBlock) => Ok(Err(read_holder(&mut file))),
                Err(TryLockError::Error(error)) => Err(("lock", error)),
            });
        match taken {
            Ok(Ok(file)) => Ok(Self { file }),
            Ok(Err(holder)) => Err(StoreError::Locked { dir: layout.dir.clone(), holder }),
            Err((action, error)) => Err(StoreError::io(action, &path, error)),
        }
    }
}

fn introduce(file: &mut File, now: Timestamp) -> io::Result<()> {
    let command: Vec<String> =
        std::env::args_os().map(|argument| argument.to_string_lossy().replace(['\n', '\r'], " ")).collect();
    let text = format!("pid {}\nsince {now}\ncommand {}\n", std::process::id(), command.join(" "));
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// What the holder wrote, as far as it is readable: the refusal must not depend on it.
fn read_holder(file: &mut File) -> Holder {
    let mut bytes = Vec::new();
    let mut holder = Holder::default();
    if file.take(4_096).read_to_end(&mut bytes).is_err() {
        return holder;
    }
    for line in String::from_utf8_lossy(&bytes).lines() {
        match line.split_once(' ') {
            Some(("pid", pid)) => holder.pid = pid.parse().ok(),
            Some(("since", since)) => holder.since = Some(since.to_owned()),
            Some(("command", command)) => holder.command = Some(command.to_owned()),
            Some(_) | None => {}
        }
    }
    holder
}
