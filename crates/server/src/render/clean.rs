//! The sanitiser: what is not on these lists is not shown, whoever wrote it.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use ammonia::Builder;

/// What Markdown becomes.
pub const TEXT_TAGS: [&str; 28] = [
    "a",
    "blockquote",
    "br",
    "code",
    "del",
    "em",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "li",
    "ol",
    "p",
    "pre",
    "s",
    "strong",
    "sub",
    "sup",
    "table",
    "tbody",
    "td",
    "th",
    "thead",
    "tr",
    "ul",
];

/// MathML Core without links, annotations and anything else that leads out of it.
const MATH_TAGS: [&str; 27] = [
    "math",
    "merror",
    "mfrac",
    "mi",
    "mmultiscripts",
    "mn",
    "mo",
    "mover",
    "mpadded",
    "mphantom",
    "mprescripts",
    "mroot",
    "mrow",
    "ms",
    "mspace",
    "msqrt",
    "mstyle",
    "msub",
    "msubsup",
    "msup",
    "mtable",
    "mtd",
    "mtext",
    "mtr",
    "munder",
    "munderover",
    "none",
];

const MATH_ATTRIBUTES: [&str; 27] = [
    "accent",
    "accentunder",
    "columnspan",
    "depth",
    "display",
    "displaystyle",
    "fence",
    "form",
    "height",
    "largeop",
    "linethickness",
    "lspace",
    "mathbackground",
    "mathcolor",
    "mathsize",
    "mathvariant",
    "maxsize",
    "minsize",
    "movablelimits",
    "rowspan",
    "rspace",
    "scriptlevel",
    "separator",
    "stretchy",
    "symmetric",
    "voffset",
    "width",
];

/// Lengths, sides and colours; none of them loads anything.
const STYLES: [&str; 12] = [
    "border-left",
    "border-right",
    "border-top",
    "border-bottom",
    "color",
    "justify-items",
    "margin-left",
    "padding-left",
    "padding-right",
    "padding-top",
    "text-align",
    "width",
];

/// Classes of the converter to MathML, and ours.
const MATH_CLASSES: [&str; 5] = [
    "math-core-sans-serif-font",
    "math-core-serif-font",
    "menclose-downdiagonalstrike",
    "menclose-horizontalstrike",
    "menclose-updiagonalstrike",
];

static SANITISER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut attributes: HashMap<&str, HashSet<&str>> = HashMap::from([
        ("a", HashSet::from(["href"])),
        ("ol", HashSet::from(["start"])),
        ("pre", HashSet::from(["data-language"])),
        ("td", HashSet::from(["style"])),
        ("th", HashSet::from(["style"])),
    ]);
    let mut classes = HashMap::from([("code", HashSet::from(["math-block", "math-source"]))]);
    for tag in MATH_TAGS {
        let math = MATH_ATTRIBUTES.into_iter().chain(["style"]);
        attributes.insert(tag, math.collect());
        classes.insert(tag, HashSet::from(MATH_CLASSES));
    }
    let mut builder = Builder::empty();
    builder
        .tags(TEXT_TAGS.into_iter().chain(MATH_TAGS).collect())
        .tag_attributes(attributes)
        .allowed_classes(classes)
        .filter_style_properties(HashSet::from(STYLES))
        .url_schemes(HashSet::from(["http", "https", "mailto"]))
        .url_relative(ammonia::UrlRelative::Deny)
        .set_tag_attribute_value("a", "target", "_blank")
        .link_rel(Some("noopener noreferrer nofollow"));
    builder
});

/// HTML without anything that is not on the lists.
pub fn clean(html: &str) -> String {
    SANITISER.clean(html).to_string()
}
