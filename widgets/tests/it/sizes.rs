//! No size and no board makes a panel panic or draw outside its area.

#![allow(clippy::unwrap_used, reason = "a fixture that cannot be built fails its test")]

use std::sync::Arc;

use market::{
    Board, Completeness, FeedId, FeedState, Gap, GapCause, Instrument, Liquidation, MarketEvent, Mode,
    Observation, PositionSide, Price, Quantity, RollingWindows, Timestamp, Usd,
};
use proptest::prelude::*;
use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;
use ratatui::widgets::Widget;
use widgets::{Action, Focus, HelpView, PaletteEntry, PaletteView, Theme, View, WORKSPACES};

use crate::desk::{crowded, full_desk};
use crate::disorder::{any_desk, any_occasions, any_outlooks};
use crate::fixture::{Chance, busy};
use crate::screen::{draw_workspace, panels};

/// A board of anything: odd names, extreme numbers, times in disorder.
fn anything(seed: u64) -> Board {
    let mut chance = Chance(seed);
    let times = [0, 1, 1_767_708_207_000_000, 253_402_207_200_000_000];
    let near = times[chance.below(4) as usize];
    let moment = |chance: &mut Chance| {
        let shift = chance.below(8_000_000_000) as i64 - 4_000_000_000;
        Timestamp::from_micros(near + shift).unwrap_or(Timestamp::EPOCH)
    };
    let mode = [Mode::Live, Mode::Simulated, Mode::Replay][chance.below(3) as usize];
    let mut board = Board::new(mode, moment(&mut chance));
    let names =
        ["okx", "", "-", "日本取引所-先物", "a-very-long-feed-name-that-fits-nowhere", "bybit-linear"];
    for name in names.iter().take(chance.below(7) as usize) {
        let feed = FeedId::new(name);
        board.add_feed(feed.clone(), Completeness::Sampled);
        let until = moment(&mut chance);
        let states = [
            FeedState::Starting,
            FeedState::Live,
            FeedState::Lagging,
            FeedState::Waiting { until },
            FeedState::Banned { until },
            FeedState::Failed { reason: "разрыв\n\u{7} соединения".repeat(5) },
            FeedState::Stopped,
        ];
        let at = moment(&mut chance);
        board.note_state(&feed, at, states[chance.below(7) as usize].clone());
        let health = board.feed_mut(&feed).unwrap();
        health.rejected = chance.next() >> chance.below(64);
        health.frames = chance.next();
        if chance.below(2) == 0 {
            let until = (chance.below(2) == 0).then(|| moment(&mut chance));
            let gap =
                Gap { from: moment(&mut chance), until, cause: GapCause::Silent, detail: String::new() };
            health.note_gap(&gap);
        }
    }
    let mut windows = RollingWindows::default();
    let bases = ["BTC", "1000PEPE", "日本", "", "1000000000000000000000MOG", "X"];
    for _ in 0..chance.below(120) {
        let size = 10_f64.powf(chance.share() * 40.0 - 20.0);
        let base = bases[chance.below(6) as usize];
        let quote = ["USDT", "BTC"][chance.below(2) as usize];
        let position = if chance.below(2) == 0 { PositionSide::Long } else { PositionSide::Short };
        let receive_time = moment(&mut chance);
        let event = MarketEvent {
            feed: FeedId::new(names[chance.below(6) as usize]),
            event_time: moment(&mut chance),
            receive_time,
            known_at: receive_time,
            observation: Observation::Liquidation(Liquidation {
                symbol: "?".into(),
                instrument: Instrument::perp(base, quote),
                position,
                price: Price::new(size).unwrap(),
                quantity: (chance.below(3) > 0).then(|| Quantity::new(size * 1e9).unwrap()),
                notional: (chance.below(3) > 0).then(|| Usd::new(size.min(1e15)).unwrap()),
                venue_id: None,
            }),
        };
        windows.apply(&event);
        board.apply(&Arc::new(event));
    }
    board.totals = windows.totals();
    let old = busy();
    if chance.below(2) == 0 {
        board.alerts = old.alerts;
        board.rules = old.rules;
    }
    if chance.below(4) > 0 {
        board.desk = Arc::new(any_desk(&mut chance));
        board.occasions = any_occasions(&mut chance).into();
    }
    if chance.below(4) > 0 {
        (board.outlooks, board.silences) = any_outlooks(&mut chance);
    }
    board
}

