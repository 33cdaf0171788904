//! Units of measure, currencies and counted nouns that follow a number.

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::One;

/// Exponents of length, mass, time, money, angle, temperature, electric current, information.
pub type Dimension = [i8; 8];

/// What a number counts or measures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// As written, normalised; what is printed.
    pub text: String,
    /// Dimension and size in base units, when every word is known.
    pub measure: Option<(Dimension, BigRational)>,
}

const LENGTH: usize = 0;
const MASS: usize = 1;
const TIME: usize = 2;
const MONEY: usize = 3;
const ANGLE: usize = 4;
const TEMPERATURE: usize = 5;
const CURRENT: usize = 6;
const INFORMATION: usize = 7;

/// Names of a unit, its place in a dimension and power there, and its size as a fraction.
type Row = (&'static str, usize, i8, i64, i64);

#[rustfmt::skip]
const TABLE: &[Row] = &[
    ("m|meter|metre", LENGTH, 1, 1, 1), ("cm|centimeter|centimetre", LENGTH, 1, 1, 100),
    ("mm|millimeter|millimetre", LENGTH, 1, 1, 1000), ("km|kilometer|kilometre", LENGTH, 1, 1000, 1),
    ("in|inch|inche", LENGTH, 1, 254, 10000), ("ft|foot|feet", LENGTH, 1, 3048, 10000),
    ("yd|yard", LENGTH, 1, 9144, 10000), ("mi|mile", LENGTH, 1, 1609344, 1000),
    ("nm|nanometer", LENGTH, 1, 1, 1_000_000_000), ("dm|decimeter", LENGTH, 1, 1, 10),
    ("acre", LENGTH, 2, 40468564224, 10000000), ("hectare|ha", LENGTH, 2, 10000, 1),
    ("l|liter|litre", LENGTH, 3, 1, 1000), ("ml|milliliter|millilitre", LENGTH, 3, 1, 1_000_000),
    ("gallon|gal", LENGTH, 3, 3785411784, 1_000_000_000_000), ("quart", LENGTH, 3, 946352946, 1_000_000_000_000),
    ("pint", LENGTH, 3, 473176473, 1_000_000_000_000),
    ("g|gram|gm|gms", MASS, 1, 1, 1000), ("kg|kilogram|kilo", MASS, 1, 1, 1), ("mg|milligram", MASS, 1, 1, 1_000_000),
    ("lb|pound", MASS, 1, 45359237, 100_000_000), ("oz|ounce", MASS, 1, 45359237, 1_600_000_000),
    ("tonne", MASS, 1, 1000, 1),
    ("s|sec|second", TIME, 1, 1, 1), ("min|minute", TIME, 1, 60, 1), ("h|hr|hour", TIME, 1, 3600, 1),
    ("day", TIME, 1, 86400, 1), ("week", TIME, 1, 604800, 1), ("ms|millisecond", TIME, 1, 1, 1000),
    ("month", TIME, 1, 2629746, 1), ("year|yr", TIME, 1, 31556952, 1),
    ("dollar|usd|buck", MONEY, 1, 1, 1), ("cent|penny|pennie", MONEY, 1, 1, 100),
    ("degree|deg", ANGLE, 1, 1, 1), ("kelvin", TEMPERATURE, 1, 1, 1),
    ("ampere|amp", CURRENT, 1, 1, 1), ("bit", INFORMATION, 1, 1, 1), ("byte", INFORMATION, 1, 8, 1),
];

/// Words that multiply the number instead of naming what it counts.
const SCALES: &[(&str, u64)] = &[
    ("dozen", 12),
    ("hundred", 100),
    ("thousand", 1_000),
    ("million", 1_000_000),
    ("billion", 1_000_000_000),
    ("trillion", 1_000_000_000_000),
];

/// Words that say something about the answer instead of naming a unit.
#[rustfmt::skip]
const NOT_UNITS: &[&str] = &[
    "pi", "theta", "squared", "cubed", "factorial", "halves", "thirds", "third", "fourths", "fifths", "sixths", "eighths", "tenths",
    "hundredths", "thousandths", "negative", "positive", "infinity", "root", "roots", "sqrt", "log", "point",
    "a", "about", "above", "all", "almost", "an", "and", "any", "answer", "approximately", "around", "as", "at",
    "below", "between", "both", "but", "correct", "different", "either", "else", "equal", "equals", "except",
    "exactly", "false", "fewer", "for", "from", "greater", "half", "he", "hence", "i", "if", "incorrect", "is",
    "it", "least", "less", "maybe", "minus", "mod", "modulo", "more", "most", "nearly", "neither", "no", "none",
    "nor", "not", "of", "off", "only", "or", "otherwise", "over", "plus", "possibly", "roughly", "same", "since",
    "so", "some", "than", "that", "the", "then", "there", "this", "thus", "times", "to", "true", "under",
    "unless", "until", "we", "when", "where", "which", "while", "with", "without", "wrong", "yes", "you", "are",
    "be", "was", "were", "will", "by",
];

/// Words before a noun that add nothing when the noun is compared.
const FILLERS: &[&str] = &["possible", "distinct", "total"];
/// More words than this are a sentence.
const MAX_WORDS: usize = 5;

/// A unit read from text, with the factor that scale words put on the number.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The unit, unless only a scale word was there.
    pub unit: Option<Unit>,
    /// Product of scale words, one without them.
    pub scale: BigRational,
}

