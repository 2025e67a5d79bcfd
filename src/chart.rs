//! Pictures for research, as SVG: a series with its regimes, and forecasts against what happened.
//!
//! The one place that knows plotters. Colours are Okabe and Ito's, told apart in every common kind of
//! colour blindness; each regime also has its number in the legend.

use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
type Axes<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// From calm to stormy.
const REGIMES: [RGBColor; 4] =
    [RGBColor(0, 114, 178), RGBColor(230, 159, 0), RGBColor(213, 94, 0), RGBColor(204, 121, 167)];
const INK: RGBColor = RGBColor(40, 40, 40);
const MODEL: RGBColor = RGBColor(0, 114, 178);
const FONT: &str = "sans-serif";

/// A chart that cannot be drawn: a bug, for its data are checked before.
#[derive(Debug, thiserror::Error)]
#[error("draw the chart: {0}")]
pub struct ChartError(String);

impl ChartError {
    fn of(error: impl std::fmt::Display) -> Self {
        Self(error.to_string())
    }
}

/// A series and the regimes that a model reads in it.
#[derive(Clone, Copy, Debug)]
pub struct RegimeChart<'a> {
    /// What is drawn, and by which model.
    pub title: &'a str,
    /// The series' name, with its unit where it is known.
    pub name: &'a str,
    /// The series, oldest first.
    pub values: &'a [f64],
    /// Rows × regimes: probabilities, as long as the series.
    pub probabilities: &'a [Vec<f64>],
    /// The regime of each row.
    pub labels: &'a [usize],
}

/// Draws the series over bands of its regimes, and the regimes' probabilities below.
///
/// # Errors
/// The picture cannot be drawn.
pub fn regimes(chart: &RegimeChart<'_>) -> Result<String, ChartError> {
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, (1_200, 640)).into_drawing_area();
        root.fill(&WHITE).map_err(ChartError::of)?;
        let root = root.titled(chart.title, (FONT, 22).into_font().color(&INK)).map_err(ChartError::of)?;
        let (top, bottom) = root.split_vertically(380);
        draw_series(&top, chart)?;
        draw_probabilities(&bottom, chart)?;
        root.present().map_err(ChartError::of)?;
    }
    Ok(svg)
}

fn draw_series(area: &Area<'_>, chart: &RegimeChart<'_>) -> Result<(), ChartError> {
    let (low, high) = bounds(chart.values);
    let last = chart.values.len().max(2) as f64 - 1.0;
    let mut axes = axes(area, last, (low, high), "", chart.name)?;
    let mut start = 0;
    for at in 1..=chart.labels.len() {
        if at == chart.labels.len() || chart.labels[at] != chart.labels[start] {
            let colour = REGIMES[chart.labels[start] % REGIMES.len()].mix(0.18).filled();
            let band = Rectangle::new([(start as f64, low), (at as f64, high)], colour);
            axes.draw_series([band]).map_err(ChartError::of)?;
            start = at;
        }
    }
    let line = chart.values.iter().enumerate().map(|(at, value)| (at as f64, *value));
    axes.draw_series(LineSeries::new(line, INK.stroke_width(1))).map_err(ChartError::of)?;
    Ok(())
}

fn draw_probabilities(area: &Area<'_>, chart: &RegimeChart<'_>) -> Result<(), ChartError> {
    let last = chart.values.len().max(2) as f64 - 1.0;
    let mut axes = axes(area, last, (0.0, 1.0), "row", "probability")?;
    let regimes = chart.probabilities.first().map_or(0, Vec::len);
    for regime in 0..regimes {
        let colour = REGIMES[regime % REGIMES.len()];
        let line = chart.probabilities.iter().enumerate().map(|(at, row)| (at as f64, row[regime]));
        axes.draw_series(LineSeries::new(line, colour.stroke_width(2)))
            .map_err(ChartError::of)?
            .label(format!("regime {regime}"))
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(3)));
    }
    legend(&mut axes)
}

/// How often what was forecast happened.
#[derive(Clone, Copy, Debug)]
pub struct ReliabilityChart<'a> {
    /// What is drawn.
    pub title: &'a str,
    /// For each bin: mean forecast, share that happened, and how many forecasts.
    pub bins: &'a [(f64, f64, usize)],
}

