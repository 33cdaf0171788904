//! A page on another site tries to call the server: it may only if the operator named its origin, and
//! even then it needs a key.

use crate::server::{Answer, Server};
use crate::support::{arg, thinking_model};

const PAGE: &str = "https://app.example";

fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    let line = answer.head.lines().find_map(|line| line.split_once(": ").filter(|l| l.0 == name));
    line.map(|(_, value)| value)
}

fn preflight(server: &Server, origin: &str) -> Answer {
    let asked = "access-control-request-method: POST\r\naccess-control-request-headers: \
                 authorization,content-type,x-stainless-os\r\n";
    let headers = format!("origin: {origin}\r\n{asked}");
    server.send("OPTIONS", "/v1/chat/completions", &headers, "")
}

#[test]
fn pages_of_other_sites_are_refused_unless_they_are_named() {
    let model = thinking_model();
    let server = Server::start(arg(model.path()), &[]);
    let asked = preflight(&server, PAGE);
    let called = server.send("GET", "/v1/models", &format!("origin: {PAGE}\r\n"), "");
    for answer in [asked, called] {
        assert_eq!(answer.status, 403, "{answer:?}");
        assert!(!answer.head.contains("access-control-"), "{answer:?}");
    }
    // The server's own page is no other site.
    let own = format!("origin: http://{}\r\n", server.address);
    assert_eq!(server.send("GET", "/v1/models", &own, "").status, 200);
}

#[test]
fn pages_of_a_named_origin_may_call_with_a_key() {
    let model = thinking_model();
    let args = ["--cors-origin", PAGE, "--cors-origin", "http://localhost:5173"];
    let server = Server::start_with(arg(model.path()), &args, &[("PONDER_API_KEY", "secret")]);
    for origin in [PAGE, "http://localhost:5173"] {
        let asked = preflight(&server, origin);
        assert_eq!(asked.status, 200, "a preflight carries no key: {asked:?}");
        assert_eq!(header(&asked, "access-control-allow-origin"), Some(origin));
        assert!(header(&asked, "access-control-allow-methods").unwrap().contains("POST"));
        let allowed = header(&asked, "access-control-allow-headers").unwrap();
        assert!(allowed.contains('*') && allowed.contains("authorization"), "{allowed}");
        assert_eq!(header(&asked, "access-control-allow-credentials"), None);
        for (key, status) in [("", 401), ("authorization: Bearer secret\r\n", 200)] {
            let headers = format!("origin: {origin}\r\n{key}");
            let called = server.send("GET", "/v1/models", &headers, "");
            assert_eq!(called.status, status, "{called:?}");
            // Errors, too, are for the page to read.
            assert_eq!(header(&called, "access-control-allow-origin"), Some(origin));
            assert_eq!(header(&called, "vary"), Some("origin"));
        }
    }
    for other in ["https://app.example.evil", "http://app.example", "null", "https://APP.example"] {
        let asked = preflight(&server, other);
        assert_eq!((asked.status, header(&asked, "access-control-allow-origin")), (403, None));
    }
}
