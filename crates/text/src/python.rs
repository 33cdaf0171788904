//! What Python would print: chat templates were written against it.

use minijinja::value::{Value, ValueKind};

/// Values nest no deeper than this.
const DEPTH_LIMIT: usize = 128;

/// Why a value has no printed form here.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PrintError {
    /// `json.dumps` refuses it too.
    NotJson(&'static str),
    /// Deeper than the limit, or longer than the one given.
    TooLarge,
}

/// The arguments of `json.dumps` that templates use; `ensure_ascii` is false.
#[derive(Clone, Debug)]
pub(crate) struct JsonStyle {
    pub indent: Option<usize>,
    pub item_separator: String,
    pub key_separator: String,
    pub sort_keys: bool,
}

/// `json.dumps(value, ensure_ascii=False, …)`, at most `n_bytes_max` long.
pub(crate) fn to_json(
    value: &Value,
    style: &JsonStyle,
    n_bytes_max: usize,
) -> Result<String, PrintError> {
    let mut json = Json { out: String::new(), style, n_bytes_max };
    json.write(value, 0)?;
    Ok(json.out)
}

struct Json<'a> {
    out: String,
    style: &'a JsonStyle,
    n_bytes_max: usize,
}

impl Json<'_> {
    fn write(&mut self, value: &Value, depth: usize) -> Result<(), PrintError> {
        if depth > DEPTH_LIMIT || self.out.len() > self.n_bytes_max {
            return Err(PrintError::TooLarge);
        }
        match value.kind() {
            ValueKind::None => self.out.push_str("null"),
            ValueKind::Bool => self.out.push_str(if value.is_true() { "true" } else { "false" }),
            ValueKind::Number => self.out.push_str(&number(value)),
            ValueKind::String => self.string(value.as_str().unwrap_or_default()),
            ValueKind::Seq | ValueKind::Iterable => {
                let items = value.try_iter().map_err(|_| PrintError::NotJson("this iterator"))?;
                self.container('[', ']', items.collect(), depth, |json, item| {
                    json.write(&item, depth + 1)
                })?;
            }
            ValueKind::Map => self.map(value, depth)?,
            ValueKind::Undefined => return Err(PrintError::NotJson("an undefined value")),
            _ => return Err(PrintError::NotJson("this kind of value")),
        }
        Ok(())
    }

    fn map(&mut self, value: &Value, depth: usize) -> Result<(), PrintError> {
        let keys = value.try_iter().map_err(|_| PrintError::NotJson("this mapping"))?;
        let mut entries = Vec::new();
        for key in keys {
            let name = match key.kind() {
                ValueKind::String => key.as_str().unwrap_or_default().to_owned(),
                ValueKind::None => "null".to_owned(),
                ValueKind::Bool => key.is_true().to_string(),
                ValueKind::Number => number(&key),
                _ => return Err(PrintError::NotJson("a key of this kind")),
            };
            let item = value.get_item(&key).map_err(|_| PrintError::NotJson("this mapping"))?;
            entries.push((name, item));
        }
        if self.style.sort_keys {
            entries.sort_by(|(a, _), (b, _)| a.cmp(b));
        }
        self.container('{', '}', entries, depth, |json, (name, item)| {
            json.string(&name);
            json.out.push_str(&json.style.key_separator);
            json.write(&item, depth + 1)
        })
    }

    fn container<T>(
        &mut self,
        open: char,
        close: char,
        items: Vec<T>,
        depth: usize,
        write: impl Fn(&mut Self, T) -> Result<(), PrintError>,
    ) -> Result<(), PrintError> {
        self.out.push(open);
        let is_empty = items.is_empty();
        for (i, item) in items.into_iter().enumerate() {
            if i > 0 {
                self.out.push_str(&self.style.item_separator);
            }
            self.new_line(depth + 1)?;
            write(self, item)?;
        }
        if !is_empty {
            self.new_line(depth)?;
        }
        self.out.push(close);
        Ok(())
    }

    fn new_line(&mut self, depth: usize) -> Result<(), PrintError> {
        if let Some(indent) = self.style.indent {
            let n_spaces = indent.saturating_mul(depth);
            if n_spaces > self.n_bytes_max {
                return Err(PrintError::TooLarge);
            }
            self.out.push('\n');
            self.out.extend(std::iter::repeat_n(' ', n_spaces));
        }
        Ok(())
    }

    fn string(&mut self, text: &str) {
        self.out.push('"');
        for c in text.chars() {
            match c {
                '"' => self.out.push_str("\\\""),
                '\\' => self.out.push_str("\\\\"),
                '\n' => self.out.push_str("\\n"),
                '\r' => self.out.push_str("\\r"),
                '\t' => self.out.push_str("\\t"),
                '\u{8}' => self.out.push_str("\\b"),
                '\u{c}' => self.out.push_str("\\f"),
                c if c < ' ' => self.out.push_str(&format!("\\u{:04x}", u32::from(c))),
                c => self.out.push(c),
            }
        }
        self.out.push('"');
    }
}

