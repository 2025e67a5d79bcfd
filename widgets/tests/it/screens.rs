//! Whole screens and the panels' honest faces, as snapshots.

#![allow(clippy::unwrap_used, reason = "a fixture that cannot be built fails its test")]

use market::{FeedId, FeedState, Mode};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::Widget;
use widgets::{Action, Focus, HelpView, PaletteEntry, PaletteView, Reaction, Theme, View};

use crate::fixture::{FEEDS, ago, busy, quiet};
use crate::screen::{draw, new_york, panels, record, text};

/// One panel in focus on a plain area.
pub fn panel(id: &str, board: &market::Board, size: (u16, u16)) -> String {
    let mut buf = Buffer::empty(Rect::new(0, 0, size.0, size.1));
    let (theme, zone) = (Theme::truecolor(), new_york());
    let view = View { board, theme: &theme, focus: Focus::Focused, new_york: Some(&zone) };
    let mut panel = (widgets::find(id).unwrap().make)();
    panel.render(buf.area, &mut buf, &view);
    record(&buf)
}

#[test]
fn the_overview_at_the_usual_sizes() {
    let board = busy();
    for (width, height) in [(80, 24), (120, 40), (200, 60)] {
        let buf = draw(&mut panels(), &board, &Theme::truecolor(), (width, height));
        insta::assert_snapshot!(format!("overview_{width}x{height}"), record(&buf));
    }
}

#[test]
fn the_overview_in_little_room() {
    let board = busy();
    for (width, height) in [(40, 10), (60, 20), (100, 30), (160, 20)] {
        let buf = draw(&mut panels(), &board, &Theme::truecolor(), (width, height));
        insta::assert_snapshot!(format!("overview_{width}x{height}"), text(&buf));
    }
}

#[test]
fn the_overview_without_colour() {
    let buf = draw(&mut panels(), &busy(), &Theme::mono(), (120, 40));
    insta::assert_snapshot!(record(&buf));
}

#[test]
fn the_overview_in_sixteen_colours() {
    let buf = draw(&mut panels(), &busy(), &Theme::ansi16(), (80, 24));
    insta::assert_snapshot!(record(&buf));
}

#[test]
fn a_watch_that_has_seen_nothing_says_so() {
    let buf = draw(&mut panels(), &quiet(Mode::Simulated), &Theme::truecolor(), (120, 40));
    insta::assert_snapshot!(record(&buf));
}

#[test]
fn a_program_without_feeds_says_so() {
    let board = market::Board::new(Mode::Live, crate::fixture::now());
    let buf = draw(&mut panels(), &board, &Theme::truecolor(), (80, 24));
    insta::assert_snapshot!(text(&buf));
}

#[test]
fn every_panel_of_events_owns_up_to_being_stale() {
    let mut board = busy();
    for (name, _) in FEEDS {
        let feed = FeedId::new(name);
        board.note_state(&feed, ago(0), FeedState::Failed { reason: "certificate expired".to_owned() });
        board.feed_mut(&feed).unwrap().last_frame = Some(ago(252));
    }
    board.store.failure = Some("write journal: no space left on device".to_owned());
    for id in ["tape", "totals", "heat", "health", "alerts"] {
        insta::assert_snapshot!(format!("stale_{id}"), panel(id, &board, (76, 12)));
    }
}

#[test]
fn a_held_tape_keeps_its_event_and_counts_the_new_ones() {
    let mut board = busy();
    let mut panels = panels();
    let theme = Theme::truecolor();
    draw(&mut panels, &board, &theme, (100, 40));
    for _ in 0..3 {
        assert_eq!(panels[0].act(Action::Down, &board), Reaction::Redraw);
    }
    let newest = board.tape.newest(4).unwrap().clone();
    for _ in 0..5 {
        board.apply(&newest);
    }
    let buf = draw(&mut panels, &board, &theme, (100, 40));
    let text = text(&buf);
    assert!(text.contains("paused · 5 new"), "{text}");
    insta::assert_snapshot!(record(&buf).lines().take(20).collect::<Vec<_>>().join("\n"));
}

#[test]
fn the_cursor_on_the_tape_shows_the_whole_event_where_there_is_room() {
    let board = busy();
    let theme = Theme::truecolor();
    let view = View { board: &board, theme: &theme, focus: Focus::Focused, new_york: None };
    let mut tape = (widgets::find("tape").unwrap().make)();
    let mut screens = String::new();
    for action in [Action::Down, Action::Toggle, Action::Top] {
        let mut buf = Buffer::empty(Rect::new(0, 0, 84, 16));
        assert_eq!(tape.act(action, &board), Reaction::Redraw);
        tape.render(buf.area, &mut buf, &view);
        screens += &text(&buf);
    }
    insta::assert_snapshot!(screens);
}

#[test]
fn the_cursor_on_an_alert_shows_its_evidence() {
    let board = busy();
    let mut panels = panels();
    let theme = Theme::truecolor();
    draw(&mut panels, &board, &theme, (200, 60));
    let alerts = panels.iter_mut().find(|panel| panel.id() == "alerts").unwrap();
    assert_eq!(alerts.act(Action::Bottom, &board), Reaction::Redraw);
    let mut buf = Buffer::empty(Rect::new(0, 0, 90, 8));
    let view = View { board: &board, theme: &theme, focus: Focus::Focused, new_york: None };
    alerts.render(buf.area, &mut buf, &view);
    insta::assert_snapshot!(record(&buf));
}

#[test]
fn totals_regroup_and_sort_by_another_window() {
    let board = busy();
    let theme = Theme::truecolor();
    let view = View { board: &board, theme: &theme, focus: Focus::Focused, new_york: None };
    let mut totals = (widgets::find("totals").unwrap().make)();
    let mut screens = String::new();
    for action in [Action::NextColumn, Action::Toggle, Action::Down, Action::Toggle] {
        let mut buf = Buffer::empty(Rect::new(0, 0, 63, 9));
        totals.render(buf.area, &mut buf, &view);
        screens += &text(&buf);
        assert_eq!(totals.act(action, &board), Reaction::Redraw);
    }
    insta::assert_snapshot!(screens);
}

#[test]
fn popups_stand_over_the_panels() {
    let (board, theme) = (busy(), Theme::truecolor());
    let mut buf = draw(&mut panels(), &board, &theme, (80, 24));
    let rows = [
        ("", "Moving"),
        ("j k ↓ ↑", "one row"),
        ("g G", "newest, oldest"),
        ("", "Views"),
        ("z", "one panel on the whole screen"),
        ("Tab", "next panel"),
    ];
    HelpView { title: "Keys", rows: &rows, offset: 0, theme: &theme }.render(buf.area, &mut buf);
    insta::assert_snapshot!("help", text(&buf));
    let mut buf = draw(&mut panels(), &board, &theme, (80, 24));
    let entries = [
        PaletteEntry { title: "export liquidations", about: "write the tape as CSV", matched: &[0, 1] },
        PaletteEntry { title: "expand panel", about: "one panel on the whole screen", matched: &[0, 1] },
    ];
    PaletteView { input: "ex", cursor: 2, entries: &entries, selected: 1, theme: &theme }
        .render(buf.area, &mut buf);
    insta::assert_snapshot!("palette", record(&buf));
}
