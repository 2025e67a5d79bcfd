//! What a jump model has learnt, and how it labels rows with it.

use super::decode::Space;
use super::search::{self, Descent, Stop};
use super::series::{Series, sum};
use crate::model::ModelError;
use crate::table::FeatureTable;

/// A fitted jump model. Regimes are ordered by variance, the calmest first.
#[derive(Clone, Debug)]
pub struct JumpFit {
    labeller: Labeller,
    names: Vec<String>,
    /// Of the columns as they are; states × columns, NaN of a regime without rows.
    means: Vec<f64>,
    /// Where the cheapest path is at each training row.
    path: Vec<u16>,
    objective: f64,
    iterations: usize,
    is_settled: bool,
    unsettled: usize,
}

/// All that labelling needs.
#[derive(Clone, Debug)]
struct Labeller {
    space: Space,
    /// Of the weighted columns; states × columns, NaN of a regime without rows.
    centers: Vec<f64>,
    columns: usize,
    /// What each column is multiplied by first.
    weights: Option<Vec<f64>>,
}

impl JumpFit {
    /// The centroids in the columns' own units, states × columns; `None` of a regime that no row belongs to.
    pub fn centers(&self) -> Vec<Option<Vec<f64>>> {
        let centers = self.means.chunks_exact(self.labeller.columns);
        centers.map(|center| (!center[0].is_nan()).then(|| center.to_vec())).collect()
    }

    /// What each column was multiplied by, √w, of a sparse model.
    pub fn feat_weights(&self) -> Option<&[f64]> {
        self.labeller.weights.as_deref()
    }

    /// The columns' names.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// How many regimes were asked for.
    pub fn states(&self) -> usize {
        self.labeller.space.states()
    }

    /// The regime of each training row.
    pub fn labels(&self) -> Vec<usize> {
        self.path.iter().map(|place| self.labeller.space.label(usize::from(*place))).collect()
    }

    /// Rows × regimes: the weights of a continuous model; 1 and 0 of a discrete one.
    pub fn probabilities(&self) -> Vec<Vec<f64>> {
        self.path.iter().map(|place| self.labeller.space.probabilities(usize::from(*place))).collect()
    }

    /// How many rows belong to a regime, in parts where the model is continuous.
    pub(super) fn rows_in(&self, state: usize) -> f64 {
        sum(&self.labeller.space.shares(&self.path, state))
    }

    pub(super) fn path(&self) -> &[u16] {
        &self.path
    }

    /// What was minimised.
    pub fn objective(&self) -> f64 {
        self.objective
    }

    /// How often the regime changes.
    pub fn switches(&self) -> usize {
        self.labels().windows(2).filter(|pair| pair[0] != pair[1]).count()
    }

    /// Steps of the descent that was kept.
    pub fn iterations(&self) -> usize {
        self.iterations
    }

    /// Whether the descent that was kept settled.
    pub fn is_settled(&self) -> bool {
        self.is_settled
    }

    /// How many of the descents did not settle.
    pub fn unsettled(&self) -> usize {
        self.unsettled
    }

    /// The regimes of the rows of `table`, each with all of them in sight.
    ///
    /// # Errors
    /// The columns are not those that were fitted.
    pub fn predict(&self, table: &FeatureTable) -> Result<Vec<usize>, ModelError> {
        Ok(labels(&self.predict_probabilities(table)?))
    }

    /// As [`JumpFit::predict`]: rows × regimes.
    ///
    /// # Errors
    /// The columns are not those that were fitted.
    pub fn predict_probabilities(&self, table: &FeatureTable) -> Result<Vec<Vec<f64>>, ModelError> {
        self.check(table)?;
        let series = Series::new(table, self.feat_weights());
        let mut path = vec![0; series.rows()];
        if !path.is_empty() {
            self.labeller.space.decode(&series, &self.labeller.centers, &mut path);
        }
        Ok(path.iter().map(|place| self.labeller.space.probabilities(usize::from(*place))).collect())
    }

    /// The regimes of the rows of `table`, each with only those before it and itself in sight; what came before
    /// the first is not known.
    ///
    /// # Errors
    /// The columns are not those that were fitted.
    pub fn predict_online(&self, table: &FeatureTable) -> Result<Vec<usize>, ModelError> {
        Ok(labels(&self.predict_probabilities_online(table)?))
    }

    /// As [`JumpFit::predict_online`]: rows × regimes.
    ///
    /// # Errors
    /// The columns are not those that were fitted.
    pub fn predict_probabilities_online(&self, table: &FeatureTable) -> Result<Vec<Vec<f64>>, ModelError> {
        self.check(table)?;
        let mut filter = self.filter();
        let rows = (0..table.rows()).filter_map(|row| {
            filter.step(table.row(row)?)?;
            Some(filter.probabilities())
        });
        Ok(rows.collect())
    }

    /// A filter that labels one row after the other and has seen none.
    pub fn filter(&self) -> JumpFilter {
        let size = self.labeller.space.size();
        JumpFilter { labeller: self.labeller.clone(), values: vec![0.0; size], place: None }
    }

    fn check(&self, table: &FeatureTable) -> Result<(), ModelError> {
        if table.names() == self.names.as_slice() {
            return Ok(());
        }
        let problem = format!("are {}; give {}", table.names().join(", "), self.names.join(", "));
        Err(ModelError::Option { option: "--columns", problem })
    }
}

/// Labels rows as they come, each with only those before it and itself in sight.
#[derive(Clone, Debug)]
pub struct JumpFilter {
    labeller: Labeller,
    /// The least cost of being in each state now, less the least of all.
    values: Vec<f64>,
    place: Option<usize>,
}

