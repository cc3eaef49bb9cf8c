//! One source of cases, run with std and with virid. It uses `sync` and `thread`, which
//! are another world's each time it is included:
//!
//! | world | `sync` | `thread` | the case itself runs on |
//! |---|---|---|---|
//! | `std` | std's | std's | a thread of the system |
//! | `plain` | virid's | std's | a thread of the system |
//! | `outside` | virid's | virid's | a thread of the system, which spawns green ones |
//! | `green` | virid's | virid's | a green thread, of one, two and eight workers |

/// Makes a test of each case in the file, for each world; for std, plain and green
/// threads where none is named.
macro_rules! worlds {
    ($path:literal; $($case:ident)+) => {
        $crate::worlds::worlds! { $path, (std plain green); $($case)+ }
    };
    ($path:literal, $worlds:tt; $($case:ident)+) => {
        $crate::worlds::sources! { $path, $worlds }
        $(mod $case { $crate::worlds::tests! { $case, $worlds } })+
    };
}
pub(crate) use worlds;

macro_rules! sources {
    ($path:literal, ($($world:ident)+)) => { $($crate::worlds::source! { $path, $world })+ };
}
pub(crate) use sources;

macro_rules! source {
    ($path:literal, std) => {
        mod of_std {
            use std::{sync, thread};
            include!($path);
        }
    };
    ($path:literal, plain) => {
        mod of_plain_threads {
            use std::thread;
            use virid::sync;
            include!($path);
        }
    };
    ($path:literal, outside) => {
        mod from_outside {
            use virid::{sync, thread};
            include!($path);
        }
    };
    ($path:literal, green) => {
        mod of_green_threads {
            use virid::{sync, thread};
            include!($path);
        }
    };
}
pub(crate) use source;

macro_rules! tests {
    ($case:ident, ($($world:ident)+)) => { $($crate::worlds::test! { $case, $world })+ };
}
pub(crate) use tests;

macro_rules! test {
    ($case:ident, std) => {
        #[test]
        fn on_std() {
            crate::support::guard(crate::of_std::$case);
        }
    };
    ($case:ident, plain) => {
        #[test]
        fn on_plain_threads() {
            crate::support::guard(crate::of_plain_threads::$case);
        }
    };
    ($case:ident, outside) => {
        #[test]
        fn from_outside() {
            crate::support::guard(crate::from_outside::$case);
        }
    };
    ($case:ident, green) => {
        #[test]
        fn on_green_threads() {
            crate::support::guard(|| {
                for count in [1, 2, 8] {
                    crate::workers::workers(count).run(crate::of_green_threads::$case);
                }
            });
        }
    };
}
pub(crate) use test;
