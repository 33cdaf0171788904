//! Recipes that are read, and what is said of those that cannot be.

use super::*;

fn read(text: &str) -> Result<Recipe, String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("r.toml");
    std::fs::write(&path, text).unwrap();
    let recipe = Recipe::read(&path, Path::new("out"), (None, Some(2)));
    recipe.map_err(|e| e.to_string().replace(&path.display().to_string(), "r.toml"))
}

#[test]
fn stages_are_commands_and_names_are_folders() {
    let recipe = read(
        "seed = 5\n[[stage]]\nrun = \"pretrain\"\nname = \"base\"\npreset = \"smoke\"\nsteps = 7\n\
         tasks = { addsub = 1 }\n\
         [[stage]]\nrun = \"sft\"\nmodel = \"base\"\nbatch_tokens = 64\nseed = 9\n\
         tasks = { addsub = 1 }\n",
    );
    let stages = recipe.unwrap().stages;
    assert_eq!(
        stages[0].command,
        ["pretrain", "--preset=smoke", "--steps=7", "--tasks=addsub=1", "--seed=5"]
    );
    assert_eq!(
        stages[1].command,
        ["sft", "--batch-tokens=64", "--model=base", "--seed=9", "--tasks=addsub=1"]
    );
    assert_eq!(stages[1].dir, Path::new("out/02-sft"));
    assert_eq!(stages[1].stage.model(), Some(Path::new("out/01-base/model")));
    assert_eq!(stages[1].stage.amount().learnt_tokens, 300 * 64);
}

#[test]
fn what_is_wrong_is_named() {
    let cases = [
        ("seed = \"x\"\nstage = []", "line 1"),
        ("sed = 1\nstage = []", "`sed`"),
        ("seed = 1", "`stage`"),
        ("stage = []", "no [[stage]]"),
        ("[[stage]]\n", "stage 1: `run` is missing"),
        ("[[stage]]\nrun = 3", "stage 1: `run` is no text"),
        ("[[stage]]\nrun = \"pretrian\"", "stage 1 (`pretrian`): `run`: there is no stage"),
        ("[[stage]]\nrun = \"pretrain\"\nstep = 3", "`step` is no key"),
        ("[[stage]]\nrun = \"pretrain\"\nsteps = \"many\"", "`steps`: \"many\" does not do"),
        ("[[stage]]\nrun = \"pretrain\"\nsteps = -1", "`steps`: \"-1\" does not do"),
        ("[[stage]]\nrun = \"pretrain\"\npreset = \"huge\"", "no preset `huge`"),
        ("[[stage]]\nrun = \"pretrain\"\ntasks = { ad = 1 }", "no task `ad`"),
        ("[[stage]]\nrun = \"pretrain\"\nset = { sead = 1 }", "`--set sead=1`"),
        ("[[stage]]\nrun = \"sft\"", "`model` is missing"),
        ("[[stage]]\nrun = \"sft\"\nmodel = \"base\"\nout = \"x\"", "`out` is not a stage's"),
        ("[[stage]]\nrun = \"sft\"\nname = \"../x\"\nmodel = \"m\"", "no name for a folder"),
        (
            "[[stage]]\nrun = \"pretrain\"\ntasks = { addsub = 1 }\n[[stage]]\nrun = \"pretrain\"",
            "stage 2 (`pretrain`)",
        ),
        ("[[stage]]\nrun = \"pretrain\"\nsteps = 1979-05-27", "`steps`: 1979-05-27 is no text"),
        ("[[stage\nrun = 1", "line 1"),
    ];
    for (text, want) in cases {
        let error = read(text).expect_err(text);
        assert!(error.contains(want), "{text}\n{error}");
        let lines: Vec<&str> = error.lines().collect();
        assert!(lines.len() == 2 && lines[1].starts_with("hint: "), "{error}");
        assert!(error.starts_with("r.toml: "), "{error}");
    }
}

#[test]
fn every_recipe_here_can_be_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../recipes");
    let mut n_recipes = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let recipe = Recipe::read(&path, Path::new("out"), (None, None));
        assert!(recipe.unwrap_or_else(|e| panic!("{e}")).stages.len() > 1, "{}", path.display());
        n_recipes += 1;
    }
    assert!(n_recipes >= 5);
}
