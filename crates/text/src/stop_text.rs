//! Stop strings in streamed text: what may be the beginning of one is held back.

/// Looks for the first of several strings in a text that comes in pieces.
#[derive(Clone, Debug)]
pub struct StopText {
    stops: Vec<String>,
    /// Seen but not passed on: the beginning of a stop string, perhaps.
    held: String,
}

impl StopText {
    /// Looks for `stops`; an empty one never occurs.
    pub fn new(stops: &[String]) -> StopText {
        StopText { stops: stops.to_vec(), held: String::new() }
    }

    /// Takes the next piece. Returns the text that is certain to stand before any stop string,
    /// and which of them was found.
    pub fn push(&mut self, piece: &str) -> (String, Option<usize>) {
        self.held.push_str(piece);
        // The one that is complete first, so that it does not matter how the text is cut.
        let places = self.stops.iter().enumerate().filter(|(_, stop)| !stop.is_empty());
        let places = places.filter_map(|(index, stop)| {
            let start = self.held.find(stop.as_str())?;
            Some((start + stop.len(), start, index))
        });
        if let Some((_, start, index)) = places.min() {
            let text = self.held[..start].to_owned();
            self.held.clear();
            return (text, Some(index));
        }
        let rest = self.held.split_off(self.certain());
        (std::mem::replace(&mut self.held, rest), None)
    }

    /// What was held back, when nothing follows.
    pub fn finish(&mut self) -> String {
        std::mem::take(&mut self.held)
    }

    /// How many bytes of the held text no stop string can begin in.
    fn certain(&self) -> usize {
        let begins_stop = |start: &usize| {
            let tail = &self.held[*start..];
            self.stops.iter().any(|stop| stop.starts_with(tail))
        };
        let longest = self.stops.iter().map(String::len).max().unwrap_or(0);
        let first = self.held.len().saturating_sub(longest);
        let starts = (first..self.held.len()).filter(|i| self.held.is_char_boundary(*i));
        starts.into_iter().find(begins_stop).unwrap_or(self.held.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(stops: &[&str], pieces: &[&str]) -> (String, bool) {
        let stops: Vec<String> = stops.iter().map(|stop| (*stop).to_owned()).collect();
        let mut stop_text = StopText::new(&stops);
        let mut text = String::new();
        for piece in pieces {
            let (certain, found) = stop_text.push(piece);
            text.push_str(&certain);
            if found.is_some() {
                return (text, true);
            }
        }
        (text + &stop_text.finish(), false)
    }

    #[test]
    fn text_ends_before_the_first_stop_string() {
        let cases: [(&[&str], &[&str], &str, bool); 8] = [
            (&["END"], &["abc", "ENDdef"], "abc", true),
            (&["END"], &["ab", "E", "N", "D"], "ab", true),
            (&["END"], &["ab", "E", "N", "x"], "abENx", false),
            (&["END"], &["ab", "EEND"], "abE", true),
            (&["b", "abc"], &["abc"], "a", true),
            (&["\n\n"], &["é\n", "\né"], "é", true),
            (&["Ende", "né"], &["n", "n", "é"], "n", true),
            (&[""], &["abc"], "abc", false),
        ];
        for (stops, pieces, want, stopped) in cases {
            assert_eq!(run(stops, pieces), (want.to_owned(), stopped), "{stops:?} {pieces:?}");
        }
    }

    #[test]
    fn only_a_possible_beginning_is_held_back() {
        let mut stop_text = StopText::new(&["END".to_owned()]);
        assert_eq!(stop_text.push("some text E"), ("some text ".to_owned(), None));
        assert_eq!(stop_text.push("D"), ("ED".to_owned(), None));
    }
}
