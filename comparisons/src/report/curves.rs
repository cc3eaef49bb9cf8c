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

/// A name, and the point it belongs to.
#[derive(Debug)]
struct Name<'a> {
    runtime: &'a str,
    point: (f64, f64),
    place: (f64, f64),
}

/// The name of each line, in the margin where its end is; and that of what has one value
/// only beside it, where it covers the least.
fn names(panel: &Panel, x: LogScale, y: LogScale) -> Markup {
    let mut drawn = Vec::new();
    for series in &panel.series {
        let Some(last) = series.points.last() else {
            continue;
        };
        let point = (x.at(last.size as f64), y.at(last.value));
        let in_margin = series.points.len() > 1 || panel.sizes.last() == Some(&last.size);
        let place = if in_margin {
            (RIGHT + 10.0, point.1)
        } else {
            let free = free_beside(panel, series, point, (x, y));
            (point.0 + 12.0, free)
        };
        drawn.push(Name {
            runtime: &series.runtime,
            point,
            place,
        });
    }
    let is_margin = |name: &&mut Name<'_>| name.place.0 > RIGHT;
    let mut places: Vec<f64> = drawn
        .iter_mut()
        .filter(is_margin)
        .map(|of| of.place.1)
        .collect();
    spread(&mut places, LINE, TOP, BOTTOM);
    for (name, place) in drawn.iter_mut().filter(is_margin).zip(places) {
        name.place.1 = place;
    }
    html! { @for name in &drawn { (name.draw()) } }
}

impl Name<'_> {
    fn draw(&self) -> Markup {
        let Look {
            class, is_first, ..
        } = look(self.runtime);
        let ((from, own), (to, at)) = (self.point, self.place);
        let is_far = to - from > 20.0;
        html! {
            g class=(class) {
                @if is_far || (own - at).abs() > 1.0 {
                    path.leader d=(format!("M{:.1} {own:.1}L{:.1} {at:.1}", from + 5.0, to - 3.0))
                        stroke-dasharray=(if is_far { "1 3" } else { "none" }) {}
                }
                text.name.first[is_first] x=(place(to)) y=(place(at + 4.0)) { (self.runtime) }
            }
        }
    }
}

/// The height beside a point, near to it, at which the fewest other lines pass.
fn free_beside(
    panel: &Panel,
    own: &Series,
    point: (f64, f64),
    (x, y): (LogScale, LogScale),
) -> f64 {
    let others = panel.series.iter().filter(|of| of.runtime != own.runtime);
    let lines: Vec<Vec<(f64, f64)>> = others
        .map(|of| {
            let points = of.points.iter();
            points
                .map(|of| (x.at(of.size as f64), y.at(of.value)))
                .collect()
        })
        .collect();
    let covered = |height: f64| {
        let steps = [4.0, 16.0, 28.0, 40.0].map(|step| point.0 + step);
        let near = |line: &&Vec<(f64, f64)>| {
            let mut heights = steps.iter().filter_map(|&at| height_at(line, at));
            heights.any(|of| (of - height).abs() < LINE / 2.0 + 1.0)
        };
        lines.iter().filter(near).count()
    };
    let steps = [0.0, -12.0, 12.0, -20.0, 20.0].map(|step| point.1 + step);
    let free = steps.into_iter().min_by_key(|&height| covered(height));
    free.unwrap_or(point.1)
}

/// The height of a line above a place, or of its only point if that is near.
fn height_at(line: &[(f64, f64)], at: f64) -> Option<f64> {
    if let [(x, y)] = line {
        return ((x - at).abs() < LINE).then_some(*y);
    }
    let part = line
        .windows(2)
        .find(|of| (of[0].0..=of[1].0).contains(&at))?;
    let along = (at - part[0].0) / (part[1].0 - part[0].0);
    Some(part[0].1 + along * (part[1].1 - part[0].1))
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
