import { type ReactNode, useState } from 'react';
import { KEYS, LOG_SUMMARY, ROTATE_KEYS, ROTATE_SECRET, SECRETS } from '../graphql/documents.ts';
import { runMutation } from '../graphql/ask-gateway.ts';
import type { KeysData, LogSummaryData, SecretsData, SigningKeyShape } from '../graphql/shapes.ts';
import { useGraph } from '../graphql/use-graph.ts';
import { text } from '../language/text.ts';
import { useLanguage } from '../language/use-language.tsx';
import { Action } from '../parts/action-dialog.tsx';
import { CopyText, DataText } from '../parts/data-text.tsx';
import { KnownKey } from '../parts/event-verdict.tsx';
import { Field } from '../parts/form.tsx';
import { KeyState } from '../parts/key-state.tsx';
import { DataTable, Page, Section } from '../parts/page.tsx';
import { Guarded, ViewState } from '../parts/states.tsx';
import { TimeText } from '../parts/time-text.tsx';

const T = {
  title: text('Keys', 'Claves'),
  signing: text('Signing keys of the tokens', 'Claves de firma de los tokens'),
  checkpoint: text('Key of the checkpoints', 'Clave de los puntos de control'),
  secrets: text('Client secrets', 'Secretos de los clientes'),
  kid: text('Key id', 'Id de la clave'),
  algorithm: text('Algorithm', 'Algoritmo'),
  state: text('State', 'Estado'),
  age: text('Made', 'Creada'),
  activates: text('Active from', 'Activa desde'),
  retires: text('Retires', 'Se retira'),
  rotate: text('Rotate the signing key', 'Rotar la clave de firma'),
  mode: text('How', 'Cómo'),
  now: text('Now: the next key takes over at once', 'Ahora: la clave siguiente entra de inmediato'),
  scheduled: text(
    'Scheduled: only if the next key was published for long enough',
    'Programada: solo si la clave siguiente lleva publicada lo suficiente',
  ),
  compromised: text(
    'Compromised: tokens of the old key are refused from now on',
    'Comprometida: los tokens de la clave antigua se rechazan desde ahora',
  ),
  effectNew: text(
    'The next key signs all tokens from now on, and a further key is published as its successor.',
    'La clave siguiente firma todos los tokens desde ahora, y se publica otra como sucesora.',
  ),
  effectOld: text(
    'Tokens of the present key stay valid until they expire.',
    'Los tokens de la clave actual valen hasta que caduquen.',
  ),
  effectRefused: text(
    'Every token of the present key is refused within 2 seconds: whoever holds one has to get another.',
    'Todo token de la clave actual se rechaza en 2 segundos: quien tenga uno deberá obtener otro.',
  ),
  rotated: text('Signing now:', 'Firma ahora:'),
  service: text('Service', 'Servicio'),
  version: text('Version', 'Versión'),
  accepted: text('Accepted until', 'Aceptado hasta'),
  rotateSecret: text('Rotate', 'Rotar'),
  grace: text(
    'Seconds for which the old secret stays valid',
    'Segundos durante los que vale el secreto antiguo',
  ),
  effectSecret: text(
    'A new secret is made; the service collects it by its certificate (npx aduana secrets collect).',
    'Se crea un secreto nuevo; el servicio lo recoge con su certificado (npx aduana secrets collect).',
  ),
  effectGrace: text(
    'The old secret is refused after {n} seconds.',
    'El secreto antiguo se rechaza pasados {n} segundos.',
  ),
  done: text('Version {n} is in force.', 'La versión {n} está en vigor.'),
  once: text('The secret, shown this once:', 'El secreto, que solo se muestra esta vez:'),
};

export function KeysPage(): ReactNode {
  return (
    <Page title={T.title}>
      <Section title={T.signing}>
        <Guarded needs="sts:keys:read">
          <SigningKeys />
        </Guarded>
      </Section>
      <Section title={T.checkpoint}>
        <Guarded needs="audit:proofs:read">
          <CheckpointKey />
        </Guarded>
      </Section>
      <Section title={T.secrets}>
        <Guarded needs="iam:secrets:read">
          <ClientSecrets />
        </Guarded>
      </Section>
    </Page>
  );
}

function SigningKeys(): ReactNode {
  const { t } = useLanguage();
  const view = useGraph<KeysData>(KEYS);
  const keys = view.data?.signingKeys;
  const rows = (keys ?? []).map((key) => ({
    key: key.kid,
    cells: [
      <CopyText key="kid" value={key.kid} what="kid" />,
      key.algorithm,
      <KeyState key="state" state={key.state} />,
      <TimeText key="age" at={key.createdAt} isRelative />,
      <TimeText key="activates" at={key.activatesAt} />,
      <TimeText key="retires" at={key.retiresAt} />,
    ],
  }));
  const head = [T.kid, T.algorithm, T.state, T.age, T.activates, T.retires].map((name) => t(name));
  return (
    <>
      <ViewState view={view} />
      {keys != null && (
        <>
          <DataTable label={t(T.signing)} head={head} rows={rows} />
          <RotateKeys keys={keys} />
        </>
      )}
    </>
  );
}

