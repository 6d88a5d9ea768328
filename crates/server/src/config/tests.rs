#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::io::Write as _;

use insta::assert_snapshot;

use super::*;

fn file(text: &str) -> (tempfile::NamedTempFile, Overrides) {
    let mut file = tempfile::NamedTempFile::with_suffix(".toml").unwrap();
    file.write_all(text.as_bytes()).unwrap();
    let overrides = Overrides {
        file: Some(file.path().to_owned()),
        ..Overrides::default()
    };
    (file, overrides)
}

fn environment(variables: &[(&str, &str)]) -> Vec<(String, String)> {
    variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

/// The message without the random name of the file.
fn refusal(text: &str, variables: &[(&str, &str)]) -> String {
    let (file, overrides) = file(text);
    let error = Config::load_with(&overrides, environment(variables)).unwrap_err();
    let path = file.path().display().to_string();
    error
        .to_string()
        .replace(&path, "FILE")
        .replace(path.trim_start_matches('/'), "FILE")
}

#[test]
fn the_example_file_says_the_defaults_and_every_key() {
    let (_file, overrides) = file(EXAMPLE);
    assert_eq!(Config::load_with(&overrides, []).unwrap(), Config::default());
    let figment = Figment::from(Serialized::defaults(Config::default()));
    let values: figment::value::Dict = figment.extract().unwrap();
    for (key, value) in &values {
        assert!(
            EXAMPLE.contains(&format!("\n{key} =")) || EXAMPLE.contains(&format!("\n[{key}]")),
            "{key}"
        );
        for key in value.as_dict().into_iter().flat_map(|table| table.keys()) {
            assert!(EXAMPLE.contains(&format!("\n{key} =")), "{key}");
        }
    }
    for key in ["metrics_listen", "web_dir"] {
        assert!(EXAMPLE.contains(&format!("\n#{key} =")), "{key}");
    }
}

#[test]
fn later_sources_override_earlier_ones() {
    let (_file, mut overrides) = file("listen = '127.0.0.1:1'\nretention_days = 7\n[log]\nformat = 'json'");
    let variables = environment(&[
        ("SUBROSA_LISTEN", "127.0.0.1:2"),
        ("SUBROSA_LOG__FILTER", "debug"),
        ("SUBROSA_TRUSTED_PROXIES", "[\"192.0.2.1\"]"),
        ("SUBROSA_METRICS_LISTEN", "127.0.0.1:9"),
        ("SUBROSA_WEB_DIR", "/srv/web"),
    ]);
    overrides.listen = Some("127.0.0.1:3".parse().unwrap());
    let config = Config::load_with(&overrides, variables.clone()).unwrap();
    assert_eq!(config.listen.port(), 3);
    assert_eq!(config.retention_days, 7);
    assert_eq!(config.log.format, LogFormat::Json);
    assert_eq!(config.log.filter, "debug");
    assert_eq!(config.trusted_proxies, ["192.0.2.1".parse::<IpAddr>().unwrap()]);
    assert_eq!(config.metrics_listen.unwrap().port(), 9);
    assert_eq!(config.web_dir.unwrap(), PathBuf::from("/srv/web"));
    overrides.listen = None;
    assert_eq!(Config::load_with(&overrides, variables).unwrap().listen.port(), 2);
    assert_eq!(Config::load_with(&overrides, []).unwrap().listen.port(), 1);
}

#[test]
fn the_variables_of_clients_are_none_of_its_business() {
    let variables = environment(&[
        ("SUBROSA_SERVER", "http://x"),
        ("SUBROSA_PROFILE", "/p"),
        ("SUBROSA_CLIENT_LOG", "debug"),
        ("PATH", "/bin"),
    ]);
    assert_eq!(
        Config::load_with(&Overrides::default(), variables).unwrap(),
        Config::default()
    );
}

#[test]
fn a_variable_that_nothing_reads_is_refused_with_the_one_that_was_meant() {
    assert_snapshot!(refusal("", &[("SUBROSA_LISTN", "127.0.0.1:2")]), @"there is no environment variable SUBROSA_LISTN, did you mean SUBROSA_LISTEN?");
    assert_snapshot!(refusal("", &[("SUBROSA_LOG_FILTER", "debug")]), @"there is no environment variable SUBROSA_LOG_FILTER, did you mean SUBROSA_LOG__FILTER?");
    assert_snapshot!(refusal("", &[("SUBROSA_PROFLE", "/p")]), @"there is no environment variable SUBROSA_PROFLE, did you mean SUBROSA_PROFILE?");
    assert_snapshot!(refusal("", &[("SUBROSA_COLOUR", "red")]), @"there is no environment variable SUBROSA_COLOUR");
    assert_snapshot!(refusal("", &[("SUBROSA_", "")]), @"there is no environment variable SUBROSA_");
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    assert_snapshot!(refusal("lisen = 'x'", &[]), @"lisen: there is no such key, only listen, data, public_url, registration_open, retention_days, trusted_proxies, metrics_listen, web_dir, log, limits (in FILE)");
    assert_snapshot!(refusal("[log]\nfromat = 'json'", &[]), @"log.fromat: there is no such key, only format, filter (in FILE)");
    assert_snapshot!(refusal("listen = 'somewhere'", &[]), @"listen: invalid socket address syntax (in FILE)");
    assert_snapshot!(refusal("retention_days = -1", &[]), @"retention_days: invalid value signed int `-1`, expected u32 (in FILE)");
    assert_snapshot!(refusal("", &[("SUBROSA_LOG__FORMAT", "xml")]), @"log.format: `xml` is none of text, json (from the environment variable)");
    assert_snapshot!(refusal("", &[("SUBROSA_LOG__FROMAT", "json")]), @"log.fromat: there is no such key, only format, filter (from the environment variable)");
    assert_snapshot!(refusal("retention_days = 0", &[]), @"retention_days: messages must be kept for at least a day");
    assert_snapshot!(refusal("public_url = 'chat.example.org'", &[]), @"public_url: a URL starts with https:// or http://");
    assert_snapshot!(refusal("[log]\nfilter = 'a=b=c'", &[]), @r#"log.filter: error parsing level filter: expected one of "off", "error", "warn", "info", "debug", "trace", or a number 0-5"#);
    assert_snapshot!(refusal("listen = ", &[]), @r"
    the configuration: TOML parse error at line 1, column 10
      |
    1 | listen = 
      |          ^ (in FILE)
    ");
}

#[test]
fn a_file_that_does_not_exist_is_an_error() {
    let overrides = Overrides {
        file: Some("/does/not/exist.toml".into()),
        ..Overrides::default()
    };
    let error = Config::load_with(&overrides, []).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the configuration file /does/not/exist.toml does not exist"
    );
}
