//! Ranges of real numbers: intervals, their unions, and inequalities that are already solved.
//! Conditions that still need solving are not ranges, so an echo of the question never matches.

use std::cmp::Ordering;

use super::super::expr::{Expr, Func};
use super::super::form::build::build;
use super::super::form::zero;
use super::super::form::{Fail, Form};
use super::super::value::{Joint, NamedSet, Sign, Value};
use super::{Comparer, Outcome};

/// What is wrong with `(\infty, 0)`.
const NO_RANGE: &str = "an interval that ends before it starts";
/// What is wrong with `[0, \infty]`.
const CLOSED_INFINITY: &str = "an interval that includes infinity";

/// One end of a segment; no value means infinity.
#[derive(Debug, Clone)]
struct End {
    value: Option<Form>,
    is_closed: bool,
}

/// A piece of the real line.
#[derive(Debug, Clone)]
struct Segment {
    low: End,
    high: End,
}

/// Disjoint pieces in ascending order, and the name they range over, if stated.
#[derive(Debug, Clone)]
struct Region {
    name: Option<Expr>,
    segments: Vec<Segment>,
    is_inequality: bool,
}

impl Comparer<'_> {
    /// Compares two ranges; `None` when the pair is something else.
    pub(super) fn regions(&mut self, gold: &Value, answer: &Value) -> Option<Outcome> {
        let (is_gold, is_answer) = (is_range(gold), is_range(answer));
        let readable = (is_gold && (is_answer || is_pair(answer) || is_points(answer)))
            || (is_answer && (is_pair(gold) || is_points(gold)));
        if !readable {
            return None;
        }
        let (a, b) = match (self.region(gold), self.region(answer)) {
            (Ok(Some(a)), Ok(Some(b))) => (a, b),
            _ if gold == answer => return Some(Outcome::equal("identical as written")),
            (Err(Fail::Undefined(why @ (NO_RANGE | CLOSED_INFINITY))), Ok(_))
            | (Ok(_), Err(Fail::Undefined(why @ (NO_RANGE | CLOSED_INFINITY)))) => {
                return Some(Outcome::different(why));
            }
            (Err(_), _) | (_, Err(_)) => {
                return Some(Outcome::undecided("the ends of a range could not be ordered"));
            }
            _ => return None,
        };
        if let (Some(a), Some(b)) = (&a.name, &b.name)
            && !self.expressions(a, b).is_equal()
        {
            return Some(Outcome::different("ranges of different names"));
        }
        if a.is_inequality != b.is_inequality && !self.policy.inequality_as_interval {
            return Some(Outcome::different("an inequality is not an interval"));
        }
        Some(match self.same_segments(&a, &b) {
            Ok(true) => Outcome::equal("the same range of numbers"),
            Ok(false) => Outcome::different("different ranges of numbers"),
            Err(_) => Outcome::undecided("the ends of a range could not be compared"),
        })
    }

    fn same_segments(&mut self, a: &Region, b: &Region) -> Result<bool, Fail> {
        if a.segments.len() != b.segments.len() {
            return Ok(false);
        }
        for (x, y) in a.segments.iter().zip(&b.segments) {
            for (p, q) in [(&x.low, &y.low), (&x.high, &y.high)] {
                if p.is_closed != q.is_closed {
                    return Ok(false);
                }
                match (&p.value, &q.value) {
                    (None, None) => {}
                    (Some(p), Some(q)) => match zero::are_equal(p, q, &mut self.ctx)? {
                        zero::Tri::Yes => {}
                        zero::Tri::No => return Ok(false),
                        zero::Tri::Unknown => return Err(Fail::Undefined("an end of a range")),
                    },
                    _ => return Ok(false),
                }
            }
        }
        Ok(true)
    }

    /// The range a value stands for, if it stands for one.
    fn region(&mut self, value: &Value) -> Result<Option<Region>, Fail> {
        let plain = |segments| Some(Region { name: None, segments, is_inequality: false });
        Ok(match value {
            Value::Interval { low, high, low_closed, high_closed } => {
                let low = self.end(low, *low_closed, false)?;
                let high = self.end(high, *high_closed, true)?;
                self.segment(low, high)?.map(|s| Region {
                    name: None,
                    segments: s,
                    is_inequality: false,
                })
            }
            Value::Tuple(parts) => match &parts[..] {
                [Value::Scalar { expr: low, .. }, Value::Scalar { expr: high, .. }] => {
                    let low = self.end(low, false, false)?;
                    let high = self.end(high, false, true)?;
                    // (1, 1) is a point, not an empty interval.
                    self.segment(low, high)?.filter(|segments| !segments.is_empty()).and_then(plain)
                }
                _ => None,
            },
            Value::Set(parts) => {
                let mut segments = Vec::new();
                for part in parts {
                    let Value::Scalar { expr, .. } = part else { return Ok(None) };
                    let point = self.end(expr, true, false)?;
                    segments.push(Segment { low: point.clone(), high: point });
                }
                plain(self.merged(segments)?)
            }
            Value::Named(NamedSet::Reals) => plain(vec![everything()]),
            Value::Named(NamedSet::Empty) => plain(Vec::new()),
            Value::Union(parts) => {
                let mut segments = Vec::new();
                for part in parts {
                    let Some(region) = self.region(part)? else { return Ok(None) };
                    segments.extend(region.segments);
                }
                plain(self.merged(segments)?)
            }
            Value::Intersection(parts) => {
                let mut segments = vec![everything()];
                for part in parts {
                    let Some(region) = self.region(part)? else { return Ok(None) };
                    segments = self.intersection(&segments, &region.segments)?;
                }
                plain(segments)
            }
            Value::Difference(a, b) => match (self.region(a)?, self.region(b)?) {
                (Some(a), Some(b)) => {
                    let outside = self.complement(b.segments)?;
                    plain(self.intersection(&a.segments, &outside)?)
                }
                _ => None,
            },
            Value::Member(name, set) => {
                self.region(set)?.map(|region| Region { name: Some(name.clone()), ..region })
            }
            Value::Builder(element, condition) => self.built(element, condition)?,
            Value::Relation(sides, signs) => self.solved(sides, signs)?,
            Value::List(parts, joint) => self.joined(parts, *joint)?,
            _ => None,
        })
    }

    /// `{x | condition}`, where the element is the name that the condition is about.
    fn built(&mut self, element: &Value, condition: &Value) -> Result<Option<Region>, Fail> {
        let region = self.region(condition)?;
        // {x^2 | x > 2} and {x in Z | x > 2} are other sets.
        let name = match element {
            Value::Scalar { expr, unit: None, .. } => Some(expr),
            Value::Member(expr, set) if **set == Value::Named(NamedSet::Reals) => Some(expr),
            _ => None,
        };
        Ok(region
            .filter(|region| name.is_some() && region.name.as_ref() == name)
            .map(|region| Region { name: None, is_inequality: false, ..region }))
    }

    fn end(&mut self, expr: &Expr, is_closed: bool, is_high: bool) -> Result<End, Fail> {
        let infinite = match expr {
            Expr::Infinity => Some(true),
            Expr::Neg(x) if **x == Expr::Infinity => Some(false),
            Expr::Add(parts) if parts.len() == 1 && parts[0] == Expr::Infinity => Some(true),
            _ => None,
        };
        match infinite {
            Some(is_positive) if is_positive == is_high && is_closed => {
                Err(Fail::Undefined(CLOSED_INFINITY))
            }
            Some(is_positive) if is_positive == is_high => {
                Ok(End { value: None, is_closed: false })
            }
            Some(_) => Err(Fail::Undefined(NO_RANGE)),
            None => Ok(End { value: Some(build(expr, &mut self.ctx)?), is_closed }),
        }
    }

    /// One segment, or none if it is empty; `None` if its ends are in the wrong order.
    fn segment(&mut self, low: End, high: End) -> Result<Option<Vec<Segment>>, Fail> {
        let order = match (&low.value, &high.value) {
            (Some(a), Some(b)) => {
                // Ends with variables cannot be ordered: taken as written.
                if has_variable(a, self) || has_variable(b, self) {
                    Ordering::Less
                } else {
                    self.order(a, b)?
                }
            }
            _ => Ordering::Less,
        };
        Ok(match order {
            Ordering::Less => Some(vec![Segment { low, high }]),
            Ordering::Equal if low.is_closed && high.is_closed => Some(vec![Segment { low, high }]),
            Ordering::Equal => Some(Vec::new()),
            Ordering::Greater => None,
        })
    }

    fn order(&mut self, a: &Form, b: &Form) -> Result<Ordering, Fail> {
        if let (Some(a), Some(b)) = (a.as_rational(), b.as_rational()) {
            return Ok(a.cmp(&b));
        }
        let difference = a.sub(b, &mut self.ctx)?;
        zero::form_sign(&difference, &mut self.ctx).ok_or(Fail::Undefined("an order of numbers"))
    }

    /// Order of two low ends.
    fn order_low(&mut self, a: &End, b: &End) -> Result<Ordering, Fail> {
        Ok(match (&a.value, &b.value) {
            (None, None) => Ordering::Equal,
            (None, _) => Ordering::Less,
            (_, None) => Ordering::Greater,
            (Some(x), Some(y)) => self.order(x, y)?.then(b.is_closed.cmp(&a.is_closed)),
        })
    }

    /// Order of two high ends.
    fn order_high(&mut self, a: &End, b: &End) -> Result<Ordering, Fail> {
        Ok(match (&a.value, &b.value) {
            (None, None) => Ordering::Equal,
            (None, _) => Ordering::Greater,
            (_, None) => Ordering::Less,
            (Some(x), Some(y)) => self.order(x, y)?.then(a.is_closed.cmp(&b.is_closed)),
        })
    }

    /// Sorts segments and joins those that touch.
    fn merged(&mut self, segments: Vec<Segment>) -> Result<Vec<Segment>, Fail> {
        let mut sorted: Vec<Segment> = Vec::new();
        for segment in segments {
            self.ctx.fuel.spend(64 * (sorted.len() as u64 + 1))?;
            let mut place = sorted.len();
            while place > 0
                && self.order_low(&segment.low, &sorted[place - 1].low)? == Ordering::Less
            {
                place -= 1;
            }
            sorted.insert(place, segment);
        }
        let mut merged: Vec<Segment> = Vec::new();
        for segment in sorted {
            if let Some(last) = merged.last().cloned()
                && self.touches(&last.high, &segment.low)?
            {
                let is_longer = self.order_high(&segment.high, &last.high)? == Ordering::Greater;
                if let (true, Some(last)) = (is_longer, merged.last_mut()) {
                    last.high = segment.high;
                }
                continue;
            }
            merged.push(segment);
        }
        Ok(merged)
    }

    /// Whether nothing lies between a high end and the next low end.
    fn touches(&mut self, high: &End, low: &End) -> Result<bool, Fail> {
        match (&high.value, &low.value) {
            (Some(x), Some(y)) => Ok(match self.order(x, y)? {
                Ordering::Greater => true,
                Ordering::Equal => high.is_closed || low.is_closed,
                Ordering::Less => false,
            }),
            _ => Ok(true),
        }
    }

    fn intersection(&mut self, a: &[Segment], b: &[Segment]) -> Result<Vec<Segment>, Fail> {
        let mut common = Vec::new();
        for x in a {
            for y in b {
                self.ctx.fuel.spend(64)?;
                let low =
                    if self.order_low(&x.low, &y.low)? == Ordering::Less { &y.low } else { &x.low };
                let high = if self.order_high(&x.high, &y.high)? == Ordering::Less {
                    &x.high
                } else {
                    &y.high
                };
                if let Some(segment) = self.segment(low.clone(), high.clone())? {
                    common.extend(segment);
                }
            }
        }
        self.merged(common)
    }

    fn complement(&mut self, segments: Vec<Segment>) -> Result<Vec<Segment>, Fail> {
        let mut outside = Vec::new();
        let mut low = Some(End { value: None, is_closed: false });
        for segment in self.merged(segments)? {
            if let (Some(low), Some(value)) = (low.take(), segment.low.value) {
                let high = End { value: Some(value), is_closed: !segment.low.is_closed };
                outside.extend(self.segment(low, high)?.unwrap_or_default());
            }
            low = segment
                .high
                .value
                .map(|value| End { value: Some(value), is_closed: !segment.high.is_closed });
            if low.is_none() {
                return Ok(outside);
            }
        }
        if let Some(low) = low {
            outside.push(Segment { low, high: End { value: None, is_closed: false } });
        }
        Ok(outside)
    }

    /// `a < x <= b`, `x > a`, `x != a`: one name between constants.
    fn solved(&mut self, sides: &[Expr], signs: &[Sign]) -> Result<Option<Region>, Fail> {
        if !is_solved(sides, signs) {
            return Ok(None);
        }
        let Some(place) = sides.iter().position(is_name) else { return Ok(None) };
        let mut segments = vec![everything()];
        for (at, sign) in signs.iter().enumerate() {
            // The sign as seen from the name towards its neighbour.
            let (other, is_left) =
                if at < place { (&sides[at], true) } else { (&sides[at + 1], false) };
            let is_upper = matches!(sign, Sign::Less | Sign::LessEqual) != is_left;
            let is_closed = matches!(sign, Sign::LessEqual | Sign::GreaterEqual);
            let open = End { value: None, is_closed: false };
            let bound = match sign {
                Sign::NotEqual => {
                    let point = self.end(other, true, true)?;
                    self.complement(vec![Segment { low: point.clone(), high: point }])?
                }
                _ if is_upper => {
                    vec![Segment { low: open, high: self.end(other, is_closed, true)? }]
                }
                _ => vec![Segment { low: self.end(other, is_closed, false)?, high: open }],
            };
            segments = self.intersection(&segments, &bound)?;
        }
        Ok(Some(Region { name: Some(sides[place].clone()), segments, is_inequality: true }))
    }

    /// Solved inequalities for one name, joined by "and", "or" or commas.
    fn joined(&mut self, parts: &[Value], joint: Joint) -> Result<Option<Region>, Fail> {
        let mut regions = Vec::new();
        for part in parts {
            match part {
                Value::Relation(..) | Value::Member(..) => match self.region(part)? {
                    Some(region) => regions.push(region),
                    None => return Ok(None),
                },
                _ => return Ok(None),
            }
        }
        let Some(first) = regions.first().cloned() else { return Ok(None) };
        if regions.iter().any(|region| region.name != first.name) {
            return Ok(None);
        }
        let mut common = first.segments.clone();
        for region in &regions[1..] {
            common = self.intersection(&common, &region.segments)?;
        }
        // A comma means "and" where that leaves anything, otherwise "or".
        let is_union = joint == Joint::Or || common.is_empty();
        let segments = if is_union {
            self.merged(regions.into_iter().flat_map(|region| region.segments).collect())?
        } else {
            common
        };
        Ok(Some(Region { segments, ..first }))
    }
}

