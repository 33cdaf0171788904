//! `/openapi.json`: the routes and their fields, for generators of clients and for people.

use axum::body::Body;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;

const DOCUMENT: &str = include_str!("openapi.json");

/// The document.
pub async fn document() -> Response {
    let mut response = Response::new(Body::from(DOCUMENT));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    use serde_json::Value;

    /// The routes as the router's source has them.
    fn routes() -> BTreeSet<String> {
        let source = include_str!("../http.rs");
        let parts = source.split(".route(\"").skip(1);
        parts.map(|part| part[..part.find('"').unwrap()].replace("{*id}", "{id}")).collect()
    }

    #[test]
    fn the_document_lists_every_api_route_and_no_other() {
        let document: Value = serde_json::from_str(DOCUMENT).unwrap();
        let listed = document["paths"].as_object().unwrap().keys().cloned().collect();
        let is_page = |route: &String| route == "/" || route.starts_with("/web/");
        let routes: BTreeSet<String> = routes().into_iter().filter(|r| !is_page(r)).collect();
        assert!(routes.len() > 10);
        assert_eq!(routes, listed);
    }

    #[test]
    fn every_schema_that_is_used_exists() {
        let document: Value = serde_json::from_str(DOCUMENT).unwrap();
        let used = DOCUMENT.split("#/components/schemas/").skip(1);
        for name in used.map(|rest| &rest[..rest.find('"').unwrap()]) {
            assert!(document["components"]["schemas"][name].is_object(), "{name}");
        }
    }
}
