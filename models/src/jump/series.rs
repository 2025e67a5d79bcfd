//! The rows of a table column by column, as the loops over them want them.

use crate::table::FeatureTable;

/// Rows × columns, column by column, each column perhaps weighted.
#[derive(Clone, Debug)]
pub(super) struct Series {
    rows: usize,
    columns: usize,
    values: Vec<f64>,
}

impl Series {
    /// The rows of `table`, column c multiplied by `weights[c]` where there are weights.
    pub(super) fn new(table: &FeatureTable, weights: Option<&[f64]>) -> Self {
        let mut values = Vec::with_capacity(table.rows() * table.names().len());
        for (place, name) in table.names().iter().enumerate() {
            let Some(column) = table.column(name) else { continue };
            match weights {
                Some(weights) => values.extend(column.map(|value| value * weights[place])),
                None => values.extend(column),
            }
        }
        Self { rows: table.rows(), columns: table.names().len(), values }
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    pub(super) fn columns(&self) -> usize {
        self.columns
    }

    pub(super) fn column(&self, column: usize) -> &[f64] {
        &self.values[column * self.rows..(column + 1) * self.rows]
    }

    pub(super) fn row(&self, row: usize) -> impl Iterator<Item = f64> + '_ {
        (0..self.columns).map(move |column| self.values[column * self.rows + row])
    }

    /// ½ ‖x − center‖² of the rows from `from` on, as many as `out` holds; infinite of a center that is not.
    pub(super) fn losses(&self, center: &[f64], from: usize, out: &mut [f64]) {
        if center[0].is_nan() {
            out.fill(f64::INFINITY);
            return;
        }
        out.fill(0.0);
        for (column, middle) in center.iter().enumerate() {
            let values = &self.column(column)[from..from + out.len()];
            for (loss, value) in out.iter_mut().zip(values) {
                *loss += (value - middle) * (value - middle);
            }
        }
        for loss in out {
            *loss *= 0.5;
        }
    }
}

/// The sum of a slice, in eight interleaved parts: one order on every machine, and eight times less waiting.
pub(super) fn sum(values: &[f64]) -> f64 {
    let mut parts = [0.0; 8];
    let (eights, rest) = values.as_chunks::<8>();
    for eight in eights {
        for (part, value) in parts.iter_mut().zip(eight) {
            *part += value;
        }
    }
    let tail: f64 = rest.iter().sum();
    let [fours, others] = [0, 4].map(|at| (parts[at] + parts[at + 1]) + (parts[at + 2] + parts[at + 3]));
    fours + others + tail
}
