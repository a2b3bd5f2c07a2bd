"""The few words that a file itself says, in the languages they are known in."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    """The words of a page or sheet. `page` has {page} and {pages}; `total_of` has {group}."""

    page: str
    total: str
    total_of: str
    continued: str
    empty: str
    yes: str
    no: str


_WORDS = {
    "en": Words(
        "Page {page} of {pages}", "Total", "Total {group}", "continued",
        "No data", "Yes", "No",
    ),
    "pt": Words(
        "Página {page} de {pages}", "Total", "Total {group}", "continuação",
        "Sem dados", "Sim", "Não",
    ),
    "es": Words(
        "Página {page} de {pages}", "Total", "Total {group}", "continuación",
        "Sin datos", "Sí", "No",
    ),
    "fr": Words(
        "Page {page} sur {pages}", "Total", "Total {group}", "suite",
        "Aucune donnée", "Oui", "Non",
    ),
    "de": Words(
        "Seite {page} von {pages}", "Summe", "Summe {group}", "Fortsetzung",
        "Keine Daten", "Ja", "Nein",
    ),
    "it": Words(
        "Pagina {page} di {pages}", "Totale", "Totale {group}", "segue",
        "Nessun dato", "Sì", "No",
    ),
    "nl": Words(
        "Pagina {page} van {pages}", "Totaal", "Totaal {group}", "vervolg",
        "Geen gegevens", "Ja", "Nee",
    ),
}  # fmt: skip


def words_of(locale: str) -> Words:
    """The words of a BCP 47 tag's language; English for a language that is not here."""
    language = locale.replace("_", "-").partition("-")[0].lower()
    return _WORDS.get(language, _WORDS["en"])
