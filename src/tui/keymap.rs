//! The one key table: the dispatcher, the help and the hints are made from it.

use ratatui::crossterm::event::{KeyCode, KeyModifiers};
use widgets::Action;

/// A key with what was held down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pressed {
    /// The key.
    pub code: KeyCode,
    /// What was held down.
    pub modifiers: KeyModifiers,
}

/// Something the reader can ask for, by key or by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// Leave.
    Quit,
    /// Show or hide the help.
    Help,
    /// Open the command palette.
    Palette,
    /// Close what is open; leave the zoom.
    Back,
    /// Focus the next panel.
    NextPanel,
    /// Focus the panel before.
    PreviousPanel,
    /// Give the focused panel the whole screen, or take it back.
    Zoom,
    /// Focus a panel by its place in the table, in a workspace that holds it.
    Focus(usize),
    /// Show a workspace by its place in the table.
    Workspace(usize),
    /// Show the next workspace.
    NextWorkspace,
    /// Show the workspace before.
    PreviousWorkspace,
    /// The next set of colours.
    Theme,
    /// Save the screen as an SVG picture.
    SavePicture,
    /// Something the focused panel does.
    Act(Action),
}

/// One key or chord.
pub(super) struct Key {
    code: KeyCode,
    control: bool,
}

const fn key(c: char) -> Key {
    Key { code: KeyCode::Char(c), control: false }
}

const fn ctrl(c: char) -> Key {
    Key { code: KeyCode::Char(c), control: true }
}

const fn named(code: KeyCode) -> Key {
    Key { code, control: false }
}

/// What some keys do.
pub(super) struct KeyRow {
    /// The keys, as help shows them.
    pub shown: &'static str,
    /// What they do, in words.
    pub about: &'static str,
    /// The command's name in the palette.
    pub name: &'static str,
    pub command: Command,
    keys: &'static [Key],
}

/// Every key there is. Order is the help's order; a key stands in one row only.
pub(super) const KEYS: &[KeyRow] = &[
    KeyRow {
        shown: "? F1",
        about: "show or hide this help",
        name: "help",
        command: Command::Help,
        keys: &[key('?'), named(KeyCode::F(1))],
    },
    KeyRow {
        shown: ": Ctrl-P",
        about: "open the command palette",
        name: "commands",
        command: Command::Palette,
        keys: &[key(':'), ctrl('p')],
    },
    KeyRow {
        shown: "] w",
        about: "the next workspace",
        name: "next workspace",
        command: Command::NextWorkspace,
        keys: &[key(']'), key('w')],
    },
    KeyRow {
        shown: "[ W",
        about: "the workspace before",
        name: "previous workspace",
        command: Command::PreviousWorkspace,
        keys: &[key('['), key('W')],
    },
    KeyRow {
        shown: "Tab",
        about: "focus the next panel of the workspace",
        name: "next panel",
        command: Command::NextPanel,
        keys: &[named(KeyCode::Tab)],
    },
    KeyRow {
        shown: "Shift-Tab",
        about: "focus the panel before",
        name: "previous panel",
        command: Command::PreviousPanel,
        keys: &[named(KeyCode::BackTab)],
    },
    KeyRow {
        shown: "z",
        about: "give the focused panel the whole screen, or take it back",
        name: "zoom",
        command: Command::Zoom,
        keys: &[key('z')],
    },
    KeyRow {
        shown: "k ↑",
        about: "up",
        name: "up",
        command: Command::Act(Action::Up),
        keys: &[key('k'), named(KeyCode::Up)],
    },
    KeyRow {
        shown: "j ↓",
        about: "down",
        name: "down",
        command: Command::Act(Action::Down),
        keys: &[key('j'), named(KeyCode::Down)],
    },
    KeyRow {
        shown: "h ←",
        about: "left",
        name: "left",
        command: Command::Act(Action::Left),
        keys: &[key('h'), named(KeyCode::Left)],
    },
    KeyRow {
        shown: "l →",
        about: "right",
        name: "right",
        command: Command::Act(Action::Right),
        keys: &[key('l'), named(KeyCode::Right)],
    },
    KeyRow {
        shown: "PgUp Ctrl-U",
        about: "a screenful up",
        name: "page up",
        command: Command::Act(Action::PageUp),
        keys: &[named(KeyCode::PageUp), ctrl('u')],
    },
    KeyRow {
        shown: "PgDn Ctrl-D",
        about: "a screenful down",
        name: "page down",
        command: Command::Act(Action::PageDown),
        keys: &[named(KeyCode::PageDown), ctrl('d')],
    },
    KeyRow {
        shown: "g Home",
        about: "to the top; on the tape, follow the newest again",
        name: "top",
        command: Command::Act(Action::Top),
        keys: &[key('g'), named(KeyCode::Home)],
    },
    KeyRow {
        shown: "G End",
        about: "to the bottom",
        name: "bottom",
        command: Command::Act(Action::Bottom),
        keys: &[key('G'), named(KeyCode::End)],
    },
    KeyRow {
        shown: "s",
        about: "next sort, window or asset",
        name: "next sort",
        command: Command::Act(Action::NextColumn),
        keys: &[key('s')],
    },
    KeyRow {
        shown: "Enter Space",
        about: "the panel's other face: details, grouping",
        name: "other face",
        command: Command::Act(Action::Toggle),
        keys: &[named(KeyCode::Enter), key(' ')],
    },
    KeyRow {
        shown: "t",
        about: "next set of colours",
        name: "colours",
        command: Command::Theme,
        keys: &[key('t')],
    },
    KeyRow {
        shown: "P",
        about: "save the screen as an SVG picture",
        name: "save picture",
        command: Command::SavePicture,
        keys: &[key('P')],
    },
    KeyRow {
        shown: "Esc",
        about: "close what is open; leave the zoom",
        name: "back",
        command: Command::Back,
        keys: &[named(KeyCode::Esc)],
    },
    KeyRow {
        shown: "q Ctrl-C",
        about: "quit",
        name: "quit",
        command: Command::Quit,
        keys: &[key('q'), ctrl('c')],
    },
];

/// What `pressed` asks for.
pub(super) fn command_for(pressed: Pressed) -> Option<Command> {
    let control = pressed.modifiers.contains(KeyModifiers::CONTROL);
    if pressed.modifiers.contains(KeyModifiers::ALT) {
        return None;
    }
    let is_meant =
        |row: &&KeyRow| row.keys.iter().any(|key| key.code == pressed.code && key.control == control);
    KEYS.iter().find(is_meant).map(|row| row.command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_does_two_things() {
        let keys: Vec<(KeyCode, bool)> =
            KEYS.iter().flat_map(|row| row.keys).map(|key| (key.code, key.control)).collect();
        for (index, key) in keys.iter().enumerate() {
            assert!(!keys[..index].contains(key), "{key:?} stands twice");
        }
    }

    #[test]
    fn a_plain_letter_is_not_its_chord() {
        let press = |modifiers| command_for(Pressed { code: KeyCode::Char('c'), modifiers });
        assert_eq!(press(KeyModifiers::CONTROL), Some(Command::Quit));
        assert_eq!(press(KeyModifiers::NONE), None);
    }
}
