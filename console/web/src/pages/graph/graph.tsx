import { useNavigate, useSearch } from '@tanstack/react-router';
import { type ReactNode, useMemo } from 'react';
import { GRAPH } from '../../graphql/documents.ts';
import type { GraphData, GraphFieldShape } from '../../graphql/policy-shapes.ts';
import { STATUS_PERMISSION, useGatewayStatus } from '../../graphql/use-gateway-status.ts';
import { useGraph } from '../../graphql/use-graph.ts';
import { text } from '../../language/text.ts';
import { useLanguage } from '../../language/use-language.tsx';
import { DataText } from '../../parts/data-text.tsx';
import { Field } from '../../parts/form.tsx';
import { Mark, type Tone } from '../../parts/mark.tsx';
import { DataTable, Empty, Page, Section } from '../../parts/page.tsx';
import { Guarded, ViewState } from '../../parts/states.tsx';
import { Topology } from './topology.tsx';

const T = {
  title: text('Graph', 'Grafo'),
  topology: text('Subgraphs and their calls', 'Subgrafos y sus llamadas'),
  coverage: text('Who can reach what', 'Quién llega a qué'),
  search: text('Search types, fields and roles', 'Buscar tipos, campos y roles'),
  only: text('Show', 'Mostrar'),
  all: text('all fields', 'todos los campos'),
  open: text('unguarded fields', 'campos sin protección'),
  authenticated: text('fields that ask for a login alone', 'campos que solo piden identificarse'),
  guarded: text('guarded fields', 'campos protegidos'),
  field: text('Field', 'Campo'),
  type: text('Type', 'Tipo'),
  requirement: text('Requirement', 'Requisito'),
  reach: text('Who can reach it', 'Quién puede llegar'),
  subgraphs: text('Subgraphs', 'Subgrafos'),
  nobody: text('nobody', 'nadie'),
  caller: text('every caller that is known', 'todo llamante conocido'),
  everybody: text('everybody who reaches its type', 'todo el que llega a su tipo'),
  none: text('No field fits.', 'Ningún campo coincide.'),
  counts: text(
    '{guarded} fields are guarded, {authenticated} ask for a login alone, {open} are unguarded.',
    '{guarded} campos están protegidos, {authenticated} solo piden identificarse, {open} no tienen protección.',
  ),
};

const TONES: Readonly<Record<string, Tone>> = { GUARDED: 'good', AUTHENTICATED: 'plain', OPEN: 'bad' };

export function GraphPage(): ReactNode {
  const status = useGatewayStatus();
  return (
    <Page title={T.title}>
      <Section title={T.topology}>
        <Guarded needs={STATUS_PERMISSION}>
          <ViewState view={status} />
          {status.data?.status !== undefined && <Topology status={status.data.status} />}
        </Guarded>
      </Section>
      <Section title={T.coverage}>
        <Guarded needs="iam:policies:read">
          <Coverage />
        </Guarded>
      </Section>
    </Page>
  );
}

function Coverage(): ReactNode {
  const { t } = useLanguage();
  const view = useGraph<GraphData>(GRAPH);
  const coverage = view.data?.graphCoverage;
  return (
    <>
      <ViewState view={view} />
      {coverage != null && (
        <>
          <p>
            <Mark tone={coverage.open > 0 ? 'bad' : 'good'}>
              {t(T.counts, {
                guarded: coverage.guarded,
                authenticated: coverage.authenticated,
                open: coverage.open,
              })}
            </Mark>
          </p>
          <Types types={coverage.types} />
        </>
      )}
    </>
  );
}

type GraphType = NonNullable<GraphData['graphCoverage']>['types'][number];

function Types({ types }: { readonly types: readonly GraphType[] }): ReactNode {
  const { t } = useLanguage();
  const navigate = useNavigate();
  const { search = '', only = 'all' } = useSearch({ from: '/graph' });
  const change = (next: { search?: string; only?: string }): void => {
    void navigate({ to: '/graph', search: { search, only, ...next }, replace: true });
  };
  const shown = useMemo(() => filterTypes(types, search, only), [types, search, only]);
  const options = (['all', 'open', 'authenticated', 'guarded'] as const).map(
    (name) => [name, t(T[name])] as const,
  );
  return (
    <>
      <div className="form">
        <Field
          label={t(T.search)}
          value={search}
          onChange={(value) => {
            change({ search: value });
          }}
        />
        <Field
          label={t(T.only)}
          value={only}
          onChange={(value) => {
            change({ only: value });
          }}
          options={options}
        />
      </div>
      {shown.length === 0 && <Empty>{t(T.none)}</Empty>}
      {shown.map((type) => (
        <details
          key={type.name}
          className="graph-type"
          open={search !== '' || only !== 'all' || type.name === 'Query' || type.fields.some(isOpen)}
        >
          <summary>
            <strong>
              <DataText value={type.name} isCode />
            </strong>{' '}
            <span className="quiet">
              {type.kind.toLowerCase()} · <DataText value={type.subgraphs.join(', ')} />
            </span>{' '}
            {type.fields.some(isOpen) && <Mark tone="bad">{t(T.open)}</Mark>}
          </summary>
          <FieldTable type={type} />
        </details>
      ))}
    </>
  );
}

function FieldTable({ type }: { readonly type: GraphType }): ReactNode {
  const { t } = useLanguage();
  const rows = type.fields.map((field) => ({
    key: field.coordinate,
    cells: [
      <DataText key="name" value={field.name} isCode />,
      <DataText key="type" value={field.type} isCode />,
      <Mark key="requirement" tone={TONES[field.coverage] ?? 'plain'}>
        <DataText value={field.requirement ?? field.coverage} isCode />
      </Mark>,
      <Reach key="reach" field={field} />,
      <DataText key="subgraphs" value={field.subgraphs.join(', ')} />,
    ],
  }));
  const head = [T.field, T.type, T.requirement, T.reach, T.subgraphs].map((name) => t(name));
  return <DataTable label={type.name} head={head} rows={rows} />;
}

function Reach({ field }: { readonly field: GraphFieldShape }): ReactNode {
  const { t } = useLanguage();
  const { reachableBy, coverage } = field;
  if (reachableBy.length > 0) return <DataText value={reachableBy.join(', ')} />;
  return t(coverage === 'OPEN' ? T.everybody : coverage === 'AUTHENTICATED' ? T.caller : T.nobody);
}

function isOpen({ coverage }: GraphFieldShape): boolean {
  return coverage === 'OPEN';
}

function filterTypes(types: readonly GraphType[], search: string, only: string): readonly GraphType[] {
  const wanted = search.trim().toLowerCase();
  const fits = ({ coordinate, coverage, reachableBy }: GraphFieldShape): boolean =>
    (only === 'all' || coverage === only.toUpperCase()) &&
    (wanted === '' || [coordinate, ...reachableBy].some((name) => name.toLowerCase().includes(wanted)));
  return types
    .map((type) => ({ ...type, fields: type.fields.filter(fits) }))
    .filter(({ fields }) => fields.length > 0);
}
