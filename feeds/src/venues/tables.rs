//! Reads the tables of a web page: their cells as text, with spans filled in.
//!
//! Not a browser: it knows as much HTML as the tables of flows need (implied ends, nested tables,
//! entities, spans) and gives up nothing else's business. It never fails; a page without a table has none.

use std::collections::BTreeMap;

/// A table's rows, each a list of cells; a cell that spans several columns or rows is in each of them.
pub(super) type Rows = Vec<Vec<String>>;

/// Beyond any table read here; a page that goes on is cut, so that no page costs more than a few MB.
const MOST_CELLS: usize = 500_000;
const MOST_COLUMNS: usize = 200;
const LONGEST_SPAN: usize = 1_000;
const DEEPEST: usize = 16;
/// `&#x10ffff;`, and every name below.
const LONGEST_ENTITY: usize = 12;
/// Their text is none.
const RAW: [&str; 4] = ["script", "style", "template", "noscript"];
/// Their text is written on without a space.
const INLINE: [&str; 11] = ["span", "a", "b", "i", "strong", "em", "font", "small", "u", "abbr", "sup"];

/// The tables of `html`, in the order in which they end.
pub(super) fn tables_of(html: &str) -> Vec<Rows> {
    let mut reader = Reader { html, cells: 0, open: Vec::new(), done: Vec::new(), in_note: 0 };
    reader.read();
    reader.done
}

/// The page's title, on one line.
pub(super) fn title_of(html: &str) -> Option<String> {
    let lower = html.to_ascii_lowercase();
    let start = lower.find("<title")?;
    let start = start + lower[start..].find('>')? + 1;
    let end = start + lower[start..].find('<')?;
    let title = tidy(&unescape(&html[start..end]));
    (!title.is_empty()).then_some(title)
}

struct Reader<'h> {
    html: &'h str,
    /// In all tables so far.
    cells: usize,
    open: Vec<Open>,
    done: Vec<Rows>,
    /// How many `<sup>` are open: `1.2<sup>3</sup>` is 1.2 with a footnote.
    in_note: usize,
}

/// A table that has not ended.
#[derive(Default)]
struct Open {
    rows: Rows,
    row: Option<Vec<String>>,
    cell: Option<OpenCell>,
    /// Cells of rows above that span this one too, by column: for how many rows, and the text.
    spanning: BTreeMap<usize, (usize, String)>,
}

struct OpenCell {
    text: String,
    columns: usize,
    rows: usize,
}

