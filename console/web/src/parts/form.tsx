import { type ReactNode, useId } from 'react';

interface FieldProps {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly hint?: string;
  readonly isRequired?: boolean;
  readonly type?: 'text' | 'datetime-local' | 'number';
  readonly options?: readonly (readonly [string, string])[];
  readonly rows?: number;
}

/** A labelled text field, choice or text area. */
export function Field(props: FieldProps): ReactNode {
  const id = useId();
  const { label, value, onChange, hint, options, rows, isRequired = false, type = 'text' } = props;
  const common = {
    id,
    value,
    required: isRequired,
    spellCheck: false,
    'aria-describedby': hint === undefined ? undefined : `${id}-hint`,
  };
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {options !== undefined ? (
        <select
          {...common}
          onChange={({ target }) => {
            onChange(target.value);
          }}
        >
          {options.map(([key, name]) => (
            <option key={key} value={key}>
              {name}
            </option>
          ))}
        </select>
      ) : rows !== undefined ? (
        <textarea
          {...common}
          rows={rows}
          onChange={({ target }) => {
            onChange(target.value);
          }}
        />
      ) : (
        <input
          {...common}
          type={type}
          autoComplete="off"
          onChange={({ target }) => {
            onChange(target.value);
          }}
        />
      )}
      {hint !== undefined && (
        <p id={`${id}-hint`} className="quiet hint">
          {hint}
        </p>
      )}
    </div>
  );
}
