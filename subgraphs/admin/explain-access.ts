import type { AccessContext } from '@aduana/core/iam/access-context';
import type { Engine } from '@aduana/core/iam/compile';
import { type Explanation, explain } from '@aduana/core/iam/explain';

/** What the schema calls a `Decision`. */
export interface ExplainedDecision {
  readonly action: string;
  readonly coordinate: string | null;
  readonly allowed: boolean;
  readonly rule: string | null;
  readonly location: string | null;
  readonly rolePath: readonly string[];
  readonly nearMisses: readonly string[];
  readonly policySha256: string;
}

export interface ExplainedContext {
  readonly time?: string | null;
  readonly address?: string | null;
  readonly authenticationMethod?: string | null;
}

/** Who is asked about: the roles of a registered service; anybody else holds none. */
export interface Asked {
  readonly subject: string;
  readonly context: AccessContext;
}

/** What would be decided for a subject: for one action, or for each permission that there is. */
export function explainActions(
  engine: Engine,
  asked: Asked,
  action: string | undefined,
): readonly ExplainedDecision[] {
  const actions = action === undefined ? [...engine.catalogue].sort() : [action];
  return actions.map((one) => show(explain(engine, requestOf(engine, asked, one)), null));
}

export function requestOf(engine: Engine, { subject, context }: Asked, action: string) {
  return { subject, roles: engine.services.get(subject)?.roles ?? [], action, context };
}

/** What is not said of a context is as now: the time; the rest stays unknown. */
export function toAccessContext(given: ExplainedContext | null | undefined, now: number): AccessContext {
  const time = given?.time ?? undefined;
  const address = given?.address ?? undefined;
  const authenticationMethod = given?.authenticationMethod ?? undefined;
  return {
    time: time ?? now,
    ...(address === undefined ? {} : { address }),
    ...(authenticationMethod === undefined
      ? {}
      : { authenticationMethod, mtls: ['tls_client_auth', 'x509_svid'].includes(authenticationMethod) }),
  };
}

export function show(explanation: Explanation, coordinate: string | null): ExplainedDecision {
  const { action, effect, rule, location, rolePath, nearMisses, policySha256 } = explanation;
  return {
    action,
    coordinate,
    allowed: effect === 'allow',
    rule: rule ?? null,
    location: location ?? null,
    rolePath,
    nearMisses,
    policySha256,
  };
}