impl Reader<'_> {
    fn read(&mut self) {
        let mut rest = self.html;
        while let Some(at) = rest.find('<').filter(|_| self.cells <= MOST_CELLS) {
            self.text(&rest[..at]);
            rest = self.markup(&rest[at..]);
        }
        if !rest.contains('<') {
            self.text(rest);
        }
        while !self.open.is_empty() {
            self.end_table();
        }
    }

    fn text(&mut self, text: &str) {
        if self.in_note > 0 {
            return;
        }
        if let Some(cell) = self.open.last_mut().and_then(|table| table.cell.as_mut()) {
            cell.text.push_str(&unescape(text));
        }
    }

    /// Takes one tag or comment off the start of `rest`, which is a `<`.
    fn markup<'r>(&mut self, rest: &'r str) -> &'r str {
        if let Some(comment) = rest.strip_prefix("<!--") {
            return comment.split_once("-->").map_or("", |(_, after)| after);
        }
        let is_tag = rest[1..].starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?'));
        if !is_tag {
            self.text("<");
            return &rest[1..];
        }
        let (tag, after) = split_tag(rest);
        let (is_end, tag) = match tag.strip_prefix('/') {
            Some(tag) => (true, tag),
            None => (false, tag),
        };
        let end = tag.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(tag.len());
        let (name, attributes) = (tag[..end].to_ascii_lowercase(), &tag[end..]);
        if !is_end && RAW.contains(&name.as_str()) {
            return skip_raw(after, &name);
        }
        if !INLINE.contains(&name.as_str()) {
            self.text(" ");
        }
        match (name.as_str(), is_end) {
            ("sup", false) => self.in_note += 1,
            ("sup", true) => self.in_note = self.in_note.saturating_sub(1),
            ("table", false) if self.open.len() < DEEPEST => self.open.push(Open::default()),
            ("table", true) => self.end_table(),
            ("tr", false) => {
                self.end_row();
                if let Some(table) = self.open.last_mut() {
                    table.row = Some(Vec::new());
                }
            }
            ("tr" | "tbody" | "thead" | "tfoot", _) => self.end_row(),
            ("td" | "th", false) => {
                self.end_cell();
                let cell = OpenCell {
                    text: String::new(),
                    columns: span(attributes, "colspan"),
                    rows: span(attributes, "rowspan"),
                };
                if let Some(table) = self.open.last_mut() {
                    table.row.get_or_insert_default();
                    table.cell = Some(cell);
                }
            }
            ("td" | "th", true) => self.end_cell(),
            _ => {}
        }
        after
    }

    fn end_cell(&mut self) {
        self.in_note = 0;
        let Some(table) = self.open.last_mut() else { return };
        let (Some(cell), Some(row)) = (table.cell.take(), table.row.as_mut()) else { return };
        fill(row, &mut table.spanning);
        let text = tidy(&cell.text);
        for _ in 0..cell.columns {
            if row.len() >= MOST_COLUMNS {
                break;
            }
            if cell.rows > 1 {
                table.spanning.insert(row.len(), (cell.rows - 1, text.clone()));
            }
            row.push(text.clone());
            self.cells += 1;
        }
    }

    fn end_row(&mut self) {
        self.end_cell();
        let Some(table) = self.open.last_mut() else { return };
        let Some(mut row) = table.row.take() else { return };
        fill(&mut row, &mut table.spanning);
        self.cells += row.len();
        table.rows.push(row);
    }

    fn end_table(&mut self) {
        self.end_row();
        if let Some(table) = self.open.pop() {
            self.done.push(table.rows);
        }
    }
}

/// Puts in the cells of rows above that belong here.
fn fill(row: &mut Vec<String>, spanning: &mut BTreeMap<usize, (usize, String)>) {
    while let Some((left, text)) = spanning.get_mut(&row.len()) {
        let column = row.len();
        row.push(text.clone());
        *left -= 1;
        if *left == 0 {
            spanning.remove(&column);
        }
    }
}

/// The inside of the tag that `rest` starts with, and what follows it. A `>` in quotes ends no tag.
fn split_tag(rest: &str) -> (&str, &str) {
    let mut quote = None;
    for (at, c) in rest.char_indices().skip(1) {
        match (quote, c) {
            (None, '>') => return (&rest[1..at], &rest[at + 1..]),
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), _) if open == c => quote = None,
            _ => {}
        }
    }
    // It breaks off here.
    ("", "")
}

/// What follows the end of a script or style.
fn skip_raw<'r>(rest: &'r str, name: &str) -> &'r str {
    let mut from = 0;
    while let Some(at) = rest[from..].find("</") {
        let end = from + at + 2;
        let is_it = rest
            .as_bytes()
            .get(end..end + name.len())
            .is_some_and(|found| found.eq_ignore_ascii_case(name.as_bytes()));
        if is_it {
            return rest[end..].split_once('>').map_or("", |(_, after)| after);
        }
        from = end;
    }
    ""
}

fn span(attributes: &str, name: &str) -> usize {
    let lower = attributes.to_ascii_lowercase();
    let value = lower.split_once(name).map_or("", |(_, after)| after);
    let digits: String = value
        .trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '=' | '"' | '\''))
        .chars()
        .take_while(char::is_ascii_digit)
        .take(4)
        .collect();
    digits.parse().unwrap_or(1).clamp(1, LONGEST_SPAN)
}

fn tidy(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = rest.bytes().take(LONGEST_ENTITY).position(|byte| byte == b';');
        let known = end.and_then(|end| Some((entity(&rest[1..end])?, &rest[end + 1..])));
        if let Some((c, after)) = known {
            out.push(c);
            rest = after;
        } else {
            out.push('&');
            rest = &rest[1..];
        }
    }
    out.push_str(rest);
    out
}

