//! The terminal itself: taken over, drawn on, listened to, and always given back.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ratatui::backend::CrosstermBackend;
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{self, Event, KeyEventKind};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{Clear, ClearType, EnterAlternateScreen, enable_raw_mode};
use ratatui::layout::{Rect, Size};
use tokio::sync::mpsc;

use super::app::Message;
use super::keymap::Pressed;
use crate::failure::Failure;
use crate::{config, logging};

/// How often the keyboard thread looks whether it is still wanted.
const LOOK_UP: Duration = Duration::from_millis(100);

/// The terminal in raw mode, with everything that might write over it sent to the log file.
pub(super) struct Terminal {
    inner: ratatui::DefaultTerminal,
    stderr: Option<OwnedFd>,
}

impl Terminal {
    pub(super) fn take() -> Result<Self, Failure> {
        if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
            return Err(Failure::Usage(
                "standard input and output must be a terminal for the screen; without one, use \
                 `vigie daemon` or `vigie snapshot`"
                    .to_owned(),
            ));
        }
        let log = open_log();
        let stderr = log.as_ref().ok().and_then(divert_stderr);
        if let Ok(file) = log {
            logging::to_file(file);
        }
        // Not `ratatui::init`: its panic hook would give the screen away when a feed's thread panics,
        // which ends that feed alone. Ours is given back by `drop`, which also runs when this thread panics.
        let terminal = Self {
            inner: ratatui::DefaultTerminal::new(CrosstermBackend::new(io::stdout()))
                .map_err(Failure::Terminal)?,
            stderr,
        };
        Self::enter().map_err(Failure::Terminal)?;
        Ok(terminal)
    }

    fn enter() -> io::Result<()> {
        enable_raw_mode()?;
        // Not the terminal's own `clear`, which asks it for the cursor and waits for an answer.
        execute!(io::stdout(), EnterAlternateScreen, Clear(ClearType::All))
    }

    pub(super) fn draw(&mut self, render: impl FnOnce(Rect, &mut Buffer)) -> Result<(), Failure> {
        let drawn = self.inner.draw(|frame| render(frame.area(), frame.buffer_mut()));
        drawn.map(|_| ()).map_err(Failure::Terminal)
    }

    pub(super) fn size(&self) -> io::Result<Size> {
        self.inner.size()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        ratatui::restore();
        if let Some(stderr) = &self.stderr {
            let _ = rustix::stdio::dup2_stderr(stderr);
        }
    }
}

/// The log file, made where it is missing.
fn open_log() -> io::Result<File> {
    let path = config::log_file().ok_or(io::ErrorKind::NotFound)?;
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)?;
    }
    OpenOptions::new().create(true).append(true).open(path)
}

/// Libraries write warnings to stderr; on a raw terminal these would land in the picture.
fn divert_stderr(log: &File) -> Option<OwnedFd> {
    let kept = rustix::io::dup(rustix::stdio::stderr()).ok()?;
    rustix::stdio::dup2_stderr(log).ok()?;
    Some(kept)
}

/// Keys and resizes, read on a thread of their own.
pub(super) struct Keyboard {
    messages: mpsc::Receiver<Message>,
    is_wanted: Arc<AtomicBool>,
}

impl Keyboard {
    pub(super) fn listen() -> Result<Self, Failure> {
        let (sender, messages) = mpsc::channel(64);
        let is_wanted = Arc::new(AtomicBool::new(true));
        let flag = Arc::clone(&is_wanted);
        std::thread::Builder::new()
            .name("keyboard".to_owned())
            .spawn(move || {
                while flag.load(Ordering::Acquire) {
                    let message =
                        match event::poll(LOOK_UP).and_then(|ready| ready.then(event::read).transpose()) {
                            Ok(event) => event.as_ref().and_then(message_of),
                            // The terminal is gone.
                            Err(_) => return,
                        };
                    if message.is_some_and(|message| sender.blocking_send(message).is_err()) {
                        return;
                    }
                }
            })
            .map_err(|error| Failure::Bug(format!("start the keyboard's thread: {error}")))?;
        Ok(Self { messages, is_wanted })
    }

    /// The next key or resize; `None` once the terminal is gone.
    pub(super) async fn next(&mut self) -> Option<Message> {
        self.messages.recv().await
    }
}

impl Drop for Keyboard {
    fn drop(&mut self) {
        self.is_wanted.store(false, Ordering::Release);
    }
}

fn message_of(event: &Event) -> Option<Message> {
    match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => {
            Some(Message::Key(Pressed { code: key.code, modifiers: key.modifiers }))
        }
        Event::Resize(_, _) => Some(Message::Resized),
        _ => None,
    }
}
