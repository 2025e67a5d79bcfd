//! The screen's state: keys in, effects and cells out.

use std::sync::Arc;
use std::time::Duration;

use market::{Board, Mode, Timestamp};
use proptest::prelude::*;
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{KeyCode, KeyModifiers};
use ratatui::layout::Rect;
use simulator::Scenario;
use vigie::config::{DEFAULT_CONFIG, Settings, ThemeChoice};
use vigie::engine::play_scenario;
use vigie::tui::{App, Effect, Message, Pressed};

fn busy_board() -> Arc<Board> {
    let mut settings = Settings::parse(DEFAULT_CONFIG, "config.toml").unwrap();
    let rules = std::mem::take(&mut settings.rules);
    let start: Timestamp = "2026-10-12T13:30:00Z".parse().unwrap();
    let scenario = Scenario::builtin("cascade").unwrap();
    play_scenario(&settings, rules, &scenario, (7, start, Duration::from_mins(10)))
}

fn key(code: KeyCode) -> Message {
    Message::Key(Pressed { code, modifiers: KeyModifiers::NONE })
}

fn letter(c: char) -> Message {
    key(KeyCode::Char(c))
}

fn control(c: char) -> Message {
    Message::Key(Pressed { code: KeyCode::Char(c), modifiers: KeyModifiers::CONTROL })
}

fn text(app: &mut App, width: u16, height: u16) -> String {
    let area = Rect::new(0, 0, width, height);
    let mut buffer = Buffer::empty(area);
    app.render(area, &mut buffer);
    let rows = (0..height).map(|y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>());
    rows.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_mode_is_on_every_screen() {
    let mut app = App::new(busy_board(), ThemeChoice::Mono);
    for (width, height) in [(200, 60), (120, 40), (80, 24), (40, 12)] {
        for message in [key(KeyCode::Esc), letter('z'), letter('?'), key(KeyCode::Esc), letter('z')] {
            app.update(message);
            assert!(text(&mut app, width, height).contains("SIMULATED"), "{width}x{height}");
        }
    }
}

#[test]
fn help_is_made_from_the_key_table_and_closes_again() {
    let mut app = App::new(busy_board(), ThemeChoice::Mono);
    let before = text(&mut app, 120, 40);
    assert_eq!(app.update(letter('?')), [Effect::Draw]);
    let help = text(&mut app, 120, 40);
    for row in ["Ctrl-P", "Shift-Tab", "save the screen as an SVG picture", "quit"] {
        assert!(help.contains(row), "{row} is missing from\n{help}");
    }
    app.update(key(KeyCode::Esc));
    assert_eq!(text(&mut app, 120, 40), before);
}

#[test]
fn the_palette_runs_what_was_typed() {
    let mut app = App::new(busy_board(), ThemeChoice::Mono);
    app.update(control('p'));
    for c in "quit".chars() {
        assert_eq!(app.update(letter(c)), [Effect::Draw], "letters are typed, not obeyed");
    }
    assert_eq!(app.update(key(KeyCode::Enter)), [Effect::Quit]);
    app.update(letter(':'));
    for c in "picture".chars() {
        app.update(letter(c));
    }
    assert_eq!(app.update(key(KeyCode::Enter)), [Effect::SavePicture]);
}

#[test]
fn zoom_gives_the_focused_panel_the_screen() {
    let mut app = App::new(busy_board(), ThemeChoice::Mono);
    let overview = text(&mut app, 120, 40);
    app.update(key(KeyCode::Tab));
    app.update(letter('z'));
    assert_ne!(text(&mut app, 120, 40), overview);
    app.update(key(KeyCode::Esc));
    app.update(key(KeyCode::BackTab));
    assert_eq!(text(&mut app, 120, 40), overview);
}

#[test]
fn quit_keys_quit_and_others_do_not() {
    let mut app = App::new(busy_board(), ThemeChoice::Mono);
    assert_eq!(app.update(letter('q')), [Effect::Quit]);
    assert_eq!(app.update(control('c')), [Effect::Quit]);
    assert_eq!(app.update(letter('y')), []);
}

fn any_key() -> impl Strategy<Value = Message> {
    let code = prop_oneof![
        prop::sample::select(" ?:zkjhlgGstPqx123456789".chars().collect::<Vec<_>>()).prop_map(KeyCode::Char),
        prop::sample::select(vec![
            KeyCode::Tab,
            KeyCode::BackTab,
            KeyCode::Up,
            KeyCode::Down,
            KeyCode::Left,
            KeyCode::Right,
            KeyCode::PageUp,
            KeyCode::PageDown,
            KeyCode::Home,
            KeyCode::End,
            KeyCode::Enter,
            KeyCode::Esc,
            KeyCode::Backspace,
        ]),
    ];
    (code, any::<bool>()).prop_map(|(code, is_control)| {
        let modifiers = if is_control { KeyModifiers::CONTROL } else { KeyModifiers::NONE };
        Message::Key(Pressed { code, modifiers })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// No keys at no size bring the screen down, full or empty.
    #[test]
    fn no_keys_at_no_size_panic(
        keys in prop::collection::vec(any_key(), 0..40),
        sizes in prop::collection::vec((0_u16..220, prop_oneof![0_u16..4, 4_u16..70]), 1..4),
        is_busy: bool,
    ) {
        let board = if is_busy { busy_board() } else { Arc::new(Board::new(Mode::Live, Timestamp::EPOCH)) };
        let mut app = App::new(board, ThemeChoice::Truecolor);
        for message in keys {
            app.update(message);
            for (width, height) in &sizes {
                text(&mut app, *width, *height);
            }
        }
    }
}