fn entity(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16),
            None => number.parse(),
        };
        return char::from_u32(code.ok()?);
    }
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => '\u{a0}',
        "minus" => '\u{2212}',
        "ndash" => '\u{2013}',
        "mdash" => '\u{2014}',
        "hyphen" => '\u{2010}',
        "dollar" => '$',
        "comma" => ',',
        "period" => '.',
        "lpar" => '(',
        "rpar" => ')',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(html: &str) -> Vec<String> {
        tables_of(html)
            .iter()
            .map(|rows| rows.iter().map(|row| row.join("|")).collect::<Vec<_>>().join("\n"))
            .collect()
    }

    #[test]
    fn cells_are_read_as_a_reader_sees_them() {
        let html = "<TABLE class='x>y'><thead><tr><th>Date<th><a href=\"#\">IBIT</a></thead>\n\
            <tr><td>11&nbsp;Jan <b>20</b>24<td class=red>(<span>95.1</span>)\n\
            <tr><td>12<br>Jan</td><td>&minus;3&#46;5<sup>1</sup><!-- <td>7 --></td></tr></TABLE>";
        assert_eq!(shown(html), ["Date|IBIT\n11 Jan 2024|(95.1)\n12 Jan|\u{2212}3.5"]);
    }

    #[test]
    fn spans_are_filled_in() {
        let html = "<table><tr><th rowspan=2>Date<th colspan=\"2\">BlackRock<th rowspan='2'>Total\
            <tr><th>ETHA<th>ETHB<tr><td>1<td>2<td>3<td>5</table>";
        assert_eq!(shown(html), ["Date|BlackRock|BlackRock|Total\nDate|ETHA|ETHB|Total\n1|2|3|5"]);
    }

    #[test]
    fn scripts_say_nothing_and_a_table_in_a_table_is_its_own() {
        let html = "<script>var a = '<table><tr><td>no</table>';</SCRIPT>\
            <table><tr><td>outer <table><tr><td>inner</table> still<td>b</table>\
            <style>td{}</style><table><tr><td>a < b<td>c &unknown; d & e</table>";
        assert_eq!(shown(html), ["inner", "outer still|b", "a < b|c &unknown; d & e"]);
    }

    #[test]
    fn a_page_that_breaks_off_keeps_what_it_had() {
        assert_eq!(shown("<table><tr><td>a<td>b<tr><td>c"), ["a|b\nc"]);
        assert_eq!(shown("<table><tr><td>a</td><td clas"), ["a"]);
        assert_eq!(shown("<p>none"), Vec::<String>::new());
        assert_eq!(
            title_of("<head><Title lang=en> Just a&nbsp;moment... </title>").as_deref(),
            Some("Just a moment...")
        );
        assert_eq!(title_of("<title>"), None);
    }

    #[test]
    fn a_page_made_to_cost_much_is_cut() {
        let spans = "<table>".to_owned() + &"<tr><td colspan=999 rowspan=999>x".repeat(20_000);
        let cells: usize = tables_of(&spans).iter().flatten().map(Vec::len).sum();
        assert!(cells <= MOST_CELLS + MOST_COLUMNS, "{cells}");
        assert!(tables_of(&"<table><tr><td>".repeat(100_000)).len() <= DEEPEST);
        assert_eq!(tables_of(&"<".repeat(20_000)).len(), 0);
    }

    proptest! {
        #[test]
        fn no_page_panics(parts in proptest::collection::vec(
            prop_oneof![
                proptest::sample::select(vec![
                    "<table>", "</table>", "<tr>", "</tr>", "<td>", "<th rowspan=3>", "<td colspan=2>", "</td>",
                    "<sup>", "</sup>", "<!--", "-->", "<script>", "</script>", "<", ">", "&", "&amp;", "&#x", ";",
                    "\"", "<td a='", "é",
                ]).prop_map(str::to_owned),
                ".{0,6}",
            ],
            0..60,
        )) {
            let html = parts.concat();
            let _ = (tables_of(&html), title_of(&html));
        }
    }
}
