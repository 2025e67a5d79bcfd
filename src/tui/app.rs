//! The screen's state: messages in, effects and cells out. No I/O, no clock.

use std::sync::Arc;

use jiff::tz::TimeZone;
use market::Board;
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::KeyCode;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;
use widgets::{
    Action, Focus, Frame, HelpView, PANELS, PaletteEntry, PaletteView, Panel, Reaction, StatusLine, Theme,
    View, WORKSPACES,
};

use super::keymap::{Command, KEYS, Pressed, command_for};
use super::palette::{Outcome, Palette};
use super::theme_of;
use crate::config::ThemeChoice;

/// What reaches the screen.
#[derive(Clone, Debug)]
pub enum Message {
    /// A key was pressed.
    Key(Pressed),
    /// The terminal has another size.
    Resized,
    /// A newer Board.
    Board(Arc<Board>),
    /// Something to say once.
    Notice(String),
}

/// What the loop around the screen must do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Draw again.
    Draw,
    /// Leave.
    Quit,
    /// Save what is on the screen as an SVG picture.
    SavePicture,
}

/// What lies over the panels.
enum Overlay {
    None,
    Help { offset: usize },
    Palette(Box<Palette>),
}

/// A screen on which every panel of a workspace has room.
const LARGEST: Rect = Rect { x: 0, y: 0, width: 400, height: 200 };

/// Hints in the status line: a few of the key table's rows, in this order.
const HINTS: [Command; 4] = [Command::Help, Command::Palette, Command::Zoom, Command::Quit];

/// The screen's state.
pub struct App {
    board: Arc<Board>,
    panels: Vec<Box<dyn Panel>>,
    /// Which of [`WORKSPACES`] is shown.
    workspace: usize,
    /// Which of [`PANELS`] the keys go to; always one of the workspace's.
    focused: usize,
    is_zoomed: bool,
    overlay: Overlay,
    choice: ThemeChoice,
    theme: Theme,
    new_york: Option<TimeZone>,
    notice: Option<String>,
}

impl App {
    /// A screen over `board`, with every panel at its start.
    pub fn new(board: Arc<Board>, choice: ThemeChoice) -> Self {
        Self {
            board,
            panels: PANELS.iter().map(|row| (row.make)()).collect(),
            workspace: 0,
            focused: first_of(0),
            is_zoomed: false,
            overlay: Overlay::None,
            choice,
            theme: theme_of(choice),
            new_york: TimeZone::get("America/New_York").ok(),
            notice: None,
        }
    }

    /// The Board that is shown.
    pub fn board(&self) -> &Board {
        &self.board
    }

    /// Gives the panel `id` the whole screen; whether there is such a panel.
    pub fn zoom_on(&mut self, id: &str) -> bool {
        let Some(index) = PANELS.iter().position(|row| row.id == id) else { return false };
        self.carry_out(Command::Focus(index));
        self.is_zoomed = true;
        true
    }

    /// Shows the workspace `id`; whether there is such a workspace.
    pub fn show_workspace(&mut self, id: &str) -> bool {
        let Some(index) = WORKSPACES.iter().position(|row| row.id == id) else { return false };
        self.enter(index);
        true
    }

    fn enter(&mut self, workspace: usize) {
        self.workspace = workspace;
        self.is_zoomed = false;
        if !panels_of(workspace).contains(&self.focused) {
            self.focused = first_of(workspace);
        }
    }

    /// The panel `steps` after the focused one in the workspace's order.
    fn focus_by(&mut self, steps: usize) {
        let panels = panels_of(self.workspace);
        let at = panels.iter().position(|panel| *panel == self.focused).unwrap_or_default();
        if let Some(panel) = panels.get((at + steps) % panels.len().max(1)) {
            self.focused = *panel;
        }
    }

    /// Takes a message in and says what is to be done.
    pub fn update(&mut self, message: Message) -> Vec<Effect> {
        match message {
            Message::Resized => vec![Effect::Draw],
            Message::Board(board) => {
                self.board = board;
                vec![Effect::Draw]
            }
            Message::Notice(text) => {
                self.notice = Some(text);
                vec![Effect::Draw]
            }
            Message::Key(pressed) => {
                self.notice = None;
                self.press(pressed)
            }
        }
    }

    fn press(&mut self, pressed: Pressed) -> Vec<Effect> {
        if let Overlay::Palette(palette) = &mut self.overlay {
            return match palette.press(pressed) {
                Outcome::Stays => vec![Effect::Draw],
                Outcome::Closed => {
                    self.overlay = Overlay::None;
                    vec![Effect::Draw]
                }
                Outcome::Chosen(command) => {
                    self.overlay = Overlay::None;
                    self.carry_out(command)
                }
            };
        }
        match command_for(pressed) {
            Some(command) => self.carry_out(command),
            // The keys as typed are asked first; a digit goes straight to a workspace.
            None => match pressed.code {
                KeyCode::Char(digit @ '1'..='9') => {
                    let index = digit as usize - '1' as usize;
                    if index < WORKSPACES.len() {
                        self.carry_out(Command::Workspace(index))
                    } else {
                        Vec::new()
                    }
                }
                _ => Vec::new(),
            },
        }
    }

