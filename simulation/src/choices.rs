//! Where every choice of a world comes from: a seed, a list, or an enumeration of all lists.
//!
//! A choice is a number below a width. 0 always stands for the plainest thing: nothing happens, the call
//! succeeds. So the list of all choices is the world, a list that ends early goes on with zeros, and a
//! list with fewer and smaller numbers is a simpler world: that is what shrinking relies on.

use crate::event::Event;

/// What a choice decides.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    /// How the world is made.
    Setup,
    /// Whether something happens, and what.
    Event,
}

#[derive(Clone, Copy, Debug)]
struct Made {
    value: u16,
    width: u16,
    kind: Kind,
    event: Option<Event>,
}

/// A choice that is given. The number of an event means another one where fewer are possible; what it stood for
/// stays the same, so that taking one choice out of a list leaves the others as they are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Given {
    /// The number.
    pub value: u16,
    /// The event it stood for.
    pub event: Option<Event>,
}

impl Given {
    /// Nothing.
    pub const NOTHING: Given = Given {
        value: 0,
        event: None,
    };
}

#[derive(Clone, Copy, Debug)]
enum Source {
    /// splitmix64, and how often of 256 times something happens.
    Random { state: u64, density: u64 },
    /// What is given; zeros after it.
    List,
}

/// A source of choices, which remembers those it has made.
#[derive(Debug)]
pub struct Choices {
    source: Source,
    given: Vec<Given>,
    made: Vec<Made>,
    /// So many choices stay as they are while lists are enumerated.
    fixed: usize,
}

impl Choices {
    /// Choices that come from a list.
    pub fn list(given: &[u16]) -> Choices {
        let given = given.iter().map(|value| Given {
            value: *value,
            event: None,
        });
        Choices::given(given.collect())
    }

    /// The same, where it is known what the numbers stand for.
    pub fn given(given: Vec<Given>) -> Choices {
        Choices {
            source: Source::List,
            given,
            made: Vec::with_capacity(256),
            fixed: 0,
        }
    }

    /// Choices that come from a seed.
    pub fn random(seed: u64) -> Choices {
        let mut choices = Choices::list(&[]);
        choices.restart(seed);
        choices
    }

    /// Begins another world, which comes from another seed; keeps the memory.
    pub fn restart(&mut self, seed: u64) {
        self.made.clear();
        self.given.clear();
        let mut state = seed;
        // Some worlds are quiet, some are not.
        let density = [6, 16, 40, 90][(next(&mut state) % 4) as usize];
        self.source = Source::Random { state, density };
    }

    /// Choices that begin with these, whatever [`Choices::advance`] makes of the others.
    pub fn fixed(given: &[u16]) -> Choices {
        let mut choices = Choices::list(given);
        choices.fixed = given.len();
        choices
    }

    /// Begins the world of the next list, where at most `events` choices of events are not zero, in the
    /// order of the lists; tells whether there is one.
    pub fn advance(&mut self, events: usize) -> bool {
        let mut used = self.made.iter().filter(|made| made.is_event()).count();
        while self.made.len() > self.fixed
            && let Some(last) = self.made.pop()
        {
            used -= usize::from(last.is_event());
            let allowed = last.kind == Kind::Setup || used < events;
            if allowed && last.value + 1 < last.width {
                self.given.clear();
                let given = |value| Given { value, event: None };
                self.given
                    .extend(self.made.iter().map(|made| given(made.value)));
                self.given.push(given(last.value + 1));
                self.made.clear();
                self.source = Source::List;
                return true;
            }
        }
        false
    }

    /// The numbers of all choices made so far.
    pub fn made(&self) -> Vec<u16> {
        self.made.iter().map(|made| made.value).collect()
    }

    /// The choices made so far, without the zeros at the end.
    pub fn trail(&self) -> Vec<Given> {
        let mut trail: Vec<Given> = self
            .made
            .iter()
            .map(|made| Given {
                value: made.value,
                event: made.event,
            })
            .collect();
        while trail.last() == Some(&Given::NOTHING) {
            trail.pop();
        }
        trail
    }

    /// A trait of the world: one of `width` that are equally likely.
    pub fn setup(&mut self, width: usize) -> usize {
        self.make(Kind::Setup, width, |state| next(state) % width as u64)
    }

