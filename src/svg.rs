//! A screen as an SVG picture: what the terminal shows, cell by cell.

use std::fmt::Write;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

/// Cell width and height, pixels: the advance and line height of `DejaVu Sans Mono` at 15 px.
const CELL: (f64, f64) = (9.03, 18.0);
const FONT_SIZE: f64 = 15.0;
const BASELINE: f64 = 13.7;
const MARGIN: f64 = 12.0;
const BACKGROUND: &str = "#11151c";
const FOREGROUND: &str = "#d8dee9";

/// How one run of cells is painted.
#[derive(Clone, PartialEq)]
struct Paint {
    fg: String,
    bg: Option<String>,
    modifier: Modifier,
}

/// Draws `buffer` on a dark ground. The title is for screen readers.
pub fn render(buffer: &Buffer, title: &str) -> String {
    let area = buffer.area;
    let width = f64::from(area.width) * CELL.0 + 2.0 * MARGIN;
    let height = f64::from(area.height) * CELL.1 + 2.0 * MARGIN;
    let mut svg = String::new();
    // Writing to a String cannot fail.
    let _ = write!(
        svg,
        "<svg shape-rendering=\"crispEdges\" xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\" \
         font-family=\"DejaVu Sans Mono, Menlo, Consolas, monospace\" font-size=\"{FONT_SIZE}\">\n\
         <title>{}</title>\n<rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{BACKGROUND}\"/>\n",
        escape(title)
    );
    for y in 0..area.height {
        draw_row(&mut svg, buffer, y);
    }
    svg.push_str("</svg>\n");
    svg
}

fn draw_row(svg: &mut String, buffer: &Buffer, y: u16) {
    let area = buffer.area;
    let mut x = 0;
    while x < area.width {
        let paint = paint_of(&buffer[(area.x + x, area.y + y)]);
        let start = x;
        let mut text = String::new();
        while x < area.width {
            let cell = &buffer[(area.x + x, area.y + y)];
            if paint_of(cell) != paint {
                break;
            }
            text.push_str(cell.symbol());
            x += 1;
        }
        draw_run(svg, &paint, &text, (start, x - start, y));
    }
}

fn draw_run(svg: &mut String, paint: &Paint, text: &str, (start, cells, y): (u16, u16, u16)) {
    let left = MARGIN + f64::from(start) * CELL.0;
    let top = MARGIN + f64::from(y) * CELL.1;
    let width = f64::from(cells) * CELL.0;
    if let Some(bg) = &paint.bg {
        let _ = writeln!(
            svg,
            "<rect x=\"{left:.2}\" y=\"{top:.2}\" width=\"{width:.2}\" height=\"{:.2}\" fill=\"{bg}\"/>",
            CELL.1
        );
    }
    let mut letters = String::with_capacity(text.len());
    for (index, symbol) in text.chars().enumerate() {
        match block(symbol) {
            Some(block) => {
                let x = left + index as f64 * CELL.0;
                let _ = writeln!(
                    svg,
                    "<rect x=\"{:.2}\" y=\"{:.2}\" width=\"{:.2}\" height=\"{:.2}\" fill=\"{}\" fill-opacity=\"{}\"/>",
                    x + block.x * CELL.0,
                    top + block.y * CELL.1,
                    block.width * CELL.0,
                    block.height * CELL.1,
                    paint.fg,
                    if paint.modifier.contains(Modifier::DIM) { block.opacity * 0.6 } else { block.opacity }
                );
                letters.push(' ');
            }
            None => letters.push(symbol),
        }
    }
    let blank = letters.trim().is_empty();
    if blank && !paint.modifier.contains(Modifier::UNDERLINED) {
        return;
    }
    let mut style = String::new();
    for (modifier, attribute) in [
        (Modifier::BOLD, " font-weight=\"bold\""),
        (Modifier::DIM, " fill-opacity=\"0.6\""),
        (Modifier::ITALIC, " font-style=\"italic\""),
        (Modifier::UNDERLINED, " text-decoration=\"underline\""),
    ] {
        if paint.modifier.contains(modifier) {
            style.push_str(attribute);
        }
    }
    // Leading blanks are skipped, so that a run's letters sit exactly on their cells.
    let lead = letters.chars().take_while(|symbol| *symbol == ' ').count();
    let trimmed = letters.trim();
    let _ = writeln!(
        svg,
        "<text x=\"{:.2}\" y=\"{:.2}\" xml:space=\"preserve\" textLength=\"{:.2}\" fill=\"{}\"{style}>{}</text>",
        left + lead as f64 * CELL.0,
        top + BASELINE,
        trimmed.chars().count() as f64 * CELL.0,
        paint.fg,
        escape(trimmed)
    );
}

/// A block element as a rectangle, in parts of a cell: fonts leave seams between them.
struct Block {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
    opacity: f64,
}

