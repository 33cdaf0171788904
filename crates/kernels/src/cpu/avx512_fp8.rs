//! Widening FP8 e4m3 to bf16 in AVX-512 registers, by table: 64 codes are four instructions.

use std::arch::x86_64::*;
use std::sync::LazyLock;

use ponder_tensor::{bf16_from_f32, e4m3_to_f32};

/// The bf16 of every FP8 code without its sign, low bytes and high bytes apart.
#[repr(align(64))]
struct Fp8Tables {
    low: [u8; 128],
    high: [u8; 128],
}

static FP8_TABLES: LazyLock<Fp8Tables> = LazyLock::new(|| {
    let bits = |code: usize| bf16_from_f32(e4m3_to_f32(code as u8));
    Fp8Tables {
        low: std::array::from_fn(|code| bits(code) as u8),
        high: std::array::from_fn(|code| (bits(code) >> 8) as u8),
    }
});

/// The tables in registers, and the widening of one line of 64 codes into two lines of bf16 pairs.
#[derive(Clone, Copy)]
pub(super) struct Fp8Decoder {
    pub low: [__m512i; 2],
    pub high: [__m512i; 2],
}

impl Fp8Decoder {
    #[target_feature(enable = "avx512f")]
    pub fn new() -> Fp8Decoder {
        let load = |table: &[u8; 128]| {
            // SAFETY: both halves lie within the 128 bytes.
            unsafe {
                [
                    _mm512_loadu_si512(table.as_ptr().cast()),
                    _mm512_loadu_si512(table[64..].as_ptr().cast()),
                ]
            }
        };
        Fp8Decoder { low: load(&FP8_TABLES.low), high: load(&FP8_TABLES.high) }
    }

    /// # Safety
    /// 64 bytes are readable at `line`.
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
    pub unsafe fn widen(&self, line: *const u8) -> (__m512i, __m512i) {
        // SAFETY: the caller's promise.
        let codes = unsafe { _mm512_loadu_si512(line.cast()) };
        // The look-up ignores the sign bit; 0xF8 is a | (b & c): the sign joins the high byte.
        let low = _mm512_permutex2var_epi8(self.low[0], codes, self.low[1]);
        let high = _mm512_permutex2var_epi8(self.high[0], codes, self.high[1]);
        let sign = _mm512_set1_epi8(0x80u8 as i8);
        let high = _mm512_ternarylogic_epi64::<0xf8>(high, codes, sign);
        (_mm512_unpacklo_epi8(low, high), _mm512_unpackhi_epi8(low, high))
    }

    /// Widens whole tiles into bf16 tiles.
    #[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
    pub fn widen_tiles(&self, packed: &[u8], out: &mut [u16]) {
        let (lines, _) = packed.as_chunks::<64>();
        let (out, _) = out.as_chunks_mut::<64>();
        for (line, out) in lines.iter().zip(out) {
            // SAFETY: 64 bytes are read and 128 written.
            unsafe {
                let (even, odd) = self.widen(line.as_ptr());
                _mm512_storeu_si512(out.as_mut_ptr().cast(), even);
                _mm512_storeu_si512(out.as_mut_ptr().add(32).cast(), odd);
            }
        }
    }
}
