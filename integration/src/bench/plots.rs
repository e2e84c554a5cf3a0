//! Pictures of the distributions, which a median hides.

use std::{error::Error, fs, ops::Range, path::Path};

use plotters::{
    backend::SVGBackend,
    chart::ChartBuilder,
    coord::{
        Shift,
        ranged1d::{DefaultFormatting, KeyPointHint, Ranged},
    },
    drawing::{DrawingArea, IntoDrawingArea},
    element::{PathElement, Text},
    series::LineSeries,
    style::{BLACK, Color, IntoFont, Palette, Palette99, RGBAColor, ShapeStyle, WHITE},
};

use super::{
    report::{Figures, Report},
    statistics::percentile,
};
use crate::exit::Trouble;

/// Width and height in pixels.
const SIZE: (u32, u32) = (800, 420);

/// The width of the legend, which stands beside the chart: inside, it would cover curves.
const LEGEND: u32 = 170;

/// The part of the samples that is shown, in percent: the slowest met a busy machine.
const SHOWN: u32 = 99;

/// A picture.
struct Plot {
    file: &'static str,
    title: &'static str,
    axes: [&'static str; 2],
    lines: Vec<Line>,
    /// Whether the x axis is logarithmic, for times that spread over orders of magnitude. A linear
    /// one begins at 0.
    logarithmic: bool,
}

/// A curve.
struct Line {
    name: String,
    color: RGBAColor,
    points: Vec<(f64, f64)>,
}

impl Report {
    /// Writes a picture for each measurement of which there are samples: `bench-startup.svg`,
    /// `bench-latency.svg` and `bench-storm.svg`.
    pub fn write_plots(&self, directory: &Path) -> Result<(), Trouble> {
        let failed =
            |what: &Path, e: &dyn Error| Trouble(format!("cannot write {}: {e}", what.display()));
        fs::create_dir_all(directory).map_err(|e| failed(directory, &e))?;
        let share = "% of the rounds";
        let plots = [
            Plot {
                file: "bench-startup.svg",
                title: "Start to end of an empty command",
                axes: ["µs", share],
                lines: self.distributions("bare exec", &self.startup_samples),
                logarithmic: true,
            },
            Plot {
                file: "bench-latency.svg",
                title: "From sending a signal to its arrival",
                axes: ["µs", share],
                lines: self.distributions("no init", &self.latency_samples),
                logarithmic: true,
            },
            Plot {
                file: "bench-storm.svg",
                title: "Zombies in a storm of orphans",
                axes: ["ms", "zombies"],
                lines: self.zombies(),
                logarithmic: false,
            },
        ];
        for plot in plots.iter().filter(|plot| !plot.lines.is_empty()) {
            let path = directory.join(plot.file);
            plot.draw(&path).map_err(|e| failed(&path, &*e))?;
        }
        Ok(())
    }

    /// The cumulative distributions: of the bare command, and of each init.
    fn distributions(&self, bare: &str, samples: &[Vec<f64>]) -> Vec<Line> {
        let bare = (bare.to_owned(), BLACK.mix(0.5));
        let inits = self.all().enumerate();
        let inits = inits.map(|(number, init)| (init.name.clone(), color(number)));
        let named = std::iter::once(bare).chain(inits).zip(samples);
        let line = |((name, color), samples): ((String, RGBAColor), &Vec<f64>)| {
            let point = |percent: u32| {
                let percent = f64::from(percent);
                (percentile(samples, percent / 100.0), percent)
            };
            Line {
                name,
                color,
                points: (0..=SHOWN).map(point).collect(),
            }
        };
        named
            .filter(|(_, samples)| !samples.is_empty())
            .map(line)
            .collect()
    }

    /// The zombies over time in the first storm under each init.
    fn zombies(&self) -> Vec<Line> {
        let line = |(number, init): (usize, &Figures)| {
            let storm = init.storm.as_ref()?.each.first()?;
            let points = storm.zombies.iter().map(|(ms, count)| (*ms, *count as f64));
            Some(Line {
                name: init.name.clone(),
                color: color(number),
                points: points.collect(),
            })
        };
        self.all().enumerate().filter_map(line).collect()
    }
}

/// An init has the same colour in all pictures.
fn color(number: usize) -> RGBAColor {
    Palette99::pick(number).mix(1.0)
}

impl Plot {
    fn draw(&self, path: &Path) -> Result<(), Box<dyn Error>> {
        let largest = |of: fn(&(f64, f64)) -> f64| {
            let points = self.lines.iter().flat_map(|line| &line.points);
            points.map(of).fold(0.0, f64::max)
        };
        let starts = self.lines.iter().filter_map(|line| line.points.first());
        let left = starts.map(|point| point.0).fold(f64::MAX, f64::min);
        let (right, top) = (largest(|point| point.0), largest(|point| point.1));
        let area = SVGBackend::new(path, SIZE).into_drawing_area();
        area.fill(&WHITE)?;
        let (chart, legend) = area.split_horizontally(SIZE.0 - LEGEND);
        self.draw_chart(&chart, (left, right), top)?;
        self.draw_legend(&legend)?;
        area.present()?;
        Ok(())
    }

