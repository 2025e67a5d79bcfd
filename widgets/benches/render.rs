//! How long a screen takes to draw: a full tape, 800 rows of totals, 200 × 60.
//!
//! Besides divan's figures it prints the 99th percentile, which is what a reader who scrolls feels.

use std::hint::black_box;

use divan::Bencher;
use widgets::Theme;

#[path = "../tests/it/desk.rs"]
#[allow(dead_code, reason = "shared with the tests, which use the rest")]
mod desk;
#[path = "../tests/it/fixture.rs"]
#[allow(dead_code, reason = "shared with the tests, which use the rest")]
mod fixture;
#[path = "../tests/it/outlooks.rs"]
#[allow(dead_code, reason = "shared with the tests, which use the rest")]
mod outlooks;
#[path = "../tests/it/screen.rs"]
#[allow(dead_code, reason = "shared with the tests, which use the rest")]
mod screen;

/// Drawings behind the percentile.
const ROUNDS: usize = 2_000;

fn main() {
    percentile();
    divan::main();
}

#[divan::bench(args = [(80, 24), (120, 40), (200, 60)])]
fn overview(bencher: Bencher<'_, '_>, size: (u16, u16)) {
    let (board, theme) = (fixture::full(), Theme::truecolor());
    let mut panels = screen::panels();
    bencher.bench_local(|| screen::draw(&mut panels, black_box(&board), &theme, size));
}

#[divan::bench(args = widgets::PANELS.iter().map(|row| row.id))]
fn panel(bencher: Bencher<'_, '_>, id: &str) {
    let mut board = fixture::full();
    board.desk = std::sync::Arc::new(desk::desk());
    board.occasions = desk::occasions().into();
    let theme = Theme::truecolor();
    let mut panel = (widgets::find(id).expect("a panel").make)();
    let area = ratatui::layout::Rect::new(0, 0, 120, 40);
    let mut buf = ratatui::buffer::Buffer::empty(area);
    let view = widgets::View { board: &board, theme: &theme, focus: widgets::Focus::Focused, new_york: None };
    bencher.bench_local(|| panel.render(area, black_box(&mut buf), &view));
}

#[allow(clippy::print_stdout, reason = "a bench reports on stdout")]
fn percentile() {
    let (board, theme) = (fixture::full(), Theme::truecolor());
    let mut panels = screen::panels();
    let mut once = || {
        let start = std::time::Instant::now();
        black_box(screen::draw(&mut panels, black_box(&board), &theme, (200, 60)));
        start.elapsed()
    };
    // The quickest of three: a turn that another program took on the same core is not our work.
    let mut spans: Vec<_> = (0..ROUNDS).map(|_| once().min(once()).min(once())).collect();
    spans.sort_unstable();
    println!(
        "overview 200x60, {} events, {} rows: median {:?}, p99 {:?}, max {:?}",
        board.tape.len(),
        board.totals.rows.len(),
        spans[ROUNDS / 2],
        spans[ROUNDS * 99 / 100],
        spans[ROUNDS - 1],
    );
}
