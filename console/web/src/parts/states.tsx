import type { ReactNode } from 'react';
import type { GraphView } from '../graphql/use-graph.ts';
import { CodedError } from '../platform/failures.ts';
import { text } from '../language/text.ts';
import { useLanguage } from '../language/use-language.tsx';
import { usePermission } from '../session/use-session.ts';
import { DataText } from './data-text.tsx';

const T = {
  loading: text('Loading', 'Cargando'),
  away: text(
    'No answer from: {parts}. What is shown may be old. Asking again every few seconds.',
    'No responde: {parts}. Lo que se muestra puede ser antiguo. Se vuelve a preguntar cada pocos segundos.',
  ),
  locked: text('Locked: you do not hold the permission', 'Bloqueado: le falta el permiso'),
  failed: text('This could not be shown', 'Esto no se pudo mostrar'),
};

/** Names the parts that do not answer. */
export function Away({ parts }: { readonly parts: readonly string[] }): ReactNode {
  const { t } = useLanguage();
  if (parts.length === 0) return null;
  return (
    <p className="notice bad" role="status" data-away={parts.join(' ')}>
      {t(T.away, { parts: parts.join(', ') })}
    </p>
  );
}

export function Loading(): ReactNode {
  const { t } = useLanguage();
  return (
    <p className="notice quiet" role="status">
      {t(T.loading)}…
    </p>
  );
}

/** A part that this caller may not see, with the permission that is missing. */
export function Locked({ permission }: { readonly permission: string }): ReactNode {
  const { t } = useLanguage();
  return (
    <p className="notice locked" data-locked={permission}>
      <svg viewBox="0 0 16 16" aria-hidden="true">
        <path d="M4 7V5a4 4 0 0 1 8 0v2M3 7h10v7H3z" />
      </svg>
      <span>
        {t(T.locked)} <code>{permission}</code>
      </span>
    </p>
  );
}

/** Its content for whoever holds the permission, else a lock. */
export function Guarded({ needs, children }: GuardedProps): ReactNode {
  const may = usePermission();
  return may(needs) ? children : <Locked permission={needs} />;
}

interface GuardedProps {
  readonly needs: string;
  readonly children: ReactNode;
}

export function Failure({ error }: { readonly error: Error | null | undefined }): ReactNode {
  const { t } = useLanguage();
  if (error === null || error === undefined) return null;
  return (
    <p className="notice bad" role="alert">
      {t(T.failed)}: <DataText value={error instanceof CodedError ? error.code : error.name} isCode />
    </p>
  );
}

/** What a view says of itself while it has nothing, or only old data, to show. */
export function ViewState({ view }: { readonly view: GraphView<unknown> }): ReactNode {
  const coded = Object.entries(view.problems).filter(([, code]) => !/UNAVAILABLE|NOT_READY/.test(code));
  return (
    <>
      <Away parts={view.away} />
      <Failure error={view.error} />
      {coded.map(([field, code]) => (
        <Failure key={field} error={new CodedError(`${field}: ${code}`, '')} />
      ))}
      {view.isLoading && view.away.length === 0 && view.error === undefined && <Loading />}
    </>
  );
}
