//! Random numbers that are a pure function of where they are drawn, so that a resumed run draws
//! what an uninterrupted one does and no state needs saving.

/// Draws of one stream of one seed.
#[derive(Clone, Debug)]
pub struct Random {
    key: u64,
    index: u64,
}

/// The mixing step of SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number
/// generators", OOPSLA 2014).
fn mix(state: u64) -> u64 {
    let z = (state ^ state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

impl Random {
    /// The stream of this number.
    pub fn new(seed: u64, stream: u64) -> Random {
        let key = mix(mix(seed.wrapping_add(GOLDEN)) ^ stream.wrapping_mul(GOLDEN));
        Random { key, index: 0 }
    }

    /// The stream of this name.
    pub fn named(seed: u64, name: &str) -> Random {
        Random::new(seed, name.bytes().fold(GOLDEN, |hash, byte| mix(hash ^ byte as u64)))
    }

    /// The stream at the end of a path of numbers, such as step, prompt, sample.
    pub fn at(seed: u64, path: &[u64]) -> Random {
        let (last, path) = path.split_last().expect("a path names at least one number");
        let seed = path.iter().fold(seed, |seed, part| Random::new(seed, *part).bits());
        Random::new(seed, *last)
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.index += 1;
        mix(self.key.wrapping_add(self.index.wrapping_mul(GOLDEN)))
    }

    /// Uniform in [0, 1).
    pub fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Uniform below `n`, which is not 0.
    pub fn below(&mut self, n: u64) -> u64 {
        ((self.bits() as u128 * n as u128) >> 64) as u64
    }

    /// Uniform in `low..=high`.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below(high.abs_diff(low) + 1) as i64
    }

    /// True with this probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.uniform() < probability
    }

    /// One of `items`, which are not empty.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len() as u64) as usize]
    }

    /// Puts `items` into a random order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i as u64 + 1) as usize);
        }
    }

    /// Normal with mean 0 and deviation 1 (Box and Muller).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_have_the_moments_of_their_distributions() {
        let mut random = Random::new(7, 3);
        let n = 100_000;
        let (mut mean, mut square, mut uniform, mut below) = (0.0, 0.0, 0.0, [0u32; 5]);
        for _ in 0..n {
            let x = random.normal();
            mean += x / n as f64;
            square += x * x / n as f64;
            uniform += random.uniform() / n as f64;
            below[random.below(5) as usize] += 1;
        }
        assert!(mean.abs() < 0.01 && (square - 1.0).abs() < 0.02, "{mean} {square}");
        assert!((uniform - 0.5).abs() < 0.01, "{uniform}");
        assert!(below.iter().all(|count| (19_000..21_000).contains(count)), "{below:?}");
    }

    #[test]
    fn streams_differ_and_repeat() {
        let draw = |seed, name| Random::named(seed, name).bits();
        assert_eq!(draw(1, "a"), draw(1, "a"));
        assert_ne!(draw(1, "a"), draw(1, "b"));
        assert_ne!(draw(1, "a"), draw(2, "a"));
        let at = |path: &[u64]| Random::at(5, path).bits();
        assert_eq!(at(&[1, 2]), at(&[1, 2]));
        assert_ne!(at(&[1, 2]), at(&[2, 1]));
        assert_ne!(at(&[1]), at(&[1, 0]));
    }
}
