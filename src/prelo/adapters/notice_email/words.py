"""What a mail says, in the languages it is known in. `{title}` is the report's."""

from dataclasses import dataclass

from prelo.core.notice import JobEvent


@dataclass(frozen=True, slots=True)
class Said:
    """Of one event: the subject, the word on the badge, the heading, and a sentence."""

    subject: str
    badge: str
    heading: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Words:
    """`events` in the order of core.notice.EVENTS; `states` in the order of Completeness.

    `attached`, `linked`: how the file of a succeeded job comes; `cut`: that it does not hold all the data.
    `rights`: what the link asks for.
    """

    events: tuple[Said, Said, Said, Said, Said]
    attached: str
    linked: str
    cut: str
    rights: str
    open_file: str
    open_job: str
    also: str
    report: str
    rows: str
    size: str
    finished: str
    state: str
    reason: str
    states: tuple[str, str, str, str]
    why: str


_WORDS = {
    "en": Words(
        (
            Said("{title} is ready", "Ready", "Your report is ready", "It was made as you asked."),
            Said("{title} could not be made", "Failed", "Your report could not be made",
                 "Trying again would fail in the same way until the cause is mended."),
            Said("{title} could not be made", "Given up", "Your report was given up",
                 "All its attempts failed. It can be asked for again."),
            Said("{title} was cancelled", "Cancelled", "Your report was cancelled",
                 "Somebody stopped it. It can be asked for again."),
            Said("{title} has expired", "Expired", "Your report has expired",
                 "Its file was deleted, as its time was over. It can be asked for again."),
        ),
        "The file is attached.", "The file is waiting for you.",
        "Not all rows fit into it: the file is truncated.",
        "The link opens for whoever may see this report.", "Open the file", "Look at the job",
        "It is also here:", "Report", "Rows", "Size", "Finished", "State", "Reason",
        ("complete", "empty", "split", "truncated"),
        "You get this mail because somebody asked for a report and named this address.",
    ),
    "pt": Words(
        (
            Said("{title} está pronto", "Pronto", "Seu relatório está pronto", "Ele foi feito como pedido."),
            Said("{title} não pôde ser feito", "Falhou", "Seu relatório não pôde ser feito",
                 "Tentar de novo falharia do mesmo modo até que a causa seja corrigida."),
            Said("{title} não pôde ser feito", "Desistência", "Desistimos do seu relatório",
                 "Todas as tentativas falharam. Ele pode ser pedido de novo."),
            Said("{title} foi cancelado", "Cancelado", "Seu relatório foi cancelado",
                 "Alguém o interrompeu. Ele pode ser pedido de novo."),
            Said("{title} expirou", "Expirado", "Seu relatório expirou",
                 "O arquivo foi apagado, pois seu prazo acabou. Ele pode ser pedido de novo."),
        ),
        "O arquivo está em anexo.", "O arquivo espera por você.",
        "Nem todas as linhas couberam: o arquivo está cortado.",
        "O link abre para quem pode ver este relatório.", "Abrir o arquivo", "Ver o pedido",
        "Ele também está aqui:", "Relatório", "Linhas", "Tamanho", "Concluído", "Estado", "Motivo",
        ("completo", "vazio", "dividido", "cortado"),
        "Você recebe esta mensagem porque alguém pediu um relatório e indicou este endereço.",
    ),
    "es": Words(
        (
            Said("{title} está listo", "Listo", "Su informe está listo", "Se hizo como lo pidió."),
            Said("{title} no se pudo hacer", "Fallido", "Su informe no se pudo hacer",
                 "Otro intento fallaría igual mientras no se corrija la causa."),
            Said("{title} no se pudo hacer", "Abandonado", "Se abandonó su informe",
                 "Todos los intentos fallaron. Puede pedirlo de nuevo."),
            Said("{title} se canceló", "Cancelado", "Su informe se canceló",
                 "Alguien lo detuvo. Puede pedirlo de nuevo."),
            Said("{title} ha caducado", "Caducado", "Su informe ha caducado",
                 "El archivo se borró porque venció su plazo. Puede pedirlo de nuevo."),
        ),
        "El archivo va adjunto.", "El archivo le espera.",
        "No cupieron todas las filas: el archivo está cortado.",
        "El enlace se abre a quien puede ver este informe.", "Abrir el archivo", "Ver la solicitud",
        "También está aquí:", "Informe", "Filas", "Tamaño", "Terminado", "Estado", "Motivo",
        ("completo", "vacío", "dividido", "cortado"),
        "Recibe este mensaje porque alguien pidió un informe e indicó esta dirección.",
    ),
    "fr": Words(
        (
            Said("{title} est prêt", "Prêt", "Votre rapport est prêt", "Il a été fait comme demandé."),
            Said("{title} n'a pas pu être fait", "Échec", "Votre rapport n'a pas pu être fait",
                 "Un nouvel essai échouerait de même tant que la cause n'est pas corrigée."),
            Said("{title} n'a pas pu être fait", "Abandonné", "Votre rapport a été abandonné",
                 "Tous les essais ont échoué. Il peut être redemandé."),
            Said("{title} a été annulé", "Annulé", "Votre rapport a été annulé",
                 "Quelqu'un l'a arrêté. Il peut être redemandé."),
            Said("{title} a expiré", "Expiré", "Votre rapport a expiré",
                 "Le fichier a été supprimé, son délai étant passé. Il peut être redemandé."),
        ),
        "Le fichier est joint.", "Le fichier vous attend.",
        "Toutes les lignes n'ont pas tenu : le fichier est tronqué.",
        "Le lien s'ouvre à qui peut voir ce rapport.", "Ouvrir le fichier", "Voir la demande",
        "Il est aussi ici :", "Rapport", "Lignes", "Taille", "Terminé", "État", "Motif",
        ("complet", "vide", "réparti", "tronqué"),
        "Vous recevez ce message parce que quelqu'un a demandé un rapport et indiqué cette adresse.",
    ),
    "de": Words(
        (
            Said("{title} ist fertig", "Fertig", "Ihr Bericht ist fertig",
                 "Er wurde wie gewünscht erstellt."),
            Said("{title} konnte nicht erstellt werden", "Fehler",
                 "Ihr Bericht konnte nicht erstellt werden",
                 "Ein neuer Versuch würde ebenso scheitern, bis die Ursache behoben ist."),
            Said("{title} konnte nicht erstellt werden", "Aufgegeben", "Ihr Bericht wurde aufgegeben",
                 "Alle Versuche sind gescheitert. Er kann neu angefordert werden."),
            Said("{title} wurde abgebrochen", "Abgebrochen", "Ihr Bericht wurde abgebrochen",
                 "Jemand hat ihn angehalten. Er kann neu angefordert werden."),
            Said("{title} ist abgelaufen", "Abgelaufen", "Ihr Bericht ist abgelaufen",
                 "Die Datei wurde nach Ablauf ihrer Frist gelöscht. Er kann neu angefordert werden."),
        ),
        "Die Datei ist angehängt.", "Die Datei liegt für Sie bereit.",
        "Nicht alle Zeilen passten hinein: Die Datei ist gekürzt.",
        "Der Link öffnet sich für alle, die diesen Bericht sehen dürfen.", "Datei öffnen", "Auftrag ansehen",
        "Sie liegt auch hier:", "Bericht", "Zeilen", "Größe", "Fertig", "Zustand", "Grund",
        ("vollständig", "leer", "aufgeteilt", "gekürzt"),
        "Sie erhalten diese Mail, weil jemand einen Bericht angefordert und diese Adresse genannt hat.",
    ),
    "it": Words(
        (
            Said("{title} è pronto", "Pronto", "Il suo rapporto è pronto", "È stato fatto come richiesto."),
            Said("{title} non si è potuto fare", "Non riuscito", "Il suo rapporto non si è potuto fare",
                 "Un altro tentativo fallirebbe allo stesso modo finché la causa non è corretta."),
            Said("{title} non si è potuto fare", "Abbandonato", "Il suo rapporto è stato abbandonato",
                 "Tutti i tentativi sono falliti. Può essere richiesto di nuovo."),
            Said("{title} è stato annullato", "Annullato", "Il suo rapporto è stato annullato",
                 "Qualcuno lo ha fermato. Può essere richiesto di nuovo."),
            Said("{title} è scaduto", "Scaduto", "Il suo rapporto è scaduto",
                 "Il file è stato eliminato allo scadere del termine. Può essere richiesto di nuovo."),
        ),
        "Il file è allegato.", "Il file la aspetta.",
        "Non tutte le righe ci stavano: il file è troncato.",
        "Il link si apre a chi può vedere questo rapporto.", "Apri il file", "Vedi la richiesta",
        "Si trova anche qui:", "Rapporto", "Righe", "Dimensione", "Terminato", "Stato", "Motivo",
        ("completo", "vuoto", "diviso", "troncato"),
        "Riceve questo messaggio perché qualcuno ha chiesto un rapporto e indicato questo indirizzo.",
    ),
}  # fmt: skip
_EVENTS: tuple[JobEvent, ...] = ("succeeded", "failed", "dead", "cancelled", "expired")


def words_of(locale: str) -> tuple[Words, str]:
    """The words of a BCP 47 tag's language, and which language that is; English where it is not here."""
    language = locale.replace("_", "-").partition("-")[0].lower()
    language = language if language in _WORDS else "en"
    return _WORDS[language], language


def said(words: Words, event: JobEvent) -> Said:
    """What is said of an event."""
    return words.events[_EVENTS.index(event)]
