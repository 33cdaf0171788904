//! The one kind of Python pickle that benchmarks hold: a single text. Nothing else is read, and
//! nothing is run.

/// The text of a pickle that holds nothing but a text.
///
/// Opcodes after Python's `pickletools`: `PROTO`, `FRAME`, one of the `BINUNICODE` family, and
/// those that remember values, up to `STOP`.
pub fn text(pickle: &[u8]) -> Option<&str> {
    let mut rest = pickle;
    let mut found = None;
    loop {
        let opcode = *rest.split_off_first()?;
        match opcode {
            // PROTO and BINPUT: one byte follows.
            0x80 | b'q' => drop(take(&mut rest, 1)?),
            // LONG_BINPUT and FRAME.
            b'r' => drop(take(&mut rest, 4)?),
            0x95 => drop(take(&mut rest, 8)?),
            // MEMOIZE.
            0x94 => {}
            0x8c | b'X' | 0x8d => {
                let width = match opcode {
                    0x8c => 1,
                    b'X' => 4,
                    _ => 8,
                };
                let length = take(&mut rest, width)?;
                let length = length.iter().rev().fold(0, |n: u64, byte| n << 8 | u64::from(*byte));
                let bytes = take(&mut rest, usize::try_from(length).ok()?)?;
                if found.replace(std::str::from_utf8(bytes).ok()?).is_some() {
                    return None;
                }
            }
            b'.' => return found,
            _ => return None,
        }
    }
}

fn take<'b>(rest: &mut &'b [u8], count: usize) -> Option<&'b [u8]> {
    let (taken, left) = rest.split_at_checked(count)?;
    *rest = left;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn texts_of_every_protocol_and_nothing_else() {
        // pickle.dumps("[1, ü]", protocol) for 2 and 4, written out by Python.
        let two = b"\x80\x02X\x07\x00\x00\x00[1, \xc3\xbc]q\x00.";
        let four = b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00\x8c\x07[1, \xc3\xbc]\x94.";
        assert_eq!(text(two), Some("[1, ü]"));
        assert_eq!(text(four), Some("[1, ü]"));
        // A call of a function, a number, and pieces of the above.
        assert_eq!(text(b"cos\nsystem\n(S'ls'\ntR."), None);
        assert_eq!(text(b"\x80\x04K\x01."), None);
        for end in 0..four.len() {
            assert_eq!(text(&four[..end]), None, "{end}");
        }
        assert_eq!(text(b"\x8d\xff\xff\xff\xff\xff\xff\xff\xff."), None);
    }
}
