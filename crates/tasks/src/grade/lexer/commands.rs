//! The LaTeX commands that are known, by what becomes of them.

use super::Tok;

/// Commands that carry meaning, with the token they become.
#[rustfmt::skip]
pub(super) const COMMANDS: &[(&str, &str)] = &[
    ("frac", "frac"), ("dfrac", "frac"), ("tfrac", "frac"), ("cfrac", "frac"), ("sfrac", "frac"), ("nicefrac", "frac"),
    ("sqrt", "sqrt"), ("binom", "binom"), ("choose", "choose"), ("over", "over"), ("dbinom", "binom"), ("tbinom", "binom"),
    ("cdot", "times"), ("times", "times"), ("ast", "times"), ("div", "div"), ("pm", "pm"), ("mp", "mp"),
    ("le", "le"), ("leq", "le"), ("leqslant", "le"), ("ge", "ge"), ("geq", "ge"), ("geqslant", "ge"),
    ("lt", "lt"), ("gt", "gt"), ("ne", "ne"), ("neq", "ne"), ("approx", "approx"), ("simeq", "approx"), ("sim", "approx"),
    ("in", "in"), ("notin", "notin"), ("cup", "cup"), ("bigcup", "cup"), ("cap", "cap"), ("setminus", "setminus"),
    ("backslash", "setminus"), ("emptyset", "emptyset"), ("varnothing", "emptyset"), ("infty", "infty"), ("infinity", "infty"),
    ("circ", "circ"), ("degree", "degree"), ("prime", "prime"), ("mid", "mid"), ("vert", "vert"), ("lvert", "vert"), ("rvert", "vert"),
    ("Vert", "norm"), ("lVert", "norm"), ("rVert", "norm"), ("langle", "langle"), ("rangle", "rangle"),
    ("lfloor", "lfloor"), ("rfloor", "rfloor"), ("lceil", "lceil"), ("rceil", "rceil"),
    ("ldots", "ldots"), ("dots", "ldots"), ("cdots", "ldots"), ("dotsc", "ldots"), ("triangle", "triangle"), ("angle", "angle"),
    ("to", "to"), ("rightarrow", "to"), ("implies", "to"), ("Rightarrow", "to"), ("colon", "colon"),
    ("equiv", "equiv"), ("cr", "cr"), ("textdegree", "degree"), ("pmod", "pmod"), ("bmod", "bmod"), ("mod", "bmod"), ("land", "and"), ("wedge", "and"), ("lor", "or"), ("vee", "or"),
    ("lbrack", "["), ("rbrack", "]"), ("lparen", "("), ("rparen", ")"),
];

/// Function and letter names that stand for themselves.
#[rustfmt::skip]
pub(super) const WORDS: &[&str] = &[
    "sin", "cos", "tan", "cot", "sec", "csc", "arcsin", "arccos", "arctan", "arccot", "arcsec", "arccsc", "sinh",
    "cosh", "tanh", "ln", "log", "lg", "exp", "min", "max", "gcd", "lcm", "det", "pi",
    "alpha", "beta", "gamma", "delta", "epsilon", "varepsilon", "zeta", "eta", "theta", "vartheta", "iota", "kappa",
    "lambda", "mu", "nu", "xi", "rho", "sigma", "tau", "phi", "varphi", "chi", "psi", "omega", "ell",
    "Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma", "Upsilon", "Phi", "Psi", "Omega",
];

/// Commands whose argument is words.
pub(super) const TEXT: &[&str] = &[
    "text",
    "textbf",
    "textit",
    "textrm",
    "textnormal",
    "textsf",
    "texttt",
    "textsc",
    "mbox",
    "hbox",
    "mathrm",
    "operatorname",
    "emph",
    "underline",
];

/// Commands whose argument is read as if the command were not there.
pub(super) const TRANSPARENT: &[&str] =
    &["overline", "boxed", "fbox", "mathsf", "mathit", "mathcal", "ensuremath"];
/// Commands that make a letter a name of its own.
pub(super) const STYLED: &[&str] =
    &["mathbf", "boldsymbol", "bm", "vec", "hat", "bold", "pmb", "overrightarrow"];
/// Commands dropped together with their argument.
pub(super) const DROPPED: &[&str] =
    &["phantom", "hphantom", "vphantom", "hspace", "vspace", "label", "tag", "color"];
/// Old switches of the font: `{\rm cm}` is `\mathrm{cm}`.
pub(super) const FONT_SWITCHES: &[&str] = &["rm", "bf", "it", "sf", "tt", "em"];

/// Signs that are spelled as commands.
pub(super) fn sign(name: &str) -> Option<Tok> {
    Some(match name {
        "percent" => Tok::Char('%'),
        "textdollar" => Tok::Currency("dollars"),
        "cent" | "cents" | "textcent" => Tok::Text("cents".into()),
        _ => return None,
    })
}

/// Commands that change how things look and not what they are.
pub(super) fn is_layout(name: &str) -> bool {
    let stem = name.trim_end_matches(['l', 'r', 'g']);
    matches!(stem, "bi" | "Bi" | "big" | "Big" | "bigg" | "Bigg")
        || matches!(
            name,
            "displaystyle"
                | "textstyle"
                | "scriptstyle"
                | "limits"
                | "nolimits"
                | "large"
                | "Large"
                | "LARGE"
                | "huge"
                | "Huge"
                | "small"
                | "normalsize"
                | "nonumber"
                | "notag"
                | "hfill"
                | "null"
                | "relax"
                | "mathstrut"
                | "strut"
                | "noindent"
                | "newline"
                | "centering"
                | "therefore"
                | "because"
        )
}
