//! The page in a real browser: answers stream and stop, conversations outlast a reload, and nothing
//! that a model writes is run. Without a Chromium these tests say so and pass.

mod chrome;
mod echo;

use serde_json::json;

use chrome::Chrome;

/// A server and a browser that shows its page.
fn open() -> Option<Chrome> {
    let Some(mut chrome) = Chrome::start() else {
        eprintln!("skipped: there is no Chromium on this machine");
        return None;
    };
    let url = echo::start();
    chrome.look([1200, 800], "light");
    chrome.open(&url);
    Some(chrome)
}

/// Asks a question with the keyboard.
fn ask(chrome: &mut Chrome, question: &str) {
    chrome.value("document.querySelector('#question').focus()");
    chrome.write(question);
    chrome.press("Enter");
}

const IDLE: &str = "document.querySelector('#stop').hidden && document.querySelector('.answer')";
const ANSWER: &str = "[...document.querySelectorAll('.answer > .rendered')].at(-1).innerText";

/// Asks and waits for the whole answer.
fn ask_and_wait(chrome: &mut Chrome, question: &str) {
    ask(chrome, question);
    chrome.wait(IDLE);
    let problem =
        chrome.value("document.querySelector('.answer .problem:not([hidden])')?.innerText");
    assert!(problem.is_null(), "{problem}");
}

fn no_problems(chrome: &Chrome) {
    assert!(chrome.problems.is_empty(), "{:#?}", chrome.problems);
}

#[test]
fn an_answer_streams_with_its_thinking_folded_and_timed() {
    let Some(mut chrome) = open() else { return };
    chrome.picture("empty-light");
    let question =
        "Tell me about **numbers** and $x^2$, in many words, so that this takes a while.";
    ask(&mut chrome, question);
    chrome.wait(
        "document.querySelector('.thought.running summary')?.innerText.startsWith('Thinking for')",
    );
    chrome.wait("!document.querySelector('#stop').hidden");
    // Parts of the answer are there before its end.
    chrome.wait("document.querySelector('.answer.running > .rendered strong')");
    chrome.wait(IDLE);
    assert_eq!(
        chrome
            .text("document.querySelector('.thought summary').innerText.replace(/[0-9.]+/g, 'N')"),
        "Thought for N s · N tokens"
    );
    assert_eq!(chrome.value("document.querySelector('.thought').open"), json!(false));
    chrome.value("document.querySelector('.thought summary').click()");
    chrome.wait("document.querySelector('.thought .rendered strong').checkVisibility()");
    assert_eq!(
        chrome.text("document.querySelector('.answer > .rendered strong').innerText"),
        "numbers"
    );
    assert_eq!(
        chrome.value("document.querySelectorAll('.answer > .rendered msup').length"),
        json!(1)
    );
    let facts = chrome.text("document.querySelector('.facts').innerText.replace(/[0-9.]+/g, 'N')");
    assert_eq!(facts, "N tokens · N tokens/s");
    assert!(
        chrome.text("document.querySelector('#status').innerText").starts_with("Answer complete")
    );
    no_problems(&chrome);
}

#[test]
fn stop_ends_an_answer_at_once_and_keeps_what_there_is() {
    let Some(mut chrome) = open() else { return };
    let question = "word ".repeat(400);
    ask(&mut chrome, &question);
    chrome.wait("document.querySelector('.thought .rendered')?.textContent.length > 20");
    chrome.press("Escape");
    chrome.wait(IDLE);
    assert!(chrome.text("document.querySelector('.facts').innerText").ends_with("stopped"));
    assert_eq!(chrome.text(ANSWER), "");
    // The engine is free: the next question is answered.
    ask_and_wait(&mut chrome, "Hello again");
    assert_eq!(chrome.text(ANSWER), "Hello again");
    no_problems(&chrome);
}

#[test]
fn a_reload_keeps_the_conversation_and_others_stay_at_the_side() {
    let Some(mut chrome) = open() else { return };
    ask_and_wait(&mut chrome, "First **question**");
    chrome.value("document.querySelector('#new').click()");
    ask_and_wait(&mut chrome, "Another one");
    chrome.send("Page.reload", json!({}));
    chrome.wait("document.querySelectorAll('#conversations li').length === 2");
    chrome.wait("document.querySelector('.answer > .rendered .block')");
    assert_eq!(chrome.text(ANSWER), "Another one");
    chrome.value("document.querySelectorAll('#conversations .open')[1].click()");
    chrome.wait("document.querySelector('.answer > .rendered strong')");
    assert_eq!(chrome.text(ANSWER), "First question");
    assert_eq!(chrome.text("document.querySelector('#title').innerText"), "First **question**");
    no_problems(&chrome);
}

