//! Shortest path: which way from one place to another passes the fewest others.

use std::collections::BTreeSet;

use crate::formula;
use crate::knights::permutations;
use crate::language::Language;
use crate::phrasing::ask;
use crate::random::Random;
use crate::task::{Class, Problem, Style, Task, Work};
use crate::trace::{Plan, Trace};

/// Tokens for a line, the way and a `check`.
const RESERVE: usize = 60;

/// Shortest path.
pub(crate) struct Path;

/// Places, roads beyond those that connect all, and the least distance, of each level.
const LEVELS: [(usize, usize, usize); 10] = [
    (5, 1, 2),
    (6, 2, 2),
    (6, 3, 2),
    (7, 2, 2),
    (7, 3, 2),
    (7, 4, 2),
    (8, 2, 3),
    (8, 3, 3),
    (8, 4, 3),
    (8, 5, 3),
];

impl Task for Path {
    fn name(&self) -> &'static str {
        "path"
    }

    fn class(&self) -> Class {
        Class::Search
    }

    fn draw(&self, level: u8, random: &mut Random) -> Box<dyn Problem> {
        let (n_places, n_more, min_distance) = LEVELS[usize::from(level.min(9))];
        let mut letters: Vec<char> = ('A'..='P').collect();
        random.shuffle(&mut letters);
        loop {
            let mut roads = BTreeSet::new();
            for place in 1..n_places {
                roads.insert((random.below(place as u64) as usize, place));
            }
            while roads.len() < n_places - 1 + n_more {
                let (a, b) = (random.below(n_places as u64), random.below(n_places as u64));
                if a < b {
                    roads.insert((a as usize, b as usize));
                }
            }
            let mut ends: Vec<usize> = (0..n_places).collect();
            random.shuffle(&mut ends);
            let (from, to) = (ends[0], ends[1]);
            let mut roads: Vec<(usize, usize)> = roads.into_iter().collect();
            for road in &mut roads {
                if random.chance(0.5) {
                    *road = (road.1, road.0);
                }
            }
            random.shuffle(&mut roads);
            let map = Map { letters: letters[..n_places].to_vec(), roads, from, to };
            if map.shortest().len() > min_distance {
                return Box::new(map);
            }
        }
    }
}

/// Places and the roads between them, and a way to find.
struct Map {
    /// Names of the places.
    letters: Vec<char>,
    /// Both ways, in the order of the question.
    roads: Vec<(usize, usize)>,
    from: usize,
    to: usize,
}

impl Problem for Map {
    fn canonical(&self) -> String {
        // Names, the order of roads and the direction of the way do not matter.
        let n_places = self.letters.len();
        let inner: Vec<usize> =
            (0..n_places).filter(|place| ![self.from, self.to].contains(place)).collect();
        let forms = permutations(n_places - 2).into_iter().flat_map(|order| {
            [(0, 1), (1, 0)].map(|(from, to)| {
                let mut number = vec![0; n_places];
                (number[self.from], number[self.to]) = (from, to);
                for (place, i) in inner.iter().zip(&order) {
                    number[*place] = i + 2;
                }
                // One bit for each possible road.
                self.roads.iter().fold(0u64, |bits, (a, b)| {
                    let (a, b) = (number[*a].min(number[*b]), number[*a].max(number[*b]));
                    bits | 1 << (a * 8 + b)
                })
            })
        });
        format!("path {n_places} {:x}", forms.min().unwrap_or_default())
    }

    fn question(&self, random: &mut Random) -> String {
        let roads: Vec<String> = self.roads.iter().map(|(a, b)| self.road(*a, *b)).collect();
        let (spaced, listed) = (roads.join(" "), roads.join(", "));
        let (from, to) = (self.letters[self.from], self.letters[self.to]);
        let question = match random.below(7) {
            0..3 => format!("roads {spaced} shortest path from {from} to {to}"),
            3 => format!("the roads are {listed}. what is the shortest path from {from} to {to}?"),
            4 => format!("find the shortest way from {from} to {to}: {listed}"),
            5 => format!("shortest path from {from} to {to}: {spaced}"),
            _ => format!("how do I get from {from} to {to} with the fewest roads? {listed}"),
        };
        ask(&question, Language::English, random)
    }