/// Every cell outside `area` is as it was.
fn assert_inside(buf: &Buffer, area: Rect, who: &str) {
    for y in buf.area.top()..buf.area.bottom() {
        for x in buf.area.left()..buf.area.right() {
            if !area.contains((x, y).into()) {
                assert_eq!(buf[(x, y)], Cell::default(), "{who} wrote at {x},{y}, outside {area}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_panel_panics_or_leaves_its_area(
        seed in any::<u64>(),
        (width, height) in (0_u16..=250, 0_u16..=80),
        narrow in 0_u16..=24,
        (x, y) in (0_u16..4, 0_u16..4),
        steps in prop::collection::vec(0_usize..10, 0..24),
    ) {
        let boards = [anything(seed), anything(seed ^ 1), full_desk()];
        let width = if narrow > 16 { narrow - 16 } else { width };
        let area = Rect::new(x, y, width, height);
        let theme = [Theme::truecolor(), Theme::ansi16(), Theme::mono()][(seed % 3) as usize].clone();
        for mut panel in panels() {
            for (at, step) in steps.iter().enumerate() {
                let board = &boards[at % 3];
                let _ = panel.act(Action::ALL[*step], board);
                let mut buf = Buffer::empty(Rect::new(0, 0, x + width + 2, y + height + 2));
                let view = View { board, theme: &theme, focus: Focus::Focused, new_york: None };
                panel.render(area, &mut buf, &view);
                assert_inside(&buf, area, panel.id());
            }
        }
    }

    #[test]
    fn an_area_larger_than_the_buffer_is_no_harm(seed in any::<u64>(), width in 0_u16..60, height in 0_u16..30) {
        let board = anything(seed);
        let theme = Theme::truecolor();
        let view = View { board: &board, theme: &theme, focus: Focus::Focused, new_york: None };
        for mut panel in panels() {
            let mut buf = Buffer::empty(Rect::new(0, 0, width, height));
            panel.render(Rect::new(5, 5, 200, 70), &mut buf, &view);
        }
    }

    #[test]
    fn popups_fit_anywhere(
        (width, height) in (0_u16..=120, 0_u16..=40),
        input in ".{0,90}",
        (cursor, selected, offset) in (0_usize..100, 0_usize..40, 0_usize..40),
    ) {
        let theme = Theme::mono();
        let rows = [("ctrl-d", "half a screen down"), ("", "Heading"), ("日本", "wide")];
        let many: Vec<_> = rows.iter().cycle().take(offset * 2).copied().collect();
        let entry = PaletteEntry { title: "export", about: "write the tape", matched: &[0, 3, 99] };
        let entries = vec![entry; selected];
        let area = Rect::new(0, 0, width, height);
        let mut buf = Buffer::empty(area);
        HelpView { title: "Keys", rows: &many, offset, theme: &theme }.render(area, &mut buf);
        PaletteView { input: &input, cursor, entries: &entries, selected, theme: &theme }.render(area, &mut buf);
    }
}

#[test]
fn every_screen_size_can_be_drawn() {
    let board = crowded();
    let theme = Theme::truecolor();
    let mut panels = panels();
    for row in WORKSPACES {
        for width in (0..=40).step_by(3).chain((41..=250).step_by(19)) {
            for height in (0..=16).step_by(2).chain((17..=80).step_by(11)) {
                draw_workspace((row.id, "alerts"), &mut panels, &board, (&theme, (width, height)));
            }
        }
    }
    assert_eq!(board.feeds.len(), 30);
}

#[test]
fn a_panel_alone_can_be_drawn_at_every_small_size_full_or_empty() {
    let empty = Board::new(Mode::Live, Timestamp::EPOCH);
    let theme = Theme::truecolor();
    for board in [&empty, &busy(), &crowded()] {
        for mut panel in panels() {
            for (width, height) in (0..=24).flat_map(|width| (0..=12).map(move |height| (width, height))) {
                let area = Rect::new(1, 1, width, height);
                let mut buf = Buffer::empty(Rect::new(0, 0, width + 2, height + 2));
                panel.render(
                    area,
                    &mut buf,
                    &View { board, theme: &theme, focus: Focus::Focused, new_york: None },
                );
                assert_inside(&buf, area, panel.id());
            }
        }
    }
}