fn has_variable(form: &Form, comparer: &Comparer) -> bool {
    let atoms = &comparer.ctx.atoms;
    atoms.poly_has_variable(&form.num) || atoms.poly_has_variable(&form.den)
}

fn everything() -> Segment {
    let open = End { value: None, is_closed: false };
    Segment { low: open.clone(), high: open }
}

fn is_name(expr: &Expr) -> bool {
    matches!(expr, Expr::Var(_) | Expr::Call(Func::Named(_), _))
}

fn is_solved(sides: &[Expr], signs: &[Sign]) -> bool {
    let is_order = signs.iter().all(|s| !matches!(s, Sign::Equal | Sign::Approx));
    let names = sides.iter().filter(|s| is_name(s)).count();
    let others_constant = sides.iter().all(|s| is_name(s) || !s.has_variable());
    is_order
        && names == 1
        && others_constant
        && sides.len() <= 3
        && (sides.len() == 2 || is_name(&sides[1]))
}

/// Whether the value is certainly a range.
fn is_range(value: &Value) -> bool {
    match value {
        Value::Interval { .. }
        | Value::Union(_)
        | Value::Intersection(_)
        | Value::Difference(..) => true,
        Value::Named(NamedSet::Reals | NamedSet::Empty) | Value::Builder(..) => true,
        Value::Member(_, set) => is_range(set) || is_pair(set),
        Value::Relation(sides, signs) => is_solved(sides, signs),
        Value::List(parts, _) => parts.iter().all(|part| match part {
            Value::Relation(sides, signs) => is_solved(sides, signs),
            _ => false,
        }),
        _ => false,
    }
}

/// Whether the value may be an open interval.
fn is_pair(value: &Value) -> bool {
    matches!(value, Value::Tuple(parts) if parts.len() == 2)
}

fn is_points(value: &Value) -> bool {
    matches!(value, Value::Set(_))
}
