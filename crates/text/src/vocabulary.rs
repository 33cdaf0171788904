//! A tokenizer of one's own: byte-level BPE learnt from texts, with R1's control tokens and chat
//! format, written as the two published files.
//!
//! Digits stay apart, so that a number is written as it is computed, and signs never merge: a
//! small model sees every operand and every operator.

use serde_json::{Map, Value, json};
use tokenizers::models::bpe::{BPE, BpeTrainer};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::{OffsetReferential, OffsetType, PreTokenizedString, Trainer as _};

use crate::error::TextError;
use crate::pretokenize::PreTokenizer;

/// R1's control tokens, in the order of their ids here, which start at 0.
pub const CONTROL_TOKENS: &[&str] = &[
    BOS,
    EOS,
    "<｜▁pad▁｜>",
    "<｜User｜>",
    "<｜Assistant｜>",
    "<think>",
    "</think>",
    "<｜tool▁calls▁begin｜>",
    "<｜tool▁calls▁end｜>",
    "<｜tool▁call▁begin｜>",
    "<｜tool▁call▁end｜>",
    "<｜tool▁outputs▁begin｜>",
    "<｜tool▁outputs▁end｜>",
    "<｜tool▁output▁begin｜>",
    "<｜tool▁output▁end｜>",
    "<｜tool▁sep｜>",
];

/// Begins every text.
pub const BOS: &str = "<｜begin▁of▁sentence｜>";

/// Ends every reply.
pub const EOS: &str = "<｜end▁of▁sentence｜>";

/// The chat format, as Jinja.
pub const CHAT_TEMPLATE: &str = include_str!("chat_template.jinja");

/// Words with the space before them, and everything else character by character.
const PIECES: &str = r" ?\p{L}+|[\s\S]";

/// A learnt tokenizer as files.
#[derive(Clone, Debug)]
pub struct Vocabulary {
    /// `tokenizer.json`
    pub tokenizer: Value,
    /// `tokenizer_config.json`
    pub config: Value,
}

/// Learns `vocab_size` tokens from `texts`: control tokens, the 256 bytes, and the most useful
/// merges within words. `context` is the longest text that the model will be made for.
pub fn learn(
    texts: impl Iterator<Item = String> + Send,
    vocab_size: usize,
    context: usize,
) -> Result<Vocabulary, TextError> {
    let failed = |e: String| TextError::bad_file("the vocabulary to learn", e);
    let least = CONTROL_TOKENS.len() + 256;
    if vocab_size < least {
        return Err(failed(format!("{vocab_size} tokens; bytes and control tokens are {least}")));
    }
    let pre_tokenizer = json!({
        "type": "Sequence",
        "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": PIECES}, "behavior": "Isolated",
             "invert": false},
            {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true,
             "use_regex": false},
        ],
    });
    let steps = PreTokenizer::from_json(pre_tokenizer.clone()).map_err(failed)?;
    let mut trainer = BpeTrainer::builder()
        .show_progress(false)
        .vocab_size(vocab_size - CONTROL_TOKENS.len())
        .initial_alphabet(ByteLevel::alphabet().into_iter().collect())
        .build();
    let pieces = |text: &str| {
        let mut text = PreTokenizedString::from(text);
        steps.apply(&mut text)?;
        let splits = text.get_splits(OffsetReferential::Normalized, OffsetType::None);
        Ok(splits.into_iter().map(|(piece, _, _)| piece.to_owned()).collect())
    };
    trainer.feed(texts, pieces).map_err(|e| failed(e.to_string()))?;
    let mut model = BPE::default();
    trainer.train(&mut model).map_err(|e| failed(e.to_string()))?;
    let model = serde_json::to_value(&model).map_err(|e| failed(e.to_string()))?;
    let tokenizer = tokenizer_json(&model, pre_tokenizer);
    Ok(Vocabulary { tokenizer, config: config(context) })
}

/// `tokenizer.json`: the learnt entries move up to make room for the control tokens.
fn tokenizer_json(model: &Value, pre_tokenizer: Value) -> Value {
    let token = |(id, content): (usize, &&str)| {
        json!({
            "id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": id < 3,
        })
    };
    let added: Vec<Value> = CONTROL_TOKENS.iter().enumerate().map(token).collect();
    let shift = CONTROL_TOKENS.len() as u64;
    let mut entries: Vec<(&String, u64)> = model["vocab"]
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(token, id)| Some((token, id.as_u64()? + shift)))
        .collect();
    entries.sort_by_key(|(_, id)| *id);
    let controls = CONTROL_TOKENS.iter().enumerate();
    let mut vocab = Map::new();
    vocab.extend(controls.map(|(id, token)| ((*token).to_owned(), id.into())));
    vocab.extend(entries.into_iter().map(|(token, id)| (token.clone(), id.into())));
    let byte_level = json!({
        "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false,
    });
    json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": added,
        "normalizer": null,
        "pre_tokenizer": pre_tokenizer,
        "post_processor": byte_level,
        "decoder": byte_level,
        "model": {
            "type": "BPE", "dropout": null, "unk_token": null,
            "continuing_subword_prefix": null, "end_of_word_suffix": null,
            "fuse_unk": false, "byte_fallback": false,
            "vocab": vocab, "merges": model["merges"],
        },
    })
}

