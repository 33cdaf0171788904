//! The gradient of the embedding: each token's row of `grad_out` is added to its row of the table.

use ponder_tensor::Tensor;

/// `grad_table` `[vocab_size, hidden_size]`; in the order of the tokens.
#[track_caller]
pub fn backward(grad_table: &mut [f32], grad_out: &Tensor, token_ids: &[u32]) {
    assert_eq!(grad_out.rows(), token_ids.len());
    let hidden_size = grad_out.cols();
    for (row, id) in token_ids.iter().enumerate() {
        let table = &mut grad_table[*id as usize * hidden_size..][..hidden_size];
        table.iter_mut().zip(grad_out.row(row)).for_each(|(table, grad)| *table += grad);
    }
}
