//! Models know no green threads: what the scheduler asks of them, answered.

pub(crate) mod current {
    use std::future::Future;

    pub(crate) enum Current {}

    impl Current {
        pub(crate) fn get<'a>() -> Option<&'a Self> {
            None
        }

        pub(crate) fn get_to_wait<'a>() -> Option<&'a Self> {
            None
        }

        pub(crate) fn shield(&self) {}

        pub(crate) fn block_on<F: Future>(&self, _: F, _: &str) -> F::Output {
            match *self {}
        }
    }
}

pub(crate) mod stack {
    #[derive(Clone, Copy, Debug)]
    pub(crate) enum Size {}

    pub(crate) fn trim() -> usize {
        0
    }
}

pub(crate) mod runner {
    use std::cell::Cell;
    use std::ptr::NonNull;

    use crate::task::header::TaskRef;

    #[derive(Debug)]
    pub(crate) struct Runners;

    thread_local! {
        /// What workers take for the number of their started threads: where it is not
        /// 0, they look into their inboxes. One model runs on one thread of the system.
        pub(crate) static STARTED: Cell<usize> = const { Cell::new(0) };
    }

    impl Runners {
        pub(crate) fn uninstall(&self) {}

        pub(crate) fn started(&self) -> usize {
            STARTED.get()
        }

        pub(crate) fn tasks(&self) -> Vec<TaskRef> {
            Vec::new()
        }

        pub(crate) fn home_of(_: NonNull<()>) -> usize {
            0
        }

        pub(crate) fn hand_in(&self) {}

        pub(crate) fn hand_in_all(&self) {}

        pub(crate) fn prewarm(&self, _: usize) {}
    }
}
