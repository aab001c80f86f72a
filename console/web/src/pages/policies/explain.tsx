import { type FormEvent, type ReactNode, useState } from 'react';
import { EXPLAIN } from '../../graphql/documents.ts';
import type { ExplainData } from '../../graphql/policy-shapes.ts';
import { useGraph } from '../../graphql/use-graph.ts';
import { text } from '../../language/text.ts';
import { useLanguage } from '../../language/use-language.tsx';
import { DataText } from '../../parts/data-text.tsx';
import { Field } from '../../parts/form.tsx';
import { Mark } from '../../parts/mark.tsx';
import { DataTable } from '../../parts/page.tsx';
import { ViewState } from '../../parts/states.tsx';

const T = {
  subject: text('Caller', 'Llamante'),
  subjectHint: text(
    'A service such as bff, or a user’s subject',
    'Un servicio como bff, o el sujeto de un usuario',
  ),
  issuer: text('Issuer (for a user)', 'Emisor (para un usuario)'),
  document: text('GraphQL document, or one permission', 'Documento GraphQL, o un permiso'),
  explain: text('Explain', 'Explicar'),
  field: text('Field', 'Campo'),
  action: text('Needs', 'Requiere'),
  decision: text('Decision', 'Decisión'),
  rule: text('Rule and place', 'Regla y lugar'),
  path: text('By the roles', 'Por los roles'),
  near: text('Near misses', 'Casi'),
  allowed: text('allowed', 'permitido'),
  refused: text('refused', 'rechazado'),
  label: text('Decisions', 'Decisiones'),
};

interface Question {
  readonly subject: string;
  readonly issuer: string | null;
  readonly action: string | null;
  readonly document: string | null;
}

/** Caller and document -> for each field the decision, its rule and where that is written. */
export function Explain(): ReactNode {
  const { t } = useLanguage();
  const [draft, setDraft] = useState({ subject: '', issuer: '', asked: '' });
  const [question, setQuestion] = useState<Question>();
  const set = (name: keyof typeof draft) => (value: string) => {
    setDraft({ ...draft, [name]: value });
  };
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    const asked = draft.asked.trim();
    const isDocument = asked.includes('{');
    setQuestion({
      subject: draft.subject.trim(),
      issuer: draft.issuer.trim() === '' ? null : draft.issuer.trim(),
      action: isDocument ? null : asked,
      document: isDocument ? asked : null,
    });
  };
  return (
    <>
      <form className="form" onSubmit={submit}>
        <Field
          label={t(T.subject)}
          hint={t(T.subjectHint)}
          value={draft.subject}
          onChange={set('subject')}
          isRequired
        />
        <Field label={t(T.issuer)} value={draft.issuer} onChange={set('issuer')} />
        <div className="wide">
          <Field label={t(T.document)} rows={4} value={draft.asked} onChange={set('asked')} isRequired />
        </div>
        <div className="buttons">
          <button type="submit" className="primary">
            {t(T.explain)}
          </button>
        </div>
      </form>
      {question !== undefined && <Decisions question={question} />}
    </>
  );
}

function Decisions({ question }: { readonly question: Question }): ReactNode {
  const { t } = useLanguage();
  const view = useGraph<ExplainData>(EXPLAIN, { ...question });
  const decisions = view.data?.explainAccess;
  const rows = (decisions ?? []).map((decision, at) => ({
    key: `${String(at)} ${decision.coordinate ?? ''} ${decision.action}`,
    cells: [
      <DataText key="field" value={decision.coordinate} isCode />,
      <DataText key="action" value={decision.action} isCode />,
      <Mark key="decision" tone={decision.allowed ? 'good' : 'bad'}>
        {t(decision.allowed ? T.allowed : T.refused)}
      </Mark>,
      <>
        <DataText value={decision.rule} isCode /> <DataText value={decision.location} isCode />
      </>,
      <DataText key="path" value={decision.rolePath.join(' → ')} />,
      <DataText key="near" value={decision.nearMisses.join('; ')} />,
    ],
  }));
  const head = [T.field, T.action, T.decision, T.rule, T.path, T.near].map((name) => t(name));
  return (
    <>
      <ViewState view={view} />
      {decisions != null && <DataTable label={t(T.label)} head={head} rows={rows} />}
    </>
  );
}
