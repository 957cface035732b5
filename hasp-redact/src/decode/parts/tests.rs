//! What is taken from which values, and what is left alone.
#![allow(clippy::unwrap_used)]

use super::*;
use proptest::prelude::*;

/// The parts of a value, as text.
fn kept(value: &[u8]) -> Vec<String> {
    parts(value).kept.iter().map(|p| String::from_utf8_lossy(&p.bytes).into_owned()).collect()
}

const PW: &str = "Zx8-Secret-Pw-77";
const KEY: &str = "Zx81Q7artzFj0rdKq9wPm3LkJhG5vBnT";

#[test]
fn everyday_addresses_and_connections_give_their_secrets_and_nothing_else() {
    for (document, wanted) in [
        (format!("postgres://app:{PW}@db.example.com:5432/x?sslmode=require"), vec![PW]),
        (format!("redis://:{PW}@cache:6379/0"), vec![PW]),
        (
            format!(
                "mongodb+srv://app:{PW}@h1:27017,h2:27017/admin?authSource=admin&retryWrites=true"
            ),
            vec![PW],
        ),
        ("amqps://app:p%40ss%2Fword9@mq/vhost".to_owned(), vec!["p%40ss%2Fword9", "p@ss/word9"]),
        ("postgres://app:sl/ash9/pw@db/x".to_owned(), vec!["sl/ash9/pw"]),
        (format!("https://{KEY}@sentry.example.com/42"), vec![KEY]),
        (format!("https://hooks.example.com/services/T0000/B0000/{KEY}"), vec![KEY]),
        (format!("jdbc:postgresql://db:5432/app?user=app&password={PW}"), vec![PW]),
        (
            format!(
                "jdbc:sqlserver://db:1433;databaseName=app;user=app;password={PW};encrypt=true"
            ),
            vec![PW],
        ),
        (format!("Server=db,1433;Database=app;User Id=app;Password={PW};Encrypt=True"), vec![PW]),
        (format!("Driver={{ODBC 18}};Server=db;Uid=app;Pwd=\"a;{PW}\""), vec![&*format!("a;{PW}")]),
        (
            format!("AccountName=store;AccountKey={KEY}==;EndpointSuffix=core.windows.net"),
            vec![&format!("{KEY}==")],
        ),
        (
            format!(
                "Endpoint=sb://bus.example.net/;SharedAccessKeyName=Root;SharedAccessKey={KEY}="
            ),
            vec![&format!("{KEY}=")],
        ),
    ] {
        assert_eq!(kept(document.as_bytes()), wanted, "{document}");
    }
}

#[test]
fn everyday_files_give_their_secrets_and_nothing_else() {
    for (document, wanted) in [
        (format!("host=db user=app password='{PW}' dbname=app sslmode=require"), vec![PW]),
        (
            format!("db.example.com:5432:app:app:{PW}\n*:*:*:other:wi\\:th\\\\colon9\n"),
            vec![PW, "wi:th\\colon9"],
        ),
        (
            format!(
                "machine api.example.com\n  login app\n  password {PW}\ndefault login me password \
                 other-pw-9"
            ),
            vec![PW, "other-pw-9"],
        ),
        (
            format!(
                "# dotenv\nexport DB_PASSWORD='{PW}' # \
                 rotate\nDB_HOST=db.example.com\nDB_USER=postgres\n"
            ),
            vec![PW],
        ),
        (
            format!(
                "[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = \
                 {KEY}\n"
            ),
            vec![KEY],
        ),
        (format!("//registry.npmjs.org/:_authToken={KEY}"), vec![KEY]),
        (format!("database:\n  user: app\n  password: \"{PW}\"\n  host: db\n"), vec![PW]),
        (format!("Authorization: Bearer {PW}\nAccept: text/plain\n"), vec![PW]),
    ] {
        assert_eq!(kept(document.as_bytes()), wanted, "{document}");
    }
}

#[test]
fn everyday_json_gives_its_secrets_and_nothing_else() {
    let basic = data_encoding::BASE64.encode(format!("app:{PW}").as_bytes());
    let docker = format!(
        "{{\"auths\": {{\"r.example.com\": {{\"username\": \"app\", \"auth\": \"{basic}\"}}}}}}"
    );
    for (document, wanted) in [
        (
            format!(
                "{{\"type\": \"service_account\", \"k\": \"{KEY}\", \"client_email\": \
                 \"a@b.iam.example.com\"}}"
            ),
            vec![KEY],
        ),
        (
            format!("{{\"db\": {{\"url\": \"postgres:\\/\\/app:{PW}@db\", \"port\": 5432}}}}"),
            vec![PW],
        ),
        (docker, vec![PW, &basic]),
        (format!("app:{KEY}"), vec![KEY]),
        (format!("CONFIG={{\"password\": \"{PW}\"}}"), vec![PW]),
    ] {
        assert_eq!(kept(document.as_bytes()), wanted, "{document}");
    }
}