#[test]
fn questions_are_edited_and_answers_made_anew() {
    let Some(mut chrome) = open() else { return };
    ask_and_wait(&mut chrome, "One");
    ask_and_wait(&mut chrome, "Two");
    chrome.value("document.querySelector('button[aria-label=\"Edit this question\"]').click()");
    chrome.value("document.querySelector('.edit textarea').select()");
    chrome.write("Three");
    chrome.press("Enter");
    chrome.wait(IDLE);
    assert_eq!(chrome.value("document.querySelectorAll('article').length"), json!(2));
    assert_eq!(chrome.text(ANSWER), "Three");
    chrome.value("document.querySelector('button[aria-label=\"Answer again\"]').click()");
    chrome.wait("document.querySelector('.answer.running')");
    chrome.wait(IDLE);
    assert_eq!(
        (chrome.text(ANSWER), chrome.value("document.querySelectorAll('article').length")),
        ("Three".into(), json!(2))
    );
    no_problems(&chrome);
}

#[test]
fn files_go_with_a_question_in_the_published_template() {
    let Some(mut chrome) = open() else { return };
    let drop = "(() => { const data = new DataTransfer(); \
        data.items.add(new File(['a,b'], 'table.csv', {type: 'text/csv'})); \
        document.querySelector('main').dispatchEvent(new DragEvent('drop', {dataTransfer: data, bubbles: true})); })()";
    chrome.value(drop);
    chrome.wait("document.querySelector('#files li')");
    ask_and_wait(&mut chrome, "What is in it?");
    // What was said, not what is shown: a frame's first line is Markdown for nothing to be seen.
    let said = "new Promise((resolve) => { indexedDB.open('ponder').onsuccess = (opened) => { \
        const table = opened.target.result.transaction('conversations').objectStore('conversations'); \
        table.getAll().onsuccess = (found) => resolve(found.target.result[0].turns[1].content); }; })";
    assert_eq!(
        chrome.text(said),
        "[file name]: table.csv\n[file content begin]\na,b\n[file content end]\nWhat is in it?"
    );
    assert_eq!(chrome.value("document.querySelectorAll('#files li').length"), json!(0));
    no_problems(&chrome);
}

#[test]
fn hostile_text_does_not_run() {
    let Some(mut chrome) = open() else { return };
    let hostile = [
        "<script>window.ran=1</script>",
        "<img src=x onerror=window.ran=1>",
        "<svg onload=window.ran=1>",
        "<iframe srcdoc='<script>parent.ran=1</script>'></iframe>",
        "[x](javascript:window.ran=1)",
        "![x](https://127.0.0.1:9/a.png)",
        "$\\text{</mtext></math><img src=x onerror=window.ran=1>}$",
        "$\\href{javascript:window.ran=1}{x}$",
        "`<img src=x onerror=window.ran=1>`",
        "<style>*{display:none}</style>",
    ];
    for text in hostile {
        ask_and_wait(&mut chrome, text);
        // In the thought, which is folded, and in the answer.
        chrome.value("document.querySelectorAll('details').forEach((one) => { one.open = true; })");
        chrome.value("document.querySelectorAll('#turns a').forEach((one) => one.click())");
    }
    chrome.send("Page.reload", json!({}));
    chrome.wait("document.querySelectorAll('.answer > .rendered .block').length >= 10");
    assert!(chrome.value("window.ran ?? null").is_null());
    let strange = "[...document.querySelectorAll('#turns :is(script, img, iframe, svg image, style, link, object, form)')].length";
    assert_eq!(chrome.value(strange), json!(0));
    let handlers = "[...document.querySelectorAll('#turns *')].filter((one) => [...one.attributes].some((a) => /^on/.test(a.name))).length";
    assert_eq!(chrome.value(handlers), json!(0));
    // Even a page that was made to contain a script does not run it.
    chrome
        .value("document.body.append(Object.assign(document.createElement('div'), {id: 'wall'}))");
    let refused = "(() => { try { document.querySelector('#wall').innerHTML = '<b>x</b>'; return false; } catch { return true; } })()";
    assert_eq!(chrome.value(refused), json!(true), "trusted types");
    let ran: Vec<&String> = chrome.problems.iter().filter(|p| p.contains("dialog")).collect();
    assert!(ran.is_empty(), "{ran:?}");
}

