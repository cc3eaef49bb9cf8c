//! Proves that `virid::sync` has the names of `std::sync`, with the same signatures, and
//! that its types have the same traits, but for what its page says of the guards.

#![cfg(all(feature = "sync", feature = "time", not(virid_loom)))]

mod of_std {
    use std::sync;
    include!("worlds/names.rs");
}
mod of_virid {
    use virid::sync;
    include!("worlds/names.rs");
}

#[test]
fn every_signature_is_the_same() {
    of_std::every_signature_is_the_same();
    of_virid::every_signature_is_the_same();
    of_std::what_takes_a_closure_takes_the_same();
    of_virid::what_takes_a_closure_takes_the_same();
}

#[test]
fn types_are_shown_in_the_same_way() {
    assert_eq!(of_std::shown(), of_virid::shown());
}

#[test]
fn types_have_the_same_traits() {
    let both = [
        (
            of_std::traits_of_what_takes_a_type(),
            of_virid::traits_of_what_takes_a_type(),
        ),
        (
            of_std::traits_of_the_others(),
            of_virid::traits_of_the_others(),
        ),
    ];
    for (of_std, of_virid) in both {
        for (of_std, of_virid) in of_std.iter().zip(&of_virid) {
            assert_eq!(of_std, of_virid);
        }
        assert_eq!(of_std.len(), of_virid.len());
    }
}

#[test]
fn guards_have_the_same_traits_and_can_be_sent() {
    let of_std = of_std::traits_of_guards();
    for (of_std, mut of_virid) in of_std.into_iter().zip(of_virid::traits_of_guards()) {
        let can_be_sent = of_virid.1.contains(&"Send");
        of_virid.1.retain(|name| *name != "Send");
        assert_eq!(of_std, of_virid);
        // Who can be sent and shared; for a mutex the former is enough.
        let (is_send, is_sync) = match of_std.0 {
            name if name.contains("Rc") => (false, false),
            name if name.contains("OnlySync") => (false, true),
            name if name.contains("Cell") => (true, false),
            _ => (true, true),
        };
        let expected = match of_std.0 {
            name if name.contains("Read") => is_sync,
            name if name.contains("Write") => is_send && is_sync,
            _ => is_send,
        };
        assert_eq!(can_be_sent, expected, "{}", of_std.0);
    }
}
