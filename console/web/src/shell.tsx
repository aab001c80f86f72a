import { Link, type LinkProps, Outlet, useLocation } from '@tanstack/react-router';
import { type ReactNode, useState } from 'react';
import { type Text, text } from './language/text.ts';
import { useLanguage } from './language/use-language.tsx';
import { LoginPage } from './pages/login.tsx';
import { DataText } from './parts/data-text.tsx';
import { Empty, Page } from './parts/page.tsx';
import { Away, Loading } from './parts/states.tsx';
import { toTheme, useTheme } from './parts/theme.tsx';
import { isLoggedIn, type Session, useSession, useSessionReload } from './session/use-session.ts';

const PAGES: readonly (readonly [LinkProps['to'], Text])[] = [
  ['/', text('Overview', 'Resumen')],
  ['/requests', text('Requests', 'Peticiones')],
  ['/integrity', text('Integrity', 'Integridad')],
  ['/keys', text('Keys', 'Claves')],
  ['/certificates', text('Certificates', 'Certificados')],
  ['/policies', text('Policies', 'Políticas')],
  ['/graph', text('Graph', 'Grafo')],
  ['/services', text('Services', 'Servicios')],
];

const T = {
  skip: text('Skip to the content', 'Ir al contenido'),
  pages: text('Pages', 'Páginas'),
  language: text('Language', 'Idioma'),
  theme: text('Colours', 'Colores'),
  auto: text('As the system', 'Como el sistema'),
  light: text('Light', 'Claros'),
  dark: text('Dark', 'Oscuros'),
  session: text('Session', 'Sesión'),
  logout: text('Log out', 'Cerrar sesión'),
  everywhere: text('Log out everywhere', 'Cerrar sesión en todas partes'),
  notFound: text('Not found', 'No encontrado'),
  noPage: text('There is no page at this address.', 'No hay ninguna página en esta dirección.'),
};

/** What is around every page: links, settings, and the session. */
export function Shell(): ReactNode {
  const { t } = useLanguage();
  const { data: session, isPending, error } = useSession();
  const { pathname } = useLocation();
  const isInside = isLoggedIn(session) && pathname !== '/login';
  return (
    <>
      <a className="skip" href="#content">
        {t(T.skip)}
      </a>
      <header className="top">
        <Link to="/" className="brand" aria-label="Aduana">
          <svg viewBox="0 0 32 32" aria-hidden="true">
            <path d="M4 28V15a12 12 0 0 1 24 0v13h-6V15a6 6 0 0 0-12 0v13z" />
            <path className="bar" d="M2 19h28v4H2z" />
          </svg>
          Aduana
        </Link>
        <Settings session={isInside ? session : undefined} />
      </header>
      <div className={isInside ? 'with-pages' : ''}>
        {isInside && <PageLinks />}
        <main id="content" tabIndex={-1}>
          {error !== null && <Away parts={['console']} />}
          {isPending ? (
            <Loading />
          ) : isInside || pathname === '/login' ? (
            <Outlet />
          ) : (
            session !== undefined && <LoginPage />
          )}
        </main>
      </div>
    </>
  );
}

function PageLinks(): ReactNode {
  const { t } = useLanguage();
  return (
    <nav aria-label={t(T.pages)} className="pages">
      <ul>
        {PAGES.map(([to, name]) => (
          <li key={to}>
            <Link to={to ?? '/'} activeOptions={{ exact: to === '/', includeSearch: false }}>
              {t(name)}
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  );
}

function Settings({ session }: { readonly session: Session | undefined }): ReactNode {
  const { t, language, setLanguage } = useLanguage();
  const { theme, setTheme } = useTheme();
  return (
    <div className="settings">
      {session !== undefined && <SessionMenu session={session} />}
      <select
        aria-label={t(T.theme)}
        value={theme}
        onChange={({ target }) => {
          setTheme(toTheme(target.value));
        }}
      >
        <option value="auto">{t(T.auto)}</option>
        <option value="light">{t(T.light)}</option>
        <option value="dark">{t(T.dark)}</option>
      </select>
      <select
        aria-label={t(T.language)}
        value={language}
        onChange={({ target }) => {
          setLanguage(target.value === 'es' ? 'es' : 'en');
        }}
      >
        <option value="en" lang="en">
          English
        </option>
        <option value="es" lang="es">
          Español
        </option>
      </select>
    </div>
  );
}

function SessionMenu({ session }: { readonly session: Session }): ReactNode {
  const { t } = useLanguage();
  const reload = useSessionReload();
  const [isBusy, setBusy] = useState(false);
  const logOut = async (everywhere: boolean): Promise<void> => {
    setBusy(true);
    try {
      const body = JSON.stringify({ everywhere });
      await fetch('/logout', { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    } finally {
      setBusy(false);
      await reload();
    }
  };
  return (
    <details className="menu">
      <summary aria-label={`${t(T.session)}: ${session.subject}`}>
        <DataText value={session.subject} longest={40} />
      </summary>
      <div>
        <p className="quiet">
          <DataText value={session.roles.join(', ')} /> · <DataText value={session.authenticationMethod} />
        </p>
        <button type="button" disabled={isBusy} onClick={() => void logOut(false)}>
          {t(T.logout)}
        </button>
        <button type="button" disabled={isBusy} onClick={() => void logOut(true)}>
          {t(T.everywhere)}
        </button>
      </div>
    </details>
  );
}

export function NotFound(): ReactNode {
  const { t } = useLanguage();
  return (
    <Page title={T.notFound}>
      <Empty>{t(T.noPage)}</Empty>
    </Page>
  );
}
