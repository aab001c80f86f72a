import { type ReactNode, useEffect, useState } from 'react';
import { text } from '../language/text.ts';
import { useLanguage } from '../language/use-language.tsx';
import { Page } from '../parts/page.tsx';
import { nextPath } from '../session/next-path.ts';
import { isLoggedIn, useSession, useSessionReload } from '../session/use-session.ts';

const TITLE = text('Log in', 'Iniciar sesión');
const T = {
  checking: text('Your link is being used', 'Se está usando su enlace'),
  refused: text(
    'This link is not valid: it was used already, or it is older than a minute. Ask for another one.',
    'Este enlace no es válido: ya se usó, o tiene más de un minuto. Pida otro.',
  ),
  away: text('The console does not answer. Try again.', 'La consola no responde. Inténtelo de nuevo.'),
  provider: text('Log in with your provider', 'Iniciar sesión con su proveedor'),
  providerError: text('The provider did not log you in', 'El proveedor no inició su sesión'),
  link: text(
    'On the machine that runs this console, this command prints a link that works once, within a minute:',
    'En la máquina que ejecuta esta consola, esta orden imprime un enlace que vale una vez, durante un minuto:',
  ),
  here: text('You are logged in.', 'Ha iniciado sesión.'),
  onward: text('Go on', 'Continuar'),
};

type LinkState = 'none' | 'checking' | 'refused' | 'away';

/** Logs in by the code of a one-time link, which is in the fragment and so in no log, or sends to the provider. */
export function LoginPage(): ReactNode {
  const { t } = useLanguage();
  const { data: session } = useSession();
  const state = useLinkLogin();
  const error = new URLSearchParams(location.search).get('error');
  const isInside = isLoggedIn(session);
  // Whoever comes from the provider, or from a link of another site, is logged in already.
  const goesOn = isInside && error === null && state === 'none';
  useEffect(() => {
    if (goesOn) location.replace(nextPath(location.search, location.origin));
  }, [goesOn]);
  return (
    <Page title={TITLE}>
      {state === 'checking' && <p role="status">{t(T.checking)}…</p>}
      {(state === 'refused' || state === 'away') && (
        <p className="notice bad" role="alert">
          {t(T[state])}
        </p>
      )}
      {error !== null && (
        <p className="notice bad" role="alert">
          {t(T.providerError)}: <bdi>{error.slice(0, 100)}</bdi>
        </p>
      )}
      {isInside ? (
        <p>
          {t(T.here)} <a href={nextPath(location.search, location.origin)}>{t(T.onward)}</a>
        </p>
      ) : (
        <WaysIn hasProvider={session !== undefined && session.oidc} />
      )}
    </Page>
  );
}

function WaysIn({ hasProvider }: { readonly hasProvider: boolean }): ReactNode {
  const { t } = useLanguage();
  return (
    <>
      {hasProvider && (
        <p>
          <a className="button primary" href="/login/oidc">
            {t(T.provider)}
          </a>
        </p>
      )}
      <p>{t(T.link)}</p>
      <pre tabIndex={0}>npx aduana console login --as operator</pre>
    </>
  );
}

/** Posts the code once, and takes it out of the address at the same moment. */
function useLinkLogin(): LinkState {
  const reload = useSessionReload();
  const [state, setState] = useState<LinkState>(() => (readCode() === null ? 'none' : 'checking'));
  useEffect(() => {
    const code = readCode();
    const next = nextPath(location.search, location.origin);
    if (code === null) return;
    history.replaceState(null, '', location.pathname + location.search);
    void postCode(code).then(async (outcome) => {
      if (outcome !== 'none') setState(outcome);
      await reload();
      // A whole load: the cookie of the new session goes with it.
      if (outcome === 'none') location.replace(next);
    });
  }, []);
  return state;
}

function readCode(): string | null {
  return new URLSearchParams(location.hash.slice(1)).get('code');
}

async function postCode(code: string): Promise<LinkState> {
  try {
    const response = await fetch('/login/link', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ code }),
    });
    if (response.ok) return 'none';
    return response.status >= 500 ? 'away' : 'refused';
  } catch {
    return 'away';
  }
}
