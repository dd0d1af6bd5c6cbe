"""Searching the help: which topics are found, in which order, and which letters are marked."""

from __future__ import annotations

import pytest

from app.shell.helpsearch import asked, fold, marks, plain, prepare, search

VAE = prepare(
    "models/vae",
    "Variational autoencoder",
    """# Variational autoencoder

A code z and its prior. It has a bound.

    ln p(x) ≥ ELBO = E ln p(x|z) − KL( q(z|x) ‖ p(z) )

## What to look for
- **KL of each dimension**: one near 0 is dead; noise has σ² = 1.
""",
)
LATENT = prepare(
    "panels/latent",
    "Latent",
    """# Latent

Sliders for the code. The prior is at the centre, the prior is wide.

| hand | does |
| --- | --- |
| `Shift` | finer |

## The prior
It ends at 2σ.
""",
)
DDPM = prepare(
    "models/ddpm", "Diffusion", "# Diffusion\n\nx_t = √ᾱ_t x₀ + √(1−ᾱ_t) ε: the prior is noise. Hyvärinen.\n"
)
ALL = (VAE, LATENT, DDPM)


def found(query: str) -> list[str]:
    return [hit.key for hit in search(query, ALL)]


def shown(query: str, text: str) -> list[str]:
    return [text[start:end] for start, end in marks(query, text)]


def test_titles_come_before_headings_and_headings_before_texts() -> None:
    assert found("latent") == ["panels/latent"]
    assert found("prior") == ["panels/latent", "models/vae", "models/ddpm"]  # the first in a heading
    title = prepare("panels/prior", "Prior", "# Prior\n\nNothing else.\n")
    assert search("prior", (*ALL, title))[0].key == "panels/prior"


def test_a_topic_is_found_by_its_name_too() -> None:
    assert found("vae") == ["models/vae"]
    assert found("ddpm") == ["models/ddpm"]


def test_all_words_must_occur_in_whatever_order_and_place() -> None:
    assert found("dimension code") == ["models/vae"]
    assert found("code prior") == found("prior code") == ["panels/latent", "models/vae"]
    assert found("code noise prior elephant") == []


def test_a_word_is_found_by_its_beginning_and_not_by_its_middle() -> None:
    assert found("dimen") == ["models/vae"]
    assert found("mension") == []


def test_whole_words_come_before_beginnings_of_words() -> None:
    begins = prepare("panels/a", "Coded", "# Coded\n\n.")
    whole = prepare("panels/b", "Code", "# Code\n\n.")
    assert [hit.key for hit in search("code", (begins, whole))] == ["panels/b", "panels/a"]


def test_case_and_accents_do_not_matter() -> None:
    assert found("hyvarinen") == found("HYVÄRINEN") == ["models/ddpm"]
    assert found("elbo") == found("Elbo") == ["models/vae"]


@pytest.mark.parametrize("query", ["σ²", "sigma^2", "SIGMA²"])
def test_greek_letters_and_powers_may_be_written_in_plain_letters(query: str) -> None:
    assert found(query) == ["models/vae"]


@pytest.mark.parametrize("query", ["ᾱ", "alpha_bar", "ᾱ_t", "α"])
def test_a_bar_over_a_letter_is_understood_and_a_plain_letter_finds_it_too(query: str) -> None:
    assert found(query) == ["models/ddpm"]


def test_a_letter_with_a_bar_does_not_find_one_without() -> None:
    assert shown("ᾱ", "α and ᾱ") == ["ᾱ"]


@pytest.mark.parametrize("query", ["q(z|x)", "q( z | x )", "KL(q(z|x)", "KL(q(z|x)||p(z))", "p(x|z) − KL"])
def test_formulas_are_found_however_they_are_spaced(query: str) -> None:
    assert found(query) == ["models/vae"]


def test_lowered_figures_are_the_same_in_both_spellings() -> None:
    assert found("x_0") == found("x₀") == ["models/ddpm"]
    assert shown("x_t", "xₜ x_t xt x_s") == ["xₜ", "x_t"]
    assert fold("x₁₂").text == fold("x_12").text == "x_12"


def test_words_joined_by_a_hyphen_are_two_words() -> None:
    assert shown("free running", "Free-running, running free") == ["Free", "running", "running", "free"]
    assert asked("free-running") == ("free", "running")


def test_marks_are_places_in_the_text_as_it_is_written() -> None:
    assert shown("KL", "the KL( q ‖ p ), kL and ankle") == ["KL", "kL"]
    assert shown("kl(q||p)", "the KL( q ‖ p ), kL") == ["KL( q ‖ p )"]
    assert shown("sigma", "βσ² + σ") == ["σ", "σ"]
    assert shown("x", "x̂ and ex") == ["x̂"]  # the hat belongs to it


def test_marks_of_several_words_are_in_order_and_do_not_overlap() -> None:
    spans = marks("code codes coded", "coded codes code")
    assert spans == ((0, 5), (6, 11), (12, 16))


def test_an_empty_question_finds_nothing() -> None:
    assert search("  ", ALL) == [] and search("", ALL) == [] and marks("", "text") == ()


def test_signs_alone_are_searched_as_they_stand() -> None:
    assert found("‖") == found("||") == ["models/vae"]


def test_the_piece_of_text_holds_the_words_and_stays_short() -> None:
    long = prepare("panels/long", "Long", "# Long\n\n" + "word " * 300 + "needle and thread " + "word " * 300)
    (hit,) = search("thread needle", (long,))
    assert "needle and thread" in hit.snippet and len(hit.snippet) < 130
    assert hit.snippet.startswith("… ") and hit.snippet.endswith(" …")
    assert [hit.snippet[a:b] for a, b in hit.snippet_marks] == ["needle", "thread"]


def test_a_topic_that_is_only_named_shows_how_its_text_begins() -> None:
    (hit,) = search("vae", ALL)
    assert hit.snippet.startswith("A code z") and hit.snippet_marks == ()


def test_hits_are_counted_in_title_and_text() -> None:
    (hit,) = search("latent", ALL)
    assert hit.count == 1 and hit.title_marks == ((0, 6),)
    assert {hit.key: hit.count for hit in search("prior", ALL)} == {
        "panels/latent": 3, "models/vae": 1, "models/ddpm": 1,
    }  # fmt: skip


def test_markdown_loses_its_marks_and_formulas_keep_theirs() -> None:
    text = plain("## A *b* **c**\n- `d` [e](f)\n\n| g | p(x\\|y) |\n| --- | --- |\n| 1 | 2 |\n\n    p*(x|z) ** 2 | 3\n")
    assert text.split("\n\n") == ["A b c", "d e", "g  p(x|y)", "1  2", "p*(x|z) ** 2 | 3"]
    assert plain("D* is best, r*(x) too") == "D* is best, r*(x) too"
