//! Values at one size, a bar for each runtime, from zero.

use maud::{Markup, html};

use super::curves::{WIDTH, place};
use super::palette::{Look, look};
use super::panel::{Panel, Series};
use crate::format;

const TOP: f64 = 30.0;
const ROW: f64 = 25.0;
const BAR: f64 = 15.0;
const LEFT: f64 = 104.0;
const RIGHT: f64 = WIDTH - 84.0;

/// How many times as long as the median bar a bar may be. A longer one is cut, so that
/// the others can be told apart.
const LONGEST: f64 = 6.0;

/// How far beyond the longest bar an interval may go before it is cut, as a multiple.
const BEYOND: f64 = 1.3;

/// Height of the drawing of a panel.
pub(super) fn height(panel: &Panel) -> f64 {
    TOP + ROW * panel.series.len() as f64 + 4.0
}

/// Draws a panel of one size.
pub(super) fn draw(panel: &Panel) -> Markup {
    let mut values: Vec<f64> = panel.series.iter().filter_map(value).collect();
    values.sort_by(f64::total_cmp);
    let Some(&median) = values.get(values.len() / 2) else {
        return html! {};
    };
    let whole = |&value: &f64| value <= LONGEST * median;
    let longest = values.iter().copied().filter(whole).fold(0.0, f64::max);
    let scale = panel.series.iter().flat_map(|series| &series.points);
    let scale = scale
        .map(|point| point.ends().1.min(BEYOND * longest))
        .fold(longest, f64::max);
    html! {
        text.title x="0" y="14" { (panel.title) }
        @for (row, series) in (0_u16..).zip(&panel.series) {
            (bar(series, TOP + ROW * f64::from(row), longest, scale))
        }
        line.grid x1=(LEFT) x2=(LEFT) y1=(TOP - 2.0) y2=(height(panel)) {}
    }
}

fn value(series: &Series) -> Option<f64> {
    series.points.first().map(|point| point.value)
}

/// The bar of a runtime, where one of `scale` is as wide as the drawing and one that is
/// longer than `longest` is cut.
fn bar(series: &Series, top: f64, longest: f64, scale: f64) -> Markup {
    let Some(point) = series.points.first() else {
        return html! {};
    };
    let Look {
        class, is_first, ..
    } = look(&series.runtime);
    let is_cut = point.value > longest;
    let at = |value: f64| {
        let part = (value / scale).min(1.0);
        LEFT + part * (RIGHT - LEFT)
    };
    let (low, high) = point.ends();
    let end = if is_cut { RIGHT } else { at(point.value) };
    let middle = top + ROW / 2.0;
    html! {
        g class=(class) {
            text.name.first[is_first] x=(LEFT - 8.0) y=(place(middle + 4.0)) text-anchor="end" {
                (series.runtime)
            }
            rect.bar.first[is_first] x=(LEFT) y=(place(middle - BAR / 2.0)) width=(place(end - LEFT))
                height=(BAR) { title { (point.words(&series.runtime)) } }
            @if is_cut {
                @let cut = end - 26.0;
                path.cut d=(format!("M{:.1} {:.1}l8 {:.1}", cut, middle + BAR / 2.0 + 2.0, -BAR - 4.0)) {}
                path.cut d=(format!("M{:.1} {:.1}l8 {:.1}", cut + 7.0, middle + BAR / 2.0 + 2.0, -BAR - 4.0)) {}
            } @else if high > low {
                // An arrow where it goes on beyond the drawing.
                @let end = if high > scale { "m-5 -3.5l5 3.5l-5 3.5" } else { "m0 -3v6" };
                path.error d=(format!("M{:.1} {:.1}v6m0 -3H{:.1}{end}", at(low), middle - 3.0, at(high)))
                    fill="none" {}
            }
            text.value x=(place((if is_cut { end } else { end.max(at(high)) }) + 6.0)) y=(place(middle + 4.0)) {
                (format::three_digits(point.value))
            }
        }
    }
}