/// The unit of a currency sign.
pub fn dollars() -> Unit {
    named("dollars")
}

/// Degrees of angle.
pub fn degrees() -> Unit {
    named("degrees")
}

/// A scale of temperature by its letter or name; sizes of degrees are not converted.
pub fn temperature(name: &str) -> Option<Unit> {
    let text = match name.trim() {
        "C" | "Celsius" | "celsius" | "centigrade" => "degrees Celsius",
        "F" | "Fahrenheit" | "fahrenheit" => "degrees Fahrenheit",
        _ => return None,
    };
    Some(Unit { text: text.into(), measure: None })
}

/// The unit of a percent sign, which is also a factor.
pub fn percent() -> Unit {
    Unit { text: "percent".into(), measure: None }
}

fn named(text: &str) -> Unit {
    let measure = lookup(text);
    Unit { text: text.into(), measure }
}

impl Unit {
    /// Whether this is the percent sign.
    pub fn is_percent(&self) -> bool {
        self.text == "percent"
    }

    /// Whether this is an angle in radians.
    pub fn is_radians(&self) -> bool {
        self.text == "rad"
    }

    /// Whether this is a temperature on a named scale.
    fn is_temperature(&self) -> bool {
        self.text.starts_with("degrees ")
    }

    /// Whether this is an angle in degrees.
    pub fn is_degrees(&self) -> bool {
        self.measure.as_ref().is_some_and(|(d, s)| d[ANGLE] == 1 && s.is_one() && is_only(d, ANGLE))
    }
}

fn is_only(dimension: &Dimension, place: usize) -> bool {
    dimension.iter().enumerate().all(|(i, d)| (*d != 0) == (i == place))
}

/// Whether a word in plain text names a unit, so that it is not a product of variables.
pub fn is_unit_word(word: &str) -> bool {
    lookup(word).is_some()
        || SCALES.iter().any(|(name, _)| *name == word)
        || matches!(
            word,
            "percent"
                | "mph"
                | "kph"
                | "sq"
                | "cubic"
                | "square"
                | "rad"
                | "radian"
                | "radians"
                | "units"
        )
}

fn lookup(word: &str) -> Option<(Dimension, BigRational)> {
    let lower = word.trim_end_matches('.').to_lowercase();
    let singular = if lower.len() > 2 { lower.strip_suffix('s').unwrap_or(&lower) } else { &lower };
    let matches = |names: &str| names.split('|').any(|n| n == lower || n == singular);
    let row = TABLE.iter().find(|row| matches(row.0))?;
    let mut dimension = [0; 8];
    dimension[row.1] = row.2;
    Some((dimension, BigRational::new(BigInt::from(row.3), BigInt::from(row.4))))
}

/// Reads unit text such as `cm^2`, `square inches`, `miles per hour`, `ways`. `None` when the
/// words do not look like a unit at all.
pub fn parse(text: &str) -> Option<Reading> {
    if text.replace("\\ ", " ").contains('\\') {
        return None;
    }
    if let Some(unit) = phrase(text.trim()) {
        return Some(Reading { unit: Some(unit), scale: BigRational::one() });
    }
    let text = text.replace("^{", "^");
    let spaced = text.replace('/', " / ").replace(['{', '}', '(', ')', ',', '"'], " ");
    let spaced = spaced.replace(['*', '~', '\\'], " ").replace("**", "^").replace(" ^", "^");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut scale = BigRational::one();
    let mut kept: Vec<String> = Vec::new();
    let mut measure = Some(([0i8; 8], BigRational::one()));
    let mut power = 1i8;
    let mut sign = 1i8;
    for word in words {
        let word = word.trim_end_matches(['.', ';', '!']).trim_start_matches('.');
        let lower = word.to_lowercase();
        match lower.as_str() {
            "" => continue,
            "rad" | "radian" | "radians" => {
                kept.push("rad".into());
                measure = None;
                continue;
            }
            "per" | "/" => {
                sign = -1;
                kept.push("/".into());
                continue;
            }
            "square" | "sq" => power = 2,
            "cubic" | "cu" => power = 3,
            _ => {
                if let Some((_, by)) = SCALES.iter().find(|(n, _)| *n == lower && kept.is_empty()) {
                    scale *= BigRational::from_integer(BigInt::from(*by));
                    continue;
                }
                // A lone letter is a variable unless it is known as a unit.
                let is_letter = lower.len() == 1
                    && lookup(word).is_none()
                    && !matches!(word, "N" | "J" | "W" | "V" | "A" | "K" | "C" | "F");
                if is_letter {
                    return None;
                }
                let is_month = super::text::month_number(&lower).is_some();
                if NOT_UNITS.contains(&lower.as_str()) || kept.len() >= MAX_WORDS || is_month {
                    return None;
                }
                let (name, exponent) = split_exponent(word)?;
                apply(&mut measure, name, exponent * power * sign);
                power = 1;
                if sign == -1 {
                    sign = 1;
                }
            }
        }
        kept.push(word.to_owned());
    }
    let is_plain = kept.is_empty();
    let text = kept.join(" ");
    // "square units" and the like: a power without a known noun.
    let measure = if power != 1 { None } else { measure };
    let unit = (!is_plain).then_some(Unit { text, measure });
    Some(Reading { unit, scale })
}

