//! Unicode to the ASCII and LaTeX that the lexer reads: digits of any script, fractions,
//! superscripts, signs, spaces. Letters that merely look alike are left alone, and so are
//! characters that reorder text: what a reader sees must be what is compared.

/// Superscripts and subscripts that become `^{...}` and `_{...}`.
const SUPERSCRIPTS: &str = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ";
const SUPERSCRIPT_ASCII: &[u8] = b"0123456789+-n";
const SUBSCRIPTS: &str = "₀₁₂₃₄₅₆₇₈₉";

/// Vulgar fractions with their parts.
#[rustfmt::skip]
const FRACTIONS: &[(char, &str)] = &[
    ('½', "1}{2"), ('⅓', "1}{3"), ('⅔', "2}{3"), ('¼', "1}{4"), ('¾', "3}{4"), ('⅕', "1}{5"),
    ('⅖', "2}{5"), ('⅗', "3}{5"), ('⅘', "4}{5"), ('⅙', "1}{6"), ('⅚', "5}{6"), ('⅐', "1}{7"),
    ('⅛', "1}{8"), ('⅜', "3}{8"), ('⅝', "5}{8"), ('⅞', "7}{8"), ('⅑', "1}{9"), ('⅒', "1}{10"),
];

/// Symbols with their LaTeX or ASCII form.
#[rustfmt::skip]
const SYMBOLS: &[(char, &str)] = &[
    ('−', "-"), ('‐', "-"), ('‑', "-"), ('‒', "-"), ('–', "-"), ('﹣', "-"),
    ('×', "\\times "), ('⨯', "\\times "), ('✕', "\\times "), ('·', "\\cdot "), ('⋅', "\\cdot "),
    ('∙', "\\cdot "), ('•', "\\cdot "), ('∗', "*"), ('÷', "\\div "), ('∕', "/"), ('⁄', "/"),
    ('≤', "\\le "), ('⩽', "\\le "), ('≦', "\\le "), ('≥', "\\ge "), ('⩾', "\\ge "), ('≧', "\\ge "),
    ('≠', "\\ne "), ('≈', "\\approx "), ('±', "\\pm "), ('∓', "\\mp "), ('∞', "\\infty "),
    ('∈', "\\in "), ('∉', "\\notin "), ('∪', "\\cup "), ('∩', "\\cap "), ('∖', "\\setminus "),
    ('∅', "\\emptyset "), ('√', "\\sqrt "), ('∛', "\\sqrt[3] "), ('∜', "\\sqrt[4] "),
    ('°', "^\\circ "), ('º', "^\\circ "), ('˚', "^\\circ "), ('∘', "\\circ "),
    ('′', "'"), ('‘', "'"), ('’', "'"), ('“', "\""), ('”', "\""), ('…', "\\ldots "), ('⋯', "\\ldots "),
    ('、', ","), ('，', ","), ('；', ";"), ('。', "."), ('：', ":"), ('％', "%"),
    ('⟨', "\\langle "), ('⟩', "\\rangle "), ('〈', "\\langle "), ('〉', "\\rangle "),
    ('⌊', "\\lfloor "), ('⌋', "\\rfloor "), ('⌈', "\\lceil "), ('⌉', "\\rceil "),
    ('ℝ', "\\mathbb{R}"), ('ℤ', "\\mathbb{Z}"), ('ℕ', "\\mathbb{N}"), ('ℚ', "\\mathbb{Q}"),
    ('ℂ', "\\mathbb{C}"), ('→', "\\to "), ('⇒', "\\implies "), ('△', "\\triangle "),
    ('α', "\\alpha "), ('β', "\\beta "), ('γ', "\\gamma "), ('δ', "\\delta "), ('ε', "\\epsilon "),
    ('ζ', "\\zeta "), ('η', "\\eta "), ('θ', "\\theta "), ('ι', "\\iota "), ('κ', "\\kappa "),
    ('λ', "\\lambda "), ('μ', "\\mu "), ('µ', "\\mu "), ('ν', "\\nu "), ('ξ', "\\xi "),
    ('π', "\\pi "), ('ρ', "\\rho "), ('σ', "\\sigma "), ('τ', "\\tau "), ('φ', "\\phi "),
    ('ϕ', "\\phi "), ('χ', "\\chi "), ('ψ', "\\psi "), ('ω', "\\omega "), ('Γ', "\\Gamma "),
    ('Δ', "\\Delta "), ('∆', "\\Delta "), ('Θ', "\\Theta "), ('Λ', "\\Lambda "), ('Σ', "\\Sigma "),
    ('Φ', "\\Phi "), ('Ω', "\\Omega "), ('ℓ', "\\ell "), ('𝜋', "\\pi "), ('𝛑', "\\pi "),
];