    fn draw_chart(
        &self,
        area: &DrawingArea<SVGBackend<'_>, Shift>,
        (left, right): (f64, f64),
        top: f64,
    ) -> Result<(), Box<dyn Error>> {
        let axis = if self.logarithmic {
            Axis::logarithmic(left, right)
        } else {
            Axis::linear(right)
        };
        let mut chart = ChartBuilder::on(area)
            .caption(self.title, ("sans-serif", 18))
            .margin(12)
            .x_label_area_size(40)
            .y_label_area_size(48)
            .build_cartesian_2d(axis, 0.0..top * 1.05)?;
        let whole = |value: &f64| format!("{value:.0}");
        chart
            .configure_mesh()
            .x_desc(self.axes[0])
            .y_desc(self.axes[1])
            .x_label_formatter(&whole)
            .y_label_formatter(&whole)
            .light_line_style(WHITE)
            .draw()?;
        for line in &self.lines {
            let points = line.points.iter().copied();
            chart.draw_series(LineSeries::new(points, line.style()))?;
        }
        Ok(())
    }

    fn draw_legend(&self, area: &DrawingArea<SVGBackend<'_>, Shift>) -> Result<(), Box<dyn Error>> {
        const TOP: i32 = 48;
        const ROW: i32 = 22;
        for (row, line) in (0..).zip(&self.lines) {
            let y = TOP + row * ROW;
            area.draw(&PathElement::new([(4, y), (26, y)], line.style()))?;
            let font = ("sans-serif", 14).into_font();
            area.draw(&Text::new(line.name.as_str(), (34, y - 7), font))?;
        }
        Ok(())
    }
}

impl Line {
    fn style(&self) -> ShapeStyle {
        ShapeStyle::from(self.color).stroke_width(2)
    }
}

/// An x axis with labels that we choose: plotters' logarithmic one has labels at the powers of ten
/// only, so none at all within a decade.
struct Axis {
    range: Range<f64>,
    ticks: Vec<f64>,
    scale: fn(f64) -> f64,
}

impl Axis {
    fn logarithmic(left: f64, right: f64) -> Self {
        Self {
            range: left * 0.95..right * 1.05,
            ticks: logarithmic_ticks(left, right),
            scale: f64::log10,
        }
    }

    /// From 0 on.
    fn linear(right: f64) -> Self {
        Self {
            range: 0.0..right,
            ticks: linear_ticks(right),
            scale: |value| value,
        }
    }
}

impl Ranged for Axis {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (first, last): (i32, i32)) -> i32 {
        let [value, low, high] = [*value, self.range.start, self.range.end].map(self.scale);
        first + (f64::from(last - first) * (value - low) / (high - low)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        if hint.weight().allow_light_points() {
            Vec::new()
        } else {
            self.ticks.clone()
        }
    }

    fn range(&self) -> Range<f64> {
        self.range.clone()
    }
}

/// Round numbers for a logarithmic axis: the fewest digits that give at least four of them.
fn logarithmic_ticks(left: f64, right: f64) -> Vec<f64> {
    const STEPS: [&[f64]; 4] = [
        &[1.0],
        &[1.0, 3.0],
        &[1.0, 2.0, 5.0],
        &[1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0],
    ];
    let decades = left.log10().floor() as i32..=right.log10().ceil() as i32;
    let ticks = |steps: &[f64]| -> Vec<f64> {
        let all = decades.clone().flat_map(|decade| {
            let power = 10f64.powi(decade);
            steps.iter().map(move |step| step * power)
        });
        all.filter(|tick| (left..=right).contains(tick)).collect()
    };
    let found = STEPS.iter().map(|steps| ticks(steps));
    // Within a third of a decade there are too few of them.
    found
        .into_iter()
        .find(|ticks| ticks.len() >= 4)
        .unwrap_or_else(|| {
            let step = round_step((right - left) / 5.0);
            let first = (left / step).ceil() as i32;
            let ticks = (first..).map(|number| f64::from(number) * step);
            ticks.take_while(|tick| *tick <= right).collect()
        })
}

/// Round numbers from 0 on, some five of them.
fn linear_ticks(right: f64) -> Vec<f64> {
    let step = round_step(right / 5.0);
    let ticks = (0..).map(|number| f64::from(number) * step);
    ticks.take_while(|tick| *tick <= right).collect()
}

/// 1, 2 or 5 times a power of ten, at least `least`.
fn round_step(least: f64) -> f64 {
    let power = 10f64.powf(least.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|step| step * power);
    let step = steps.into_iter().find(|step| *step >= least);
    step.unwrap_or(least).max(f64::MIN_POSITIVE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_has_labels_whatever_it_spans() {
        assert_eq!(logarithmic_ticks(1.0, 5000.0), [1.0, 10.0, 100.0, 1000.0]);
        assert_eq!(
            logarithmic_ticks(80.0, 500.0),
            [100.0, 150.0, 200.0, 300.0, 400.0, 500.0]
        );
        assert_eq!(logarithmic_ticks(20.0, 60.0), [20.0, 30.0, 40.0, 50.0]);
        assert_eq!(logarithmic_ticks(41.0, 48.0), [42.0, 44.0, 46.0, 48.0]);
        assert_eq!(linear_ticks(45.0), [0.0, 10.0, 20.0, 30.0, 40.0]);
    }
}
