//! Quantities as people read them.

/// A number of tasks, or of what a workload counts: 10K, 100K, 1M.
pub(crate) fn size(size: u64) -> String {
    if size >= 1_000_000 && size.is_multiple_of(1_000_000) {
        format!("{}M", size / 1_000_000)
    } else if size >= 1000 && size.is_multiple_of(1000) {
        format!("{}K", size / 1000)
    } else {
        size.to_string()
    }
}

/// Memory of one task.
pub(crate) fn bytes(bytes: f64) -> String {
    if bytes >= 1000.0 {
        format!("{} KiB", three_digits(bytes / 1024.0))
    } else {
        format!("{bytes:.0} B")
    }
}

/// Memory.
pub(crate) fn kib(kib: f64) -> String {
    let mib = kib / 1024.0;
    if mib >= 1000.0 {
        format!("{} GiB", three_digits(mib / 1024.0))
    } else {
        format!("{} MiB", three_digits(mib))
    }
}

/// A time.
pub(crate) fn nanos(ns: f64) -> String {
    let (value, unit) = if ns >= 1e9 {
        (ns / 1e9, "s")
    } else if ns >= 1e6 {
        (ns / 1e6, "ms")
    } else {
        (ns / 1e3, "us")
    };
    format!("{} {unit}", three_digits(value))
}

/// Three digits are all that a noisy machine supports.
pub(crate) fn three_digits(value: f64) -> String {
    if value >= 99.95 {
        format!("{value:.0}")
    } else if value >= 9.995 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}

/// How long something took compared with the baseline.
pub(crate) fn ratio(ratio: f64) -> String {
    if ratio >= 1.0 {
        format!("{}x slower", three_digits(ratio))
    } else {
        format!("{}x faster", three_digits(1.0 / ratio))
    }
}

/// From one value to another.
pub(crate) fn range(low: f64, high: f64) -> String {
    format!("{}-{}", three_digits(low), three_digits(high))
}

/// A part of a whole, in percent.
pub(crate) fn percent(part: f64) -> String {
    format!("{:.0}%", part * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities() {
        assert_eq!(size(10_000), "10K");
        assert_eq!(size(10_000_000), "10M");
        assert_eq!(size(1_500), "1500");
        assert_eq!(bytes(999.4), "999 B");
        assert_eq!(bytes(4506.0), "4.40 KiB");
        assert_eq!(kib(2048.0), "2.00 MiB");
        assert_eq!(kib(1024.0 * 1024.0 * 3.0), "3.00 GiB");
        assert_eq!(nanos(1_234_000.0), "1.23 ms");
        assert_eq!(three_digits(99.97), "100");
    }

    #[test]
    fn ratios_say_which_way_they_go() {
        assert_eq!(ratio(4.0), "4.00x slower");
        assert_eq!(ratio(0.5), "2.00x faster");
        assert_eq!(range(0.934, 12.0), "0.93-12.0");
    }
}
