//! Pictures: lines over two logarithmic axes, with the range of the samples as a bar at each point.

use anyhow::{Result, anyhow};
use plotters::prelude::{
    ChartBuilder, Circle, Color as _, IntoDrawingArea as _, IntoLogRange as _, LineSeries, PathElement, RGBColor,
    SVGBackend, SeriesLabelPosition, WHITE,
};

use super::{Growth, Point};
use crate::report::short;

const SIZE: (u32, u32) = (760, 460);

/// Told apart also by those who do not see all colours: Okabe and Ito's.
const COLOURS: [RGBColor; 5] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
];

const INK: RGBColor = RGBColor(60, 60, 60);

pub(super) fn svg(growth: &Growth) -> Result<String> {
    let mut text = String::new();
    draw(growth, &mut text).map_err(|error| anyhow!("cannot draw {:?}: {error}", growth.title))?;
    Ok(text)
}

fn draw(growth: &Growth, text: &mut String) -> Result<(), Box<dyn std::error::Error>> {
    let points = || growth.lines.iter().flat_map(|line| &line.points);
    let (x_min, x_max) = bounds(points().map(|point| point.x));
    let (y_min, y_max) = bounds(points().flat_map(|point| [point.min, point.max]));
    let area = SVGBackend::with_string(text, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption(&growth.title, ("sans-serif", 18, &INK))
        .margin(14)
        .x_label_area_size(44)
        .y_label_area_size(64)
        .build_cartesian_2d((x_min * 0.8..x_max * 1.25).log_scale(), (y_min * 0.6..y_max * 2.5).log_scale())?;
    chart
        .configure_mesh()
        .x_desc(&growth.x)
        .y_desc("milliseconds")
        .x_label_formatter(&|x| short(*x))
        .y_label_formatter(&|y| short(*y))
        .label_style(("sans-serif", 13, &INK))
        .axis_style(INK.mix(0.6))
        .bold_line_style(INK.mix(0.15))
        .light_line_style(INK.mix(0.05))
        .draw()?;
    for (line, colour) in growth.lines.iter().zip(COLOURS.iter().cycle()) {
        let medians = line.points.iter().map(|point| (point.x, point.median));
        chart
            .draw_series(LineSeries::new(medians, colour.stroke_width(2)))?
            .label(&line.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
        chart.draw_series(
            line.points
                .iter()
                .map(|Point { x, min, max, .. }| PathElement::new([(*x, *min), (*x, *max)], colour.stroke_width(1))),
        )?;
        chart.draw_series(line.points.iter().map(|point| Circle::new((point.x, point.median), 3, colour.filled())))?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .label_font(("sans-serif", 13, &INK))
        .background_style(WHITE.mix(0.8))
        .draw()?;
    area.present()?;
    Ok(())
}

fn bounds(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, 0.0), |(min, max), value| (value.min(min), value.max(max)))
}