/// `str(value)`, which is what `{{ value }}` prints; at most `n_bytes_max` long.
pub(crate) fn to_str(value: &Value, n_bytes_max: usize) -> Result<String, PrintError> {
    match value.kind() {
        ValueKind::Undefined => Ok(String::new()),
        ValueKind::String => Ok(value.as_str().unwrap_or_default().to_owned()),
        _ => {
            let mut out = String::new();
            repr(value, 0, n_bytes_max, &mut out)?;
            Ok(out)
        }
    }
}

fn repr(
    value: &Value,
    depth: usize,
    n_bytes_max: usize,
    out: &mut String,
) -> Result<(), PrintError> {
    if depth > DEPTH_LIMIT || out.len() > n_bytes_max {
        return Err(PrintError::TooLarge);
    }
    match value.kind() {
        ValueKind::None => out.push_str("None"),
        ValueKind::Undefined => out.push_str("Undefined"),
        ValueKind::Bool => out.push_str(if value.is_true() { "True" } else { "False" }),
        ValueKind::Number => out.push_str(&number(value)),
        ValueKind::String => repr_string(value.as_str().unwrap_or_default(), out),
        ValueKind::Seq => {
            out.push('[');
            for (i, item) in value.try_iter().into_iter().flatten().enumerate() {
                out.push_str(if i > 0 { ", " } else { "" });
                repr(&item, depth + 1, n_bytes_max, out)?;
            }
            out.push(']');
        }
        ValueKind::Map
            if value.as_object().is_none_or(|o| o.is_true()) || value.len() == Some(0) =>
        {
            out.push('{');
            for (i, key) in value.try_iter().into_iter().flatten().enumerate() {
                out.push_str(if i > 0 { ", " } else { "" });
                repr(&key, depth + 1, n_bytes_max, out)?;
                out.push_str(": ");
                let item = value.get_item(&key).unwrap_or_default();
                repr(&item, depth + 1, n_bytes_max, out)?;
            }
            out.push('}');
        }
        _ => out.push_str(&value.to_string()),
    }
    Ok(())
}

/// Single quotes, unless only they occur inside.
fn repr_string(text: &str, out: &mut String) {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    out.push(quote);
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\\' => out.push_str("\\\\"),
            c if c == quote => out.extend(['\\', c]),
            c if is_printable(c) => out.push(c),
            c if c <= '\u{ff}' => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            c if c <= '\u{ffff}' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push_str(&format!("\\U{:08x}", u32::from(c))),
        }
    }
    out.push(quote);
}

/// Whether Python's `repr` shows the character itself. Rust's escaping follows the same rule,
/// except for a combining mark that has nothing to combine with.
fn is_printable(c: char) -> bool {
    c == '\'' || c == '"' || String::from_iter(['a', c]).escape_debug().count() == 2
}

/// `str.title()`: a letter after a letter becomes small, any other one large.
pub(crate) fn title(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut is_inside = false;
    for c in text.chars() {
        let is_cased = c.is_lowercase() || c.is_uppercase();
        match (is_cased, is_inside) {
            (true, true) => out.extend(c.to_lowercase()),
            (true, false) => out.extend(c.to_uppercase()),
            (false, _) => out.push(c),
        }
        is_inside = is_cased;
    }
    out
}

fn number(value: &Value) -> String {
    match f64::try_from(value.clone()) {
        Ok(float) if !value.is_integer() => float_repr(float),
        _ => value.to_string(),
    }
}