/// First code point of each run of ten decimal digits that is folded.
const DIGIT_RUNS: &[u32] =
    &[0x0660, 0x06F0, 0x0966, 0x09E6, 0x0E50, 0x1D7CE, 0x1D7D8, 0x1D7E2, 0x1D7EC, 0x1D7F6];

/// The text with Unicode spellings replaced.
pub fn clean(source: &str) -> String {
    if source.is_ascii() {
        return source.replace(['\t', '\n', '\r'], " ");
    }
    let mut out = String::with_capacity(source.len() + 16);
    let mut script = Script::Baseline;
    for c in source.chars() {
        let next = Script::of(c);
        if next != script {
            out.push_str(if script == Script::Baseline { "" } else { "}" });
            out.push_str(match next {
                Script::Baseline => "",
                Script::Super => "^{",
                Script::Sub => "_{",
            });
            script = next;
        }
        push_char(&mut out, c);
    }
    if script != Script::Baseline {
        out.push('}');
    }
    out
}

#[derive(Clone, Copy, PartialEq)]
enum Script {
    Baseline,
    Super,
    Sub,
}

impl Script {
    fn of(c: char) -> Script {
        if c.is_ascii() {
            Script::Baseline
        } else if SUPERSCRIPTS.contains(c) {
            Script::Super
        } else if SUBSCRIPTS.contains(c) {
            Script::Sub
        } else {
            Script::Baseline
        }
    }
}

fn push_char(out: &mut String, c: char) {
    if c.is_ascii() {
        out.push(if matches!(c, '\t' | '\n' | '\r') { ' ' } else { c });
    } else if let Some(place) = SUPERSCRIPTS.chars().position(|s| s == c) {
        out.push(char::from(SUPERSCRIPT_ASCII[place]));
    } else if let Some(place) = SUBSCRIPTS.chars().position(|s| s == c) {
        out.push(char::from(b'0' + place as u8));
    } else if let Some((_, parts)) = FRACTIONS.iter().find(|(f, _)| *f == c) {
        out.push_str("\\tfrac{");
        out.push_str(parts);
        out.push('}');
    } else if let Some((_, text)) = SYMBOLS.iter().find(|(s, _)| *s == c) {
        out.push_str(text);
    } else {
        push_folded(out, c);
    }
}

fn push_folded(out: &mut String, c: char) {
    let code = c as u32;
    if let Some(start) = DIGIT_RUNS.iter().find(|&&start| (start..start + 10).contains(&code)) {
        out.push(char::from(b'0' + (code - start) as u8));
        return;
    }
    match code {
        // Invisible: zero-width characters, soft hyphen, marks of direction without reordering,
        // invisible operators, variation selectors, byte order mark.
        0x200B..=0x200F | 0x2060..=0x2064 | 0x00AD | 0xFEFF | 0xFE00..=0xFE0F => {}
        0x00A0 | 0x2000..=0x200A | 0x202F | 0x205F | 0x3000 | 0x2028 | 0x2029 => out.push(' '),
        // Full-width ASCII.
        0xFF01..=0xFF5E => push_char(out, char::from((code - 0xFF01) as u8 + b'!')),
        // Mathematical alphabets: thirteen styles of 52 letters.
        0x1D400..=0x1D6A3 => {
            let place = ((code - 0x1D400) % 52) as u8;
            out.push(char::from(if place < 26 { b'A' + place } else { b'a' + place - 26 }));
        }
        _ => out.push(c),
    }
}
