import { Link, useSearch } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { POLICIES, POLICY_TESTS } from '../../graphql/documents.ts';
import type { PoliciesData, PolicyTestsData, RoleShape } from '../../graphql/policy-shapes.ts';
import { useGraph } from '../../graphql/use-graph.ts';
import { text } from '../../language/text.ts';
import { useLanguage } from '../../language/use-language.tsx';
import { CopyText, DataText } from '../../parts/data-text.tsx';
import { Mark } from '../../parts/mark.tsx';
import { DataTable, Empty, Facts, Page, Section } from '../../parts/page.tsx';
import { Guarded, ViewState } from '../../parts/states.tsx';
import { TimeText } from '../../parts/time-text.tsx';
import { Diff } from './diff.tsx';
import { Explain } from './explain.tsx';

const T = {
  title: text('Policies', 'Políticas'),
  roles: text('Roles, and who holds what', 'Roles, y quién tiene qué'),
  explain: text('Explain a decision', 'Explicar una decisión'),
  diff: text('Compare two versions', 'Comparar dos versiones'),
  tests: text('Tests of the policies', 'Pruebas de las políticas'),
  inForce: text('In force (SHA-256)', 'En vigor (SHA-256)'),
  since: text('Since', 'Desde'),
  role: text('Role', 'Rol'),
  inherits: text('Inherits', 'Hereda'),
  permissions: text('Permissions', 'Permisos'),
  rules: text('Rules', 'Reglas'),
  place: text('Place', 'Lugar'),
  holders: text('Held by', 'Lo tienen'),
  nobody: text('nobody', 'nadie'),
  when: text('when', 'cuando'),
  unless: text('unless', 'salvo'),
  many: text('{n} permissions', '{n} permisos'),
  noTests: text('There are no tests beside the policies.', 'No hay pruebas junto a las políticas.'),
  test: text('Test', 'Prueba'),
  result: text('Result', 'Resultado'),
  expected: text('Expected', 'Se esperaba'),
  actual: text('Decided', 'Se decidió'),
  passed: text('passed', 'superada'),
  failed: text('failed', 'fallida'),
  parts: text('Parts of this page', 'Partes de esta página'),
};

const PARTS = ['roles', 'explain', 'diff', 'tests'] as const;

export function PoliciesPage(): ReactNode {
  const { t } = useLanguage();
  const { part = 'roles' } = useSearch({ from: '/policies' });
  return (
    <Page title={T.title}>
      <nav className="parts" aria-label={t(T.parts)}>
        {PARTS.map((name) => (
          <Link
            key={name}
            className="button"
            to="/policies"
            search={{ part: name }}
            aria-current={part === name ? 'page' : undefined}
          >
            {t(T[name])}
          </Link>
        ))}
      </nav>
      {part === 'explain' ? (
        <Section title={T.explain}>
          <Guarded needs="iam:policies:explain">
            <Explain />
          </Guarded>
        </Section>
      ) : (
        <Guarded needs="iam:policies:read">{part === 'tests' ? <Tests /> : <Roles part={part} />}</Guarded>
      )}
    </Page>
  );
}

function Roles({ part }: { readonly part: string }): ReactNode {
  const { t } = useLanguage();
  const view = useGraph<PoliciesData>(POLICIES);
  const { policySet, roles, policyVersions } = view.data ?? {};
  return (
    <>
      <ViewState view={view} />
      {policySet != null && (
        <Facts
          facts={[
            [t(T.inForce), <CopyText key="sha" value={policySet.sha256} what="SHA-256" />],
            [t(T.since), <TimeText key="at" at={policySet.loadedAt} />],
          ]}
        />
      )}
      {part === 'diff' && policyVersions != null && (
        <Section title={T.diff}>
          <Diff versions={policyVersions} />
        </Section>
      )}
      {part === 'roles' && roles != null && (
        <Section title={T.roles}>
          <DataTable
            label={t(T.roles)}
            head={[T.role, T.holders, T.inherits, T.rules, T.permissions].map((name) => t(name))}
            rows={roles.map((role) => ({ key: role.name, cells: cellsOf(role) }))}
          />
        </Section>
      )}
    </>
  );
}

function cellsOf(role: RoleShape): readonly ReactNode[] {
  return [
    <>
      <strong>
        <DataText value={role.name} />
      </strong>
      <br />
      <span className="quiet">
        <DataText value={role.location} isCode />
      </span>
    </>,
    <Holders key="holders" holders={role.holders} />,
    <DataText key="inherits" value={role.inherits.join(', ')} />,
    <Rules key="rules" rules={role.rules} />,
    <Permissions key="permissions" permissions={role.permissions} />,
  ];
}

function Holders({ holders }: Pick<RoleShape, 'holders'>): ReactNode {
  const { t } = useLanguage();
  if (holders.length === 0) return <span className="quiet">{t(T.nobody)}</span>;
  return (
    <ul className="plain">
      {holders.map(({ service, issuer, claim, value, location }) => {
        const name = service ?? `${claim ?? ''}=${value ?? ''} @ ${issuer ?? ''}`;
        return (
          <li key={name}>
            <DataText value={name} />{' '}
            <span className="quiet">
              <DataText value={location} isCode />
            </span>
          </li>
        );
      })}
    </ul>
  );
}

function Rules({ rules }: Pick<RoleShape, 'rules'>): ReactNode {
  const { t } = useLanguage();
  return (
    <ul className="plain">
      {rules.map(({ id, effect, permission, when, unless, location }) => (
        <li key={id} title={id}>
          {effect === 'DENY' ? <Mark tone="bad">deny</Mark> : null} <DataText value={permission} isCode />
          {when.length > 0 && ` ${t(T.when)} ${when.join(', ')}`}
          {unless.length > 0 && ` ${t(T.unless)} ${unless.join(', ')}`}{' '}
          <span className="quiet">
            <DataText value={location} isCode />
          </span>
        </li>
      ))}
    </ul>
  );
}

function Permissions({ permissions }: Pick<RoleShape, 'permissions'>): ReactNode {
  const { t } = useLanguage();
  return (
    <details>
      <summary>{t(T.many, { n: permissions.length })}</summary>
      <ul className="plain">
        {permissions.map((permission) => (
          <li key={permission}>
            <DataText value={permission} isCode />
          </li>
        ))}
      </ul>
    </details>
  );
}

function Tests(): ReactNode {
  const { t } = useLanguage();
  const view = useGraph<PolicyTestsData>(POLICY_TESTS);
  const tests = view.data?.policyTests;
  const rows = (tests ?? []).map(({ name, location, passed, expected, actual, because }) => ({
    key: `${location} ${name}`,
    cells: [
      <Mark key="result" tone={passed ? 'good' : 'bad'}>
        {t(passed ? T.passed : T.failed)}
      </Mark>,
      <DataText key="name" value={name} />,
      expected,
      <>
        {actual} {because !== null && <DataText value={because} />}
      </>,
      <DataText key="place" value={location} isCode />,
    ],
  }));
  const head = [T.result, T.test, T.expected, T.actual, T.place].map((name) => t(name));
  return (
    <Section title={T.tests}>
      <ViewState view={view} />
      {tests != null &&
        (rows.length === 0 ? (
          <Empty>{t(T.noTests)}</Empty>
        ) : (
          <DataTable label={t(T.tests)} head={head} rows={rows} />
        ))}
    </Section>
  );
}