    fn work(&self, style: Style, random: &mut Random) -> Work {
        let (mean_tries, is_checked, has_slip) = match Plan::of(style, random) {
            Plan::Short => {
                let way = self.way(&self.shortest());
                return Work::boxed(way.replace('-', " "), way);
            }
            Plan::Straight { is_checked } => (f64::INFINITY, is_checked, false),
            Plan::Search { mean_tries, is_checked, has_slip } => (mean_tries, is_checked, has_slip),
        };
        let mut trace = Trace::new(mean_tries, RESERVE);
        let way = match self.search(&mut trace, has_slip, random) {
            Ok(way) => way,
            Err(guess) => {
                trace.give_up();
                return Work::boxed(trace.finish(), self.way(&guess));
            }
        };
        self.say_way(&mut trace, &way);
        if is_checked {
            self.say_check(&mut trace, &way);
        }
        Work::boxed(trace.finish(), self.way(&way))
    }

    fn grade(&self, reply: &str) -> bool {
        self.is_solved_by(reply).unwrap_or(false)
    }
}

impl Map {
    /// The box must hold places from one end to the other, each joined to the next by a road, and
    /// no more of them than needed.
    fn is_solved_by(&self, reply: &str) -> Option<bool> {
        let text = formula::boxed(reply)?;
        let text = text.replace("\\rightarrow", "-").replace("\\to", "-").replace("->", "-");
        let mut way = Vec::new();
        for word in text.split([' ', '\n', '-', '→', '–', ',', '$']).filter(|word| !word.is_empty())
        {
            let mut letters = word.chars();
            let (letter, None) = (letters.next()?, letters.next()) else { return None };
            way.push(self.letters.iter().position(|other| *other == letter)?);
        }
        let is_joined = way.windows(2).all(|pair| self.near(pair[0]).contains(&pair[1]));
        let is_way = way.first() == Some(&self.from) && way.last() == Some(&self.to);
        Some(is_joined && is_way && way.len() == self.shortest().len())
    }

    /// The places joined to this one, in the order of the roads.
    fn near(&self, place: usize) -> Vec<usize> {
        let other = |(a, b): &(usize, usize)| match place {
            _ if *a == place => Some(*b),
            _ if *b == place => Some(*a),
            _ => None,
        };
        self.roads.iter().filter_map(other).collect()
    }

    /// A shortest way, both ends included.
    fn shortest(&self) -> Vec<usize> {
        let never = &mut Random::new(0, 0);
        let found = self.search(&mut Trace::new(f64::INFINITY, RESERVE), false, never);
        found.unwrap_or_default()
    }

    /// Breadth first, a line for each place: `B: A D C new D no`. The way, or a guess.
    fn search(
        &self,
        trace: &mut Trace,
        has_slip: bool,
        random: &mut Random,
    ) -> Result<Vec<usize>, Vec<usize>> {
        let mut before = vec![None; self.letters.len()];
        let mut queue = vec![self.from];
        let mut place_in_queue = 0;
        let mut will_slip = has_slip;
        while let Some(&place) = queue.get(place_in_queue) {
            place_in_queue += 1;
            let near = self.near(place);
            let new: Vec<usize> = near.iter().filter(|p| !queue.contains(p)).copied().collect();
            if will_slip && !near.contains(&self.to) && random.chance(0.6) {
                will_slip = false;
                self.slip(trace, &near, &new, &way_to(place, &before));
            }
            self.say_place(trace, place, &near, &new);
            for next in &new {
                before[*next] = Some(place);
                queue.push(*next);
            }
            if new.contains(&self.to) {
                return Ok(way_to(self.to, &before));
            }
            if trace.fails(random) {
                let mut guess = way_to(place, &before);
                guess.push(self.to);
                return Err(guess);
            }
            trace.line();
        }
        Err(vec![self.from, self.to])
    }

    /// `B: A D C new D`.
    fn say_place(&self, trace: &mut Trace, place: usize, near: &[usize], new: &[usize]) {
        trace.say(&format!("{}: {} new", self.letters[place], self.spaced(near)));
        if !new.is_empty() {
            trace.say(&self.spaced(new));
        }
    }

    /// Sees a road that is not there, and finds so when checking.
    fn slip(&self, trace: &mut Trace, near: &[usize], new: &[usize], way: &[usize]) {
        let place = way[way.len() - 1];
        let with_end = |places: &[usize]| [places, &[self.to]].concat();
        self.say_place(trace, place, &with_end(near), &with_end(new));
        self.say_way(trace, &with_end(way));
        self.say_check(trace, &with_end(way));
        trace.line();
        trace.say("wait");
    }