    /// A trait of the world that one in `rarity` has.
    pub fn rarely(&mut self, rarity: u64) -> bool {
        self.make(Kind::Setup, 2, |state| {
            u64::from(next(state).is_multiple_of(rarity))
        }) == 1
    }

    /// Whether it is worth finding out which events are possible: a random world knows before that nothing
    /// happens, and has made its choice then.
    pub fn wants_event(&mut self) -> bool {
        if let Source::Random { state, density } = &mut self.source {
            let wants = next(state) & 255 < *density;
            if !wants {
                self.made.push(Made {
                    value: 0,
                    width: 1,
                    kind: Kind::Event,
                    event: None,
                });
            }
            return wants;
        }
        true
    }

    /// Which of the events that are possible happens, after [`Choices::wants_event`].
    pub fn event(&mut self, events: &[Event]) -> Option<Event> {
        let meant = self
            .given
            .get(self.made.len())
            .and_then(|given| given.event);
        if let (Source::List, Some(event)) = (self.source, meant) {
            let found = events.iter().position(|possible| *possible == event);
            let event = found.map(|_| event);
            self.made.push(Made {
                value: found.map_or(0, |at| at as u16 + 1),
                width: events.len() as u16 + 1,
                kind: Kind::Event,
                event,
            });
            return event;
        }
        let number = self.make(Kind::Event, events.len() + 1, |state| {
            1 + next(state) % events.len() as u64
        });
        let event = events.get(number.checked_sub(1)?).copied();
        if let Some(made) = self.made.last_mut() {
            made.event = event;
        }
        event
    }

    /// Whether something happens that is rarer than other events.
    pub fn rare_event(&mut self, rarity: u64, events: usize) -> usize {
        self.make(Kind::Event, events + 1, |state| {
            let random = next(state);
            if (random & 0xffff).is_multiple_of(rarity) && events > 0 {
                1 + (random >> 16) % events as u64
            } else {
                0
            }
        })
    }

    fn make(&mut self, kind: Kind, width: usize, random: impl FnOnce(&mut u64) -> u64) -> usize {
        let value = match &mut self.source {
            Source::Random { state, .. } => random(state) as usize,
            Source::List => match self.given.get(self.made.len()) {
                // After a choice was taken out by shrinking, a number may be meant for another one.
                Some(given) => usize::from(given.value) % width,
                None => 0,
            },
        };
        self.made.push(Made {
            value: value as u16,
            width: width as u16,
            kind,
            event: None,
        });
        value
    }
}

impl Made {
    fn is_event(&self) -> bool {
        self.kind == Kind::Event && self.value > 0
    }
}

/// The next number of splitmix64.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// The seed of one world of many.
pub fn seed_of(seed: u64, world: u64) -> u64 {
    let mut state = seed ^ world.wrapping_mul(0xd134_2543_de82_ef95);
    next(&mut state)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three points: a trait of two, and two chances of an event out of two.
    fn run(choices: &mut Choices) -> [usize; 3] {
        let events = [Event::Pass, Event::Enter];
        let event = |choices: &mut Choices| match choices.wants_event() {
            true => choices
                .event(&events)
                .map_or(0, |event| 1 + usize::from(event == Event::Enter)),
            false => 0,
        };
        [choices.setup(2), event(choices), event(choices)]
    }

    #[test]
    fn an_enumeration_visits_every_list_once_within_the_bound() {
        for (events, expected) in [(0, 2), (1, 2 * 5), (2, 2 * 9), (3, 2 * 9)] {
            let mut choices = Choices::list(&[]);
            let mut seen = vec![run(&mut choices)];
            while choices.advance(events) {
                seen.push(run(&mut choices));
            }
            let count = seen.len();
            seen.sort_unstable();
            seen.dedup();
            assert_eq!((seen.len(), count), (expected, expected));
        }
    }

    #[test]
    fn a_trail_gives_the_same_world_again() {
        for seed in 0..1000 {
            let mut choices = Choices::random(seed);
            let world = run(&mut choices);
            assert_eq!(run(&mut Choices::given(choices.trail())), world);
            let numbers: Vec<u16> = choices.trail().iter().map(|given| given.value).collect();
            assert_eq!(run(&mut Choices::list(&numbers)), world);
        }
    }
}
