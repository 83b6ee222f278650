//! The plots as SVG, both axes logarithmic.

use std::fmt::Write;

use super::report::{CONTESTANTS, Plot};

/// The drawing and the field within it, in pixels.
const SIZE: [f64; 2] = [760.0, 440.0];
const FIELD: [[f64; 2]; 2] = [[70.0, 610.0], [390.0, 50.0]];
/// Colours that the colour-blind can tell apart too (Okabe and Ito), in the order of the
/// contestants, so that each has the same in all plots.
const COLOURS: [&str; CONTESTANTS.len()] = [
    "#000000", "#e69f00", "#7f7f7f", "#d55e00", "#56b4e9", "#009e73", "#0072b2", "#cc79a7",
];

/// Draws a plot; nothing when there is nothing to draw.
pub fn svg(plot: &Plot) -> Option<String> {
    let scales = [Scale::of(plot, 0)?, Scale::of(plot, 1)?];
    let [width, height] = SIZE;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n"
    );
    text(&mut svg, [SIZE[0] / 2.0, 24.0], "middle", plot.title);
    for (axis, scale) in scales.iter().enumerate() {
        grid(&mut svg, axis, scale, plot.axes[axis]);
    }
    for (at, (name, points)) in plot.lines.iter().enumerate() {
        let colour = colour(name);
        let mut points: Vec<_> = points
            .iter()
            .filter_map(|one| place(&scales, one))
            .collect();
        points.sort_unstable_by(|[one, _], [other, _]| one.total_cmp(other));
        line(&mut svg, colour, &points);
        let row = FIELD[1][1] + 10.0 + 20.0 * f64::from(u32::try_from(at).unwrap_or(0));
        let left = FIELD[0][1] + 16.0;
        line(&mut svg, colour, &[[left, row], [left + 20.0, row]]);
        text(&mut svg, [left + 28.0, row + 4.0], "start", name);
    }
    svg += "</svg>\n";
    Some(svg)
}

fn colour(name: &str) -> &'static str {
    let at = CONTESTANTS.iter().position(|one| *one == name);
    at.and_then(|at| COLOURS.get(at)).unwrap_or(&COLOURS[0])
}

/// A logarithmic axis: the decades that it spans, and where they lie.
#[derive(Debug)]
struct Scale {
    decades: [f64; 2],
    pixels: [f64; 2],
}

impl Scale {
    fn of(plot: &Plot, axis: usize) -> Option<Scale> {
        let points = plot.lines.iter().flat_map(|(_, points)| points);
        let values = points.map(|point| point[axis]).filter(|value| *value > 0.0);
        let (low, high) = values.fold((f64::MAX, 0.0_f64), |(low, high), value| {
            (low.min(value), high.max(value))
        });
        let decades = [low.log10().floor(), high.log10().ceil()];
        (high > 0.0).then(|| Scale {
            // One value alone would have no axis.
            decades: [decades[0], decades[1].max(decades[0] + 1.0)],
            pixels: FIELD[axis],
        })
    }

    fn at(&self, value: f64) -> f64 {
        let [low, high] = self.decades;
        let [from, to] = self.pixels;
        from + (value.log10() - low) / (high - low) * (to - from)
    }

    fn ticks(&self) -> impl Iterator<Item = f64> {
        let [low, high] = self.decades;
        let ticks = std::iter::successors(Some(low), |decade| Some(decade + 1.0));
        ticks
            .take_while(move |decade| *decade <= high)
            .map(|decade| 10_f64.powf(decade))
    }
}

/// Nothing is at 0 or below on such an axis.
fn place(scales: &[Scale; 2], point: &[f64; 2]) -> Option<[f64; 2]> {
    let [x, y] = *point;
    (x > 0.0 && y > 0.0).then(|| [scales[0].at(x), scales[1].at(y)])
}

fn grid(svg: &mut String, axis: usize, scale: &Scale, name: &str) {
    let [[left, right], [bottom, top]] = FIELD;
    for value in scale.ticks() {
        let at = scale.at(value);
        let (ends, label, anchor) = match axis {
            0 => ([[at, bottom], [at, top]], [at, bottom + 18.0], "middle"),
            _ => ([[left, at], [right, at]], [left - 8.0, at + 4.0], "end"),
        };
        // Nothing is told by an error: writing to a string cannot fail.
        let _written = writeln!(
            svg,
            "<path d=\"M{:.1} {:.1}L{:.1} {:.1}\" stroke=\"#dddddd\"/>",
            ends[0][0], ends[0][1], ends[1][0], ends[1][1]
        );
        text(svg, label, anchor, &value.to_string());
    }
    match axis {
        0 => text(
            svg,
            [f64::midpoint(left, right), bottom + 38.0],
            "middle",
            name,
        ),
        _ => text(svg, [left - 8.0, top - 12.0], "end", name),
    }
}

fn line(svg: &mut String, colour: &str, points: &[[f64; 2]]) {
    let path: Vec<String> = points
        .iter()
        .map(|[x, y]| format!("{x:.1},{y:.1}"))
        .collect();
    let _written = writeln!(
        svg,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
        path.join(" ")
    );
    for [x, y] in points {
        let _written = writeln!(
            svg,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>"
        );
    }
}

fn text(svg: &mut String, at: [f64; 2], anchor: &str, text: &str) {
    let [x, y] = at;
    let _written = writeln!(
        svg,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plot_has_a_line_a_contestant_and_one_of_nothing_is_none() {
        let mut plot = Plot {
            name: "throughput",
            title: "Throughput",
            axes: ["jobs", "jobs/s"],
            lines: Vec::new(),
        };
        assert!(svg(&plot).is_none());
        plot.lines = vec![
            ("jobd".into(), vec![[10.0, 300.0], [1_000.0, 400.0]]),
            ("nq".into(), vec![[100.0, 50.0], [0.0, 1.0], [10.0, 100.0]]),
        ];
        let drawn = svg(&plot).unwrap();
        assert!(drawn.starts_with("<svg ") && drawn.ends_with("</svg>\n"));
        assert!(drawn.contains(">nq</text>") && drawn.contains(">1000</text>"));
        // The corners of the field: 10 jobs are its left side, 1,000 its right one.
        assert!(drawn.contains("points=\"70.0,"), "{drawn}");
        assert!(drawn.contains(" 610.0,"), "{drawn}");
        assert!(
            drawn.matches("points=\"70.0,").count() == 2,
            "in order of x"
        );
        assert!(!drawn.contains("NaN") && !drawn.contains("inf"));
    }
}
