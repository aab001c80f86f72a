import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from 'react';
import { keepSetting, readSetting } from '../platform/kept-setting.ts';
import { useSession } from '../session/use-session.ts';
import { chooseLanguage, fillText, type Language, type Text, type TextValues } from './text.ts';

interface Speech {
  readonly language: Language;
  /** BCP 47, for numbers and times: the reader's own region where it speaks the language. */
  readonly locale: string;
  setLanguage(language: Language): void;
  t(text: Text, values?: TextValues): string;
}

const Context = createContext<Speech | undefined>(undefined);

export function LanguageProvider({ children }: { readonly children: ReactNode }): ReactNode {
  const session = useSession();
  const [chosen, setChosen] = useState(() => readSetting('language'));
  const language = chooseLanguage([chosen, session.data?.language, ...navigator.languages]);
  useEffect(() => {
    document.documentElement.lang = language;
  }, [language]);
  const speech = useMemo<Speech>(
    () => ({
      language,
      locale: navigator.languages.find((tag) => tag.toLowerCase().startsWith(language)) ?? language,
      setLanguage(next) {
        keepSetting('language', next);
        setChosen(next);
      },
      t: (one, values) => fillText(one, language, values),
    }),
    [language],
  );
  return <Context.Provider value={speech}>{children}</Context.Provider>;
}

export function useLanguage(): Speech {
  const speech = useContext(Context);
  if (speech === undefined) throw new TypeError('outside of LanguageProvider');
  return speech;
}
