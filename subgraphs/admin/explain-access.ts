import type { AccessContext } from '@aduana/server-kit/iam/access-context';
import { SecurityError } from '@aduana/core/errors/security-error';
import { explainDocument, type FieldExplanation } from '@aduana/server-kit/graphql/explain-document';
import { readExplainableSchema } from '@aduana/server-kit/graphql/explainable-schema';
import type { Engine } from '@aduana/server-kit/iam/compile';
import { type Explanation, explain } from '@aduana/server-kit/iam/explain';
import { rolesOf } from '@aduana/server-kit/iam/policy-tests';

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
  readonly acr?: string | null;
  readonly authTime?: string | null;
}

/** Who is asked about: a registered service with its roles; anybody else holds none. */
export interface Asked {
  readonly subject: string;
  /** The trusted issuer whose user the subject is; undefined: the subject is a service. */
  readonly issuer: string | undefined;
  readonly context: AccessContext;
}

/** What would be decided for a subject: for one action, or for each permission that there is. */
export function explainActions(
  engine: Engine,
  asked: Asked,
  action: string | undefined,
): readonly ExplainedDecision[] {
  const actions = action === undefined ? [...engine.catalogue].sort() : [action];
  return actions.map((one) => show(explain(engine, { ...subjectOf(engine, asked), action: one })));
}

/**
 * What would be decided for each field of a document.
 *
 * @param sdl of the supergraph
 * @throws SecurityError `GRAPHQL_PARSE_FAILED`, `SUPERGRAPH_INVALID`
 */
export function explainFields(
  engine: Engine,
  asked: Asked,
  document: string,
  sdl: string,
): readonly ExplainedDecision[] {
  const subject = subjectOf(engine, asked);
  return explainDocument(document, readExplainableSchema(sdl), engine, subject).map((field) =>
    showField(field, engine),
  );
}

function subjectOf(engine: Engine, { subject, issuer, context }: Asked) {
  return { subject, issuer, roles: rolesOf(engine, subject, issuer), context };
}

function showField({ coordinate, needs, allowed, scopes, nearMisses }: FieldExplanation, engine: Engine) {
  const [first] = scopes;
  return {
    action: needs,
    coordinate,
    allowed,
    rule: first?.rule ?? null,
    location: first?.location ?? null,
    rolePath: first?.rolePath ?? [],
    nearMisses,
    policySha256: engine.sha256,
  };
}

/**
 * A time that is not given is now; what else is not given stays unknown.
 *
 * @throws SecurityError `BAD_REQUEST` for a time that is none
 */
export function toAccessContext(given: ExplainedContext | null | undefined, now: number): AccessContext {
  const time = given?.time ?? undefined;
  const address = given?.address ?? undefined;
  const authenticationMethod = given?.authenticationMethod ?? undefined;
  const acr = given?.acr ?? undefined;
  const authTime = given?.authTime ?? undefined;
  for (const one of [time, authTime])
    if (one !== undefined && Number.isNaN(Date.parse(one)))
      throw new SecurityError('BAD_REQUEST', { detail: 'a time of the context' });
  return {
    time: time ?? now,
    ...(address === undefined ? {} : { address }),
    ...(acr === undefined ? {} : { acr }),
    ...(authTime === undefined ? {} : { authTime }),
    ...(authenticationMethod === undefined
      ? {}
      : { authenticationMethod, mtls: ['tls_client_auth', 'x509_svid'].includes(authenticationMethod) }),
  };
}

function show(explanation: Explanation): ExplainedDecision {
  const { action, effect, rule, location, rolePath, nearMisses, policySha256 } = explanation;
  return {
    action,
    coordinate: null,
    allowed: effect === 'allow',
    rule: rule ?? null,
    location: location ?? null,
    rolePath,
    nearMisses,
    policySha256,
  };
}