fn config(context: usize) -> Value {
    json!({
        "tokenizer_class": "LlamaTokenizerFast",
        "bos_token": BOS,
        "eos_token": EOS,
        "pad_token": EOS,
        "add_bos_token": false,
        "add_eos_token": false,
        "model_max_length": context,
        "chat_template": CHAT_TEMPLATE,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::encode_chat;
    use crate::template::{ChatInput, ChatTemplate};
    use crate::tokenizer::{ControlTokens, Tokenizer};

    fn texts() -> impl Iterator<Item = String> {
        (0..400).map(|i| format!("check {i} + {} no\nback then check again\n", 7 * i))
    }

    fn tokenizer(vocabulary: &Vocabulary) -> Tokenizer {
        let [tokenizer, config] =
            [&vocabulary.tokenizer, &vocabulary.config].map(|v| v.to_string().into_bytes());
        Tokenizer::from_bytes(&tokenizer, Some(&config)).unwrap()
    }

    #[test]
    fn words_are_tokens_and_digits_and_signs_stay_apart() {
        let vocabulary = learn(texts(), 300, 512).unwrap();
        assert_eq!(vocabulary.tokenizer, learn(texts(), 300, 512).unwrap().tokenizer);
        let tokenizer = tokenizer(&vocabulary);
        let pieces = |text: &str| -> Vec<String> {
            let ids = tokenizer.encode(text, ControlTokens::Plain).unwrap();
            assert_eq!(tokenizer.decode(&ids).unwrap(), text);
            ids.iter().map(|id| tokenizer.decode(&[*id]).unwrap()).collect()
        };
        assert_eq!(
            pieces("check 12+7 no\nback"),
            ["check", " ", "1", "2", "+", "7", " no", "\n", "back"]
        );
        assert_eq!(pieces("**=="), ["*", "*", "=", "="]);
        // What was never seen is still written, byte by byte, and control tokens are plain text.
        pieces("ñ 😀 <think>");
        assert_eq!(tokenizer.bos_id(), Some(0));
        assert_eq!(tokenizer.eos_id(), Some(1));
        assert_eq!(tokenizer.control_id("</think>"), Some(6));
        assert!(tokenizer.vocab_size() <= 300);
    }

    #[test]
    fn a_vocabulary_too_small_for_bytes_is_refused() {
        let error = learn(texts(), 100, 512).unwrap_err().to_string();
        assert!(error.contains("100 tokens"), "{error}");
    }

    #[test]
    fn a_conversation_is_rendered_as_r1_does() {
        let template = ChatTemplate::from_source(CHAT_TEMPLATE, BOS, EOS).unwrap();
        let render = |value| template.render(&ChatInput::from_json(value).unwrap()).unwrap();
        let call = json!({"type": "function", "function": {"name": "add", "arguments": "{}"}});
        let messages = json!([
            {"role": "system", "content": "S"},
            {"role": "user", "content": "A"},
            {"role": "assistant", "content": "thought</think>B"},
            {"role": "user", "content": "C"},
            {"role": "assistant", "content": null, "tool_calls": [call, call]},
            {"role": "tool", "content": "1"},
            {"role": "tool", "content": "2"},
            {"role": "assistant", "content": "D"},
            {"role": "user", "content": "E"},
        ]);
        let one_call =
            "<｜tool▁call▁begin｜>function<｜tool▁sep｜>add\n```json\n{}\n```<｜tool▁call▁end｜>";
        let expected = format!(
            "{BOS}S<｜User｜>A<｜Assistant｜>B{EOS}<｜User｜>C<｜Assistant｜><｜tool▁calls▁begin｜>{one_call}\n\
             {one_call}<｜tool▁calls▁end｜>{EOS}<｜tool▁outputs▁begin｜><｜tool▁output▁begin｜>1<｜tool▁output▁end｜>\
             <｜tool▁output▁begin｜>2<｜tool▁output▁end｜><｜tool▁outputs▁end｜>D{EOS}<｜User｜>E"
        );
        assert_eq!(render(json!({"messages": messages})), expected);
        let asked = json!({"messages": messages, "add_generation_prompt": true});
        assert_eq!(render(asked), format!("{expected}<｜Assistant｜><think>\n"));
        let vocabulary = learn(texts(), 300, 512).unwrap();
        let hello =
            json!({"messages": [{"role": "user", "content": "hi"}], "add_generation_prompt": true});
        let hello = ChatInput::from_json(hello).unwrap();
        let ids = encode_chat(&tokenizer(&vocabulary), &template, &hello).unwrap();
        assert_eq!((ids[0], ids[1], &ids[ids.len() - 3..ids.len() - 1]), (0, 3, &[4, 5][..]));
    }
}
