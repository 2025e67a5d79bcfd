//! The desk's panels and the workspaces, as snapshots.

#![allow(clippy::unwrap_used, reason = "a fixture that cannot be built fails its test")]

use std::fmt::Write as _;
use std::sync::Arc;

use market::{Board, Completeness, Desk, Mode};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use widgets::{Action, Focus, Reaction, Theme, View, WORKSPACES};

use crate::desk::{crowded, desk, full_desk, silent_desk};
use crate::fixture::{busy, now};
use crate::screen::{draw_workspace, panels, record, text};
use crate::screens::panel;

/// The panels that show the desk.
const DESK: [&str; 7] = ["headline", "flows", "miners", "tokens", "leverage", "regime", "events"];

/// What a panel shows after each of some actions, as text.
pub fn after(id: &str, board: &Board, size: (u16, u16), actions: &[Action]) -> String {
    let theme = Theme::truecolor();
    let view = View { board, theme: &theme, focus: Focus::Focused, new_york: None };
    let mut panel = (widgets::find(id).unwrap().make)();
    let mut screens = String::new();
    let mut buf = Buffer::empty(Rect::new(0, 0, size.0, size.1));
    panel.render(buf.area, &mut buf, &view);
    for action in actions {
        assert_eq!(panel.act(*action, board), Reaction::Redraw, "{action:?}");
        let mut buf = Buffer::empty(Rect::new(0, 0, size.0, size.1));
        panel.render(buf.area, &mut buf, &view);
        writeln!(screens, "{action:?}\n{}", text(&buf)).unwrap();
    }
    screens
}

#[test]
fn each_panel_at_the_usual_sizes() {
    let board = full_desk();
    for id in DESK {
        let heights = if id == "headline" { [4, 3, 2] } else { [22, 36, 50] };
        for (width, height) in [80, 120, 200].into_iter().zip(heights) {
            insta::assert_snapshot!(format!("{id}_{width}"), panel(id, &board, (width, height)));
        }
    }
}

#[test]
fn each_panel_in_little_room() {
    let board = full_desk();
    let mut screens = String::new();
    for id in DESK {
        for size in [(60, 1), (40, 5), (24, 8)] {
            let shown = panel(id, &board, size);
            let shown = shown.split("--\n").next().unwrap();
            writeln!(screens, "{id} {}x{}\n{shown}", size.0, size.1).unwrap();
        }
    }
    insta::assert_snapshot!(screens);
}

#[test]
fn each_panel_without_anything_says_what_to_do() {
    let mut screens = String::new();
    let mut none = Board::new(Mode::Live, now());
    none.add_feed(market::FeedId::new("farside"), Completeness::Latest);
    for id in DESK {
        writeln!(screens, "{id}\n{}", panel(id, &none, (76, 9))).unwrap();
    }
    insta::assert_snapshot!(screens);
}

#[test]
fn each_panel_owns_up_to_old_figures() {
    let board = silent_desk();
    for id in DESK {
        insta::assert_snapshot!(format!("stale_{id}"), panel(id, &board, (80, 14)));
    }
}

#[test]
fn each_panel_without_colour() {
    let (board, theme) = (full_desk(), Theme::mono());
    let view = View { board: &board, theme: &theme, focus: Focus::Focused, new_york: None };
    for id in ["flows", "miners", "leverage", "regime"] {
        let mut buf = Buffer::empty(Rect::new(0, 0, 80, 14));
        (widgets::find(id).unwrap().make)().render(buf.area, &mut buf, &view);
        insta::assert_snapshot!(format!("mono_{id}"), record(&buf));
    }
}

#[test]
fn flows_turn_to_another_asset_and_to_coins_and_scroll_back_in_time() {
    use Action::{Bottom, Left, NextColumn, Right, Toggle};
    let board = full_desk();
    insta::assert_snapshot!(after("flows", &board, (100, 14), &[Right, Left, Toggle, NextColumn, Bottom]));
}

