import { type FormEvent, type ReactNode, useState } from 'react';
import { text } from '../../language/text.ts';
import { useLanguage } from '../../language/use-language.tsx';
import { Field } from '../../parts/form.tsx';
import { ANY_TYPE, DEFAULT_TYPE, OUTCOMES, type RequestFilter } from './request-filter.ts';

const T = {
  filters: text('Filters', 'Filtros'),
  actor: text('Actor', 'Actor'),
  outcome: text('Outcome', 'Resultado'),
  type: text('Type of event', 'Tipo de evento'),
  operation: text('Operation', 'Operación'),
  field: text('Field', 'Campo'),
  fieldHint: text('Such as Query.leads', 'Por ejemplo, Query.leads'),
  since: text('From', 'Desde'),
  until: text('Until', 'Hasta'),
  any: text('any', 'cualquiera'),
  apply: text('Apply', 'Aplicar'),
  clear: text('Clear', 'Borrar'),
};

/** Types that an operator looks for; any other can be given in the address. */
const TYPES = [
  'request',
  'request.intent',
  'request.unknown',
  'request.flood',
  'token.issue',
  'token.exchange',
  'token.refuse',
  'token.revoke',
  'key.rotate',
  'secret.rotate',
  'secret.collect',
  'store.forged',
  'service.suspend',
  'service.restore',
  'subject.revoke',
  'certificate.revoke',
  'certificate.refuse',
  'policy.reload',
  'audit.read',
  'audit.gap',
  'audit.conflict',
  'audit.tampered',
  'source.start',
  'source.stop',
  'source.lost',
] as const;

interface FiltersProps {
  readonly filter: RequestFilter;
  readonly onChange: (filter: RequestFilter) => void;
}

export function Filters({ filter, onChange }: FiltersProps): ReactNode {
  const { t } = useLanguage();
  const [draft, setDraft] = useState<RequestFilter>(filter);
  const set = (name: keyof RequestFilter) => (value: string) => {
    setDraft({ ...draft, [name]: value });
  };
  const choose = (name: keyof RequestFilter) => (value: string) => {
    onChange({ ...draft, [name]: value });
  };
  const any = ['', t(T.any)] as const;
  const type = filter.type ?? DEFAULT_TYPE;
  const types = [...new Set([type, ...TYPES])].filter((name) => name !== ANY_TYPE);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    onChange(draft);
  };
  return (
    <details className="filters" open={Object.keys(filter).some((name) => name !== 'live')}>
      <summary>{t(T.filters)}</summary>
      <form onSubmit={submit}>
        <Field label={t(T.actor)} value={draft.actor ?? ''} onChange={set('actor')} />
        <Field
          label={t(T.outcome)}
          value={draft.outcome ?? ''}
          onChange={choose('outcome')}
          options={[any, ...OUTCOMES.map((name) => [name, name] as const)]}
        />
        <Field
          label={t(T.type)}
          value={type}
          onChange={choose('type')}
          options={[[ANY_TYPE, t(T.any)], ...types.map((name) => [name, name] as const)]}
        />
        <Field label={t(T.operation)} value={draft.operation ?? ''} onChange={set('operation')} />
        <Field label={t(T.field)} value={draft.field ?? ''} onChange={set('field')} hint={t(T.fieldHint)} />
        <TimeField label={t(T.since)} instant={draft.since} onChange={set('since')} />
        <TimeField label={t(T.until)} instant={draft.until} onChange={set('until')} />
        <div className="buttons">
          <button type="submit" className="primary">
            {t(T.apply)}
          </button>
          <button
            type="button"
            onClick={() => {
              onChange({});
            }}
          >
            {t(T.clear)}
          </button>
        </div>
      </form>
    </details>
  );
}

interface TimeFieldProps {
  readonly label: string;
  readonly instant: string | undefined;
  readonly onChange: (instant: string) => void;
}

function TimeField({ label, instant, onChange }: TimeFieldProps): ReactNode {
  return (
    <Field
      label={label}
      type="datetime-local"
      value={toLocal(instant)}
      onChange={(value) => {
        onChange(toInstant(value));
      }}
    />
  );
}

/** The value of a `datetime-local` field is in the reader's zone and names none. */
function toLocal(instant: string | undefined): string {
  const time = new Date(instant ?? '');
  if (Number.isNaN(time.getTime())) return '';
  return new Date(time.getTime() - time.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

function toInstant(local: string): string {
  const time = new Date(local);
  return Number.isNaN(time.getTime()) ? '' : time.toISOString();
}
