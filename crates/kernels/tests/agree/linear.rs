use ponder_kernels::Ops;
use ponder_kernels::reference::Reference;
use ponder_tensor::Arena;
use ponder_tensor::format::Format;

use super::sample::Random;
use super::{assert_close, assert_same_bits, backends};

/// (in_features, out_features), whole and ragged.
const SHAPES: &[(usize, usize)] = &[(128, 32), (256, 96), (1, 1), (33, 65), (417, 192), (2048, 40)];
const ROWS: &[usize] = &[1, 2, 7, 8, 9, 16, 17, 31, 40, 300];

fn tolerance(format: Format) -> f32 {
    match format {
        Format::Fp8 | Format::Bf16 => 1e-2,
        Format::F16 | Format::F32 => 3e-6,
    }
}

#[test]
fn linear_agrees_and_rows_are_independent() {
    for ops in backends() {
        for format in [Format::Fp8, Format::Bf16, Format::F16, Format::F32] {
            for (n_in, n_out) in SHAPES {
                let mut random = Random::new((n_in * 31 + n_out) as u64);
                let weight = random.matrix(format, *n_out, *n_in);
                let bias = random.vector(*n_out);
                let x = random.tensor(300, *n_in);
                let what = format!("linear {format:?} {n_in} to {n_out}");
                let want = Reference::default().linear(&x, &weight, Some(&bias));
                let all = ops.linear(&x, &weight, Some(&bias));
                assert_close(&what, &ops, &all, &want, tolerance(format));
                for rows in ROWS {
                    let first: Vec<usize> = (300 - rows..300).collect();
                    let got = ops.linear(&ops.select_rows(&x, &first), &weight, Some(&bias));
                    let want = ops.select_rows(&all, &first);
                    let what = format!("{what}, {rows} rows");
                    assert_same_bits(&what, &ops, got.data(), want.data());
                }
            }
        }
    }
}

#[test]
fn every_fp8_code_is_exact() {
    // One-hot rows pick single weights, so every code passes through alone. bf16 holds each code.
    let codes: Vec<u8> = (0..=255u8).filter(|code| code & 0x7f != 0x7f).collect();
    let source = ponder_tensor::format::Source {
        scales: Some(ponder_tensor::format::BlockScales {
            values: vec![0.5; 2],
            block: [128, 128],
        }),
        ..ponder_tensor::format::Source::whole(ponder_tensor::Dtype::F8E4m3, &codes, 1, codes.len())
    };
    let mut store = ponder_tensor::WeightStore::new();
    let weight = ponder_tensor::format::Matrix::pack(&mut store, &source).unwrap();
    let n = codes.len();
    let one_hot = Arena::new().tensor(n, n, |x| {
        x.fill(0.0);
        (0..n).for_each(|i| x[i * n + i] = 1.0);
    });
    for ops in backends() {
        for rows in [0..n, 3..4] {
            let rows: Vec<usize> = rows.collect();
            let out = ops.linear(&ops.select_rows(&one_hot, &rows), &weight, None);
            for (got, row) in out.data().iter().zip(&rows) {
                let want = ponder_tensor::e4m3_to_f32(codes[*row]) * 0.5;
                assert_eq!(*got, want, "code {:#x} on {}", codes[*row], ops.name());
            }
        }
    }
}

#[test]
fn rms_norm_agrees() {
    for ops in backends() {
        for (rows, cols) in [(1, 7168), (3, 65), (40, 2048), (1, 1)] {
            let mut random = Random::new(cols as u64);
            let (x, weight) = (random.tensor(rows, cols), random.vector(cols));
            let want = Reference::default().rms_norm(&x, &weight, 1e-6);
            let got = ops.rms_norm(&x, &weight, 1e-6);
            assert_close(&format!("rms_norm {rows}x{cols}"), &ops, &got, &want, 1e-6);
            let alone = ops.rms_norm(&ops.select_rows(&x, &[rows - 1]), &weight, 1e-6);
            assert_same_bits("rms_norm of one row", &ops, alone.data(), got.row(rows - 1));
        }
    }
}
