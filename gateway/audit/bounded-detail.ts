/** Of one text that a client chose or caused. */
export const TEXT_CHARACTERS = 256;

/** A text, cut where it is too long for an event. */
export function bounded(text: string): string {
  return text.length <= TEXT_CHARACTERS ? text : `${text.slice(0, TEXT_CHARACTERS)}...`;
}

/** How many were cut, as a member of `detail`. */
export function cut(name: string, count: number): Readonly<Record<string, number>> {
  return count > 0 ? { [name]: count } : {};
}
