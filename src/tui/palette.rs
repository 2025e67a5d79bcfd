//! The command palette: type a few letters, get the command.

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use ratatui::crossterm::event::{KeyCode, KeyModifiers};

use super::keymap::{Command, KEYS, Pressed};

/// One thing that can be chosen.
#[derive(Clone, Debug)]
pub(super) struct Choice {
    pub name: String,
    pub about: String,
    pub command: Command,
    /// Places in `name` that the typed letters matched, in characters.
    pub matched: Vec<u32>,
}

/// What came of a key.
pub(super) enum Outcome {
    Stays,
    Closed,
    Chosen(Command),
}

/// The palette while it is open.
pub(super) struct Palette {
    typed: String,
    choices: Vec<Choice>,
    selected: usize,
    matcher: Matcher,
}

impl Palette {
    pub(super) fn open() -> Self {
        let mut palette = Self {
            typed: String::new(),
            choices: Vec::new(),
            selected: 0,
            matcher: Matcher::new(Config::DEFAULT),
        };
        palette.search();
        palette
    }

    pub(super) fn typed(&self) -> &str {
        &self.typed
    }

    pub(super) fn choices(&self) -> &[Choice] {
        &self.choices
    }

    pub(super) fn selected(&self) -> usize {
        self.selected
    }

    pub(super) fn press(&mut self, pressed: Pressed) -> Outcome {
        let control = pressed.modifiers.contains(KeyModifiers::CONTROL);
        match (pressed.code, control) {
            (KeyCode::Esc, _) | (KeyCode::Char('c'), true) => return Outcome::Closed,
            (KeyCode::Enter, _) => {
                let chosen = self.choices.get(self.selected).map(|choice| choice.command);
                return chosen.map_or(Outcome::Stays, Outcome::Chosen);
            }
            (KeyCode::Up, _) | (KeyCode::Char('p'), true) => self.selected = self.selected.saturating_sub(1),
            (KeyCode::Down | KeyCode::Tab, _) | (KeyCode::Char('n'), true) => {
                self.selected = (self.selected + 1).min(self.choices.len().saturating_sub(1));
            }
            (KeyCode::Backspace, _) => {
                if self.typed.pop().is_none() {
                    return Outcome::Closed;
                }
                self.search();
            }
            (KeyCode::Char('u'), true) => {
                self.typed.clear();
                self.search();
            }
            (KeyCode::Char(letter), false) => {
                self.typed.push(letter);
                self.search();
            }
            _ => {}
        }
        Outcome::Stays
    }

    /// Everything that can be chosen, best match first; in table order while nothing is typed.
    fn search(&mut self) {
        self.selected = 0;
        let pattern = Pattern::parse(&self.typed, CaseMatching::Ignore, Normalization::Smart);
        let mut letters = Vec::new();
        let mut found: Vec<(u32, Choice)> = Vec::new();
        for mut choice in everything() {
            let mut matched = Vec::new();
            let name = Utf32Str::new(&choice.name, &mut letters);
            let Some(score) = pattern.indices(name, &mut self.matcher, &mut matched) else { continue };
            choice.matched = matched;
            choice.matched.sort_unstable();
            choice.matched.dedup();
            found.push((score, choice));
        }
        // Stable: equal scores keep the table's order.
        found.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
        self.choices = found.into_iter().map(|(_, choice)| choice).collect();
    }
}

/// The panels, the workspaces, then the commands of the key table.
fn everything() -> Vec<Choice> {
    let workspaces = widgets::WORKSPACES.iter().enumerate().map(|(index, row)| Choice {
        name: format!("workspace {}", row.id),
        about: row.about.to_owned(),
        command: Command::Workspace(index),
        matched: Vec::new(),
    });
    let panels = widgets::PANELS.iter().enumerate().map(|(index, row)| Choice {
        name: format!("go to {}", row.id),
        about: row.about.to_owned(),
        command: Command::Focus(index),
        matched: Vec::new(),
    });
    let commands =
        KEYS.iter().filter(|row| !matches!(row.command, Command::Palette | Command::Back)).map(|row| {
            Choice {
                name: row.name.to_owned(),
                about: format!("{} ({})", row.about, row.shown),
                command: row.command,
                matched: Vec::new(),
            }
        });
    panels.chain(workspaces).chain(commands).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn type_in(palette: &mut Palette, text: &str) {
        for letter in text.chars() {
            let _ = palette.press(Pressed { code: KeyCode::Char(letter), modifiers: KeyModifiers::NONE });
        }
    }

    #[test]
    fn a_few_letters_find_a_command() {
        let mut palette = Palette::open();
        type_in(&mut palette, "quit");
        let enter = palette.press(Pressed { code: KeyCode::Enter, modifiers: KeyModifiers::NONE });
        assert!(matches!(enter, Outcome::Chosen(Command::Quit)));
    }

    #[test]
    fn every_panel_and_workspace_can_be_reached_by_name() {
        for (index, row) in widgets::PANELS.iter().enumerate() {
            let mut palette = Palette::open();
            type_in(&mut palette, &format!("go to {}", row.id));
            assert_eq!(palette.choices().first().map(|choice| choice.command), Some(Command::Focus(index)));
        }
        for (index, row) in widgets::WORKSPACES.iter().enumerate() {
            let mut palette = Palette::open();
            type_in(&mut palette, &format!("workspace {}", row.id));
            let first = palette.choices().first().map(|choice| choice.command);
            assert_eq!(first, Some(Command::Workspace(index)));
        }
    }

    #[test]
    fn nothing_found_chooses_nothing() {
        let mut palette = Palette::open();
        type_in(&mut palette, "zzzzqqq");
        assert!(palette.choices().is_empty());
        let enter = palette.press(Pressed { code: KeyCode::Enter, modifiers: KeyModifiers::NONE });
        assert!(matches!(enter, Outcome::Stays));
    }
}