/// Draws the share that happened against the probability that was forecast; on the diagonal they agree.
///
/// # Errors
/// The picture cannot be drawn.
pub fn reliability(chart: &ReliabilityChart<'_>) -> Result<String, ChartError> {
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, (640, 600)).into_drawing_area();
        root.fill(&WHITE).map_err(ChartError::of)?;
        let root = root.titled(chart.title, (FONT, 20).into_font().color(&INK)).map_err(ChartError::of)?;
        let top = chart.bins.iter().map(|(p, q, _)| p.max(*q)).fold(0.1_f64, f64::max);
        let top = ((top * 10.0).ceil() / 10.0).min(1.0);
        let mut axes = axes(&root, top, (0.0, top), "probability forecast", "share that happened")?;
        let diagonal = LineSeries::new([(0.0, 0.0), (top, top)], INK.mix(0.5).stroke_width(1));
        axes.draw_series(diagonal).map_err(ChartError::of)?;
        let line = chart.bins.iter().map(|(p, q, _)| (*p, *q));
        axes.draw_series(LineSeries::new(line, MODEL.stroke_width(2))).map_err(ChartError::of)?;
        let points = chart.bins.iter().map(|(p, q, count)| {
            // Beside the point, inside the frame.
            let beside = if *p > 0.8 * top { -52 } else { 8 };
            EmptyElement::at((*p, *q))
                + Circle::new((0, 0), 4, MODEL.filled())
                + Text::new(format!("n {count}"), (beside, -6), (FONT, 13).into_font().color(&INK))
        });
        axes.draw_series(points).map_err(ChartError::of)?;
        root.present().map_err(ChartError::of)?;
    }
    Ok(svg)
}

fn axes<'a, 'b>(
    area: &'a Area<'b>,
    last: f64,
    (low, high): (f64, f64),
    below: &str,
    beside: &str,
) -> Result<Axes<'a, 'b>, ChartError> {
    let mut axes = ChartBuilder::on(area)
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(72)
        .build_cartesian_2d(0.0..last, low..high)
        .map_err(ChartError::of)?;
    let label = (FONT, 14).into_font().color(&INK);
    axes.configure_mesh()
        .light_line_style(WHITE)
        .bold_line_style(INK.mix(0.12))
        .x_desc(below)
        .y_desc(beside)
        .label_style(label)
        .draw()
        .map_err(ChartError::of)?;
    Ok(axes)
}

fn legend<'a, 'b: 'a>(axes: &mut Axes<'a, 'b>) -> Result<(), ChartError> {
    axes.configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.85))
        .border_style(INK.mix(0.2))
        .label_font((FONT, 14).into_font().color(&INK))
        .draw()
        .map_err(ChartError::of)
}

/// Where the values lie, with a little room, never of no height.
fn bounds(values: &[f64]) -> (f64, f64) {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if !(low.is_finite() && high.is_finite()) {
        return (0.0, 1.0);
    }
    let room = ((high - low) * 0.05).max(high.abs().max(low.abs()) * 1e-6).max(1e-9);
    (low - room, high + room)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_with_its_regimes_is_drawn_with_bands_lines_and_a_legend() {
        let values: Vec<f64> = (0..60).map(|n| f64::from(n % 7)).collect();
        let labels: Vec<usize> = (0..60).map(|n| usize::from(n >= 30)).collect();
        let probabilities: Vec<Vec<f64>> =
            labels.iter().map(|label| vec![1.0 - *label as f64, *label as f64]).collect();
        let chart = RegimeChart {
            title: "returns by hmm",
            name: "ret",
            values: &values,
            probabilities: &probabilities,
            labels: &labels,
        };
        let svg = regimes(&chart).unwrap();
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
        for words in ["returns by hmm", "regime 0", "regime 1", "#0072B2", "#E69F00"] {
            assert!(svg.contains(words), "{words}");
        }
    }

    #[test]
    fn constant_and_short_series_are_drawn_too() {
        for values in [&[1.0, 1.0][..], &[3.0], &[]] {
            let probabilities = vec![vec![1.0]; values.len()];
            let labels = vec![0; values.len()];
            let chart =
                RegimeChart { title: "t", name: "x", values, probabilities: &probabilities, labels: &labels };
            assert!(regimes(&chart).is_ok());
        }
        assert!(reliability(&ReliabilityChart { title: "t", bins: &[] }).is_ok());
    }

    #[test]
    fn bins_are_drawn_with_their_counts() {
        let bins = [(0.02, 0.03, 700), (0.3, 0.25, 41)];
        let svg = reliability(&ReliabilityChart { title: "5 d", bins: &bins }).unwrap();
        assert!(svg.contains("n 700") && svg.contains("n 41"));
    }
}