    /// `yes F D B A`: the way, backwards.
    fn say_way(&self, trace: &mut Trace, way: &[usize]) {
        let backwards: Vec<usize> = way.iter().rev().copied().collect();
        trace.say(&format!("yes {}", self.spaced(&backwards)));
    }

    /// `check A-B ok B-D ok`, up to the first road that is not there.
    fn say_check(&self, trace: &mut Trace, way: &[usize]) {
        trace.line();
        trace.say("check");
        for pair in way.windows(2) {
            trace.say(&self.road(pair[0], pair[1]));
            if !self.near(pair[0]).contains(&pair[1]) {
                return trace.say("no");
            }
            trace.say("ok");
        }
    }

    fn road(&self, a: usize, b: usize) -> String {
        format!("{}-{}", self.letters[a], self.letters[b])
    }

    fn way(&self, places: &[usize]) -> String {
        self.spaced(places).replace(' ', "-")
    }

    fn spaced(&self, places: &[usize]) -> String {
        places.iter().map(|place| self.letters[*place].to_string()).collect::<Vec<_>>().join(" ")
    }
}

/// The places on the way to this one, from the start on.
fn way_to(place: usize, before: &[Option<usize>]) -> Vec<usize> {
    let mut way: Vec<usize> = std::iter::successors(Some(place), |place| before[*place]).collect();
    way.reverse();
    way
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formula::tests::pays_only;

    /// A ring of five with a place beside it: from A the short way to D is over E.
    fn ring() -> Map {
        let roads = vec![(0, 1), (2, 1), (2, 3), (3, 4), (4, 0), (5, 2)];
        Map { letters: "ABCDEF".chars().collect(), roads, from: 0, to: 3 }
    }

    #[test]
    fn exactly_shortest_ways_along_roads_are_paid() {
        let right =
            ["A-E-D", "A - E - D", "A E D", "A, E, D", "A→E→D", "A -> E -> D", "A \\to E \\to D"];
        let wrong = [
            "A-B-C-D",
            "A-D",
            "A-E-D-D",
            "D-E-A",
            "A-E",
            "E-D",
            "A",
            "A-C-D",
            "AED",
            "a-e-d",
            "A-E-A-E-D",
            "A-E-X-D",
            "A-E-D-E-D",
            "2",
        ];
        pays_only(&ring(), &right, &wrong);
    }

    #[test]
    fn names_and_order_are_no_difference() {
        let mut other = ring();
        other.letters = "PONMLK".chars().collect();
        other.roads.reverse();
        other.roads[0] = (other.roads[0].1, other.roads[0].0);
        assert_eq!(ring().canonical(), other.canonical());
        (other.from, other.to) = (other.to, other.from);
        assert_eq!(ring().canonical(), other.canonical());
        // The same picture with two places in each other's role.
        let turned = vec![(0, 4), (2, 4), (2, 3), (3, 1), (1, 0), (5, 2)];
        assert_eq!(ring().canonical(), Map { roads: turned, ..ring() }.canonical());
        other.roads.pop();
        assert_ne!(ring().canonical(), other.canonical());
    }

    #[test]
    fn the_grader_agrees_with_brute_force_on_all_ways_of_small_maps() {
        let mut random = Random::new(4, 4);
        for _ in 0..100 {
            let letters: Vec<char> = "ABCDE".chars().collect();
            let pairs = (0..5).flat_map(|a| (a + 1..5).map(move |b| (a, b)));
            let roads = pairs.filter(|_| random.chance(0.5)).collect();
            let map = Map { letters, roads, from: 0, to: 4 };
            let is_road = |a: usize, b: usize| map.roads.contains(&(a.min(b), a.max(b)));
            // All orders of all choices of the places between.
            let mut ways: Vec<Vec<usize>> = Vec::new();
            for order in permutations(3) {
                for n_between in 0..=3 {
                    let between = order[..n_between].iter().map(|place| place + 1);
                    ways.push([0].into_iter().chain(between).chain([4]).collect());
                }
            }
            let is_way = |way: &&Vec<usize>| way.windows(2).all(|pair| is_road(pair[0], pair[1]));
            let shortest = ways.iter().filter(is_way).map(Vec::len).min();
            for way in &ways {
                let is_right = is_way(&way) && Some(way.len()) == shortest;
                let reply = format!("\\boxed{{{}}}", map.way(way));
                assert_eq!(map.grade(&reply), is_right, "{reply} {:?}", map.roads);
            }
        }
    }
}
