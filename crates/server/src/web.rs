//! The files of the page. They need no key; what the page then asks for needs one like all else.

use axum::Router;
use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY};
use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use axum::routing::get;

/// Whether a path belongs to the page itself.
pub fn is_open(path: &str) -> bool {
    path == "/" || path.starts_with("/web/")
}

/// A file of the page.
struct File {
    path: &'static str,
    kind: &'static str,
    text: &'static str,
}

const SCRIPT: &str = "text/javascript; charset=utf-8";

/// All of them.
static FILES: [File; 11] = [
    File { path: "/", kind: "text/html; charset=utf-8", text: include_str!("../web/index.html") },
    File {
        path: "/web/style.css",
        kind: "text/css; charset=utf-8",
        text: include_str!("../web/style.css"),
    },
    File { path: "/web/icon.svg", kind: "image/svg+xml", text: include_str!("../web/icon.svg") },
    File { path: "/web/app.js", kind: SCRIPT, text: include_str!("../web/app.js") },
    File { path: "/web/dom.js", kind: SCRIPT, text: include_str!("../web/dom.js") },
    File { path: "/web/experts.js", kind: SCRIPT, text: include_str!("../web/experts.js") },
    File { path: "/web/files.js", kind: SCRIPT, text: include_str!("../web/files.js") },
    File { path: "/web/server.js", kind: SCRIPT, text: include_str!("../web/server.js") },
    File { path: "/web/settings.js", kind: SCRIPT, text: include_str!("../web/settings.js") },
    File { path: "/web/store.js", kind: SCRIPT, text: include_str!("../web/store.js") },
    File { path: "/web/turns.js", kind: SCRIPT, text: include_str!("../web/turns.js") },
];

/// Nothing comes from elsewhere, no script stands in the page, and only the one policy of
/// `dom.js` turns text into elements. Style attributes are those of formulas and table cells, after
/// the sanitiser.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    style-src-attr 'unsafe-inline'; img-src 'self'; connect-src 'self'; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
    trusted-types rendered";

/// The routes of the files.
pub fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    FILES.iter().fold(Router::new(), |router, file| {
        router.route(file.path, get(move || async move { answer(file) }))
    })
}

fn answer(file: &'static File) -> Response {
    let mut response = Response::new(Body::from(file.text));
    let headers = response.headers_mut();
    let fields: [(HeaderName, &'static str); 6] = [
        (CONTENT_TYPE, file.kind),
        (CONTENT_SECURITY_POLICY, POLICY),
        (REFERRER_POLICY, "no-referrer"),
        // A new version of the binary brings new files under the old names.
        (CACHE_CONTROL, "no-cache"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in fields {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_all_there_is_and_no_script_stands_in_them() {
        let html = FILES[0].text;
        for file in &FILES[1..] {
            let name = file.path.rsplit_once('/').unwrap().1;
            let is_named = FILES.iter().any(|other| {
                other.text.contains(file.path) || other.text.contains(&format!("\"./{name}\""))
            });
            assert!(is_named, "nothing uses {}", file.path);
        }
        assert_eq!(html.matches("<script").count(), 1);
        assert!(html.contains("<script type=\"module\" src=\"/web/app.js\"></script>"));
        for attribute in [" onclick", " onload", " style=", "javascript:", "http://", "https://"] {
            assert!(!html.contains(attribute), "{attribute}");
        }
    }
}
