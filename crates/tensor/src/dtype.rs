//! The number formats a checkpoint can hold and their exact conversions, one value at a time.

/// Number format of a stored tensor, named as the safetensors header spells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dtype {
    /// IEEE binary32.
    F32,
    /// IEEE binary16.
    F16,
    /// The upper half of an IEEE binary32.
    Bf16,
    /// OCP FP8 E4M3 (`float8_e4m3fn`): bias 7, largest 448, no infinities, NaN is 0x7F and 0xFF.
    F8E4m3,
}

impl Dtype {
    /// Bytes of one element.
    pub fn size(self) -> usize {
        match self {
            Dtype::F32 => 4,
            Dtype::F16 | Dtype::Bf16 => 2,
            Dtype::F8E4m3 => 1,
        }
    }

    /// The spelling of the safetensors header.
    pub fn name(self) -> &'static str {
        match self {
            Dtype::F32 => "F32",
            Dtype::F16 => "F16",
            Dtype::Bf16 => "BF16",
            Dtype::F8E4m3 => "F8_E4M3",
        }
    }

    /// The inverse of [`Dtype::name`].
    pub fn from_name(name: &str) -> Option<Dtype> {
        [Dtype::F32, Dtype::F16, Dtype::Bf16, Dtype::F8E4m3].into_iter().find(|d| d.name() == name)
    }
}

/// Widens a bfloat16, exactly.
#[inline(always)]
pub fn bf16_to_f32(bits: u16) -> f32 {
    f32::from_bits((bits as u32) << 16)
}

/// Rounds to the nearest bfloat16, ties to even; a NaN stays a (quiet) NaN.
#[inline(always)]
pub fn bf16_from_f32(x: f32) -> u16 {
    let bits = x.to_bits();
    if x.is_nan() {
        return (bits >> 16) as u16 | 0x40;
    }
    ((bits + 0x7fff + ((bits >> 16) & 1)) >> 16) as u16
}

/// Widens an IEEE half, exactly.
pub fn f16_to_f32(bits: u16) -> f32 {
    half::f16::from_bits(bits).to_f32()
}

/// Widens an FP8 E4M3 code, exactly; the codes 0x7F and 0xFF give NaN.
pub fn e4m3_to_f32(code: u8) -> f32 {
    let exponent = (code >> 3 & 15) as i32;
    let mantissa = (code & 7) as f32;
    let magnitude = match (exponent, code & 7) {
        (15, 7) => f32::NAN,
        (0, _) => mantissa / 512.0,
        _ => (1.0 + mantissa / 8.0) * 2f32.powi(exponent - 7),
    };
    if code >> 7 == 1 { -magnitude } else { magnitude }
}

/// Rounds to the nearest FP8 E4M3 code, ties to even, saturating at 448; NaN gives 0x7F.
pub fn e4m3_from_f32(x: f32) -> u8 {
    let sign = if x.is_sign_negative() { 0x80 } else { 0 };
    if x.is_nan() {
        return 0x7f;
    }
    let magnitude = x.abs();
    if magnitude >= 448.0 {
        return sign | 0x7e;
    }
    // The spacing of codes is 2^(exponent - 3), and 2^-9 below the smallest normal number, 2^-6.
    let exponent = (magnitude.to_bits() >> 23) as i32 - 127;
    let spacing = 2f32.powi(exponent.max(-6) - 3);
    let steps = (magnitude / spacing).round_ties_even() as u32;
    // Eight steps make one binade, so a carry into the next exponent needs no special case.
    let code = if exponent < -6 { steps } else { ((exponent + 6) as u32) * 8 + steps };
    sign | code.min(0x7e) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e4m3_codes_round_trip() {
        for code in 0..=255u8 {
            let value = e4m3_to_f32(code);
            if !value.is_nan() {
                assert_eq!(e4m3_from_f32(value), code, "{code:#x} = {value}");
            }
        }
    }

    #[test]
    fn e4m3_rounds_to_nearest_even() {
        for (x, want) in
            [(1.0625, 0x38), (1.1875, 0x3a), (1e9, 0x7e), (1.0 / 1024.0, 0), (-0.0, 0x80)]
        {
            assert_eq!(e4m3_from_f32(x), want, "{x}");
        }
    }

    #[test]
    fn bf16_rounds_to_nearest_even() {
        for x in [0.0f32, -1.5, 3.1, 1e-40, f32::MAX, f32::INFINITY, 65280.5] {
            assert_eq!(bf16_from_f32(x), half::bf16::from_f32(x).to_bits(), "{x}");
        }
        assert!(bf16_to_f32(bf16_from_f32(f32::NAN)).is_nan());
    }
}
