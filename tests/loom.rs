//! Runs the loom models, and shows that each fails when a line is left out.
//!
//! ```text
//! RUSTFLAGS="--cfg virid_loom" LOOM_MAX_PREEMPTIONS=2 cargo test --release --test loom
//! ```
//!
//! A model that fails may hang the other threads of its process or abort, so
//! the runs that must fail happen in child processes with a deadline.
#![cfg(virid_loom)]

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use virid::internals::{idle, keyed, limit, locks, memory, ring, roll, sets, task};

macro_rules! models {
    ($($module:ident :: $model:ident,)+) => {
        $(
            #[test]
            fn $model() {
                $module::$model();
            }
        )+

        const MODELS: &[&str] = &[$(stringify!($model)),+];
    };
}

models! {
    task::wakes_race_a_poll,
    task::two_wakes_make_one_runnable,
    task::the_last_of_three_frees_the_cell,
    task::a_handle_is_dropped_while_its_task_ends,
    task::a_join_with_changing_wakers_races_the_end,
    task::a_waiting_handle_is_dropped_while_its_task_ends,
    task::a_parked_joiner_is_unparked,
    task::cancel_races_a_wake,
    task::an_abort_races_a_poll,
    task::cancel_races_the_end_of_a_detached_task,
    task::two_aborts_race_a_wake,
    task::an_abort_races_the_end,
    task::an_abort_handle_outlives_its_task,
    idle::a_spawn_from_outside_wakes_a_worker,
    idle::a_task_sent_home_wakes_its_worker,
    idle::two_spawns_from_outside_occupy_two_workers,
    idle::a_child_runs_while_its_parent_computes,
    idle::two_children_run_while_their_parent_computes,
    idle::a_batch_is_shared_with_the_other_searcher,
    idle::a_yielding_task_goes_on_while_its_child_computes,
    idle::close_reaches_every_worker,
    idle::a_spawn_races_the_end,
    idle::a_wake_races_the_end,
    idle::a_late_spawner_drops_no_stranger,
    memory::takers_share_what_was_handed_in,
    memory::a_slow_taker_meets_a_batch_that_goes,
    memory::a_slow_carver_meets_a_slab_that_goes,
    memory::the_last_cells_race_the_end_of_their_runtime,
    memory::a_batch_of_the_overflow_goes_to_one_taker,
    memory::a_batch_is_left_for_the_owner,
    memory::a_yield_behind_the_front_is_seen,
    sets::members_end_while_their_owner_waits,
    sets::an_owner_changes_its_waker_while_a_member_ends,
    sets::a_set_is_dropped_while_its_members_end,
    sets::a_task_is_enlisted_while_it_ends,
    locks::two_writers_take_turns,
    locks::a_lock_passes_through_those_who_wait,
    locks::a_reader_and_a_writer_wait_for_a_writer,
    locks::a_writer_waits_for_readers,
    locks::readers_come_in_when_a_writer_becomes_one,
    locks::who_leaves_passes_the_lock_on,
    locks::who_leaves_after_a_long_wait_keeps_nobody_out,
    locks::a_writer_that_leaves_lets_a_reader_in,
    locks::a_reader_comes_in_though_a_writer_has_left_its_bit,
    locks::readers_come_in_after_a_writer_that_has_waited_reads,
    locks::a_reader_that_was_called_leaves_to_a_writer,
    locks::who_leaves_lets_a_reader_in,
    locks::who_leaves_lets_a_writer_in,
    ring::an_owner_and_a_thief_take_each_task_once,
    ring::two_thieves_take_each_task_once,
    ring::a_slot_is_filled_anew_beside_a_thief,
    ring::a_handle_is_dropped_while_its_task_is_stolen,
    limit::a_limit_of_one_lets_one_in,
    limit::who_leaves_the_line_leaves_no_hole,
    limit::two_who_leave_keep_no_permit,
    keyed::a_turn_is_handed_to_one_that_is_being_made,
    keyed::an_abort_hands_the_turn_on,
    keyed::who_leaves_the_line_leaves_no_gap,
    keyed::the_end_finds_who_waits_for_a_turn,
    roll::an_owner_waits_for_two_children,
    roll::a_child_comes_in_before_the_end_or_not_at_all,
    roll::a_close_reaches_a_child_that_is_added,
}

/// Fails, and says why this runtime is not built like that; run in a child.
#[test]
#[ignore = "fails by design"]
fn an_untagged_list_hands_a_node_out_twice() {
    memory::an_untagged_list_hands_a_node_out_twice();
}

#[test]
fn the_untagged_list_fails() {
    let model = "an_untagged_list_hands_a_node_out_twice";
    assert!(!succeeds_without("nothing", model));
}

