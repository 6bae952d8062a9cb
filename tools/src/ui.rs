//! What the terminal gets: decided once, from the options and the surroundings.

use std::io::{self, IsTerminal, Write};

use anstyle::{AnsiColor, Style};

use crate::args::{Color, Output};
use crate::printable::printable;

/// The narrowest a table is squeezed.
const WIDTH_MIN: usize = 40;

/// What terminals have that do not say.
const HEIGHT: usize = 24;

/// What a piece of text means; how that looks is decided here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Plain,
    /// The heading of a column.
    Heading,
    /// Less important.
    Dim,
    Good,
    Bad,
    Changed,
    /// A name the user would copy.
    Name,
}

/// How everything is printed.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is asked for by itself")]
pub(crate) struct Ui {
    answer: Answer,
    color_err: bool,
    width: Option<usize>,
    verbosity: Verbosity,
    progress: bool,
    out_is_terminal: bool,
    notes: bool,
}

/// How the answer is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Json,
    Text { color: bool },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verbosity {
    Quiet,
    Usual,
    Verbose,
}

impl Ui {
    pub(crate) fn new(output: &Output) -> Self {
        let (out, err) = (io::stdout().is_terminal(), io::stderr().is_terminal());
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let color = |is_terminal: bool| match output.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => is_terminal && !no_color && !is_dumb,
        };
        let terminal_width = || terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
        let width = output.width.or_else(|| if out { terminal_width() } else { None });
        Self {
            answer: if output.json { Answer::Json } else { Answer::Text { color: color(out) } },
            color_err: color(err),
            width: width.map(|width| width.max(WIDTH_MIN)),
            verbosity: match (output.quiet, output.verbose) {
                (true, _) => Verbosity::Quiet,
                (false, false) => Verbosity::Usual,
                (false, true) => Verbosity::Verbose,
            },
            progress: err && !is_dumb && !output.quiet && !output.json,
            out_is_terminal: out,
            notes: true,
        }
    }

    pub(crate) fn is_json(&self) -> bool {
        self.answer == Answer::Json
    }

    pub(crate) fn is_verbose(&self) -> bool {
        self.verbosity == Verbosity::Verbose
    }

    pub(crate) fn is_quiet(&self) -> bool {
        self.verbosity == Verbosity::Quiet
    }

    /// The columns of text there are; `None` for no limit.
    pub(crate) fn width(&self) -> Option<usize> {
        self.width
    }

    pub(crate) fn shows_progress(&self) -> bool {
        self.progress
    }

    /// The same, without anything on standard error: a line more would be in the way of what stays in place.
    pub(crate) fn without_notes(&self) -> Self {
        Self { notes: false, ..self.clone() }
    }

    /// The lines of text there are.
    #[expect(clippy::unused_self, reason = "it is asked of the terminal, which may change")]
    pub(crate) fn height(&self) -> usize {
        terminal_size::terminal_size().map_or(HEIGHT, |(_, height)| usize::from(height.0))
    }

    /// Whether a person's terminal shows what is written to standard output.
    pub(crate) fn writes_to_terminal(&self) -> bool {
        self.out_is_terminal
    }

    /// Text for standard output.
    pub(crate) fn paint(&self, tone: Tone, text: &str) -> String {
        painted(self.answer == Answer::Text { color: true }, tone, text)
    }

    /// Text for standard error.
    pub(crate) fn paint_err(&self, tone: Tone, text: &str) -> String {
        painted(self.color_err, tone, text)
    }

    /// Says something besides the answer, on standard error.
    pub(crate) fn note(&self, text: &str) {
        if self.notes && !self.is_quiet() && !self.is_json() {
            // Nobody hears it: the answer is what counts.
            let _unheard = writeln!(io::stderr(), "{}", self.paint_err(Tone::Dim, &printable(text)));
        }
    }

    /// As [`Ui::note`], but only where a person watches.
    pub(crate) fn note_to_person(&self, text: &str) {
        if self.out_is_terminal && io::stderr().is_terminal() {
            self.note(text);
        }
    }
}

fn painted(color: bool, tone: Tone, text: &str) -> String {
    if !color || tone == Tone::Plain || text.is_empty() {
        return text.to_owned();
    }
    let style = match tone {
        Tone::Plain => Style::new(),
        Tone::Heading => Style::new().bold(),
        Tone::Dim => Style::new().dimmed(),
        Tone::Good => AnsiColor::Green.on_default(),
        Tone::Bad => AnsiColor::Red.on_default().bold(),
        Tone::Changed => AnsiColor::Yellow.on_default(),
        Tone::Name => AnsiColor::Cyan.on_default(),
    };
    format!("{style}{text}{style:#}")
}
