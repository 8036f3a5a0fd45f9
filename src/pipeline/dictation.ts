/** Whether the agent has asked for something that people read out or spell, with pauses in between. Pure. */

const DICTATED = [
  /\b(?:number|digits?|code|pin|id|zip|postcode|postal code|e-?mail|address|spell|date of birth|birthday|full name|last name|surname|reference|iban)\b/i,
  /\b(?:nummer|ziffern?|code|pin|plz|postleitzahl|e-?mail|adresse|anschrift|buchstabier\w*|geburtsdatum|nachnamen?|vollständige[nr]? namen?|iban)\b/i,
  /\b(?:numéro|chiffres?|code|adresse|e-?mail|courriel|épel\w*|date de naissance|nom de famille)/i,
  /\b(?:número|dígitos?|código|dirección|correo|deletre\w*|fecha de nacimiento|apellidos?)/i,
  /\b(?:numero|cifre|codice|indirizzo|cognome|data di nascita|telefoonnummer|postcode|achternaam|geboortedatum|endereço|sobrenome)\b/i,
]

/** `text`: what the agent said. Its last question decides, or its last sentence. */
export function asksForDictation(text: string): boolean {
  const sentences = text.match(/[^.!?…]+[.!?…]*/g) ?? []
  const asked = sentences.findLast((sentence) => sentence.includes("?")) ?? sentences.at(-1) ?? ""
  return DICTATED.some((pattern) => pattern.test(asked))
}