    fn carry_out(&mut self, command: Command) -> Vec<Effect> {
        match command {
            Command::Quit => return vec![Effect::Quit],
            Command::SavePicture => return vec![Effect::SavePicture],
            Command::Help => {
                self.overlay = match self.overlay {
                    Overlay::Help { .. } => Overlay::None,
                    Overlay::None | Overlay::Palette(_) => Overlay::Help { offset: 0 },
                };
            }
            Command::Palette => self.overlay = Overlay::Palette(Box::new(Palette::open())),
            Command::Back => match self.overlay {
                Overlay::None => self.is_zoomed = false,
                Overlay::Help { .. } | Overlay::Palette(_) => self.overlay = Overlay::None,
            },
            Command::NextPanel => self.focus_by(1),
            Command::PreviousPanel => self.focus_by(panels_of(self.workspace).len().saturating_sub(1)),
            Command::Focus(index) => {
                self.focused = index.min(self.panels.len() - 1);
                if !panels_of(self.workspace).contains(&self.focused)
                    && let Some(home) =
                        (0..WORKSPACES.len()).find(|place| panels_of(*place).contains(&self.focused))
                {
                    self.workspace = home;
                }
            }
            Command::Workspace(index) => self.enter(index),
            Command::NextWorkspace => self.enter((self.workspace + 1) % WORKSPACES.len()),
            Command::PreviousWorkspace => {
                self.enter((self.workspace + WORKSPACES.len() - 1) % WORKSPACES.len());
            }
            Command::Zoom => self.is_zoomed = !self.is_zoomed,
            Command::Theme => {
                self.choice = match self.choice {
                    ThemeChoice::Truecolor => ThemeChoice::Ansi16,
                    ThemeChoice::Auto | ThemeChoice::Ansi16 => ThemeChoice::Mono,
                    ThemeChoice::Mono => ThemeChoice::Truecolor,
                };
                self.theme = theme_of(self.choice);
            }
            Command::Act(action) => return self.act(action),
        }
        vec![Effect::Draw]
    }

    fn act(&mut self, action: Action) -> Vec<Effect> {
        if let Overlay::Help { offset } = &mut self.overlay {
            *offset = match action {
                Action::Up => offset.saturating_sub(1),
                Action::Down => (*offset + 1).min(KEYS.len()),
                Action::PageUp | Action::Top => 0,
                Action::PageDown | Action::Bottom => KEYS.len(),
                Action::Left | Action::Right | Action::NextColumn | Action::Toggle => *offset,
            };
            return vec![Effect::Draw];
        }
        match self.panels[self.focused].act(action, &self.board) {
            Reaction::Redraw => vec![Effect::Draw],
            Reaction::Ignored => Vec::new(),
        }
    }

    /// Draws everything.
    pub fn render(&mut self, area: Rect, buf: &mut Buffer) {
        if area.is_empty() {
            return;
        }
        let frame = Frame::of(area);
        let view =
            |focus| View { board: &self.board, theme: &self.theme, focus, new_york: self.new_york.as_ref() };
        if self.is_zoomed {
            self.panels[self.focused].render(frame.panels, buf, &view(Focus::Focused));
        } else {
            let places = (WORKSPACES[self.workspace].layout)(frame.panels);
            // Where the focused panel has no room of its own, the keys would go nowhere visible.
            let focused_id = PANELS[self.focused].id;
            for (id, place) in &places {
                let Some(index) = PANELS.iter().position(|row| row.id == *id) else { continue };
                let focus = if *id == focused_id { Focus::Focused } else { Focus::Unfocused };
                self.panels[index].render(*place, buf, &view(focus));
            }
        }
        let hints: Vec<(&str, &str)> = HINTS
            .iter()
            .filter_map(|wanted| KEYS.iter().find(|row| row.command == *wanted))
            .map(|row| (row.shown.split(' ').next().unwrap_or(row.shown), row.name))
            .collect();
        StatusLine {
            hints: &hints,
            message: self.notice.as_deref(),
            workspace: WORKSPACES[self.workspace].title,
            ..StatusLine::new(&view(Focus::Unfocused))
        }
        .render(frame.status, buf);
        // Never over the status line: the mode stays in sight.
        self.render_overlay(frame.panels, buf);
    }

    fn render_overlay(&self, area: Rect, buf: &mut Buffer) {
        match &self.overlay {
            Overlay::None => {}
            Overlay::Help { offset } => {
                let mut rows: Vec<(&str, &str)> = KEYS.iter().map(|row| (row.shown, row.about)).collect();
                let digits = format!("1 – {}", WORKSPACES.len());
                rows.insert(4, (&digits, "overview, flows, miners, AI, leverage, regimes, events, feeds"));
                HelpView { title: "Keys", rows: &rows, offset: *offset, theme: &self.theme }
                    .render(area, buf);
            }
            Overlay::Palette(palette) => {
                let entries: Vec<PaletteEntry<'_>> = palette
                    .choices()
                    .iter()
                    .map(|choice| PaletteEntry {
                        title: &choice.name,
                        about: &choice.about,
                        matched: &choice.matched,
                    })
                    .collect();
                PaletteView {
                    input: palette.typed(),
                    cursor: palette.typed().chars().count(),
                    entries: &entries,
                    selected: palette.selected(),
                    theme: &self.theme,
                }
                .render(area, buf);
            }
        }
    }
}

/// Any panel that a workspace shows on the largest screen, in its order.
fn panels_of(workspace: usize) -> Vec<usize> {
    let places = (WORKSPACES[workspace].layout)(LARGEST);
    let index = |(id, _): &(&str, Rect)| PANELS.iter().position(|row| row.id == *id);
    places.iter().filter_map(index).collect()
}

/// The panel that the keys go to at first: the one that matters most and that keys do something in.
fn first_of(workspace: usize) -> usize {
    let panels = panels_of(workspace);
    panels.iter().copied().find(|panel| PANELS[*panel].id != "headline").unwrap_or_default()
}
