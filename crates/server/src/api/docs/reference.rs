//! The reference page: the OpenAPI document, written out.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use crate::pages::{escape, prose};

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// The body of the page.
pub(super) fn render(document: &Value) -> String {
    let mut page = String::new();
    let info = &document["info"];
    let _ = write!(
        page,
        "<h1>{} {}</h1>",
        text(&info["title"]),
        text(&info["version"])
    );
    let _ = write!(
        page,
        "<p>{}</p>",
        prose(info["description"].as_str().unwrap_or_default())
    );
    page.push_str("<p>The same for machines: <a href=\"/openapi.json\">openapi.json</a></p><nav><ul>");
    for tag in array(&document["tags"]) {
        let name = text(&tag["name"]);
        let _ = write!(page, "<li><a href=\"#{name}\">{name}</a></li>");
    }
    page.push_str("<li><a href=\"#bodies\">bodies</a></li></ul></nav>");
    for tag in array(&document["tags"]) {
        let name = tag["name"].as_str().unwrap_or_default();
        let description = prose(tag["description"].as_str().unwrap_or_default());
        let _ = write!(page, "<h2 id=\"{0}\">{0}</h2><p>{description}</p>", escape(name));
        operations(&mut page, &document["paths"], name);
    }
    page.push_str("<h2 id=\"bodies\">bodies</h2>");
    for (name, schema) in object(&document["components"]["schemas"]) {
        let _ = write!(page, "<h3 id=\"{0}\">{0}</h3>", escape(name));
        body(&mut page, schema);
    }
    page
}

fn operations(page: &mut String, paths: &Value, tag: &str) {
    for (path, item) in object(paths) {
        for method in METHODS {
            let operation = &item[method];
            if array(&operation["tags"]).any(|name| name == tag) {
                let _ = write!(
                    page,
                    "<h3><code>{} {}</code></h3>",
                    method.to_uppercase(),
                    escape(path)
                );
                describe(page, operation);
            }
        }
    }
}

fn describe(page: &mut String, operation: &Value) {
    let summary = operation["summary"].as_str().unwrap_or_default();
    let _ = write!(page, "<p>{}</p><table>", prose(summary));
    let needs: Vec<&String> = array(&operation["security"])
        .flat_map(|need| object(need).map(|(name, _)| name))
        .collect();
    for need in needs {
        let _ = write!(
            page,
            "<tr><td>bearer token</td><td><code>{}</code></td></tr>",
            escape(need)
        );
    }
    for parameter in array(&operation["parameters"]) {
        let _ = write!(
            page,
            "<tr><td><code>{}</code></td><td>{} <em>({}, {})</em></td></tr>",
            text(&parameter["name"]),
            prose(parameter["description"].as_str().unwrap_or_default()),
            text(&parameter["in"]),
            kind(&parameter["schema"]),
        );
    }
    if let Some(schema) = content(&operation["requestBody"]) {
        let _ = write!(page, "<tr><td>body</td><td>{}</td></tr>", kind(schema));
    }
    for (status, response) in object(&operation["responses"]) {
        let answer = content(response)
            .map(|schema| format!(" {}", kind(schema)))
            .unwrap_or_default();
        let description = prose(response["description"].as_str().unwrap_or_default());
        let _ = write!(
            page,
            "<tr><td>{}</td><td>{description}{answer}</td></tr>",
            escape(status)
        );
    }
    page.push_str("</table>");
}

fn body(page: &mut String, schema: &Value) {
    let description = schema["description"].as_str().unwrap_or_default();
    let _ = write!(page, "<p>{}</p>", prose(description));
    if schema["properties"].is_null() {
        let _ = write!(page, "<p><em>{}</em></p>", kind(schema));
        return;
    }
    let required: Vec<&str> = array(&schema["required"]).filter_map(Value::as_str).collect();
    page.push_str("<table>");
    for (name, property) in object(&schema["properties"]) {
        let optional = if required.contains(&name.as_str()) {
            ""
        } else {
            ", optional"
        };
        let _ = write!(
            page,
            "<tr><td><code>{}</code></td><td>{} <em>({}{optional})</em></td></tr>",
            escape(name),
            prose(property["description"].as_str().unwrap_or_default()),
            kind(property),
        );
    }
    page.push_str("</table>");
}

/// What a value is, with a link if it is a body of its own.
fn kind(schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = escape(reference.rsplit('/').next().unwrap_or_default());
        return format!("<a href=\"#{name}\">{name}</a>");
    }
    for combination in ["oneOf", "allOf", "anyOf"] {
        if schema[combination].is_array() {
            let kinds = array(&schema[combination])
                .filter(|part| part["type"] != "null")
                .map(kind);
            return kinds.collect::<Vec<_>>().join(" or ");
        }
    }
    match &schema["type"] {
        Value::String(name) if name == "array" => format!("list of {}", kind(&schema["items"])),
        Value::String(name) => escape(name),
        Value::Array(names) => {
            let names = names.iter().filter(|name| *name != "null").map(text);
            names.collect::<Vec<_>>().join(" or ")
        }
        _ => "anything".to_owned(),
    }
}

fn content(message: &Value) -> Option<&Value> {
    object(&message["content"])
        .next()
        .map(|(_, media)| &media["schema"])
}

fn text(value: &Value) -> String {
    escape(value.as_str().unwrap_or_default())
}

fn array(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().map(Vec::as_slice).unwrap_or_default().iter()
}

fn object(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}
