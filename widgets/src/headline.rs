//! The headline strip: every family of the desk in a phrase, on as many rows as it is given.

use market::Board;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::events;
use crate::flows;
use crate::levels;
use crate::miners;
use crate::panel::{Action, Focus, Panel, Reaction, View};
use crate::pen::Pen;
use crate::phrase::{self, Lines, Phrase};
use crate::prices::Best;
use crate::regime;
use crate::signs::{UNKNOWN, say_gain};

/// The panel. It has no rule over it and nothing to move in it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Headline;

impl Panel for Headline {
    fn id(&self) -> &'static str {
        "headline"
    }

    fn title(&self) -> &'static str {
        "Desk"
    }

    fn act(&mut self, _action: Action, _board: &Board) -> Reaction {
        Reaction::Ignored
    }

    fn render(&mut self, area: Rect, buf: &mut Buffer, view: &View<'_>) {
        let mut pen = Pen::new(buf, area);
        let rows = pen.height();
        phrase::set(&mut pen, Lines { y: 0, rows }, &phrases(self.title(), view), view.theme);
    }
}

fn phrases(title: &str, view: &View<'_>) -> Vec<Phrase> {
    let (board, theme) = (view.board, view.theme);
    let desk = &*board.desk;
    let unknown = |name: &str| Phrase::new(name, theme.title).and(UNKNOWN, theme.dim);
    let mut phrases = Vec::new();
    // Without a rule there is no other place to say that the keys are here.
    if view.focus == Focus::Focused {
        phrases.push(Phrase::new(title, theme.accent));
    }
    // The two whose funds move the market; the panel has the rest.
    let days: Vec<Phrase> = levels::FUNDED
        .iter()
        .filter_map(|asset| flows::last_day(desk.flows_of(asset)?, board.now, theme))
        .collect();
    if days.is_empty() {
        phrases.push(unknown("ETF"));
    }
    for (at, day) in days.into_iter().enumerate() {
        phrases.push(if at == 0 { day.after("ETF", theme.title) } else { day });
    }
    let contracts: Vec<_> = desk.contracts.iter().collect();
    let taken = levels::taken(&contracts);
    phrases.push(levels::say_open_interest(&taken, board.now, theme));
    phrases.push(levels::say_funding(&taken, theme));
    let tokens = Best::of(desk.tokens.iter().map(|token| token.last.as_ref()), board.now);
    let baskets = [("miners", desk.miners, miners::best(view)), ("AI tokens", desk.basket, tokens)];
    for (name, (gains, over), best) in baskets {
        if over == 0 {
            phrases.push(unknown(name));
            continue;
        }
        let gain = say_gain(Phrase::new(name, theme.title), gains.one_day, theme);
        phrases.push(best.qualify(gain.and(&format!("1d ({over})"), theme.label), theme));
    }
    phrases.push(regime::headline(board, theme));
    phrases.push(match events::next(board, theme) {
        Some(next) => next.after("next", theme.title),
        None => unknown("next event"),
    });
    match &desk.mining {
        Some(mining) => {
            phrases.push(miners::hashprice(mining, view));
            phrases.extend(miners::tip(mining, view));
        }
        None => phrases.push(unknown("chain")),
    }
    phrases
}
