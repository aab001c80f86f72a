import { useMutation, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, type ReactNode, useEffect, useId, useRef, useState } from 'react';
import { type Text, text } from '../language/text.ts';
import { useLanguage } from '../language/use-language.tsx';
import { usePermission } from '../session/use-session.ts';
import { Field } from './form.tsx';
import { Failure } from './states.tsx';

const T = {
  what: text('What this does', 'Qué hace esto'),
  reason: text('Reason', 'Motivo'),
  reasonHint: text(
    'The audit log keeps it, beside your name.',
    'El registro de auditoría lo guarda, junto a su nombre.',
  ),
  cancel: text('Cancel', 'Cancelar'),
  sure: text('I have read what this does', 'He leído lo que hace'),
  running: text('Running', 'En curso'),
  missing: text('Needs the permission {permission}', 'Requiere el permiso {permission}'),
};

interface ActionProps {
  /** The button's text and the dialog's title. */
  readonly label: Text;
  readonly permission: string;
  /** One sentence for each thing that will happen. */
  readonly effects: readonly string[];
  readonly run: (reason: string) => Promise<ReactNode>;
  /** What the action is about, for the button's name where several have one text. */
  readonly about?: string;
  readonly isDestructive?: boolean;
  /** More fields of the form. */
  readonly children?: ReactNode;
}

/** A button that opens a dialog: what will happen, the reason that the audit log will hold, and a confirmation. */
export function Action(props: ActionProps): ReactNode {
  const { t } = useLanguage();
  const may = usePermission();
  const [isOpen, setOpen] = useState(false);
  const { label, permission, about, isDestructive = true } = props;
  const isLocked = !may(permission);
  return (
    <>
      <button
        type="button"
        className={isDestructive ? 'danger' : ''}
        aria-disabled={isLocked}
        aria-label={about === undefined ? undefined : `${t(label)}: ${about}`}
        title={isLocked ? t(T.missing, { permission }) : undefined}
        data-locked={isLocked ? permission : undefined}
        onClick={() => {
          setOpen(!isLocked);
        }}
      >
        {t(label)}
      </button>
      {isLocked && about === undefined && <span className="quiet"> {t(T.missing, { permission })}</span>}
      {isOpen && (
        <ActionDialog
          {...props}
          close={() => {
            setOpen(false);
          }}
        />
      )}
    </>
  );
}

function ActionDialog(props: ActionProps & { readonly close: () => void }): ReactNode {
  const { t } = useLanguage();
  const { label, about, effects, run, children, isDestructive = true } = props;
  const [reason, setReason] = useState('');
  const [isSure, setSure] = useState(false);
  const client = useQueryClient();
  const { mutate, isPending, error, data, isSuccess } = useMutation({
    mutationFn: () => run(reason.trim()),
  });
  // Not before: what opened the dialog may be gone from the page once its action has happened.
  const close = (): void => {
    props.close();
    void client.invalidateQueries({ queryKey: ['graph'] });
  };
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    mutate();
  };
  return (
    <dialog ref={dialog} aria-labelledby={id} onClose={close}>
      <form onSubmit={submit}>
        <h2 id={id}>
          {t(label)}
          {about !== undefined && (
            <>
              : <bdi>{about}</bdi>
            </>
          )}
        </h2>
        {isSuccess ? (
          <div role="status">{data}</div>
        ) : (
          <>
            {children}
            <Confirmation {...{ effects, reason, setReason, isSure, setSure }} />
            <Failure error={error} />
          </>
        )}
        <DialogButtons
          {...{ label, close, isPending, isSuccess, isDestructive }}
          isReady={reason.trim() !== ''}
        />
      </form>
    </dialog>
  );
}

interface ConfirmationProps {
  readonly effects: readonly string[];
  readonly reason: string;
  readonly setReason: (reason: string) => void;
  readonly isSure: boolean;
  readonly setSure: (isSure: boolean) => void;
}

function Confirmation({ effects, reason, setReason, isSure, setSure }: ConfirmationProps): ReactNode {
  const { t } = useLanguage();
  return (
    <>
      <h3>{t(T.what)}</h3>
      <ul>
        {effects.map((effect) => (
          <li key={effect}>{effect}</li>
        ))}
      </ul>
      <Field
        label={t(T.reason)}
        hint={t(T.reasonHint)}
        value={reason}
        onChange={setReason}
        isRequired
        rows={2}
      />
      <label className="check">
        <input
          type="checkbox"
          checked={isSure}
          required
          onChange={({ target }) => {
            setSure(target.checked);
          }}
        />
        {t(T.sure)}
      </label>
    </>
  );
}

const CLOSE = text('Close', 'Cerrar');

interface DialogButtonsProps {
  readonly label: Text;
  readonly close: () => void;
  readonly isPending: boolean;
  readonly isSuccess: boolean;
  readonly isReady: boolean;
  readonly isDestructive: boolean;
}

function DialogButtons({
  label,
  close,
  isPending,
  isSuccess,
  isReady,
  isDestructive,
}: DialogButtonsProps): ReactNode {
  const { t } = useLanguage();
  return (
    <footer>
      <button type="button" onClick={close}>
        {t(isSuccess ? CLOSE : T.cancel)}
      </button>
      {!isSuccess && (
        <button
          type="submit"
          className={isDestructive ? 'danger primary' : 'primary'}
          disabled={isPending || !isReady}
        >
          {t(isPending ? T.running : label)}
        </button>
      )}
    </footer>
  );
}
