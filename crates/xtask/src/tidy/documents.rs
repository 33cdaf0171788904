//! Documents: links lead somewhere, and the commands that they show exist.

use std::path::Path;

/// Everything wrong in a document; `commands` are the names that `ponder` takes.
pub fn problems(path: &Path, text: &str, commands: &[String]) -> Vec<String> {
    let mut problems = dead_links(path, text);
    problems.extend(
        shown_commands(text)
            .filter(|shown| !commands.iter().any(|command| command == shown))
            .map(|shown| format!("`ponder {shown}` is no command")),
    );
    problems
}

/// Relative links must lead somewhere.
fn dead_links(path: &Path, text: &str) -> Vec<String> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    targets
        .map(|(target, _)| target.split('#').next().unwrap_or_default())
        .filter(|target| !target.is_empty() && !target.contains("://"))
        .filter(|target| !folder.join(target).exists())
        .map(|target| format!("dead link to {target}"))
        .collect()
}

/// The word after every `` `ponder `` and after `$ ponder`, `release -- ` at a shell.
fn shown_commands(text: &str) -> impl Iterator<Item = &str> {
    ["`ponder ", "$ ponder ", "--release -- "].into_iter().flat_map(|start| {
        text.split(start).skip(1).filter_map(|rest| {
            let end = rest.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(rest.len());
            (end > 0).then(|| &rest[..end])
        })
    })
}

/// The subcommands of `ponder`: the variants of its enum, in lower case.
pub fn commands(main_source: &str) -> Vec<String> {
    let body = main_source.split("enum Command {").nth(1).and_then(|rest| rest.split("\n}").next());
    let variants = body.unwrap_or_default().lines().map(str::trim);
    let names = variants.filter_map(|line| line.split_once('(').map(|(name, _)| name));
    names
        .filter(|name| name.chars().all(char::is_alphanumeric) && !name.is_empty())
        .map(str::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read_from_the_enum() {
        let source = "/// X (y)\nenum Command {\n    /// One (of two).\n    Ask(ask::Args),\n    Score(score::Args),\n}\nfn f(x: A) {}\n";
        assert_eq!(commands(source), ["ask", "score"]);
    }

    #[test]
    fn unknown_commands_and_dead_links_are_found() {
        let commands = ["ask".to_owned()];
        let text = "`ponder ask` `ponder` `ponder fly`\n$ ponder ask\ncargo run --release -- walk x\n[a](nowhere.md) [b](https://x.org) [c](#d)";
        let found = problems(Path::new("/x/y.md"), text, &commands);
        let wants = [
            "dead link to nowhere.md",
            "`ponder fly` is no command",
            "`ponder walk` is no command",
        ];
        assert_eq!(found, wants);
    }
}
