//! Which runtime is drawn how, the same in every drawing.

use crate::runtimes::CONTENDERS;

/// Number of colours in `style.css`.
const COLOURS: usize = 8;

/// How a runtime is drawn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    /// Class that sets the colour: one for each family of runtimes, which is what
    /// names have in common in front of their first hyphen.
    pub(super) class: &'static str,
    /// The further members of a family have dashed lines.
    pub(super) dashes: &'static str,
    /// Whether it is the one that the others are compared with.
    pub(super) is_first: bool,
}

const CLASSES: [&str; COLOURS] = ["c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7"];
const DASHES: [&str; 4] = ["none", "5 3", "1.5 2.5", "8 3 2 3"];

/// How the runtime of this name is drawn.
pub(super) fn look(runtime: &str) -> Look {
    let mut families: Vec<&str> = Vec::new();
    for contender in &CONTENDERS {
        let family = family(contender.name);
        if !families.contains(&family) {
            families.push(family);
        }
    }
    let own = family(runtime);
    let number = families.iter().position(|&of| of == own);
    let members = CONTENDERS.iter().filter(|of| family(of.name) == own);
    let member = members.into_iter().position(|of| of.name == runtime);
    Look {
        class: CLASSES[number.unwrap_or(0) % COLOURS],
        dashes: DASHES[member.unwrap_or(0) % DASHES.len()],
        is_first: CONTENDERS[0].name == runtime,
    }
}

fn family(runtime: &str) -> &str {
    runtime.split('-').next().unwrap_or(runtime)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_has_a_colour_and_its_members_differ() {
        let [one, other] = ["virid", "virid-threads"].map(look);
        assert_eq!(one.class, other.class);
        assert_ne!(one.dashes, other.dashes);
        assert!(one.is_first && !other.is_first);
        assert_ne!(look("tokio").class, one.class);
    }
}
