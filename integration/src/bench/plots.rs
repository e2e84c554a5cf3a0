//! Pictures of the distributions, which a median hides.

use std::{error::Error, fs, path::Path};

use plotters::{
    backend::{DrawingBackend, SVGBackend},
    chart::{ChartBuilder, ChartContext, SeriesLabelPosition},
    coord::{
        cartesian::Cartesian2d,
        combinators::IntoLogRange,
        ranged1d::{Ranged, ValueFormatter},
        types::RangedCoordf64,
    },
    drawing::IntoDrawingArea,
    element::PathElement,
    series::LineSeries,
    style::{BLACK, Color, Palette, Palette99, RGBAColor, ShapeStyle, WHITE},
};

use super::{Figures, Report, percentile};
use crate::exit::Trouble;

/// Width and height in pixels.
const SIZE: (u32, u32) = (800, 420);

/// The part of the samples that is shown, in percent: the last ones met a busy machine.
const SHOWN: u32 = 99;

/// A picture.
struct Plot {
    file: &'static str,
    title: &'static str,
    axes: [&'static str; 2],
    lines: Vec<Line>,
    /// Times that spread over orders of magnitude; else the picture begins at 0.
    logarithmic: bool,
}

/// A line of it.
struct Line {
    name: String,
    color: RGBAColor,
    points: Vec<(f64, f64)>,
}

impl Report {
    /// Writes the pictures that there are figures for into a directory, as `bench-startup.svg`,
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

    /// Which part of the samples is as small as x: of the bare ones, and of each init.
    fn distributions(&self, bare: &str, samples: &[Vec<f64>]) -> Vec<Line> {
        let bare = (bare.to_owned(), BLACK.mix(0.5));
        let inits = self.inits.iter().enumerate();
        let inits = inits.map(|(number, init)| (init.name.clone(), color(number)));
        let line = |((name, color), samples): ((String, RGBAColor), &Vec<f64>)| Line {
            name,
            color,
            points: (0..=SHOWN)
                .map(|percent| {
                    let percent = f64::from(percent);
                    (percentile(samples, percent / 100.0), percent)
                })
                .collect(),
        };
        std::iter::once(bare)
            .chain(inits)
            .zip(samples)
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
        self.inits.iter().enumerate().filter_map(line).collect()
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
        let mut builder = ChartBuilder::on(&area);
        builder
            .caption(self.title, ("sans-serif", 18))
            .margin(12)
            .x_label_area_size(40)
            .y_label_area_size(48);
        if self.logarithmic {
            let x = (left * 0.9..right * 1.1).log_scale();
            self.fill(builder.build_cartesian_2d(x, 0.0..105.0)?)?;
        } else {
            // With room for the names above the lines.
            self.fill(builder.build_cartesian_2d(0.0..right, 0.0..top * 1.5 + 1.0)?)?;
        }
        area.present()?;
        Ok(())
    }

    fn fill<'a, X, B>(
        &self,
        mut chart: ChartContext<'a, B, Cartesian2d<X, RangedCoordf64>>,
    ) -> Result<(), Box<dyn Error>>
    where
        X: Ranged<ValueType = f64> + ValueFormatter<f64>,
        B: DrawingBackend<ErrorType: 'static> + 'a,
    {
        let whole = |value: &f64| format!("{value:.0}");
        chart
            .configure_mesh()
            .x_desc(self.axes[0])
            .y_desc(self.axes[1])
            .x_label_formatter(&whole)
            .y_label_formatter(&whole)
            .x_labels(6)
            .light_line_style(WHITE)
            .draw()?;
        for line in &self.lines {
            let style = ShapeStyle::from(line.color).stroke_width(2);
            let series = LineSeries::new(line.points.iter().copied(), style);
            let sample = move |(x, y)| PathElement::new([(x, y), (x + 18, y)], style);
            chart.draw_series(series)?.label(&line.name).legend(sample);
        }
        let position = if self.logarithmic {
            SeriesLabelPosition::LowerRight
        } else {
            SeriesLabelPosition::UpperRight
        };
        chart
            .configure_series_labels()
            .position(position)
            .background_style(WHITE)
            .border_style(BLACK)
            .draw()?;
        Ok(())
    }
}
