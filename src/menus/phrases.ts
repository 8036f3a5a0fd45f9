/** What a menu says where its file has no words of its own, by language. */

export type MenuPhrases = {
  noInput: string
  noMatch: string
  /** Before the call ends for want of an answer. */
  closing: string
  goodbye: string
  /** `{value}` is the input. */
  confirm: string
  unclear: string
  rejected: string
  invalidNumber: string
  refusedLine: string
  lookupFailed: string
  noMessage: string
}

export type MenuLanguage = "en" | "de" | "es" | "fr" | "it" | "pt" | "nl"

const PHRASES: Readonly<Record<MenuLanguage, MenuPhrases>> = {
  en: {
    noInput: "I did not get an answer.",
    noMatch: "I did not understand that.",
    closing: "I am sorry, I could not understand you. Please call again later. Goodbye.",
    goodbye: "Goodbye.",
    confirm: "You entered {value}. Is that correct? Say yes or press 1, say no or press 2.",
    unclear: "I did not understand. Please say yes or press 1, or say no or press 2.",
    rejected: "Please enter it again.",
    invalidNumber: "The number you entered is not valid. Please try again.",
    refusedLine: "This number cannot be used. Please enter another one.",
    lookupFailed: "An error occurred. Please try again.",
    noMessage: "I did not hear anything.",
  },
  de: {
    noInput: "Ich habe keine Antwort erhalten.",
    noMatch: "Das habe ich nicht verstanden.",
    closing:
      "Es tut mir leid, ich konnte Sie nicht verstehen. Bitte rufen Sie später noch einmal an. Auf Wiederhören.",
    goodbye: "Auf Wiederhören.",
    confirm:
      "Ihre Eingabe ist {value}. Ist das richtig? Sagen Sie ja oder drücken Sie 1, sagen Sie nein oder drücken Sie 2.",
    unclear:
      "Das habe ich nicht verstanden. Bitte sagen Sie ja oder drücken Sie 1, oder sagen Sie nein oder drücken Sie 2.",
    rejected: "Bitte geben Sie es noch einmal ein.",
    invalidNumber: "Diese Nummer ist nicht gültig. Bitte versuchen Sie es noch einmal.",
    refusedLine: "Diese Nummer kann nicht verwendet werden. Bitte geben Sie eine andere ein.",
    lookupFailed: "Ein Fehler ist aufgetreten. Bitte versuchen Sie es noch einmal.",
    noMessage: "Ich habe nichts gehört.",
  },
  es: {
    noInput: "No he recibido ninguna respuesta.",
    noMatch: "No le he entendido.",
    closing: "Lo siento, no le he podido entender. Por favor, llame más tarde. Adiós.",
    goodbye: "Adiós.",
    confirm: "Ha introducido {value}. ¿Es correcto? Diga sí o pulse 1, diga no o pulse 2.",
    unclear: "No le he entendido. Por favor, diga sí o pulse 1, o diga no o pulse 2.",
    rejected: "Por favor, introdúzcalo otra vez.",
    invalidNumber: "El número no es válido. Por favor, inténtelo otra vez.",
    refusedLine: "Este número no se puede utilizar. Por favor, introduzca otro.",
    lookupFailed: "Se ha producido un error. Por favor, inténtelo otra vez.",
    noMessage: "No he oído nada.",
  },
  fr: {
    noInput: "Je n'ai pas reçu de réponse.",
    noMatch: "Je n'ai pas compris.",
    closing: "Je suis désolé, je n'ai pas pu vous comprendre. Veuillez rappeler plus tard. Au revoir.",
    goodbye: "Au revoir.",
    confirm: "Vous avez saisi {value}. Est-ce correct ? Dites oui ou tapez 1, dites non ou tapez 2.",
    unclear: "Je n'ai pas compris. Dites oui ou tapez 1, ou dites non ou tapez 2.",
    rejected: "Veuillez recommencer.",
    invalidNumber: "Ce numéro n'est pas valide. Veuillez réessayer.",
    refusedLine: "Ce numéro ne peut pas être utilisé. Veuillez en saisir un autre.",
    lookupFailed: "Une erreur s'est produite. Veuillez réessayer.",
    noMessage: "Je n'ai rien entendu.",
  },
  it: {
    noInput: "Non ho ricevuto risposta.",
    noMatch: "Non ho capito.",
    closing: "Mi dispiace, non sono riuscito a capirla. Richiami più tardi. Arrivederci.",
    goodbye: "Arrivederci.",
    confirm: "Ha inserito {value}. È corretto? Dica sì o prema 1, dica no o prema 2.",
    unclear: "Non ho capito. Dica sì o prema 1, oppure dica no o prema 2.",
    rejected: "Lo inserisca di nuovo, per favore.",
    invalidNumber: "Il numero non è valido. Riprovi, per favore.",
    refusedLine: "Questo numero non può essere usato. Ne inserisca un altro.",
    lookupFailed: "Si è verificato un errore. Riprovi, per favore.",
    noMessage: "Non ho sentito nulla.",
  },
  pt: {
    noInput: "Não recebi nenhuma resposta.",
    noMatch: "Não percebi.",
    closing: "Lamento, não consegui compreender. Por favor, ligue mais tarde. Adeus.",
    goodbye: "Adeus.",
    confirm: "Introduziu {value}. Está correto? Diga sim ou prima 1, diga não ou prima 2.",
    unclear: "Não percebi. Diga sim ou prima 1, ou diga não ou prima 2.",
    rejected: "Por favor, introduza novamente.",
    invalidNumber: "O número não é válido. Por favor, tente novamente.",
    refusedLine: "Este número não pode ser usado. Por favor, introduza outro.",
    lookupFailed: "Ocorreu um erro. Por favor, tente novamente.",
    noMessage: "Não ouvi nada.",
  },
  nl: {
    noInput: "Ik heb geen antwoord gekregen.",
    noMatch: "Dat heb ik niet begrepen.",
    closing: "Het spijt me, ik kon u niet verstaan. Bel later nog eens. Tot ziens.",
    goodbye: "Tot ziens.",
    confirm: "U heeft {value} ingevoerd. Klopt dat? Zeg ja of druk op 1, zeg nee of druk op 2.",
    unclear: "Dat heb ik niet begrepen. Zeg ja of druk op 1, of zeg nee of druk op 2.",
    rejected: "Voer het nog een keer in.",
    invalidNumber: "Dit nummer is niet geldig. Probeer het nog een keer.",
    refusedLine: "Dit nummer kan niet worden gebruikt. Voer een ander nummer in.",
    lookupFailed: "Er is een fout opgetreden. Probeer het nog een keer.",
    noMessage: "Ik heb niets gehoord.",
  },
}

/** The phrases of a language tag such as `de-AT`; English for a language that has none. */
export function menuPhrases(language: string): MenuPhrases {
  return PHRASES[menuLanguage(language)]
}

/** The language of a tag, as far as words are known in it; English otherwise. */
export function menuLanguage(tag: string): MenuLanguage {
  const [primary = ""] = tag.toLowerCase().split("-", 1)
  return isKnown(primary) ? primary : "en"
}

function isKnown(language: string): language is MenuLanguage {
  return Object.hasOwn(PHRASES, language)
}