/// `repr(float)`: the shortest digits that read back, with an exponent below 1e-4 and from 1e16.
fn float_repr(float: f64) -> String {
    if float.is_nan() {
        return "NaN".to_owned();
    }
    if float.is_infinite() {
        return if float > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    let scientific = format!("{float:e}");
    let (digits, exponent) = scientific.split_once('e').expect("{:e} writes an exponent");
    let exponent: i32 = exponent.parse().expect("{:e} writes a number as exponent");
    if float != 0.0 && !(-4..16).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{digits}e{sign}{:02}", exponent.abs())
    } else {
        format!("{float:?}")
    }
}

/// `strftime` for the directives that templates use, in UTC; others are copied as they stand.
pub(crate) fn strftime(format: &str, unix_s: i64) -> String {
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    const DAYS: [&str; 7] =
        ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
    let (days, second) = (unix_s.div_euclid(86_400), unix_s.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let (hour, minute) = (second / 3600, second / 60 % 60);
    let hour12 = (hour + 11) % 12 + 1;
    let month_name = MONTHS[month as usize - 1];
    let day_name = DAYS[(days + 4).rem_euclid(7) as usize];
    let day_of_year = days - days_before_year(year) + 1;
    let mut out = String::new();
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('Y') => out.push_str(&year.to_string()),
            Some('y') => out.push_str(&format!("{:02}", year.rem_euclid(100))),
            Some('m') => out.push_str(&format!("{month:02}")),
            Some('d') => out.push_str(&format!("{day:02}")),
            Some('e') => out.push_str(&format!("{day:2}")),
            Some('H') => out.push_str(&format!("{hour:02}")),
            Some('I') => out.push_str(&format!("{hour12:02}")),
            Some('M') => out.push_str(&format!("{minute:02}")),
            Some('S') => out.push_str(&format!("{:02}", second % 60)),
            Some('p') => out.push_str(if hour < 12 { "AM" } else { "PM" }),
            Some('j') => out.push_str(&format!("{day_of_year:03}")),
            Some('B') => out.push_str(month_name),
            Some('b' | 'h') => out.push_str(&month_name[..3]),
            Some('A') => out.push_str(day_name),
            Some('a') => out.push_str(&day_name[..3]),
            Some('F') => out.push_str(&format!("{year}-{month:02}-{day:02}")),
            Some('T') => out.push_str(&format!("{hour:02}:{minute:02}:{:02}", second % 60)),
            Some('-') => match chars.next() {
                Some('d') => out.push_str(&day.to_string()),
                Some('m') => out.push_str(&month.to_string()),
                Some('H') => out.push_str(&hour.to_string()),
                Some('I') => out.push_str(&hour12.to_string()),
                other => out.extend(['%', '-'].into_iter().chain(other)),
            },
            Some('%') => out.push('%'),
            other => out.extend(std::iter::once('%').chain(other)),
        }
    }
    out
}

/// Days from 1970-01-01 to the first day of `year`.
fn days_before_year(year: i64) -> i64 {
    let past = year - 1;
    past * 365 + past.div_euclid(4) - past.div_euclid(100) + past.div_euclid(400) - 719_162
}

/// Year, month and day of a day counted from 1970-01-01 (proleptic Gregorian calendar).
fn civil(days: i64) -> (i64, i64, i64) {
    // Eras of 400 years from 0000-03-01: the leap day is then the last of its year.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_as_python_prints_them() {
        let cases = [
            (1.0, "1.0"),
            (-0.0, "-0.0"),
            (0.1, "0.1"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (1.5e-5, "1.5e-05"),
            (1e-4, "0.0001"),
            (1e100, "1e+100"),
            (123456789.125, "123456789.125"),
            (f64::INFINITY, "Infinity"),
        ];
        for (float, want) in cases {
            assert_eq!(float_repr(float), want);
        }
    }

    #[test]
    fn dates() {
        let format = "%Y-%m-%d %H:%M:%S %a %A %b %B %j %y %I%p %-d %% %Q";
        let cases = [
            (0, "1970-01-01 00:00:00 Thu Thursday Jan January 001 70 12AM 1 % %Q"),
            (951_827_696, "2000-02-29 12:34:56 Tue Tuesday Feb February 060 00 12PM 29 % %Q"),
            (1_748_390_400, "2025-05-28 00:00:00 Wed Wednesday May May 148 25 12AM 28 % %Q"),
            (-1, "1969-12-31 23:59:59 Wed Wednesday Dec December 365 69 11PM 31 % %Q"),
        ];
        for (unix_s, want) in cases {
            assert_eq!(strftime(format, unix_s), want);
        }
        assert_eq!(strftime("%", 0), "%");
    }
}
