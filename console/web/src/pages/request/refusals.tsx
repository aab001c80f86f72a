import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { text } from '../../language/text.ts';
import { useLanguage } from '../../language/use-language.tsx';
import { DataText } from '../../parts/data-text.tsx';
import type { PlacedRole, RefusalReason, RefusedField } from './recorded-event.ts';

const T = {
  at: text('at', 'en'),
  missing: text('Missing', 'Falta'),
  rule: text('Decided by the rule', 'Lo decidió la regla'),
  noRule: text('No rule granted it.', 'Ninguna regla lo concedía.'),
  roles: text('Roles of the caller:', 'Roles del llamante:'),
  wouldAllow: text('It would have been allowed by', 'Lo habría permitido'),
  condition: text(
    'the same request while the rule’s condition holds, or a change of that rule',
    'la misma petición mientras se cumpla la condición de la regla, o un cambio de esa regla',
  ),
  nobody: text('no role that exists: none grants it', 'ningún rol existente: ninguno lo concede'),
  policies: text('roles and their rules', 'roles y sus reglas'),
  unknown: text('a role that grants it', 'un rol que lo conceda'),
  more: text('and {n} more', 'y {n} más'),
};

interface RefusalsProps {
  readonly refused: readonly RefusedField[];
  readonly more: number;
}

/** Each refused field with the rule that decided, its file and line, and what would have allowed it. */
export function Refusals({ refused, more }: RefusalsProps): ReactNode {
  const { t } = useLanguage();
  return (
    <ul className="refusals">
      {refused.map(({ coordinate, path, because }) => (
        <li key={`${coordinate} ${path ?? ''}`} data-refused={coordinate}>
          <h3>
            <DataText value={coordinate} isCode />
            {path !== undefined && (
              <span className="quiet">
                {' '}
                {t(T.at)} <DataText value={path} isCode />
              </span>
            )}
          </h3>
          {because.map((reason) => (
            <Because key={reason.missing} because={reason} />
          ))}
        </li>
      ))}
      {more > 0 && <li className="quiet">{t(T.more, { n: more })}</li>}
    </ul>
  );
}

function Because({ because }: { readonly because: RefusalReason }): ReactNode {
  const { t } = useLanguage();
  const { missing, rule, location, reason, roles } = because;
  return (
    <dl className="because">
      <dt>{t(T.missing)}</dt>
      <dd>
        <DataText value={missing} isCode />
        {reason !== undefined && (
          <span className="quiet">
            {' '}
            (<DataText value={reason} />)
          </span>
        )}
      </dd>
      {rule !== undefined || location !== undefined ? (
        <>
          <dt>{t(T.rule)}</dt>
          <dd>
            <DataText value={rule} isCode /> <Place location={location} />
          </dd>
        </>
      ) : (
        <>
          <dt>{t(T.noRule)}</dt>
          <dd>
            {roles.length > 0 && (
              <>
                {t(T.roles)} <Roles roles={roles} />
              </>
            )}
          </dd>
        </>
      )}
      <dt>{t(T.wouldAllow)}</dt>
      <dd className="allowed-by">
        <WouldAllow because={because} />
      </dd>
    </dl>
  );
}

function WouldAllow({ because }: { readonly because: RefusalReason }): ReactNode {
  const { t } = useLanguage();
  const { rule, grantedBy, reason } = because;
  if (grantedBy.length > 0) return <Roles roles={grantedBy} />;
  if (rule !== undefined) return t(T.condition);
  return (
    <>
      {t(reason === 'not_granted' && because.roles.length > 0 ? T.nobody : T.unknown)} (
      <Link to="/policies" search={{}}>
        {t(T.policies)}
      </Link>
      )
    </>
  );
}

function Roles({ roles }: { readonly roles: readonly PlacedRole[] }): ReactNode {
  return roles.map(({ role, location }, at) => (
    <span key={role}>
      {at > 0 && ', '}
      <DataText value={role} isCode /> <Place location={location} />
    </span>
  ));
}

/** file:line */
function Place({ location }: { readonly location: string | undefined }): ReactNode {
  return location === undefined ? null : (
    <span className="place">
      <DataText value={location} isCode />
    </span>
  );
}

export function Fields({
  fields,
  more,
}: {
  readonly fields: readonly string[];
  readonly more: number;
}): ReactNode {
  const { t } = useLanguage();
  return (
    <ul className="tags">
      {fields.map((field) => (
        <li key={field}>
          <DataText value={field} isCode />
        </li>
      ))}
      {more > 0 && <li className="quiet">{t(T.more, { n: more })}</li>}
    </ul>
  );
}