/// Units of several words that are not read word by word.
fn phrase(text: &str) -> Option<Unit> {
    match text.split_once(' ')? {
        ("degree" | "degrees", scale) => temperature(scale),
        ("per", "cent") => Some(percent()),
        _ => None,
    }
}

/// `cm^2` or `cm2` as name and exponent; `None` when it is not a word at all.
fn split_exponent(word: &str) -> Option<(&str, i8)> {
    let (name, exponent) = match word.split_once('^') {
        Some((name, exponent)) => (name, exponent.parse().ok().filter(|e| (-9..=9).contains(e))?),
        None => match word.strip_suffix(['2', '3']) {
            Some(name) if lookup(name).is_some() => {
                (name, (word.as_bytes()[name.len()] - b'0') as i8)
            }
            _ => (word, 1),
        },
    };
    let is_word = !name.is_empty()
        && name.chars().all(|c| c.is_alphabetic() || c == '-' || c == '\'' || c == '.');
    is_word.then_some((name, exponent))
}

fn apply(measure: &mut Option<(Dimension, BigRational)>, name: &str, exponent: i8) {
    let parts: &[(&str, i8)] = match name.to_lowercase().as_str() {
        "mph" => &[("mile", 1), ("hour", -1)],
        "kph" | "kmh" => &[("km", 1), ("hour", -1)],
        "unit" | "units" => &[],
        _ => &[(name, 1)],
    };
    if parts.is_empty() {
        // Units of length without a name: neither known nor comparable by size.
        *measure = None;
        return;
    }
    for (name, own) in parts {
        let (Some((dimension, size)), Some((by, factor))) = (measure.as_mut(), lookup(name)) else {
            *measure = None;
            return;
        };
        let total = i32::from(own * exponent);
        for place in 0..by.len() {
            dimension[place] =
                dimension[place].saturating_add(by[place].saturating_mul(total as i8));
        }
        *size *= factor.pow(total);
    }
}

/// How two stated units relate.
#[derive(Debug, Clone, PartialEq)]
pub enum Relation {
    /// The same quantity: the first number times this factor counts in the second unit.
    Convertible(BigRational),
    /// Certainly different quantities.
    Incompatible,
    /// Nouns that are neither the same nor known.
    Unknown,
}

/// Compares two units.
pub fn relate(a: &Unit, b: &Unit) -> Relation {
    // Blanks are easily lost: "squareinches".
    let squeezed = |unit: &Unit| unit.nouns().concat();
    if a.text == b.text || squeezed(a) == squeezed(b) {
        return Relation::Convertible(BigRational::one());
    }
    match (a.is_temperature(), b.is_temperature()) {
        (true, true) => return Relation::Incompatible,
        // 37° where 37 °C was meant.
        (true, false) if b.is_degrees() => return Relation::Convertible(BigRational::one()),
        (false, true) if a.is_degrees() => return Relation::Convertible(BigRational::one()),
        _ => {}
    }
    match (&a.measure, &b.measure) {
        (Some((da, sa)), Some((db, sb))) if da == db => Relation::Convertible(sa / sb),
        (Some(_), Some(_)) => Relation::Incompatible,
        (Some(_), None) | (None, Some(_)) if !a.is_generic() && !b.is_generic() => {
            Relation::Unknown
        }
        _ => {
            let (left, right) = (a.nouns(), b.nouns());
            let contains = |big: &[String], small: &[String]| small.iter().all(|w| big.contains(w));
            if contains(&left, &right) || contains(&right, &left) {
                Relation::Convertible(BigRational::one())
            } else {
                Relation::Unknown
            }
        }
    }
}

impl Unit {
    fn is_generic(&self) -> bool {
        self.text.to_lowercase().contains("unit")
    }

    /// The words that matter, in the singular.
    fn nouns(&self) -> Vec<String> {
        let words = self.text.split_whitespace().map(|w| w.to_lowercase());
        words
            .filter(|w| !FILLERS.contains(&w.as_str()))
            .map(|w| match w.as_str() {
                "sq" => "square".to_owned(),
                _ => w.strip_suffix('s').filter(|s| s.len() > 1).unwrap_or(&w).to_owned(),
            })
            .collect()
    }
}
