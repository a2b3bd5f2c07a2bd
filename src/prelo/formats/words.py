"""The few words that a file itself says, in the languages they are known in."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    """The words of a page or sheet. `page` has {page} and {pages}, `goes_on` {page}; `total_of` has {group};
    `totals` are the names of sum, count, min, max and mean; `states` those of Completeness, in its order;
    `more` has {count}, of rows left out.
    """

    page: str
    total: str
    total_of: str
    continued: str
    empty: str
    yes: str
    no: str
    summary: str
    about: str
    rows: str
    totals: tuple[str, str, str, str, str]
    fact: str
    value: str
    title: str
    subtitle: str
    author: str
    sheet: str
    state: str
    states: tuple[str, str, str, str]
    changed: str
    made_by: str
    goes_on: str
    contents: str
    page_total: str
    other: str
    more: str


_WORDS = {
    "en": Words(
        "Page {page} of {pages}", "Total", "Total {group}", "continued",
        "No data", "Yes", "No",
        "Summary", "About", "Rows",
        ("sum", "count", "lowest", "highest", "mean"),
        "Fact", "Value", "Title", "Subtitle", "Author", "Sheet", "State",
        ("complete", "empty", "split", "truncated"), "Changed values", "Made by",
        "continued on page {page}", "Contents", "This page",
        "Other", "… and {count} more",
    ),
    "pt": Words(
        "Página {page} de {pages}", "Total", "Total {group}", "continuação",
        "Sem dados", "Sim", "Não",
        "Resumo", "Sobre", "Linhas",
        ("soma", "quantidade", "mínimo", "máximo", "média"),
        "Item", "Valor", "Título", "Subtítulo", "Autor", "Planilha", "Estado",
        ("completo", "vazio", "dividido", "cortado"), "Valores alterados", "Feito por",
        "continua na página {page}", "Sumário", "Nesta página",
        "Outros", "… e mais {count}",
    ),
    "es": Words(
        "Página {page} de {pages}", "Total", "Total {group}", "continuación",
        "Sin datos", "Sí", "No",
        "Resumen", "Acerca de", "Filas",
        ("suma", "cantidad", "mínimo", "máximo", "media"),
        "Dato", "Valor", "Título", "Subtítulo", "Autor", "Hoja", "Estado",
        ("completo", "vacío", "dividido", "cortado"), "Valores cambiados", "Hecho por",
        "continúa en la página {page}", "Índice", "Esta página",
        "Otros", "… y {count} más",
    ),
    "fr": Words(
        "Page {page} sur {pages}", "Total", "Total {group}", "suite",
        "Aucune donnée", "Oui", "Non",
        "Synthèse", "À propos", "Lignes",
        ("somme", "nombre", "minimum", "maximum", "moyenne"),
        "Donnée", "Valeur", "Titre", "Sous-titre", "Auteur", "Feuille", "État",
        ("complet", "vide", "réparti", "tronqué"), "Valeurs modifiées", "Fait par",
        "suite à la page {page}", "Sommaire", "Cette page",
        "Autres", "… et {count} de plus",
    ),
    "de": Words(
        "Seite {page} von {pages}", "Summe", "Summe {group}", "Fortsetzung",
        "Keine Daten", "Ja", "Nein",
        "Übersicht", "Info", "Zeilen",
        ("Summe", "Anzahl", "Minimum", "Maximum", "Mittelwert"),
        "Angabe", "Wert", "Titel", "Untertitel", "Autor", "Blatt", "Zustand",
        ("vollständig", "leer", "aufgeteilt", "gekürzt"), "Geänderte Werte", "Erstellt mit",
        "weiter auf Seite {page}", "Inhalt", "Diese Seite",
        "Sonstige", "… und {count} weitere",
    ),
    "it": Words(
        "Pagina {page} di {pages}", "Totale", "Totale {group}", "segue",
        "Nessun dato", "Sì", "No",
        "Riepilogo", "Informazioni", "Righe",
        ("somma", "numero", "minimo", "massimo", "media"),
        "Dato", "Valore", "Titolo", "Sottotitolo", "Autore", "Foglio", "Stato",
        ("completo", "vuoto", "diviso", "troncato"), "Valori modificati", "Creato da",
        "continua a pagina {page}", "Indice", "Questa pagina",
        "Altri", "… e altri {count}",
    ),
    "nl": Words(
        "Pagina {page} van {pages}", "Totaal", "Totaal {group}", "vervolg",
        "Geen gegevens", "Ja", "Nee",
        "Overzicht", "Over", "Rijen",
        ("som", "aantal", "laagste", "hoogste", "gemiddelde"),
        "Gegeven", "Waarde", "Titel", "Ondertitel", "Auteur", "Blad", "Toestand",
        ("volledig", "leeg", "verdeeld", "ingekort"), "Gewijzigde waarden", "Gemaakt door",
        "vervolg op pagina {page}", "Inhoud", "Deze pagina",
        "Overige", "… en nog {count}",
    ),
    "ar": Words(
        "صفحة {page} من {pages}", "المجموع", "مجموع {group}", "تابع",
        "لا توجد بيانات", "نعم", "لا",
        "ملخص", "حول", "الصفوف",
        ("مجموع", "عدد", "أدنى", "أعلى", "متوسط"),
        "البيان", "القيمة", "العنوان", "العنوان الفرعي", "المؤلف", "الورقة", "الحالة",
        ("كامل", "فارغ", "مقسّم", "مقتطع"), "قيم معدّلة", "أُعدّ بواسطة",
        "يتبع في صفحة {page}", "المحتويات", "هذه الصفحة",
        "أخرى", "… و{count} غيرها",
    ),
}  # fmt: skip


def words_of(locale: str) -> Words:
    """The words of a BCP 47 tag's language; English for a language that is not here."""
    language = locale.replace("_", "-").partition("-")[0].lower()
    return _WORDS.get(language, _WORDS["en"])


_RIGHT_TO_LEFT = {"ar", "he", "iw", "fa", "ur", "ps", "sd", "ug", "yi", "dv", "ckb"}


def from_the_right(locale: str, chosen: bool | None) -> bool:  # noqa: FBT001  as the option is
    """Whether a page or sheet begins at its right side: as chosen, or as the locale's language is written."""
    language = locale.replace("_", "-").partition("-")[0].lower()
    return language in _RIGHT_TO_LEFT if chosen is None else chosen
