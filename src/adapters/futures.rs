//! Code that spawns through the trait of the futures crates.
//!
//! A future that comes too late is handed to nobody: the caller gets an error, as the trait
//! wants it. One that comes while the runtime ends may be taken and dropped all the same.

use futures_task::{FutureObj, Spawn, SpawnError};

use crate::runtime::{Handle, Runtime};

#[cfg_attr(docsrs, doc(cfg(feature = "futures")))]
impl Spawn for Handle {
    #[track_caller]
    fn spawn_obj(&self, future: FutureObj<'static, ()>) -> Result<(), SpawnError> {
        self.status()?;
        drop(self.spawn(future));
        Ok(())
    }

    fn status(&self) -> Result<(), SpawnError> {
        if self.is_closed() {
            return Err(SpawnError::shutdown());
        }
        Ok(())
    }
}

#[cfg_attr(docsrs, doc(cfg(feature = "futures")))]
impl Spawn for Runtime {
    #[track_caller]
    fn spawn_obj(&self, future: FutureObj<'static, ()>) -> Result<(), SpawnError> {
        self.handle().spawn_obj(future)
    }

    fn status(&self) -> Result<(), SpawnError> {
        self.handle().status()
    }
}