/// The lines marked `needed!` in `src`, each with models that notice. Every line
/// and every model is in it.
const NEEDED: &[(&str, &[&str])] = &[
    ("wake of a scheduled task", &["wakes_race_a_poll"]),
    ("woken while running", &["wakes_race_a_poll"]),
    ("cancelled while running", &["an_abort_races_a_poll"]),
    ("settled when suspended", &["cancel_races_a_wake"]),
    (
        "walk meets no sole owner",
        &["cancel_races_the_end_of_a_detached_task"],
    ),
    (
        "handle of a sole owner",
        &[
            "a_handle_is_dropped_while_its_task_ends",
            "a_join_with_changing_wakers_races_the_end",
            "an_abort_races_the_end",
        ],
    ),
    ("claim of a wake", &["two_wakes_make_one_runnable"]),
    ("claim of a cancel", &["two_aborts_race_a_wake"]),
    (
        "references of a sole owner",
        &["an_abort_handle_outlives_its_task"],
    ),
    ("last reference", &["the_last_of_three_frees_the_cell"]),
    (
        "reference of the completer",
        &[
            "a_join_with_changing_wakers_races_the_end",
            "a_waiting_handle_is_dropped_while_its_task_ends",
        ],
    ),
    (
        "complete before the waker came",
        &[
            "a_join_with_changing_wakers_races_the_end",
            "a_parked_joiner_is_unparked",
        ],
    ),
    ("pusher's fence", &["a_spawn_from_outside_wakes_a_worker"]),
    (
        "sleeper's fence",
        &[
            "a_spawn_from_outside_wakes_a_worker",
            "a_wake_races_the_end",
        ],
    ),
    ("sender's fence", &["a_task_sent_home_wakes_its_worker"]),
    ("sleeper's look", &["a_spawn_from_outside_wakes_a_worker"]),
    (
        "spawner's fence",
        &[
            "a_child_runs_while_its_parent_computes",
            "a_yielding_task_goes_on_while_its_child_computes",
        ],
    ),
    (
        "length after the push",
        &["a_child_runs_while_its_parent_computes"],
    ),
    (
        "searcher's fence",
        &["two_spawns_from_outside_occupy_two_workers"],
    ),
    (
        "searcher's release",
        &["a_batch_is_shared_with_the_other_searcher"],
    ),
    (
        "parked when the last searcher left",
        &["two_spawns_from_outside_occupy_two_workers"],
    ),
    (
        "wake chain",
        &[
            "two_children_run_while_their_parent_computes",
            "two_spawns_from_outside_occupy_two_workers",
        ],
    ),
    ("last worker's fence", &["a_spawn_races_the_end"]),
    (
        "visitor's fence",
        &["a_late_spawner_drops_no_stranger", "a_spawn_races_the_end"],
    ),
    ("closer's fence", &["close_reaches_every_worker"]),
    ("visit of a waker", &["a_wake_races_the_end"]),
    (
        "grace period of a batch",
        &[
            "a_slow_taker_meets_a_batch_that_goes",
            "takers_share_what_was_handed_in",
            "a_batch_of_the_overflow_goes_to_one_taker",
        ],
    ),
    ("taker's second look", &["a_batch_is_left_for_the_owner"]),
    (
        "release of a retired batch",
        &["a_batch_is_left_for_the_owner"],
    ),
    (
        "look from front to back",
        &["a_yield_behind_the_front_is_seen"],
    ),
    (
        "owner's fence",
        &[
            "an_owner_and_a_thief_take_each_task_once",
            "a_handle_is_dropped_while_its_task_is_stolen",
        ],
    ),
    (
        "thief's fence",
        &[
            "an_owner_and_a_thief_take_each_task_once",
            "a_handle_is_dropped_while_its_task_is_stolen",
        ],
    ),
    (
        "look for thieves",
        &[
            "an_owner_and_a_thief_take_each_task_once",
            "a_slot_is_filled_anew_beside_a_thief",
        ],
    ),
    (
        "wait for a busy owner",
        &[
            "an_owner_and_a_thief_take_each_task_once",
            "a_handle_is_dropped_while_its_task_is_stolen",
        ],
    ),
    ("one taker of a task", &["two_thieves_take_each_task_once"]),
    (
        "newest is still here",
        &["a_handle_is_dropped_while_its_task_is_stolen"],
    ),
    (
        "grace period of a slab",
        &["a_slow_carver_meets_a_slab_that_goes"],
    ),
    (
        "closed lanes",
        &["the_last_cells_race_the_end_of_their_runtime"],
    ),
    (
        "wait for those without a lane",
        &["the_last_cells_race_the_end_of_their_runtime"],
    ),
    (
        "wake of who waits for members",
        &[
            "members_end_while_their_owner_waits",
            "an_owner_changes_its_waker_while_a_member_ends",
        ],
    ),
    (
        "count of who wakes a set",
        &["an_owner_changes_its_waker_while_a_member_ends"],
    ),
    (
        "look at who wakes a set",
        &["an_owner_changes_its_waker_while_a_member_ends"],
    ),
    (
        "count of members to come",
        &["a_set_is_dropped_while_its_members_end"],
    ),
    (
        "complete before the set left",
        &["a_set_is_dropped_while_its_members_end"],
    ),
    (
        "complete before it was enlisted",
        &["a_task_is_enlisted_while_it_ends"],
    ),
    (
        "taking of a lock",
        &["two_writers_take_turns", "a_writer_waits_for_readers"],
    ),
    ("giving back of a lock", &["two_writers_take_turns"]),
    ("giving back by a reader", &["a_writer_waits_for_readers"]),
    ("bit of who waits", &["two_writers_take_turns"]),
    ("writer's call", &["two_writers_take_turns"]),
    (
        "readers' call",
        &[
            "a_reader_and_a_writer_wait_for_a_writer",
            "readers_come_in_when_a_writer_becomes_one",
        ],
    ),
    (
        "readers' call by a writer who leaves",
        &["a_writer_that_leaves_lets_a_reader_in"],
    ),
    (
        "bit of a writer who was called",
        &[
            "a_lock_passes_through_those_who_wait",
            "who_leaves_passes_the_lock_on",
        ],
    ),
    (
        "call of those kept out by nobody",
        &[
            "a_reader_comes_in_though_a_writer_has_left_its_bit",
            "readers_come_in_after_a_writer_that_has_waited_reads",
        ],
    ),
    (
        "call by a reader who leaves",
        &[
            "a_reader_that_was_called_leaves_to_a_writer",
            "who_leaves_lets_a_reader_in",
        ],
    ),
    ("end of a long wait", &["two_writers_take_turns"]),
    (
        "long wait of who leaves",
        &["who_leaves_after_a_long_wait_keeps_nobody_out"],
    ),
    (
        "look of those behind who leaves",
        &[
            "a_writer_that_leaves_lets_a_reader_in",
            "who_leaves_lets_a_writer_in",
        ],
    ),
    ("taking of a permit", &["a_limit_of_one_lets_one_in"]),
    (
        "permit of a child",
        &[
            "a_limit_of_one_lets_one_in",
            "who_leaves_the_line_leaves_no_hole",
        ],
    ),
    (
        "permits of who leaves",
        &[
            "who_leaves_the_line_leaves_no_hole",
            "two_who_leave_keep_no_permit",
        ],
    ),
    (
        "grant by who leaves",
        &["who_leaves_the_line_leaves_no_hole"],
    ),
    (
        "hand-over of a turn",
        &["a_turn_is_handed_to_one_that_is_being_made"],
    ),
    (
        "turn of who leaves",
        &[
            "an_abort_hands_the_turn_on",
            "who_leaves_the_line_leaves_no_gap",
        ],
    ),
    (
        "end before a task is held",
        &["the_end_finds_who_waits_for_a_turn"],
    ),
    (
        "release of a child",
        &[
            "an_owner_waits_for_two_children",
            "a_child_comes_in_before_the_end_or_not_at_all",
        ],
    ),
    (
        "wake by the last child",
        &["an_owner_waits_for_two_children"],
    ),
    (
        "close by who waits",
        &["a_child_comes_in_before_the_end_or_not_at_all"],
    ),
    (
        "look of who adds",
        &["a_close_reaches_a_child_that_is_added"],
    ),
];

