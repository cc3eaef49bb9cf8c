//! Proves that the types of `virid::thread` implement what those of std implement, and
//! are sent and shared where those are, and nowhere else. What is of `virid::sync` is in
//! `sync_names.rs`.

#![cfg(not(virid_loom))]

use std::cell::Cell;
use std::fmt::Debug;
use std::hash::Hash;
use std::marker::PhantomPinned;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::rc::Rc;

/// What a type says that does not implement a trait: a constant of the type itself,
/// which is there if it does, counts first.
trait Otherwise {
    const IS: bool = false;
}

macro_rules! asks {
    ($($asks:ident $trait:ident)+) => {
        $(
            struct $asks<T: ?Sized>(std::marker::PhantomData<T>);
            impl<T: ?Sized> Otherwise for $asks<T> {}
            impl<T: ?Sized + $trait> $asks<T> {
                const IS: bool = true;
            }
        )+

        const TRAITS: &[&str] = &[$(stringify!($trait)),+];

        /// Which of these traits a type implements.
        macro_rules! row {
            ($type:ty) => { (stringify!($type), [$(<$asks<$type>>::IS),+]) };
        }
    };
}

asks! {
    AsksSend Send AsksSync Sync AsksUnpin Unpin AsksUnwindSafe UnwindSafe
    AsksRefUnwindSafe RefUnwindSafe AsksDebug Debug AsksClone Clone AsksCopy Copy
    AsksEq Eq AsksHash Hash
}

/// What is neither `Unpin` nor safe to see after a panic.
type Fragile = (&'static mut u8, PhantomPinned);
type NotSend = std::sync::MutexGuard<'static, ()>;

type Row = (&'static str, [bool; TRAITS.len()]);

/// The types that have a value in them.
macro_rules! of {
    ($value:ty) => {{
        type T = $value;
        vec![
            row!(thread::JoinHandle<T>),
            row!(thread::ScopedJoinHandle<'static, T>),
        ]
    }};
}

macro_rules! world {
    ($name:ident, $world:ident) => {
        mod $name {
            use super::*;
            use $world::thread;

            pub(super) fn table() -> Vec<(&'static str, Vec<Row>)> {
                let no_value = vec![
                    row!(thread::Builder),
                    row!(thread::Scope<'static, 'static>),
                    row!(thread::Thread),
                    row!(thread::ThreadId),
                ];
                vec![
                    ("no value", no_value),
                    ("u8", of!(u8)),
                    ("not Sync", of!(Cell<u8>)),
                    ("not Send", of!(NotSend)),
                    ("neither", of!(Rc<u8>)),
                    ("fragile", of!(Fragile)),
                ]
            }
        }
    };
}

world!(of_std, std);
world!(of_virid, virid);

#[test]
fn virids_types_implement_what_stds_do() {
    let mut differences = Vec::new();
    for ((value, std), (_, virid)) in of_std::table().iter().zip(of_virid::table()) {
        assert_eq!(std.len(), virid.len());
        for ((name, std), (_, virid)) in std.iter().zip(virid) {
            for ((of, std), here) in TRAITS.iter().zip(std).zip(virid) {
                let may_be_more = !["Send", "Sync"].contains(of);
                if here != *std && !(here && may_be_more) {
                    differences.push(format!("{name} with {value}: {of} is {std} in std"));
                }
            }
        }
    }
    assert!(differences.is_empty(), "{differences:#?}");
}

#[test]
fn the_names_that_are_stds_are_its_types() {
    use virid::thread::{AccessError, LocalKey, Result};
    thread_local! {
        static KEY: u32 = const { 1 };
    }
    let key: &'static LocalKey<u32> = &KEY;
    let value: std::result::Result<u32, AccessError> = key.try_with(|value| *value);
    let result: Result<u32> = std::thread::spawn(|| 1).join();
    assert_eq!(value.unwrap(), result.unwrap());
}