impl JumpFilter {
    /// Takes the next row and returns its regime. `None`, and nothing is changed, where the row is not of
    /// the columns that were fitted, or not of finite numbers up to 1e40.
    pub fn step(&mut self, row: &[f64]) -> Option<usize> {
        let Labeller { space, centers, columns, weights } = &self.labeller;
        if row.len() != *columns || !row.iter().all(|value| value.abs() <= super::LARGEST) {
            return None;
        }
        let mut losses = [f64::INFINITY; 4];
        for (loss, center) in losses.iter_mut().zip(centers.chunks_exact(*columns)) {
            if center[0].is_nan() {
                continue;
            }
            let mut total = 0.0;
            for (column, (value, middle)) in row.iter().zip(center).enumerate() {
                let apart = weights.as_ref().map_or(*value, |weights| value * weights[column]) - middle;
                total += apart * apart;
            }
            *loss = 0.5 * total;
        }
        let place = space.advance(&mut self.values, &losses[..space.states()], self.place.is_none());
        self.place = Some(place);
        Some(space.label(place))
    }

    /// The weights of the regimes at the row that came last; all 0 before the first.
    pub fn probabilities(&self) -> Vec<f64> {
        let space = &self.labeller.space;
        self.place.map_or_else(|| vec![0.0; space.states()], |place| space.probabilities(place))
    }
}

impl Space {
    /// The weights of the regimes in a state.
    pub(super) fn probabilities(&self, place: usize) -> Vec<f64> {
        match self {
            Self::Discrete { states, .. } => {
                (0..*states).map(|state| f64::from(u8::from(state == place))).collect()
            }
            Self::Continuous { simplex, .. } => simplex.point(place).to_vec(),
        }
    }

    /// The weight of one regime in each state of a path.
    fn shares(&self, path: &[u16], state: usize) -> Vec<f64> {
        let share = |place: &u16| match self {
            Self::Discrete { .. } => f64::from(u8::from(usize::from(*place) == state)),
            Self::Continuous { simplex, .. } => simplex.point(usize::from(*place))[state],
        };
        path.iter().map(share).collect()
    }

    /// The weightiest regime in a state, the first of equals.
    fn label(&self, place: usize) -> usize {
        match self {
            Self::Discrete { .. } => place,
            Self::Continuous { simplex, .. } => heaviest(simplex.point(place)),
        }
    }
}

fn heaviest(weights: &[f64]) -> usize {
    let mut best = 0;
    for (state, weight) in weights.iter().enumerate() {
        if *weight > weights[best] {
            best = state;
        }
    }
    best
}

fn labels(probabilities: &[Vec<f64>]) -> Vec<usize> {
    probabilities.iter().map(|weights| heaviest(weights)).collect()
}

/// What is to be solved.
pub(super) struct Problem<'a> {
    pub(super) table: &'a FeatureTable,
    /// The table, its columns weighted.
    pub(super) series: Series,
    pub(super) space: Space,
    pub(super) weights: Option<Vec<f64>>,
}

impl Problem<'_> {
    /// Descends from every start and puts the regimes of the best in order.
    pub(super) fn solve(self, starts: Vec<Vec<f64>>, stop: Stop) -> Result<JumpFit, ModelError> {
        let Self { table, series, space, weights } = self;
        let found = search::best(&series, &space, starts, stop);
        let Some((Descent { centers, mut path, iterations, is_settled, .. }, unsettled)) = found else {
            return Err(ModelError::Option {
                option: "--starts",
                problem: "is 0; use at least 1".to_owned(),
            });
        };
        let columns = series.columns();
        let order = by_variance(&series, &space, &path, weights.as_deref());
        let centers: Vec<f64> =
            order.iter().flat_map(|state| centers[state * columns..(state + 1) * columns].to_vec()).collect();
        let objective = space.decode(&series, &centers, &mut path);
        let means = match weights {
            None => centers.clone(),
            Some(_) => search::centroids(&Series::new(table, None), &space, &path),
        };
        Ok(JumpFit {
            labeller: Labeller { space, centers, columns, weights },
            names: table.names().to_vec(),
            means,
            path,
            objective,
            iterations,
            is_settled,
            unsettled,
        })
    }
}

/// The regimes, the calmest first: by the variance within, each column's as a share of its whole variance.
/// Regimes of one row, which has no variance, come after the others, and those without rows last.
fn by_variance(series: &Series, space: &Space, path: &[u16], weights: Option<&[f64]>) -> Vec<usize> {
    let states = space.states();
    let mut totals = vec![0.0; states];
    for (state, total) in totals.iter_mut().enumerate() {
        let shares = space.shares(path, state);
        let rows = sum(&shares);
        if rows <= 0.0 {
            *total = f64::INFINITY;
            continue;
        }
        if rows <= 1.0 {
            *total = f64::MAX;
            continue;
        }
        for column in 0..series.columns() {
            let values = series.column(column);
            if values.iter().all(|value| value.total_cmp(&values[0]).is_eq()) {
                continue;
            }
            let weight = weights.map_or(1.0, |weights| weights[column] * weights[column]);
            let whole = variance(values, None, series.rows() as f64);
            if whole > 0.0 && weight > 0.0 {
                *total += weight * variance(values, Some(&shares), rows) / whole;
            }
        }
    }
    let mut order: Vec<usize> = (0..states).collect();
    order.sort_by(|a, b| totals[*a].total_cmp(&totals[*b]));
    order
}

fn variance(values: &[f64], shares: Option<&[f64]>, rows: f64) -> f64 {
    let share = |row: usize| shares.map_or(1.0, |shares| shares[row]);
    let mean = values.iter().enumerate().map(|(row, value)| share(row) * value).sum::<f64>() / rows;
    let spread = |(row, value): (usize, &f64)| share(row) * (value - mean) * (value - mean);
    values.iter().enumerate().map(spread).sum::<f64>() / rows
}