#[test]
fn the_experts_that_work_are_shown_token_by_token() {
    let Some(mut chrome) = open() else { return };
    ask_and_wait(&mut chrome, "Which experts work?");
    let summary = "document.querySelector('.experts summary').innerText";
    assert_eq!(
        chrome.text(summary),
        "Experts: 37.6 billion of 671 billion parameters work on a token"
    );
    chrome.value("document.querySelector('.experts summary').click()");
    // 58 layers of 8 experts each.
    let cells = "document.querySelector('.experts .now')?.getAttribute('d').match(/M/g)?.length";
    chrome.wait(&format!("{cells} === 464"));
    let output = "document.querySelector('.experts output').innerText";
    let last = chrome.text(output);
    assert!(last.starts_with("Token ") && last.ends_with(": ?"), "{last}");
    let before = chrome.text("document.querySelector('.experts .now').getAttribute('d')");
    chrome.value("document.querySelector('.experts input').focus()");
    chrome.press("Home");
    chrome.wait(&format!("{output}.startsWith('Token 1 of')"));
    assert_ne!(chrome.text("document.querySelector('.experts .now').getAttribute('d')"), before);
    let spoken =
        chrome.text("document.querySelector('.experts input').getAttribute('aria-valuetext')");
    assert!(spoken.contains("experts of layer 4: "), "{spoken}");
    chrome.picture("experts-light");
    chrome.look([390, 844], "dark");
    chrome.picture("experts-phone-dark");
    chrome.look([1200, 800], "light");
    // Whoever does not want them does not get them.
    chrome.value("document.querySelector('#open-settings').click()");
    chrome.value("document.querySelector('[name=experts]').click()");
    chrome.value("document.querySelector('#settings-form').requestSubmit()");
    ask_and_wait(&mut chrome, "And now?");
    assert_eq!(
        chrome.value("document.querySelectorAll('.experts:not([hidden])').length"),
        json!(1)
    );
    no_problems(&chrome);
}

const RICH: &str = "# Roots\n\nThe equation \\(ax^2 + bx + c = 0\\) has **two** roots:\n\n\\[\nx_{1,2} = \\frac{-b \\pm \\sqrt{b^2 - 4ac}}{2a}\n\\]\n\n1. compute the discriminant\n2. take its root, see `sqrt`\n\n| case | roots |\n|---|---|\n| \\(D > 0\\) | two |\n| \\(D = 0\\) | one |\n\n```python\ndef roots(a, b, c):\n    d = b * b - 4 * a * c\n    return [(-b + s * d**0.5) / (2 * a) for s in (1, -1)]\n```\n\n> Divide by \\(a\\) only if it is not zero.";

#[test]
fn it_is_usable_on_a_phone_by_keyboard_and_by_ear() {
    let Some(mut chrome) = open() else { return };
    ask_and_wait(&mut chrome, RICH);
    chrome.value("document.querySelector('#scroll').scrollTop = 700");
    chrome.picture("rich-light");
    chrome.value("document.querySelector('.thought summary').click()");
    for (size, scheme, name) in [
        ([1200, 800], "dark", "rich-dark"),
        ([390, 844], "light", "phone-light"),
        ([390, 844], "dark", "phone-dark"),
        ([320, 640], "light", "small-phone"),
    ] {
        chrome.look(size, scheme);
        chrome.picture(name);
        let overflow = "document.documentElement.scrollWidth - innerWidth";
        assert_eq!(chrome.value(overflow), json!(0), "{name} scrolls sideways");
    }
    chrome.look([390, 844], "dark");
    chrome.value("document.querySelector('#menu').click()");
    chrome.wait("getComputedStyle(document.querySelector('#sidebar')).visibility === 'visible'");
    std::thread::sleep(std::time::Duration::from_millis(300));
    chrome.picture("phone-menu");
    chrome.press("Escape");
    chrome.wait("document.activeElement.id === 'menu'");
    chrome.look([1200, 800], "light");
    chrome.value("document.querySelector('#open-settings').click()");
    chrome.wait("document.querySelector('#settings').open");
    chrome.picture("settings");
    chrome.press("Escape");
    chrome.wait("!document.querySelector('#settings').open");
    let nameless = "[...document.querySelectorAll('button, input, textarea')].filter((one) => \
        !one.hidden && !(one.getAttribute('aria-label') || one.innerText || one.textContent.trim() || one.labels?.length)).map((one) => one.outerHTML).join()";
    assert_eq!(chrome.text(nameless), "");
    // The keyboard reaches the question first, from there everything else in order.
    chrome.value("document.activeElement.blur()");
    chrome.press("Tab");
    assert_eq!(chrome.text("document.activeElement.className"), "skip");
    chrome.press("Enter");
    chrome.press("Tab");
    chrome.wait("['attach', 'send'].includes(document.activeElement.id) || document.activeElement.id === 'question'");
    no_problems(&chrome);
}