#[test]
fn a_private_key_in_json_or_dotenv_has_its_lines() {
    let pem = "-----BEGIN PRIVATE \
               KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\nBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\n\
               -----END PRIVATE KEY-----\n";
    let escaped = pem.replace('\n', "\\n");
    for document in [
        format!(
            "{{\"private_key\": \"{escaped}\", \"private_key_id\": \"{}\"}}",
            "ab12".repeat(10)
        ),
        format!("{{\"unnamed\": \"{escaped}\"}}"),
        format!("FIREBASE_KEY=\"{escaped}\""),
    ] {
        let kept = kept(document.as_bytes());
        assert!(kept.iter().any(|k| k.trim() == pem.trim()), "{document}: {kept:?}");
    }
}

#[test]
fn ordinary_words_are_left_alone() {
    for document in [
        "postgres://db.example.com:5432/app",
        "https://user@github.com/owner/repository.git",
        "https://example.com:8443/a@b/550e8400-e29b-41d4-a716-446655440000",
        "https://api.example.com/v1/very-long-resource-names/and-another-one?region=eu-central-1&\
         tenant=production",
        "Server=db.internal.example.com;Database=application;Trusted_Connection=True;Integrated \
         Security=SSPI",
        "host=ep-cool-darkness-123456.us-east-2.aws.example.tech dbname=neondb sslmode=verify-full",
        "{\"type\":\"service_account\",\"project_id\":\"my-project-123456\",\
         \"private_key_id\":\"0123456789abcdef0123456789abcdef01234567\",\
         \"client_email\":\"sa@my-project-123456.iam.gserviceaccount.com\",\
         \"auth_uri\":\"https://accounts.google.com/o/oauth2/auth\",\
         \"token_uri\":\"https://oauth2.googleapis.com/token\"}",
        "{\"token_type\":\"Bearer\",\"expires_in\":3600,\
         \"session\":\"550e8400-e29b-41d4-a716-446655440000\",\"grant_type\":\"refresh_token\"}",
        "PASSWORD=${DB_PASSWORD}\nTOKEN={{vault/token}}\nAPI_KEY=<your key>\n",
        "-----BEGIN CERTIFICATE-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n-----END \
         CERTIFICATE-----\n",
        "ghp_i7WeDjTHT3Q7j9i2DRjQ0lWd2pVV",
        "correct horse battery staple",
        "",
    ] {
        let parts = parts(document.as_bytes());
        assert!(
            parts.kept.is_empty() && parts.left.is_empty(),
            "{document}: {:?} {:?}",
            kept(document.as_bytes()),
            parts.left
        );
    }
}

#[test]
fn what_is_short_or_common_is_left_out_and_said() {
    for (document, place, reason) in [
        ("postgres://app:pw@db/x", Place::Url, Reason::TooShort(2)),
        ("postgres://postgres:postgres@db/x", Place::Url, Reason::CommonWord),
        (r#"{"password":"abc"}"#, Place::Json, Reason::TooShort(3)),
        ("db:5432:app:app:12345", Place::Pgpass, Reason::TooShort(5)),
        ("machine h login l password xxxxxxxx", Place::Netrc, Reason::OneCharacter),
        ("DB_PASSWORD=changeme", Place::Field, Reason::CommonWord),
    ] {
        let parts = parts(document.as_bytes());
        assert_eq!((parts.kept.len(), parts.left), (0, vec![(place, reason)]), "{document}");
    }
}

#[test]
fn the_number_of_parts_is_bounded_and_each_is_there_once() {
    let fields = |count: usize| {
        (0..count).map(|n| format!("PASSWORD_{n}=long-secret-{n}\n")).collect::<String>()
    };
    let few = parts(fields(MOST).as_bytes());
    assert_eq!((few.kept.len(), few.more), (MOST, false));
    let many = parts(fields(10 * MOST).as_bytes());
    assert_eq!((many.kept.len(), many.more), (MOST, true));
    assert_eq!(kept(format!("A_TOKEN={PW}\nB_TOKEN={PW}\n").as_bytes()), [PW]);
}

#[test]
fn a_value_made_to_be_slow_is_not() {
    for unit in [
        "://",
        "://a:",
        "{\"",
        "\"\\",
        "=",
        ";a=",
        "a=b;",
        "a=\"",
        "a:b:",
        "\\:",
        "&a=\\n",
        "password=\n",
        "machine ",
        "''='",
        "//@:",
    ] {
        let value = format!("{{{}}}", unit.repeat((256 << 10) / unit.len()));
        for value in [&value[..], &value[1..value.len() - 1]] {
            let start = std::time::Instant::now();
            let _ = parts(value.as_bytes());
            assert!(start.elapsed().as_secs() < 20, "{unit:?} took {:?}", start.elapsed());
        }
    }
}

proptest! {
    #[test]
    fn any_value_is_taken_apart(value in proptest::collection::vec(prop_oneof![
        Just(b'='), Just(b':'), Just(b'"'), Just(b'\\'), Just(b'{'), Just(b'}'), Just(b'/'),
        Just(b'@'), Just(b';'),
        Just(b'\n'), Just(b'%'), Just(b'u'), Just(b'\''), any::<u8>()], 0..200)) {
        let parts = parts(&value);
        prop_assert!(parts.kept.len() <= MOST);
        let bounds = MIN_VALUE..=value.len();
        prop_assert!(parts.kept.iter().all(|p| bounds.contains(&p.bytes.len())));
    }
}