interface RotatedKeys {
  readonly rotateSigningKeys: { readonly id: string; readonly active: { readonly kid: string } };
}

function RotateKeys({ keys }: { readonly keys: readonly SigningKeyShape[] }): ReactNode {
  const { t } = useLanguage();
  const [mode, setMode] = useState('SCHEDULED');
  // A rotation that is sent twice happens once.
  const [idempotencyKey] = useState(() => crypto.randomUUID());
  const active = keys.find(({ state }) => state === 'ACTIVE');
  const isCompromised = mode === 'COMPROMISED';
  const run = async (reason: string): Promise<ReactNode> => {
    const kid = isCompromised ? active?.kid : null;
    const { rotateSigningKeys } = await runMutation<RotatedKeys>(ROTATE_KEYS, {
      mode,
      kid,
      reason,
      key: `${idempotencyKey} ${mode}`,
    });
    return (
      <p>
        {t(T.rotated)} <CopyText value={rotateSigningKeys.active.kid} what="kid" />
      </p>
    );
  };
  return (
    <p>
      <Action
        label={T.rotate}
        permission="sts:keys:rotate"
        effects={[t(T.effectNew), t(isCompromised ? T.effectRefused : T.effectOld)]}
        run={run}
      >
        <Field
          label={t(T.mode)}
          value={mode}
          onChange={setMode}
          options={[
            ['SCHEDULED', t(T.scheduled)],
            ['NOW', t(T.now)],
            ['COMPROMISED', t(T.compromised)],
          ]}
        />
      </Action>
    </p>
  );
}

function CheckpointKey(): ReactNode {
  const view = useGraph<LogSummaryData>(LOG_SUMMARY);
  const vkey = view.data?.auditIntegrity?.vkey;
  return (
    <>
      <ViewState view={view} />
      {vkey !== undefined && (
        <p>
          <CopyText value={vkey} what="vkey" /> <KnownKey vkey={vkey} />
        </p>
      )}
    </>
  );
}

function ClientSecrets(): ReactNode {
  const { t } = useLanguage();
  const view = useGraph<SecretsData>(SECRETS);
  const secrets = view.data?.clientSecrets;
  const newest = new Map((secrets ?? []).map(({ service, version }) => [service, version]));
  for (const { service, version } of secrets ?? [])
    newest.set(service, Math.max(version, newest.get(service) ?? 0));
  const rows = (secrets ?? []).map(({ service, version, state, createdAt, acceptedUntil }) => ({
    key: `${service} ${String(version)}`,
    cells: [
      <DataText key="service" value={service} />,
      version,
      <KeyState key="state" state={state} />,
      <TimeText key="age" at={createdAt} isRelative />,
      acceptedUntil === null ? '–' : <TimeText key="until" at={acceptedUntil} />,
      newest.get(service) === version && <RotateSecret key="rotate" service={service} />,
    ],
  }));
  const head = [T.service, T.version, T.state, T.age, T.accepted, T.rotateSecret].map((name) => t(name));
  return (
    <>
      <ViewState view={view} />
      {secrets != null && <DataTable label={t(T.secrets)} head={head} rows={rows} />}
    </>
  );
}

interface RotatedSecret {
  readonly rotateServiceSecret: { readonly version: number; readonly secret: string | null };
}

function RotateSecret({ service }: { readonly service: string }): ReactNode {
  const { t } = useLanguage();
  const [grace, setGrace] = useState('3600');
  const run = async (reason: string): Promise<ReactNode> => {
    const { rotateServiceSecret } = await runMutation<RotatedSecret>(ROTATE_SECRET, {
      service,
      grace: Number(grace),
      reason,
    });
    const { version, secret } = rotateServiceSecret;
    return (
      <>
        <p>{t(T.done, { n: version })}</p>
        {secret !== null && (
          <p>
            {t(T.once)} <CopyText value={secret} what={t(T.secrets)} />
          </p>
        )}
      </>
    );
  };
  return (
    <Action
      label={T.rotateSecret}
      about={service}
      permission="iam:secrets:rotate"
      effects={[t(T.effectSecret), t(T.effectGrace, { n: grace })]}
      run={run}
    >
      <Field label={t(T.grace)} type="number" value={grace} onChange={setGrace} isRequired />
    </Action>
  );
}
