//! From the model's Markdown and LaTeX to HTML that is safe to show.
//!
//! What a model writes is data: its HTML is shown as text, its images stay where they are, links
//! lead to the web or to mail only. [`clean`] sanitises all of it once more.

mod blocks;
mod clean;
mod html;
mod math;

pub use blocks::Blocks;

/// Longer texts are shown as they are from here on: nobody reads them, and parsers take their time.
const MAX_BYTES: usize = 512 << 10;
/// Stack for parsers that call themselves at every level of what they parse.
const STACK_BYTES: usize = 64 << 20;

/// A whole text, block by block.
pub fn document(text: &str) -> Vec<String> {
    let mut blocks = Blocks::default();
    blocks.push(text);
    blocks.finish().into_iter().map(|(_, html)| html).collect()
}

/// Text as HTML, unformatted.
fn plain(text: &str) -> String {
    format!("<pre>{}</pre>", escape(text))
}

/// Text that stands between tags.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Runs a parser where it has stack enough for whatever is nested; `None` if it gave up.
fn with_deep_stack<T: Send>(parse: impl FnOnce() -> T + Send) -> Option<T> {
    std::thread::scope(|scope| {
        let builder = std::thread::Builder::new().name("ponder-render".to_owned());
        builder.stack_size(STACK_BYTES).spawn_scoped(scope, parse).ok()?.join().ok()
    })
}

#[cfg(test)]
mod tests;
