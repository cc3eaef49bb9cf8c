//! The members of a set, by number, for its owner alone.

use crate::task::member::Member;

/// Room that stays when the last member has gone, so that a set which fills up again
/// and again asks for none.
const MOST_SPARE: usize = 1 << 12;

/// A place: a member, or the next free place (none: `usize::MAX`).
#[derive(Clone, Copy)]
enum Place {
    Taken(Member),
    Free(usize),
}

/// All members. A number stays a member's own until it is removed.
pub(super) struct Members {
    places: Vec<Place>,
    first_free: usize,
    len: usize,
    /// How many were ever inserted.
    inserted: u64,
}

impl Members {
    pub(super) const fn new() -> Self {
        Self {
            places: Vec::new(),
            first_free: usize::MAX,
            len: 0,
            inserted: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn inserted(&self) -> u64 {
        self.inserted
    }

    /// The number of the next member that is inserted.
    #[inline]
    pub(super) fn next_number(&self) -> usize {
        self.first_free.min(self.places.len())
    }

    /// Inserts a member that has got the next number.
    #[inline]
    pub(super) fn insert(&mut self, member: Member) {
        match self.places.get_mut(self.first_free) {
            None => self.places.push(Place::Taken(member)),
            Some(place) => {
                let Place::Free(next) = std::mem::replace(place, Place::Taken(member)) else {
                    unreachable!("a free place holds no member");
                };
                self.first_free = next;
            }
        }
        self.len += 1;
        self.inserted += 1;
    }

    /// Removes the member with this number.
    #[inline]
    pub(super) fn remove(&mut self, number: usize) {
        self.len -= 1;
        if self.len > 0 {
            self.places[number] = Place::Free(self.first_free);
            self.first_free = number;
            return;
        }
        // From the front again, where the processor expects it.
        self.places.clear();
        self.first_free = usize::MAX;
        if self.places.capacity() > MOST_SPARE {
            self.places.shrink_to(MOST_SPARE);
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Member> {
        self.places.iter().filter_map(|place| match place {
            Place::Taken(member) => Some(*member),
            Place::Free(_) => None,
        })
    }

    /// Removes all.
    pub(super) fn take(&mut self) -> impl Iterator<Item = Member> + use<> {
        let left = Self {
            inserted: self.inserted,
            ..Self::new()
        };
        let places = std::mem::replace(self, left).places;
        places.into_iter().filter_map(|place| match place {
            Place::Taken(member) => Some(member),
            Place::Free(_) => None,
        })
    }
}
