//! Values over sizes, both axes logarithmic, each line with its name at its end.

use std::fmt::Write;

use maud::{Markup, html};

use super::palette::{Look, look};
use super::panel::{Panel, Series};
use super::scale::{LogScale, spread};
use crate::format;

/// Size of a drawing, in its own units.
pub(super) const WIDTH: f64 = 420.0;
/// See [`WIDTH`].
pub(super) const HEIGHT: f64 = 300.0;

const LEFT: f64 = 40.0;
const RIGHT: f64 = WIDTH - 108.0;
const TOP: f64 = 34.0;
const BOTTOM: f64 = HEIGHT - 40.0;

/// Smallest distance of two names.
const LINE: f64 = 13.5;

/// Draws a panel of more than one size.
pub(super) fn draw(panel: &Panel) -> Markup {
    let values = panel.series.iter().flat_map(|series| &series.points);
    let values = values.flat_map(|point| {
        let (low, high) = point.ends();
        [low, high]
    });
    let sizes = panel.sizes.iter().map(|&size| size as f64);
    let (Some(y), Some(x), [first, .., last]) = (
        LogScale::new(values, BOTTOM, TOP),
        LogScale::new(sizes, LEFT + 8.0, RIGHT - 8.0),
        &panel.sizes[..],
    ) else {
        return html! {};
    };
    let x = x.tight(*first as f64, *last as f64);
    let names = names(panel, x, y);
    html! {
        text.title x="0" y="14" { (panel.title) }
        @for tick in y.ticks() {
            line.grid x1=(LEFT) x2=(RIGHT) y1=(place(y.at(tick))) y2=(place(y.at(tick))) {}
            text x=(LEFT - 6.0) y=(place(y.at(tick) + 4.0)) text-anchor="end" { (tick_text(tick)) }
        }
        @for &size in &panel.sizes {
            @let at = place(x.at(size as f64));
            line.grid x1=(at) x2=(at) y1=(BOTTOM) y2=(BOTTOM + 4.0) {}
            text x=(at) y=(BOTTOM + 18.0) text-anchor="middle" { (format::size(size)) }
        }
        text x=((LEFT + RIGHT) / 2.0) y=(BOTTOM + 34.0) text-anchor="middle" { (panel.units) }
        // What is compared with comes last and on top.
        @for series in panel.series.iter().rev() { (line(series, x, y)) }
        (names)
    }
}

fn line(series: &Series, x: LogScale, y: LogScale) -> Markup {
    let Look {
        class,
        dashes,
        is_first,
    } = look(&series.runtime);
    let at = |size: u64| x.at(size as f64);
    let mut path = String::new();
    let mut upper = String::new();
    let mut lower = Vec::new();
    for point in &series.points {
        let step = if path.is_empty() { 'M' } else { 'L' };
        let (low, high) = point.ends();
        let _ = write!(path, "{step}{:.1} {:.1}", at(point.size), y.at(point.value));
        let _ = write!(upper, "{step}{:.1} {:.1}", at(point.size), y.at(high));
        lower.push(format!("L{:.1} {:.1}", at(point.size), y.at(low)));
    }
    lower.reverse();
    html! {
        g class=(class) {
            path.band d=(format!("{upper}{}Z", lower.concat())) {}
            path.curve.first[is_first] d=(path) stroke-dasharray=(dashes) {}
            @for point in &series.points {
                @let (low, high) = point.ends();
                @let at = place(at(point.size));
                line.whisker x1=(at) x2=(at) y1=(place(y.at(low))) y2=(place(y.at(high))) {}
                circle.dot cx=(at) cy=(place(y.at(point.value))) r=(if is_first { 4.2 } else { 3.2 }) {
                    title { (point.words(&series.runtime)) }
                }
            }
        }
    }
}

/// The name of each line at its end. Those of the lines that reach the last size have
/// the margin; a line that ends before has its name there.
fn names(panel: &Panel, x: LogScale, y: LogScale) -> Markup {
    let ends: Vec<_> = panel
        .series
        .iter()
        .filter_map(|series| Some((&*series.runtime, *series.points.last()?)))
        .collect();
    let mut drawn = Vec::new();
    for &size in &panel.sizes {
        let here: Vec<_> = ends.iter().filter(|end| end.1.size == size).collect();
        let mut places: Vec<f64> = here.iter().map(|end| y.at(end.1.value)).collect();
        spread(&mut places, LINE, TOP, BOTTOM);
        let from = x.at(size as f64);
        let is_last = panel.sizes.last() == Some(&size);
        let to = if is_last { RIGHT + 10.0 } else { from + 16.0 };
        for (end, place) in here.into_iter().zip(places) {
            drawn.push((end.0, from, y.at(end.1.value), to, place));
        }
    }
    html! {
        @for (runtime, from, own, to, at) in drawn {
            @let Look { class, is_first, .. } = look(runtime);
            g class=(class) {
                @if (own - at).abs() > 1.0 || to - from > 20.0 {
                    path.leader d=(format!("M{:.1} {own:.1}L{:.1} {at:.1}", from + 5.0, to - 3.0)) {}
                }
                text.name.first[is_first] x=(place(to)) y=(place(at + 4.0)) { (runtime) }
            }
        }
    }
}

/// A place in a drawing: a tenth of a pixel is as fine as anybody sees.
pub(super) fn place(value: f64) -> String {
    format!("{value:.1}")
}

fn tick_text(value: f64) -> String {
    if value >= 1000.0 {
        format::size(value.round() as u64)
    } else {
        value.to_string()
    }
}