fn block(symbol: char) -> Option<Block> {
    let full = Block { x: 0.0, y: 0.0, width: 1.0, height: 1.0, opacity: 1.0 };
    let code = symbol as u32;
    Some(match code {
        0x2580 => Block { height: 0.5, ..full },
        // Lower eighths, from one to eight.
        0x2581..=0x2588 => {
            let height = f64::from(code - 0x2580) / 8.0;
            Block { y: 1.0 - height, height, ..full }
        }
        // Left eighths, from seven to one.
        0x2589..=0x258F => Block { width: f64::from(0x2590 - code) / 8.0, ..full },
        0x2590 => Block { x: 0.5, width: 0.5, ..full },
        0x2591 => Block { opacity: 0.25, ..full },
        0x2592 => Block { opacity: 0.5, ..full },
        0x2593 => Block { opacity: 0.75, ..full },
        0x2594 => Block { height: 0.125, ..full },
        _ => return None,
    })
}

fn paint_of(cell: &Cell) -> Paint {
    let modifier = cell.modifier;
    let (mut fg, mut bg) = (hex(cell.fg), hex(cell.bg));
    if modifier.contains(Modifier::REVERSED) {
        let ground = bg.take().unwrap_or_else(|| BACKGROUND.to_owned());
        bg = Some(fg.take().unwrap_or_else(|| FOREGROUND.to_owned()));
        fg = Some(ground);
    }
    Paint {
        fg: fg.unwrap_or_else(|| FOREGROUND.to_owned()),
        bg,
        // Reversal is done; the rest is drawn as attributes.
        modifier: modifier.difference(Modifier::REVERSED),
    }
}

/// The colour as `#rrggbb`; `None` for the terminal's own.
fn hex(color: Color) -> Option<String> {
    let named = match color {
        Color::Reset => return None,
        Color::Rgb(r, g, b) => return Some(format!("#{r:02x}{g:02x}{b:02x}")),
        Color::Indexed(index) => return Some(indexed(index)),
        Color::Black => 0,
        Color::Red => 1,
        Color::Green => 2,
        Color::Yellow => 3,
        Color::Blue => 4,
        Color::Magenta => 5,
        Color::Cyan => 6,
        Color::Gray => 7,
        Color::DarkGray => 8,
        Color::LightRed => 9,
        Color::LightGreen => 10,
        Color::LightYellow => 11,
        Color::LightBlue => 12,
        Color::LightMagenta => 13,
        Color::LightCyan => 14,
        Color::White => 15,
    };
    Some(indexed(named))
}

/// xterm's palette: 16 named colours, a 6×6×6 cube, 24 greys.
fn indexed(index: u8) -> String {
    const NAMED: [&str; 16] = [
        "#000000", "#cd3131", "#0dbc79", "#e5e510", "#2472c8", "#bc3fbc", "#11a8cd", "#e5e5e5", "#7f7f7f",
        "#f14c4c", "#23d18b", "#f5f543", "#3b8eea", "#d670d6", "#29b8db", "#ffffff",
    ];
    if let Some(named) = NAMED.get(usize::from(index)) {
        return (*named).to_owned();
    }
    if index >= 232 {
        let grey = 8 + 10 * (index - 232);
        return format!("#{grey:02x}{grey:02x}{grey:02x}");
    }
    let level = |part: u8| if part == 0 { 0 } else { 55 + 40 * part };
    let cube = index - 16;
    format!("#{:02x}{:02x}{:02x}", level(cube / 36), level(cube / 6 % 6), level(cube % 6))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    use super::*;

    #[test]
    fn a_run_becomes_text_on_its_cells() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 12, 1));
        buffer.set_string(
            0,
            0,
            "  a<b",
            Style::new().fg(Color::Rgb(213, 94, 0)).add_modifier(Modifier::BOLD),
        );
        let svg = render(&buffer, "t");
        assert!(svg.contains("x=\"30.06\""), "two cells from the margin: {svg}");
        assert!(svg.contains("fill=\"#d55e00\" font-weight=\"bold\">a&lt;b</text>"), "{svg}");
    }

    #[test]
    fn blocks_are_rectangles_without_seams() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 2, 1));
        buffer.set_string(0, 0, "▄█", Style::new().fg(Color::Red));
        let svg = render(&buffer, "t");
        assert!(svg.contains("y=\"21.00\" width=\"9.03\" height=\"9.00\""), "{svg}");
        assert!(!svg.contains("<text"), "{svg}");
    }

    #[test]
    fn reversed_swaps_ground_and_letters() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 1, 1));
        buffer.set_string(0, 0, "x", Style::new().add_modifier(Modifier::REVERSED));
        let svg = render(&buffer, "t");
        assert!(svg.contains(&format!("fill=\"{FOREGROUND}\"/>")), "{svg}");
        assert!(svg.contains(&format!("fill=\"{BACKGROUND}\">x")), "{svg}");
    }

    #[test]
    fn the_cube_has_xterm_s_levels() {
        assert_eq!(indexed(16), "#000000");
        assert_eq!(indexed(208), "#ff8700");
        assert_eq!(indexed(255), "#eeeeee");
    }
}