#[test]
fn every_needed_line_is_needed() {
    let unnoticed: Vec<_> = NEEDED
        .iter()
        .flat_map(|(line, models)| models.iter().map(move |model| (line, model)))
        .filter(|(line, model)| succeeds_without(line, model))
        .collect();
    assert!(
        unnoticed.is_empty(),
        "models that pass without a line: {unnoticed:?}"
    );
}

/// Runs one model in a child, without one line.
fn succeeds_without(line: &str, model: &str) -> bool {
    let program = std::env::current_exe().expect("a test knows its own path");
    let mut child = Command::new(program)
        .args(["--exact", "--include-ignored", model])
        .env("VIRID_LEAVE_OUT", line)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the test program starts again");
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        if let Some(status) = child.try_wait().expect("a child can be waited for") {
            return status.success();
        }
        if Instant::now() > deadline {
            // It hangs: the line was missed.
            let _ = child.kill();
            let _ = child.wait();
            return false;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The table above names every marked line of `src`, and every model.
#[test]
fn every_line_and_every_model_is_in_the_table() {
    let mut marked = Vec::new();
    collect_marks("src".as_ref(), &mut marked);
    marked.sort();
    let mut listed: Vec<_> = NEEDED.iter().map(|(line, _)| line.to_string()).collect();
    listed.sort();
    assert_eq!(marked, listed);
    let mut models: Vec<_> = NEEDED
        .iter()
        .flat_map(|(_, models)| *models)
        .copied()
        .collect();
    models.sort_unstable();
    models.dedup();
    let mut all = MODELS.to_vec();
    all.sort_unstable();
    assert_eq!(models, all);
}

fn collect_marks(folder: &std::path::Path, marks: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).expect("tests run in the package's folder") {
        let path = entry.expect("a folder can be listed").path();
        if path.is_dir() {
            collect_marks(&path, marks);
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("a source file is text");
        for (at, _) in text.match_indices("needed!(") {
            let rest = text[at + "needed!(".len()..].trim_start();
            if let Some(name) = rest
                .strip_prefix('"')
                .and_then(|rest| rest.split('"').next())
            {
                marks.push(name.to_owned());
            }
        }
    }
}