#[test]
fn a_source_that_tells_only_the_sum_has_no_columns_for_funds() {
    let mut board = full_desk();
    let mut desk = desk();
    let mut table = desk.flows[0].as_ref().clone();
    table.funds = vec![market::ALL_FUNDS.into()];
    for day in &mut table.days {
        day.cells.truncate(1);
    }
    desk.flows = vec![Arc::new(table)];
    board.desk = Arc::new(desk);
    let shown = after("flows", &board, (80, 8), &[Action::Toggle, Action::Toggle]);
    assert!(!shown.contains("TOTAL") && !shown.contains("other"), "{shown}");
}

#[test]
fn miners_are_ordered_by_a_column_and_turn_to_the_contracts() {
    use Action::{Left, NextColumn, Toggle};
    let board = full_desk();
    insta::assert_snapshot!(after("miners", &board, (110, 17), &[NextColumn, Left, Left, Toggle]));
}

#[test]
fn tokens_are_ordered_by_a_column_and_what_has_no_price_stands_last() {
    let board = full_desk();
    let shown = after("tokens", &board, (80, 12), &[Action::NextColumn, Action::Left, Action::Left]);
    insta::assert_snapshot!(shown);
}

#[test]
fn leverage_turns_to_one_asset() {
    use Action::{Left, NextColumn, Right};
    let board = full_desk();
    insta::assert_snapshot!(after("leverage", &board, (120, 16), &[NextColumn, Right, Left]));
}

#[test]
fn the_cursor_on_an_event_shows_its_sources() {
    use Action::{Bottom, Down, Toggle};
    let board = full_desk();
    insta::assert_snapshot!(after("events", &board, (90, 18), &[Toggle, Down, Down, Bottom]));
}

#[test]
fn bad_feeds_off_screen_are_counted_in_the_head() {
    let board = crowded();
    let shown = panel("health", &board, (110, 12));
    let head = shown.lines().next().unwrap();
    assert!(head.contains("26 of 30 live · 1–9 of 30"), "{head}");
    assert!(head.contains("1 gap open · 2 bad off screen"), "{head}");
    let shown = after("health", &board, (110, 12), &[Action::Bottom]);
    let head = shown.lines().nth(1).unwrap();
    assert!(head.contains("22–30 of 30") && head.contains("2 bad off screen"), "{head}");
    let whole = panel("health", &board, (110, 40));
    let head = whole.lines().next().unwrap();
    assert!(!head.contains("off screen"), "{head}");
}

#[test]
fn feeds_that_tell_states_stay_out_of_the_totals() {
    let (few, many) = (panel("totals", &busy(), (120, 20)), panel("totals", &crowded(), (120, 20)));
    assert!(!many.contains("farside") && !many.contains("hyperliquid") && many.contains("binance-coinm"));
    assert!(few.contains("sampled") && few.contains("floor") && few.contains("complete"), "{few}");
}

#[test]
fn the_workspaces_at_the_usual_sizes() {
    let board = crowded();
    for row in WORKSPACES {
        for (width, height) in [(80, 24), (120, 40), (200, 60)] {
            let layout = (row.layout)(Rect::new(0, 1, width, height - 1));
            // The headline has nothing to move.
            let focus = layout.iter().map(|(id, _)| *id).find(|id| *id != "headline").unwrap();
            let mut panels = panels();
            let buf =
                draw_workspace((row.id, focus), &mut panels, &board, (&Theme::truecolor(), (width, height)));
            insta::assert_snapshot!(format!("workspace_{}_{width}x{height}", row.id), record(&buf));
        }
    }
}

#[test]
fn a_desk_that_is_empty_but_for_one_family_shows_it() {
    let mut board = Board::new(Mode::Live, now());
    board.desk = Arc::new(Desk { deals: desk().deals, ..Desk::default() });
    let shown = panel("miners", &board, (80, 12));
    assert!(shown.contains("no chain tip yet") && shown.contains("IREN ← Microsoft"), "{shown}");
}
