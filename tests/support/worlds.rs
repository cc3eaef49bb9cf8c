//! One source of cases, run with std and with virid: on std's threads with std's means,
//! on std's threads with virid's, and on green threads with virid's.

/// Makes a test of each case in the file, which uses `sync` and `thread`.
macro_rules! worlds {
    ($path:literal; $($case:ident)+) => {
        mod of_std {
            use std::{sync, thread};
            include!($path);
        }
        mod of_plain_threads {
            use std::thread;
            use virid::sync;
            include!($path);
        }
        mod of_green_threads {
            use virid::{sync, thread};
            include!($path);
        }
        $(
            mod $case {
                #[test]
                fn on_std() {
                    super::support::guard(super::of_std::$case);
                }

                #[test]
                fn on_plain_threads() {
                    super::support::guard(super::of_plain_threads::$case);
                }

                #[test]
                fn on_green_threads() {
                    super::support::guard(|| {
                        for count in [1, 2, 8] {
                            super::workers::workers(count).run(super::of_green_threads::$case);
                        }
                    });
                }
            }
        )+
    };
}
pub(crate) use worlds;
