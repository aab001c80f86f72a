import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from 'react';
import { keepSetting, readSetting } from '../platform/kept-setting.ts';

/** `auto` follows the system. */
export type Theme = 'auto' | 'light' | 'dark';

interface ThemeChoice {
  readonly theme: Theme;
  setTheme(theme: Theme): void;
}

const Context = createContext<ThemeChoice>({ theme: 'auto', setTheme: () => undefined });

export function ThemeProvider({ children }: { readonly children: ReactNode }): ReactNode {
  const [theme, setTheme] = useState<Theme>(() => toTheme(readSetting('theme')));
  useEffect(() => {
    if (theme === 'auto') delete document.documentElement.dataset['theme'];
    else document.documentElement.dataset['theme'] = theme;
  }, [theme]);
  const choice = useMemo<ThemeChoice>(
    () => ({
      theme,
      setTheme(next) {
        keepSetting('theme', next === 'auto' ? undefined : next);
        setTheme(next);
      },
    }),
    [theme],
  );
  return <Context.Provider value={choice}>{children}</Context.Provider>;
}

export function useTheme(): ThemeChoice {
  return useContext(Context);
}

export function toTheme(value: string | undefined): Theme {
  return value === 'light' || value === 'dark' ? value : 'auto';
}
