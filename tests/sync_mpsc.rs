//! Proves that the channels of `virid::sync` keep what std says of its own, on plain
//! threads and on green ones.

#![cfg(all(feature = "sync", feature = "time", not(virid_loom)))]

mod support;
#[path = "support/workers.rs"]
mod workers;
#[path = "support/worlds.rs"]
mod worlds;

worlds::worlds! {
    "worlds/mpsc.rs";
    what_one_sends_arrives_in_order
    what_many_send_arrives_once
    what_was_sent_is_received_after_the_senders_are_gone
    a_receiver_that_waits_hears_that_the_senders_are_gone
    a_send_without_a_receiver_gives_the_value_back
    senders_that_wait_get_their_values_back_when_the_receiver_goes
    what_is_in_the_channel_is_dropped_with_the_receiver
    a_bound_is_kept
    without_room_a_send_returns_when_its_value_was_received
    without_room_try_send_needs_a_receiver_that_waits
    try_recv_does_not_wait
    recv_timeout_waits_no_shorter_and_takes_what_is_there
    no_value_is_lost_to_a_timeout
    a_receiver_is_an_iterator
    an_iterator_has_ended_when_all_senders_are_gone
    a_receiver_without_time_takes_from_a_sender_that_waits
    the_ends_show_their_names
    the_ends_can_be_sent_and_the_senders_shared
    a_receiver_cannot_be_shared
    a_channel_may_pass_channels
}
