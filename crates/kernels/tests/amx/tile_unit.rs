//! The tile unit as Intel's manual describes it (volume 2, LDTILECFG to TILEZERO), palette 1.
//!
//! What would fault on a processor is a [`Fault`] here. Payloads of NaNs are not modelled, nor
//! restarts after page faults.

const N_TILES: usize = 8;
const MAX_ROWS: usize = 16;
const MAX_ROW_BYTES: usize = 64;

type Row = [u32; MAX_ROW_BYTES / 4];

/// Why the processor would refuse an instruction.
#[derive(Debug, PartialEq)]
pub struct Fault(pub &'static str);

/// Configuration and contents of the tiles of one thread.
pub struct TileUnit {
    is_configured: bool,
    rows: [usize; N_TILES],
    row_bytes: [usize; N_TILES],
    tiles: [[Row; MAX_ROWS]; N_TILES],
}

impl TileUnit {
    pub const RELEASED: TileUnit = TileUnit {
        is_configured: false,
        rows: [0; N_TILES],
        row_bytes: [0; N_TILES],
        tiles: [[[0; MAX_ROW_BYTES / 4]; MAX_ROWS]; N_TILES],
    };

    pub fn is_released(&self) -> bool {
        !self.is_configured
    }

    /// LDTILECFG. Zeroes all tiles.
    pub fn configure(&mut self, bytes: &[u8; 64]) -> Result<(), Fault> {
        let reserved = [&bytes[2..16], &bytes[32..48], &bytes[56..64]];
        if bytes[0] != 1 {
            return Err(Fault("LDTILECFG: a palette other than 1"));
        }
        if bytes[1] != 0 || reserved.iter().any(|part| part.iter().any(|byte| *byte != 0)) {
            return Err(Fault("LDTILECFG: a reserved byte or start row that is not zero"));
        }
        *self = TileUnit { is_configured: true, ..TileUnit::RELEASED };
        for tile in 0..N_TILES {
            let row_bytes = u16::from_le_bytes([bytes[16 + 2 * tile], bytes[17 + 2 * tile]]);
            let (rows, row_bytes) = (bytes[48 + tile] as usize, row_bytes as usize);
            if rows > MAX_ROWS || row_bytes > MAX_ROW_BYTES {
                return Err(Fault("LDTILECFG: more than 16 rows or 64 bytes in a row"));
            }
            if (rows == 0) != (row_bytes == 0) {
                return Err(Fault("LDTILECFG: rows without columns or columns without rows"));
            }
            (self.rows[tile], self.row_bytes[tile]) = (rows, row_bytes);
        }
        Ok(())
    }

    /// TILERELEASE.
    pub fn release(&mut self) {
        *self = TileUnit::RELEASED;
    }

    fn check(&self, tile: usize) -> Result<(), Fault> {
        if !self.is_configured {
            return Err(Fault("tiles are not configured"));
        }
        if tile >= N_TILES || self.rows[tile] == 0 {
            return Err(Fault("a tile that the configuration leaves out"));
        }
        if !self.row_bytes[tile].is_multiple_of(4) {
            return Err(Fault("rows that are not whole 32-bit words"));
        }
        Ok(())
    }

    /// TILEZERO.
    pub fn zero(&mut self, tile: usize) -> Result<(), Fault> {
        self.check(tile)?;
        self.tiles[tile] = TileUnit::RELEASED.tiles[tile];
        Ok(())
    }

    /// TILELOADD.
    ///
    /// # Safety
    /// The configured rows are readable at `base`, `stride` bytes apart.
    pub unsafe fn load(&mut self, tile: usize, base: u64, stride: u64) -> Result<(), Fault> {
        self.zero(tile)?;
        for row in 0..self.rows[tile] {
            let from = base.wrapping_add(stride.wrapping_mul(row as u64)) as *const u8;
            let to = self.tiles[tile][row].as_mut_ptr().cast();
            // SAFETY: the caller's promise; a row has room for 64 bytes.
            unsafe { std::ptr::copy_nonoverlapping(from, to, self.row_bytes[tile]) };
        }
        Ok(())
    }

    /// TILESTORED.
    ///
    /// # Safety
    /// The configured rows are writable at `base`, `stride` bytes apart.
    pub unsafe fn store(&self, tile: usize, base: u64, stride: u64) -> Result<(), Fault> {
        self.check(tile)?;
        for row in 0..self.rows[tile] {
            let to = base.wrapping_add(stride.wrapping_mul(row as u64)) as *mut u8;
            let from = self.tiles[tile][row].as_ptr().cast();
            // SAFETY: the caller's promise; a row has 64 bytes.
            unsafe { std::ptr::copy_nonoverlapping(from, to, self.row_bytes[tile]) };
        }
        Ok(())
    }

    /// TDPBF16PS: `sums += a · b`, where `b` holds pairs of k in its rows.
    #[target_feature(enable = "avx2,fma")]
    pub fn dot_bf16(&mut self, sums: usize, a: usize, b: usize) -> Result<(), Fault> {
        [sums, a, b].into_iter().try_for_each(|tile| self.check(tile))?;
        if sums == a || sums == b || a == b {
            return Err(Fault("TDPBF16PS: a tile given twice"));
        }
        let fits = self.row_bytes[sums] == self.row_bytes[b]
            && self.rows[sums] == self.rows[a]
            && self.row_bytes[a] / 4 == self.rows[b];
        if !fits {
            return Err(Fault("TDPBF16PS: shapes that do not fit"));
        }
        for row in 0..self.rows[sums] {
            let mut pair_sums = [[0.0; MAX_ROW_BYTES / 4]; 2];
            for pair in 0..self.rows[b] {
                let a = self.tiles[a][row][pair];
                for column in 0..self.row_bytes[b] / 4 {
                    let b = self.tiles[b][pair][column];
                    let [even, odd] = &mut pair_sums;
                    even[column] = multiply_add(low(a), low(b), even[column]);
                    odd[column] = multiply_add(high(a), high(b), odd[column]);
                }
            }
            let columns = self.row_bytes[sums] / 4;
            let [even, odd] = &pair_sums;
            let sums = &mut self.tiles[sums][row][..columns];
            for ((sum, even), odd) in sums.iter_mut().zip(even).zip(odd) {
                *sum = add(f32::from_bits(*sum), add(*even, *odd)).to_bits();
            }
        }
        Ok(())
    }
}

fn low(pair: u32) -> f32 {
    f32::from_bits(pair << 16)
}

fn high(pair: u32) -> f32 {
    f32::from_bits(pair & 0xffff_0000)
}

fn flush(x: f32) -> f32 {
    if x.is_subnormal() { 0f32.copysign(x) } else { x }
}

/// `x + y` rounded to nearest even, subnormal inputs and outputs taken as zero.
#[inline]
#[target_feature(enable = "fma")]
pub fn add(x: f32, y: f32) -> f32 {
    multiply_add(1.0, x, y)
}

/// `a * b + c` rounded once to nearest even, subnormal inputs and outputs taken as zero.
#[inline]
#[target_feature(enable = "fma")]
pub fn multiply_add(a: f32, b: f32, c: f32) -> f32 {
    let (a, b, c) = (flush(a), flush(b), flush(c));
    let sum = a.mul_add(b, c);
    if sum != 0.0 && sum.abs() <= f32::MIN_POSITIVE { flush_result(a, b, c, sum) } else { sum }
}

/// A result is flushed when it is tiny after rounding to 24 bits as if exponents had no end. So
/// the smallest normal number is kept only if it was not reached by the coarser subnormal grid.
#[cold]
fn flush_result(a: f32, b: f32, c: f32, sum: f32) -> f32 {
    // Products of two f32 are exact in f64; the error of the sum is the second part of a two-sum.
    let (product, c) = (a as f64 * b as f64, c as f64);
    let total = product + c;
    let c_part = total - product;
    let error = (product - (total - c_part)) + (c - c_part);
    let (total, error) = if sum > 0.0 { (total, error) } else { (-total, -error) };
    let smallest_kept = f32::MIN_POSITIVE as f64 * (1.0 - 1.0 / (1 << 25) as f64);
    let is_tiny = total < smallest_kept || total == smallest_kept && error < 0.0;
    if is_tiny { 0f32.copysign(sum) } else { sum }
}

mod tests {
    use super::*;

    fn configuration(rows: [u8; 8], row_bytes: [u8; 8]) -> [u8; 64] {
        let mut bytes = [0; 64];
        bytes[0] = 1;
        for tile in 0..8 {
            bytes[16 + 2 * tile] = row_bytes[tile];
            bytes[48 + tile] = rows[tile];
        }
        bytes
    }

    fn configured(rows: [u8; 8], row_bytes: [u8; 8]) -> TileUnit {
        let mut unit = TileUnit::RELEASED;
        unit.configure(&configuration(rows, row_bytes)).unwrap();
        unit
    }

    #[test]
    fn bad_configurations_fault() {
        let good = configuration([16; 8], [64; 8]);
        let bad = [(0, 2), (1, 1), (5, 1), (40, 1), (63, 1), (16, 65), (17, 1), (48, 17)];
        // Columns without rows, rows without columns.
        let halves = [(16, 0), (48, 0)];
        for (at, value) in bad.into_iter().chain(halves) {
            let mut bytes = good;
            bytes[at] = value;
            let mut unit = TileUnit::RELEASED;
            assert!(unit.configure(&bytes).is_err(), "byte {at} = {value}");
        }
    }

    #[test]
    fn wrong_uses_fault() {
        let dot = |unit: &mut TileUnit, [sums, a, b]: [usize; 3]| {
            assert!(is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"));
            // SAFETY: just checked.
            unsafe { unit.dot_bf16(sums, a, b) }
        };
        if !is_x86_feature_detected!("fma") {
            println!("skipped: no FMA");
            return;
        }
        let mut unit = TileUnit::RELEASED;
        assert!(unit.zero(0).is_err());
        let mut unit = configured([16, 3, 16, 16, 16, 2, 0, 16], [64, 64, 64, 60, 63, 8, 0, 64]);
        assert!(unit.zero(6).is_err(), "a tile without rows");
        assert!(unit.zero(4).is_err(), "63 bytes in a row");
        assert_eq!(dot(&mut unit, [0, 2, 7]), Ok(()));
        for tiles in [[0, 0, 2], [0, 2, 2], [0, 1, 2], [3, 0, 2], [1, 5, 0]] {
            assert!(dot(&mut unit, tiles).is_err(), "{tiles:?}");
        }
        unit.release();
        assert!(dot(&mut unit, [0, 2, 7]).is_err());
    }

    #[test]
    fn arithmetic_flushes_and_rounds_as_documented() {
        if !is_x86_feature_detected!("fma") {
            println!("skipped: no FMA");
            return;
        }
        const MIN: f32 = f32::MIN_POSITIVE;
        let below = f32::from_bits(MIN.to_bits() - 1);
        let e = f32::EPSILON;
        for ([a, b, c], want) in [
            ([1.0, 2.0, 3.0], 5.0),
            // Rounded once: the product alone would lose its last bit.
            ([1.0 + e, 1.0 + e, -1.0 - 2.0 * e], e * e),
            ([1.0, 1.0, e / 2.0], 1.0),
            ([1.0 + e, 1.0, e / 2.0], 1.0 + 2.0 * e),
            // Subnormal inputs are zero, and so are subnormal results, with their sign.
            ([below, 1e30, 1.0], 1.0),
            ([1.0, 1.0, below], 1.0),
            ([-MIN, 0.5, 0.0], -0.0),
            ([MIN, 1.5, -MIN], 0.0),
            // Products may lie below the normal range as long as the result does not.
            ([MIN, 0.5, MIN], 1.5 * MIN),
            // Tiny is what stays below the normal range when rounded to 24 bits: the first does,
            // the second does not, although the subnormal grid would round both to MIN.
            ([MIN, 1.0 - e / 2.0, 0.0], 0.0),
            ([MIN * 1024.0 * (1.0 + e), (1.0 - e) / 1024.0, 0.0], MIN),
        ] {
            // SAFETY: checked above.
            let got = unsafe { multiply_add(a, b, c) };
            assert_eq!(got.to_bits(), want.to_bits(), "{a:e} * {b:e} + {c:e} = {got:e}");
        }
    }

    /// Two pairs and two columns, chosen so that any other order of the additions gives another
    /// result: even and odd products are summed apart, joined, and only then added to the tile.
    #[test]
    fn products_are_summed_in_the_documented_order() {
        if !is_x86_feature_detected!("fma") {
            println!("skipped: no FMA");
            return;
        }
        let mut unit = configured([1, 1, 2, 0, 0, 0, 0, 0], [4, 8, 4, 0, 0, 0, 0, 0]);
        let bits = |x: f32| x.to_bits() >> 16;
        let pair = |even: f32, odd: f32| bits(even) | bits(odd) << 16;
        let big = 2f32.powi(24);
        unit.tiles[0][0][0] = (-big).to_bits();
        (unit.tiles[1][0][0], unit.tiles[1][0][1]) = (pair(1.0, 1.0), pair(1.0, 1.0));
        // Even: 2^24 + 1 = 2^24. Odd: 1 + 1 = 2. Joined 2^24 + 2; with the tile 2.
        (unit.tiles[2][0][0], unit.tiles[2][1][0]) = (pair(big, 1.0), pair(1.0, 1.0));
        // SAFETY: checked above.
        unsafe { unit.dot_bf16(0, 1, 2) }.unwrap();
        assert_eq!(f32::from_bits(unit.tiles[0][0][0]), 2.0);
    }
}
