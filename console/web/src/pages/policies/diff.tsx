import { useNavigate, useSearch } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { POLICY_DIFF } from '../../graphql/documents.ts';
import type { PolicyDiffData, PolicyVersionShape } from '../../graphql/policy-shapes.ts';
import { useGraph } from '../../graphql/use-graph.ts';
import { text } from '../../language/text.ts';
import { useLanguage } from '../../language/use-language.tsx';
import { DataText } from '../../parts/data-text.tsx';
import { Field } from '../../parts/form.tsx';
import { DataTable, Empty } from '../../parts/page.tsx';
import { ViewState } from '../../parts/states.tsx';

const T = {
  from: text('From', 'De'),
  to: text('To', 'A'),
  one: text(
    'There is one version only: change a policy, and its versions can be compared here.',
    'Solo hay una versión: cambie una política y aquí podrá comparar sus versiones.',
  ),
  same: text(
    'Nobody may do more or less between these versions.',
    'Entre estas versiones nadie puede más ni menos.',
  ),
  who: text('Who', 'Quién'),
  what: text('What', 'Qué'),
  before: text('Before', 'Antes'),
  after: text('After', 'Después'),
  rule: text('Rule and place', 'Regla y lugar'),
  more: text('and {n} more', 'y {n} más'),
  label: text('Changes', 'Cambios'),
};

/** What changes for whom between two versions of the policies. */
export function Diff({ versions }: { readonly versions: readonly PolicyVersionShape[] }): ReactNode {
  const { t, locale } = useLanguage();
  const navigate = useNavigate();
  const search = useSearch({ from: '/policies' });
  const available = versions.filter((version) => version.available).sort((a, b) => b.version - a.version);
  const [newest, before] = available;
  if (newest === undefined || before === undefined) return <Empty>{t(T.one)}</Empty>;
  const from = search.from ?? String(before.version);
  const to = search.to ?? String(newest.version);
  const choose = (name: 'from' | 'to') => (value: string) => {
    void navigate({ to: '/policies', search: { part: 'diff', from, to, [name]: value } });
  };
  const clock = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' });
  const options = available.map(
    ({ version, sha256, at }) =>
      [
        String(version),
        `${String(version)} · ${clock.format(new Date(at))} · ${sha256.slice(0, 8)}`,
      ] as const,
  );
  return (
    <>
      <div className="form">
        <Field label={t(T.from)} value={from} onChange={choose('from')} options={options} />
        <Field label={t(T.to)} value={to} onChange={choose('to')} options={options} />
      </div>
      <Changes from={Number(from)} to={Number(to)} />
    </>
  );
}

function Changes({ from, to }: { readonly from: number; readonly to: number }): ReactNode {
  const { t } = useLanguage();
  const view = useGraph<PolicyDiffData>(POLICY_DIFF, { from, to });
  const diff = view.data?.policyDiff;
  const rows = (diff?.changes ?? []).map((change, at) => ({
    key: `${String(at)} ${change.subject}`,
    cells: [
      <DataText key="who" value={change.subject} />,
      <DataText key="what" value={change.action ?? change.policy} isCode />,
      change.before,
      change.after,
      <>
        <DataText value={change.rule} isCode /> <DataText value={change.location} isCode />
      </>,
    ],
  }));
  const head = [T.who, T.what, T.before, T.after, T.rule].map((name) => t(name));
  return (
    <>
      <ViewState view={view} />
      {diff != null &&
        (rows.length === 0 ? (
          <Empty>{t(T.same)}</Empty>
        ) : (
          <DataTable label={t(T.label)} head={head} rows={rows} />
        ))}
      {diff != null && diff.more > 0 && <p className="quiet">{t(T.more, { n: diff.more })}</p>}
    </>
  );
}
