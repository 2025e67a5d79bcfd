//! The screen: the terminal, held and given back, and the loop that draws on it.

mod app;
mod keymap;
mod palette;
mod terminal;

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use market::{Board, Mode, Timestamp};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use widgets::Theme;

pub use self::app::{App, Effect, Message};
pub use self::keymap::Pressed;
use self::terminal::{Keyboard, Terminal};
use crate::config::ThemeChoice;
use crate::failure::Failure;
use crate::svg;

/// At most 30 frames a second.
const FRAME: Duration = Duration::from_millis(33);

/// The styles that `choice` stands for; `Auto` was decided when the configuration was read.
fn theme_of(choice: ThemeChoice) -> Theme {
    match choice {
        ThemeChoice::Truecolor => Theme::truecolor(),
        ThemeChoice::Auto | ThemeChoice::Ansi16 => Theme::ansi16(),
        ThemeChoice::Mono => Theme::mono(),
    }
}

/// What [`draw`] can draw.
#[derive(Clone, Copy, Debug)]
pub enum Picture<'a> {
    /// A workspace, by name.
    Workspace(&'a str),
    /// One panel over the whole area, by name; `overview` is the workspace.
    Panel(&'a str),
}

/// Names of panels that [`draw`] knows.
pub fn panel_names() -> Vec<&'static str> {
    std::iter::once("overview").chain(widgets::PANELS.iter().map(|row| row.id)).collect()
}

/// Names of workspaces that [`draw`] knows.
pub fn workspace_names() -> Vec<&'static str> {
    widgets::WORKSPACES.iter().map(|row| row.id).collect()
}

/// Draws a workspace or a panel in true colour; `None` for an unknown name.
pub fn draw(picture: Picture<'_>, (width, height): (u16, u16), board: &Arc<Board>) -> Option<Buffer> {
    let area = Rect::new(0, 0, width, height);
    let mut app = App::new(Arc::clone(board), ThemeChoice::Truecolor);
    let is_known = match picture {
        Picture::Workspace(id) | Picture::Panel(id @ "overview") => app.show_workspace(id),
        Picture::Panel(id) => app.zoom_on(id),
    };
    if !is_known {
        return None;
    }
    let mut buffer = Buffer::empty(area);
    app.render(area, &mut buffer);
    Some(buffer)
}

/// What the screen does when no further Board will come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenOver {
    /// The last Board stays: a recording is over.
    Stay,
    /// The engine is gone, which it alone can explain.
    Leave,
}

/// The terminal, held until dropped.
pub struct Screen {
    terminal: Terminal,
    theme: ThemeChoice,
}

impl Screen {
    /// Takes the terminal over. Whatever happens afterwards, it is given back.
    ///
    /// # Errors
    /// Standard input or output is no terminal, or it refuses.
    pub fn open(theme: ThemeChoice) -> Result<Self, Failure> {
        Ok(Self { terminal: Terminal::take()?, theme })
    }

    /// Shows the Board until the reader quits or the process is told to stop; `when_over` says what
    /// to do when no further Board will come.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn run(mut self, board: watch::Receiver<Arc<Board>>, when_over: WhenOver) -> Result<(), Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::Bug(format!("start the screen's runtime: {error}")))?;
        runtime.block_on(self.show(board, when_over))
    }

    async fn show(
        &mut self,
        mut board: watch::Receiver<Arc<Board>>,
        when_over: WhenOver,
    ) -> Result<(), Failure> {
        let listen =
            |kind| signal(kind).map_err(|error| Failure::Bug(format!("listen for signals: {error}")));
        let (mut terminate, mut hang_up) = (listen(SignalKind::terminate())?, listen(SignalKind::hangup())?);
        let mut keyboard = Keyboard::listen()?;
        let first = Arc::clone(&board.borrow_and_update());
        let mut app = App::new(first, self.theme);
        let mut frames = tokio::time::interval(FRAME);
        frames.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut is_dirty, mut is_fed) = (true, true);
        loop {
            let message = tokio::select! {
                changed = board.changed(), if is_fed => {
                    is_fed = changed.is_ok();
                    if !is_fed && when_over == WhenOver::Leave {
                        return Ok(());
                    }
                    Message::Board(Arc::clone(&board.borrow_and_update()))
                }
                event = keyboard.next() => match event {
                    Some(message) => message,
                    None => return Ok(()),
                },
                _ = frames.tick(), if is_dirty => {
                    self.terminal.draw(|area, buffer| app.render(area, buffer))?;
                    is_dirty = false;
                    continue;
                }
                _ = terminate.recv() => return Ok(()),
                _ = hang_up.recv() => return Ok(()),
            };
            for effect in app.update(message) {
                match effect {
                    Effect::Draw => is_dirty = true,
                    Effect::Quit => return Ok(()),
                    Effect::SavePicture => {
                        let said = self.save_picture(&mut app);
                        let _ = app.update(Message::Notice(said));
                        is_dirty = true;
                    }
                }
            }
        }
    }

    /// Writes what is on the screen beside where the program was started, and says so.
    fn save_picture(&self, app: &mut App) -> String {
        let Ok(size) = self.terminal.size() else { return "cannot read the terminal's size".to_owned() };
        let area = Rect::new(0, 0, size.width, size.height);
        let mut buffer = Buffer::empty(area);
        app.render(area, &mut buffer);
        let now: Timestamp = app.board().now;
        let mode: Mode = app.board().mode;
        let stamp: String = now.to_string().chars().filter(|c| !matches!(c, '-' | ':')).take(15).collect();
        let picture = svg::render(&buffer, &format!("Vigie, {}, {now}", mode.as_str()));
        match save_beside(&format!("vigie-{stamp}"), &picture) {
            Ok(path) => format!("picture saved as {path}"),
            Err(error) => format!("cannot save vigie-{stamp}.svg: {error}"),
        }
    }
}

/// Writes `name.svg`, or `name-2.svg` and on where that is taken: two screens may be saved in one second.
fn save_beside(name: &str, picture: &str) -> std::io::Result<String> {
    let mut at = 1;
    loop {
        let path = if at == 1 { format!("{name}.svg") } else { format!("{name}-{at}.svg") };
        match std::fs::File::create_new(&path) {
            Ok(mut file) => return file.write_all(picture.as_bytes()).map(|()| path),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && at < 99 => at += 1,
            Err(error) => return Err(error),
        }
    }
}
