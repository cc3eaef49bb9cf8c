//! The simple one: what is promised of tasks, threads, keys, permits and notifications,
//! without any thread. One life goes on at a time, as far as it can.

use std::collections::VecDeque;

pub(crate) const GATES: usize = 3;
pub(crate) const KEYS: usize = 2;

/// What a life does, one after another.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    Yield,
    /// Waits for a notification.
    Gate(usize),
    /// Takes a permit, which it keeps to its end; without a key only, so that the end of
    /// a life lets one other go on at most.
    Permit,
    /// Parks, on a green thread.
    Park,
}

#[derive(Clone, Debug)]
pub(crate) struct Script {
    pub(crate) is_thread: bool,
    pub(crate) key: Option<usize>,
    /// Spawned by a task, not by the test.
    pub(crate) inside: bool,
    pub(crate) steps: Vec<Step>,
    pub(crate) panics: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum End {
    Output,
    Panic,
    Cancelled,
}

#[derive(Debug)]
struct Life {
    script: Script,
    next: usize,
    has_permit: bool,
    has_token: bool,
    is_parked: bool,
    end: Option<End>,
}

#[derive(Debug)]
pub(crate) struct Model {
    lives: Vec<Life>,
    gates: [(bool, VecDeque<usize>); GATES],
    permits: (usize, VecDeque<usize>),
    /// Who has the turn, and who waits for it.
    keys: [VecDeque<usize>; KEYS],
}

impl Model {
    pub(crate) fn new(permits: usize) -> Self {
        Self {
            lives: Vec::new(),
            gates: Default::default(),
            permits: (permits, VecDeque::new()),
            keys: Default::default(),
        }
    }

    pub(crate) fn end_of(&self, life: usize) -> Option<End> {
        self.lives[life].end
    }

    pub(crate) fn ended(&self) -> usize {
        self.lives.iter().filter(|life| life.end.is_some()).count()
    }

    pub(crate) fn spawn(&mut self, script: Script) {
        let life = self.lives.len();
        let key = script.key;
        self.lives.push(Life {
            script,
            next: 0,
            has_permit: false,
            has_token: false,
            is_parked: false,
            end: None,
        });
        if let Some(key) = key {
            self.keys[key].push_back(life);
            if self.keys[key].len() > 1 {
                return;
            }
        }
        self.go_on(life);
    }

    /// As far as it can.
    fn go_on(&mut self, life: usize) {
        let one = &mut self.lives[life];
        let Some(&step) = one.script.steps.get(one.next) else {
            let panics = one.script.panics;
            return self.end(life, if panics { End::Panic } else { End::Output });
        };
        let can = match step {
            Step::Yield => true,
            Step::Gate(gate) => {
                let (is_stored, line) = &mut self.gates[gate];
                if !*is_stored {
                    line.push_back(life);
                }
                std::mem::take(is_stored)
            }
            Step::Permit if one.script.key.is_some() || one.has_permit => true,
            Step::Permit if self.permits.0 > 0 => {
                self.permits.0 -= 1;
                one.has_permit = true;
                true
            }
            Step::Permit => {
                self.permits.1.push_back(life);
                false
            }
            Step::Park if !one.script.is_thread => true,
            Step::Park => {
                one.is_parked = !std::mem::take(&mut one.has_token);
                !one.is_parked
            }
        };
        if can {
            self.lives[life].next += 1;
            self.go_on(life);
        }
    }

    fn pass(&mut self, life: usize) {
        self.lives[life].next += 1;
        self.go_on(life);
    }

    fn end(&mut self, life: usize, end: End) {
        self.lives[life].end = Some(end);
        if std::mem::take(&mut self.lives[life].has_permit) {
            self.add_permit();
        }
        if let Some(key) = self.lives[life].script.key {
            let had_turn = self.keys[key].front() == Some(&life);
            self.keys[key].retain(|&other| other != life);
            if had_turn && let Some(&next) = self.keys[key].front() {
                self.go_on(next);
            }
        }
    }

    pub(crate) fn add_permit(&mut self) {
        let Some(next) = self.permits.1.pop_front() else {
            self.permits.0 += 1;
            return;
        };
        self.lives[next].has_permit = true;
        self.pass(next);
    }

    pub(crate) fn notify(&mut self, gate: usize) {
        match self.gates[gate].1.pop_front() {
            Some(life) => self.pass(life),
            None => self.gates[gate].0 = true,
        }
    }

    pub(crate) fn unpark(&mut self, life: usize) {
        if std::mem::take(&mut self.lives[life].is_parked) {
            self.pass(life);
        } else {
            self.lives[life].has_token = true;
        }
    }

    pub(crate) fn cancel(&mut self, life: usize) {
        if self.lives[life].end.is_some() {
            return;
        }
        for (_, line) in &mut self.gates {
            line.retain(|&other| other != life);
        }
        self.permits.1.retain(|&other| other != life);
        self.lives[life].is_parked = false;
        self.end(life, End::Cancelled);
    }

    /// The end of the runtime.
    pub(crate) fn close(&mut self) {
        for life in &mut self.lives {
            life.end.get_or_insert(End::Cancelled);
        }
    }
}
