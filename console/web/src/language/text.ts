export type Language = 'en' | 'es';

/** One text in the languages of the console; `{name}` is replaced by a value. */
export type Text = Readonly<Record<Language, string>>;

export function text(en: string, es: string): Text {
  return { en, es };
}

export type TextValues = Readonly<Record<string, string | number>>;

export function fillText(one: Text, language: Language, values: TextValues = {}): string {
  return one[language].replace(/\{([a-z]+)\}/gi, (whole, name: string) =>
    Object.hasOwn(values, name) ? String(values[name]) : whole,
  );
}

/** The first language of the list that the console speaks; English otherwise. */
export function chooseLanguage(wanted: readonly (string | undefined)[]): Language {
  for (const tag of wanted) {
    const [primary] = (tag ?? '').toLowerCase().split('-');
    if (primary === 'en' || primary === 'es') return primary;
  }
  return 'en';
}
