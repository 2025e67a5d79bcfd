//! Which columns of a table fit, and where they stand.

use crate::pen::{Align, Slot};

/// A column a table may have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column<F> {
    pub field: F,
    /// Columns it cannot do without.
    pub min: u16,
    /// Columns it can make use of.
    pub max: u16,
    pub align: Align,
}

/// A column that holds words.
pub(crate) const fn words<F>(field: F, min: u16, max: u16) -> Column<F> {
    Column { field, min, max, align: Align::Left }
}

/// A column that holds numbers.
pub(crate) const fn numbers<F>(field: F, width: u16) -> Column<F> {
    Column { field, min: width, max: width, align: Align::Right }
}

/// The first plan, richest first, that fits into `width` columns, set out from column `x` on; the last one
/// where none does.
///
/// Room to spare first widens columns up to their `max`, then the gaps between them to two.
pub(crate) fn place<F: Copy>(plans: &[&[Column<F>]], x: u16, width: u16) -> Vec<(F, Slot)> {
    let room = width.saturating_sub(x);
    let needs = |plan: &[Column<F>]| plan.iter().map(|column| column.min + 1).sum::<u16>().saturating_sub(1);
    let Some(plan) = plans.iter().find(|plan| needs(plan) <= room).or(plans.last()) else {
        return Vec::new();
    };
    let mut spare = room.saturating_sub(needs(plan));
    let mut widths: Vec<u16> = plan.iter().map(|column| column.min).collect();
    // One column's worth at a time, so that like columns stay alike.
    loop {
        let before = spare;
        for (width, column) in widths.iter_mut().zip(*plan) {
            let more = u16::from(spare > 0 && *width < column.max);
            *width += more;
            spare -= more;
        }
        if spare == before {
            break;
        }
    }
    let gaps = u16::try_from(plan.len().saturating_sub(1)).unwrap_or(0);
    let gap = if gaps > 0 && spare >= gaps { 2 } else { 1 };
    let mut x = x;
    let mut slots = Vec::with_capacity(plan.len());
    for (column, width) in plan.iter().zip(widths) {
        slots.push((column.field, Slot { x, width, align: column.align }));
        x += width + gap;
    }
    slots
}

#[cfg(test)]
mod tests {
    use super::*;

    const RICH: &[Column<char>] = &[words('w', 5, 8), numbers('n', 4), numbers('m', 4)];
    const POOR: &[Column<char>] = &[words('w', 5, 8), numbers('n', 4)];

    fn set_out(width: u16) -> Vec<(char, u16, u16)> {
        place(&[RICH, POOR], 1, width).into_iter().map(|(field, slot)| (field, slot.x, slot.width)).collect()
    }

    #[test]
    fn columns_go_before_they_are_cut() {
        assert_eq!(set_out(16), [('w', 1, 5), ('n', 7, 4), ('m', 12, 4)]);
        assert_eq!(set_out(14), [('w', 1, 8), ('n', 10, 4)]);
        assert_eq!(set_out(19), [('w', 1, 8), ('n', 10, 4), ('m', 15, 4)]);
        assert_eq!(set_out(21), [('w', 1, 8), ('n', 11, 4), ('m', 17, 4)]);
        assert_eq!(set_out(0), [('w', 1, 5), ('n', 7, 4)], "nothing fits: the pen cuts");
    }
}
