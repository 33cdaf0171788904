//! Markdown, whose formulas have been taken out, to HTML.

use pulldown_cmark::{CodeBlockKind, CowStr, Event, Options, Parser, Tag, TagEnd};

use super::clean;
use super::math::{Extracted, is_mark};

/// Lists in lists, quotes in quotes: deeper ones stay at this level.
const MAX_DEPTH: usize = 24;
/// Bytes of the name of a language.
const MAX_LANGUAGE: usize = 24;

/// A block of a document, such as a paragraph or a table.
pub struct Block {
    /// Where it begins.
    pub start: usize,
    /// Safe to show.
    pub html: String,
}

/// The blocks of a text.
pub fn blocks(extracted: &Extracted) -> Vec<Block> {
    let options =
        Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let parser = Parser::new_ext(&extracted.text, options).into_offset_iter();
    let (mut found, mut events) = (Vec::new(), Vec::new());
    let (mut depth, mut start) = (0usize, 0);
    let mut writer = Writer { extracted, is_code: false, kept: Vec::new(), n_kept: 0 };
    for (event, range) in parser {
        if depth == 0 {
            // With its indentation, which may mean something.
            start = extracted.text[..range.start].rfind('\n').map_or(0, |end| end + 1);
        }
        match &event {
            Event::Start(_) => depth += 1,
            Event::End(_) => depth -= 1,
            _ => {}
        }
        writer.event(event, &mut events);
        if depth == 0 {
            let mut html = String::new();
            pulldown_cmark::html::push_html(&mut html, events.drain(..));
            found.push(Block { start, html: clean::clean(&html) });
        }
    }
    found
}

/// Turns what the parser finds into what is shown.
struct Writer<'e> {
    extracted: &'e Extracted<'e>,
    is_code: bool,
    /// For each open container whether it is shown as one.
    kept: Vec<bool>,
    n_kept: usize,
}

impl Writer<'_> {
    fn event<'p>(&mut self, event: Event<'p>, out: &mut Vec<Event<'p>>) {
        match event {
            Event::Start(tag) => self.start(tag, out),
            Event::End(end) => self.end(end, out),
            Event::Text(text) if self.is_code => out.push(self.restored(text)),
            // HTML is shown as text.
            Event::Text(text) | Event::Html(text) | Event::InlineHtml(text) => self.text(text, out),
            Event::Code(text) => out.push(Event::Code(self.extracted.restore(&text).into())),
            Event::TaskListMarker(is_done) => {
                out.push(Event::Text(if is_done { "☑ " } else { "☐ " }.into()));
            }
            Event::SoftBreak | Event::HardBreak | Event::Rule => out.push(event),
            Event::InlineMath(text) | Event::DisplayMath(text) | Event::FootnoteReference(text) => {
                out.push(Event::Text(text));
            }
        }
    }

    fn start<'p>(&mut self, tag: Tag<'p>, out: &mut Vec<Event<'p>>) {
        let tag = match tag {
            Tag::HtmlBlock => Tag::Paragraph,
            Tag::CodeBlock(kind) => {
                self.is_code = true;
                let language = language(&kind);
                out.push(Event::Html(format!("<pre data-language=\"{language}\"><code>").into()));
                self.kept.push(true);
                return;
            }
            Tag::Heading { level, .. } => {
                Tag::Heading { level, id: None, classes: Vec::new(), attrs: Vec::new() }
            }
            Tag::Link { link_type, dest_url, id, .. } => {
                let dest_url = self.extracted.restore(&dest_url).into();
                Tag::Link { link_type, dest_url, title: CowStr::Borrowed(""), id }
            }
            other => other,
        };
        // Images would tell their server who reads this; their description is shown instead.
        let is_kept = !matches!(tag, Tag::Image { .. }) && self.n_kept < MAX_DEPTH;
        self.kept.push(is_kept);
        self.n_kept += usize::from(is_kept);
        if is_kept {
            out.push(Event::Start(tag));
        }
    }

    fn end<'p>(&mut self, end: TagEnd, out: &mut Vec<Event<'p>>) {
        let is_kept = self.kept.pop().unwrap_or(false);
        match end {
            TagEnd::CodeBlock => {
                self.is_code = false;
                out.push(Event::Html("</code></pre>\n".into()));
                return;
            }
            TagEnd::HtmlBlock if is_kept => out.push(Event::End(TagEnd::Paragraph)),
            end if is_kept => out.push(Event::End(end)),
            _ => {}
        }
        self.n_kept -= usize::from(is_kept);
    }

    fn restored<'p>(&self, text: CowStr<'p>) -> Event<'p> {
        if text.contains(is_mark) {
            Event::Text(self.extracted.restore(&text).into())
        } else {
            Event::Text(text)
        }
    }

    fn text<'p>(&self, text: CowStr<'p>, out: &mut Vec<Event<'p>>) {
        if !text.contains(is_mark) {
            out.push(Event::Text(text));
            return;
        }
        let mut plain = String::new();
        for c in text.chars() {
            match self.extracted.formula(c) {
                Some(formula) => {
                    out.push(Event::Text(std::mem::take(&mut plain).into()));
                    out.push(Event::InlineHtml(formula.html().into()));
                }
                None => plain.push(c),
            }
        }
        out.push(Event::Text(plain.into()));
    }
}

/// The language that a code block names, as far as it looks like one.
fn language(kind: &CodeBlockKind) -> String {
    let CodeBlockKind::Fenced(info) = kind else { return String::new() };
    let is_part = |c: &char| c.is_ascii_alphanumeric() || "+#-_.".contains(*c);
    info.chars().take_while(is_part).take(MAX_LANGUAGE).collect()
}
