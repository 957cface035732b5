use clap::CommandFactory;

use super::*;

#[derive(clap::Parser)]
#[command(name = "hasp-tool")]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
    #[arg(short = 'C', global = true)]
    dir: Option<PathBuf>,
}

#[derive(clap::Subcommand)]
enum Verb {
    /// Shows one
    Show {
        #[arg(long)]
        deep: bool,
        #[arg(long, hide = true)]
        inner: bool,
        #[arg(long, value_parser = ["low", "high"])]
        class: Option<String>,
        #[arg(short = 'e', value_name = "VAR=REF")]
        env: Vec<String>,
        from: Option<PathBuf>,
    },
    #[command(hide = true)]
    Secretly,
}

fn offered(text: &str) -> Vec<String> {
    let line = Line::read(text, "hasp-tool", &|_| None);
    match offer(Cli::command(), &line) {
        Offer::Words(words) => words.into_iter().map(|(word, _)| word).collect(),
        other => vec![format!("{other:?}")],
    }
}

#[test]
fn verbs_options_and_words_are_offered_and_hidden_ones_are_not() {
    assert_eq!(offered("hasp-tool "), ["help", "show"]);
    assert_eq!(offered("hasp-tool -C / sh"), ["show"]);
    assert_eq!(offered("hasp-tool show --d"), ["--deep"]);
    assert!(offered("hasp-tool show --in").is_empty());
    assert_eq!(offered("hasp-tool show --class "), ["high", "low"]);
    assert_eq!(offered("hasp-tool show --class=l"), ["--class=low"]);
    assert_eq!(offered("hasp-tool show "), ["Files"]);
    assert_eq!(offered("hasp-tool show -- "), ["Programs"]);
    assert!(offered("hasp-tool show -e VA").is_empty());
    assert!(offered("hasp-tool show a b ").is_empty());
}

/// A text, what is assigned in it, its words, and the word that the cursor is in.
type Row<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [&'a str], &'a str);

#[test]
fn a_line_is_read_as_the_shell_reads_it() {
    let value = |name: &str| (name == "P").then(|| "/p".to_owned());
    let rows: &[Row<'_>] = &[
        ("t a b", &[], &["a"], "b"),
        ("x; A=1 B=$P/h t a ", &[("A", "1"), ("B", "/p/h")], &["a"], ""),
        ("env A='1 2' /bin/t \"a b\" c\\ d", &[("A", "1 2")], &["a b"], "c d"),
        ("echo $(t sh", &[], &[], "sh"),
        ("echo x | t -e K=", &[], &["-e"], "K="),
        ("t '", &[], &[], ""),
    ];
    for (text, assigned, words, current) in rows {
        let line = Line::read(text, "t", &value);
        let own = |(a, b): &(&str, &str)| ((*a).to_owned(), (*b).to_owned());
        assert_eq!(line.assigned, assigned.iter().map(own).collect::<Vec<_>>(), "{text}");
        assert_eq!(
            (line.words, line.current.as_str()),
            (words.iter().map(|w| (*w).to_owned()).collect(), *current),
            "{text}"
        );
    }
}
