//! Products bit for bit as documented, and the state in which they leave the tile unit.

use ponder_kernels::Ops;
use ponder_tensor::format::{BLOCK_K, BlockScales, Matrix, Source, TILE_K};
use ponder_tensor::{Dtype, Tensor, WeightStore, bf16_from_f32, bf16_to_f32, e4m3_to_f32};

use super::sample::Random;
use super::tile_unit::{add, multiply_add};
use super::{assert_same_bits, backend, backends, emulator};

const OUT_FEATURES: usize = 33;

/// One output: for every block of k with a scale a sum of tile products, then scaled and added in
/// f32. BF16 is a single block.
#[target_feature(enable = "fma")]
fn product(x: &[f32], weights: &[f32], scales: &[f32]) -> f32 {
    let block = if scales.len() == 1 { x.len() } else { BLOCK_K };
    let blocks = x.chunks(block).zip(weights.chunks(block)).zip(scales);
    blocks.fold(0.0, |out, ((x, weights), scale)| {
        let mut sum = 0.0;
        for (x, weights) in x.chunks(TILE_K).zip(weights.chunks(TILE_K)) {
            let mut pair_sums = [0.0; 2];
            for (i, (x, weight)) in x.iter().zip(weights).enumerate() {
                let x = bf16_to_f32(bf16_from_f32(*x));
                pair_sums[i % 2] = multiply_add(x, *weight, pair_sums[i % 2]);
            }
            sum = add(sum, add(pair_sums[0], pair_sums[1]));
        }
        sum.mul_add(*scale, out)
    })
}

/// On the processor's tile unit this compares the unit itself with the manual.
fn check(ops: &dyn Ops, matrix: &Matrix, x: &Tensor, weights: &[Vec<f32>], scales: &[f32]) {
    let want: Vec<f32> = (0..x.rows())
        .flat_map(|row| weights.iter().map(move |weights| (row, weights)))
        // SAFETY: a backend for AMX exists, and every such processor has FMA.
        .map(|(row, weights)| unsafe { product(x.row(row), weights, scales) })
        .collect();
    let got = ops.linear(x, matrix, None);
    assert_same_bits("linear as documented", ops, got.data(), &want);
}

#[test]
fn products_follow_the_documented_arithmetic() {
    let mut random = Random::new(11);
    for ops in backends() {
        for (n_rows, in_features) in
            [(1, 128), (5, 33), (16, 256), (20, 417), (47, 300), (129, 300), (40, 600)]
        {
            let x = random.tensor(n_rows, in_features);
            let n = OUT_FEATURES * in_features;
            // Even codes are never NaN.
            let codes: Vec<u8> = (0..n).map(|_| random.below(256) as u8 & 0xfe).collect();
            let scales: Vec<f32> =
                (0..in_features.div_ceil(BLOCK_K)).map(|_| random.normal()).collect();
            let source = Source {
                scales: Some(BlockScales { values: scales.clone(), block: [128, 128] }),
                ..Source::whole(Dtype::F8E4m3, &codes, OUT_FEATURES, in_features)
            };
            let matrix = Matrix::pack(&mut WeightStore::new(), &source).unwrap();
            let values: Vec<f32> = codes.iter().map(|code| e4m3_to_f32(*code)).collect();
            let rows = |values: &[f32]| values.chunks(in_features).map(<[f32]>::to_vec).collect();
            let weights: Vec<Vec<f32>> = rows(&values);
            check(&ops, &matrix, &x, &weights, &scales);

            let bits: Vec<u16> = (0..n).map(|_| bf16_from_f32(random.normal())).collect();
            let bytes: Vec<u8> = bits.iter().flat_map(|bits| bits.to_le_bytes()).collect();
            let source = Source::whole(Dtype::Bf16, &bytes, OUT_FEATURES, in_features);
            let matrix = Matrix::pack(&mut WeightStore::new(), &source).unwrap();
            let values: Vec<f32> = bits.iter().map(|bits| bf16_to_f32(*bits)).collect();
            let weights: Vec<Vec<f32>> = rows(&values);
            check(&ops, &matrix, &x, &weights, &[1.0]);
        }
    }
}

#[test]
fn tiles_are_used_and_released() {
    let Some(ops) = backend(1) else { return };
    let before = emulator::products();
    let mut random = Random::new(5);
    let matrix = random.matrix(ponder_tensor::format::Format::Fp8, 64, 256);
    let x = random.tensor(1, 256);
    ops.linear(&x, &matrix, None);
    assert!(emulator::is_released(), "a kernel left the tiles configured");
    let is_emulated =
        ponder_kernels::cpu::Isa::available().last() != Some(&ponder_kernels::cpu::Isa::Amx);
    assert!(!is_emulated || emulator::products() > before, "no tile product was emulated");
}
