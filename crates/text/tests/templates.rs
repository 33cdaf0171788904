//! Rendered prompts are Jinja2's byte for byte; hostile templates end in an error.

mod common;

use ponder_text::{ChatInput, ChatTemplate, TextError};
use serde_json::{Value, json};

fn input(messages: Value) -> ChatInput {
    ChatInput { messages, add_generation_prompt: true, ..ChatInput::default() }
}

#[test]
fn fixtures_render_as_jinja2_does() {
    let mut n_cases = 0;
    for line in common::read("conversations.jsonl").lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let name = case["template"].as_str().unwrap();
        // 2025-05-28, the date that the expected texts were rendered with.
        let template = common::template(name).with_time(1_748_390_400);
        let input = ChatInput::from_json(case["input"].clone()).unwrap();
        assert_eq!(template.render(&input).unwrap(), case["text"].as_str().unwrap(), "{line}");
        n_cases += 1;
    }
    assert_eq!(n_cases, 54);
}

fn render(source: &str, messages: Value) -> Result<String, TextError> {
    ChatTemplate::from_source(source, "", "")?.render(&input(messages))
}

#[test]
fn hostile_templates_end_in_an_error() {
    let nested = format!("{}x{}", "(".repeat(50_000), ")".repeat(50_000));
    let sum = format!("{{{{ {}1 }}}}", "1+".repeat(100_000));
    let attributes = format!("{{{{ x{} }}}}", ".a".repeat(100_000));
    let blocks = "{% if true %}".repeat(10_000) + &"{% endif %}".repeat(10_000);
    let cases = [
        (
            "endless",
            "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        ),
        ("recursion", "{% macro f(x) %}{{ f(x) }}{% endmacro %}{{ f(1) }}"),
        (
            "mutual",
            "{% macro f() %}{{ g() }}{% endmacro %}{% macro g() %}{{ f() }}{% endmacro %}{{ f() }}",
        ),
        ("include", "{% include 'chat' %}"),
        ("huge string", "{{ 'x' * 1000000000 }}"),
        ("huge output", "{% for a in range(90000) %}{{ 'x' * 1000 }}{% endfor %}"),
        (
            "doubling",
            "{% set ns = namespace(s='x') %}{% for a in range(60) %}{% set ns.s = ns.s + ns.s %}{% endfor %}{{ ns.s }}",
        ),
        (
            "doubling list",
            "{% set ns = namespace(s=['x']) %}{% for a in range(60) %}{% set ns.s = [ns.s, ns.s] %}{% endfor %}{{ ns.s }}",
        ),
        (
            "doubling json",
            "{% set ns = namespace(s=['x']) %}{% for a in range(60) %}{% set ns.s = [ns.s, ns.s] %}{% endfor %}{{ ns.s|tojson }}",
        ),
        (
            "deep json",
            "{% set ns = namespace(s=['x']) %}{% for a in range(9000) %}{% set ns.s = [ns.s] %}{% endfor %}{{ ns.s|tojson }}",
        ),
        ("wide json", "{{ [1]|tojson(indent=1000000000000) }}"),
        ("recursive loop", "{% for a in [1] recursive %}{{ loop([1]) }}{% endfor %}"),
        ("parentheses", nested.as_str()),
        ("sum", sum.as_str()),
        ("attributes", attributes.as_str()),
        ("blocks", blocks.as_str()),
    ];
    for (name, source) in cases {
        let source =
            if name == "parentheses" { format!("{{{{ {source} }}}}") } else { source.to_owned() };
        let error = match render(&source, json!([])) {
            Ok(text) => panic!("{name}: rendered {} bytes", text.len()),
            Err(error) => error,
        };
        assert!(
            matches!(
                error,
                TextError::TemplateLimit { .. }
                    | TextError::TemplateSyntax { .. }
                    | TextError::TemplateFailed { .. }
            ),
            "{name}: {error:?}"
        );
        assert!(error.to_string().contains("hint:"), "{name}: {error}");
    }
}

#[test]
fn long_templates_within_the_limits_are_compiled() {
    let sum = format!("{{{{ {}1 }}}}", "1+".repeat(1990));
    assert_eq!(render(&sum, json!([])).unwrap(), "1991");
    let filters = format!("{{{{ 'x'{} }}}}", "|trim".repeat(1990));
    assert_eq!(render(&filters, json!([])).unwrap(), "x");
    let branches = "{% if 0 %}".to_owned() + &"{%elif 0%}".repeat(26_000) + "{% endif %}y";
    assert!(matches!(render(&branches, json!([])), Ok(_) | Err(TextError::TemplateSyntax { .. })));
}

#[test]
fn long_conversations_fit_the_limits() {
    let text = "word <b> ".repeat(20_000);
    let messages: Vec<Value> = (0..50)
        .flat_map(|_| {
            [
                json!({"role": "user", "content": text}),
                json!({"role": "assistant", "content": text}),
            ]
        })
        .collect();
    let rendered = common::template("r1").render(&input(json!(messages))).unwrap();
    assert!(rendered.len() > 100 * text.len());
    let short: Vec<Value> = (0..5000)
        .map(|i| json!({"role": if i % 2 == 0 { "user" } else { "assistant" }, "content": "x"}))
        .collect();
    assert!(common::template("distill").render(&input(json!(short))).is_ok());
}

#[test]
fn errors_say_what_and_where() {
    let cases = [
        ("{% if %}", "chat:1"),
        ("\n{{ nope() }}", "nope"),
        ("{{ raise_exception('roles must alternate') }}", "roles must alternate"),
        ("{{ messages[0].missing.deeper }}", "undefined"),
        ("{{ undefined_name | tojson }}", "JSON"),
    ];
    for (source, want) in cases {
        let error = render(source, json!([{"role": "user"}])).unwrap_err().to_string();
        assert!(error.contains(want), "{source}: {error}");
        assert!(error.starts_with("chat template: "), "{error}");
    }
    let folder = tempfile::tempdir().unwrap();
    let error = ChatTemplate::from_dir(folder.path()).unwrap_err();
    assert!(matches!(error, TextError::NoTemplate { .. }), "{error:?}");
    assert!(error.to_string().contains("hint:"));
    for bad in [json!([1]), json!("x"), Value::Null] {
        assert!(matches!(render("", bad), Err(TextError::BadInput { .. })));
    }
    for bad in [json!([]), json!({}), json!({"messages": [], "add_generation_prompt": 3})] {
        assert!(ChatInput::from_json(bad).is_err());
    }
}

#[test]
fn where_a_folder_keeps_its_template() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let render =
        || ChatTemplate::from_dir(folder.path()).unwrap().render(&input(json!([]))).unwrap();
    write("tokenizer_config.json", r#"{"bos_token": "<s>", "chat_template": "{{ bos_token }}1"}"#);
    assert_eq!(render(), "<s>1");
    let named = r#"{"chat_template": [{"name": "rag", "template": "0"}, {"name": "default", "template": "2"}]}"#;
    write("tokenizer_config.json", named);
    assert_eq!(render(), "2");
    write("chat_template.json", r#"{"chat_template": "3"}"#);
    assert_eq!(render(), "3");
    write("chat_template.jinja", "{% if true %}\r\n4\r\n{% endif %}\r\n");
    assert_eq!(render(), "4\n", "line endings become newlines, block lines vanish");
}
