import { SecurityError } from '@aduana/core/errors/security-error';
import type { Engine } from '@aduana/server-kit/iam/compile';
import { permissionMatches } from '@aduana/server-kit/iam/permission';
import type { ExchangeRights } from '@aduana/server-kit/iam/policy';
import { epochSeconds } from '@aduana/core/platform/clock';
import type { Actor } from '@aduana/core/tokens/access-token';
import { actorsOf, MAX_ACTOR_DEPTH } from '@aduana/core/tokens/parse-access-token-claims';
import { TOKEN_TYPE_ACCESS_TOKEN } from '@aduana/core/tokens/token-exchange';
import type { AuthenticatedClient } from '../clients/authenticate-client.ts';
import type { GrantContext } from './client-credentials.ts';
import { narrowScope } from './narrow-scope.ts';
import { requestedAudience } from './requested-audience.ts';
import type { Subject } from './subject.ts';
import { type SubjectTokenOptions, verifySubjectToken } from './subject-token.ts';
import { parseScope, type TokenForm } from '../forms/token-form.ts';
import type { TokenGrant } from './token-issuer.ts';

const POLICIES_LIFETIME_SECONDS = 60;
const MOST_NAMES = 200;

/**
 * A token for another's sake (RFC 8693): narrower than the subject token in scope, audience and life, bound to the
 * certificate that the requester proved on this connection, with the requester as the actor. Impersonation does not
 * exist.
 *
 * @throws SecurityError `unauthorized_client`, `invalid_request`, `invalid_target`, `invalid_scope`
 */
export async function grantTokenExchange(
  form: TokenForm,
  client: AuthenticatedClient,
  context: GrantContext & SubjectTokenOptions,
): Promise<TokenGrant> {
  const { service } = client;
  const rights = service.exchange;
  if (rights === undefined) throw new SecurityError('unauthorized_client', { detail: 'no exchange entry' });
  const certificateThumbprint = requireOwnCertificate(client);
  const types = readTypes(form);
  const audience = requestedAudience(form, context.engine, rights.audiences);
  const subject = await verifySubjectToken(types.subjectToken, types.subjectType, service, context);
  const actor =
    types.actor && (await verifySubjectToken(types.actor.token, types.actor.type, service, context));
  if (actor !== undefined && actor.sub_kind !== 'service')
    throw new SecurityError('invalid_request', { detail: 'the actor is no service' });
  requireHolder(subject, actor);
  const asked = readAskedScope(form, rights);
  const granted = narrowScope(
    { roles: subject.roles, within: subject.within, asked, audience },
    context.engine,
  );
  const scopes = granted.scopes.filter((scope) => isCovered(scope, rights));
  if (asked !== undefined && asked.length > 0 && scopes.length === 0)
    throw new SecurityError('invalid_scope', { detail: 'nothing is left of what was asked' });
  const { policies, join } = readExtensions(form, rights);
  const lifetime = Math.min(
    granted.lifetimeSeconds,
    service.token.maxTtlSeconds ?? Infinity,
    ownLifetime(subject, context.engine),
    policies === undefined ? Infinity : POLICIES_LIFETIME_SECONDS,
  );
  return {
    aud: audience,
    sub: subject.sub,
    client_id: service.id,
    exp: Math.min(epochSeconds(context.clock) + lifetime, subject.expiresAt, actor?.expiresAt ?? Infinity),
    scope: scopes.join(' '),
    roles: subject.roles,
    amr: subject.amr,
    auth_time: subject.auth_time,
    ...(subject.acr === undefined ? {} : { acr: subject.acr }),
    ...(subject.rootJti === undefined ? {} : { root_jti: subject.rootJti }),
    ...(subject.rootIat === undefined ? {} : { root_iat: subject.rootIat }),
    ...(subject.originJti === undefined ? {} : { origin_jti: subject.originJti }),
    sub_kind: subject.sub_kind,
    sub_iss: subject.sub_iss,
    act: actFor(subject, actor?.sub ?? service.id, context.issuer),
    cnf: { 'x5t#S256': certificateThumbprint },
    ...(policies === undefined ? {} : { policies }),
    ...(join === undefined ? {} : { join }),
  };
}

/** What a service's own entry allows its tokens, which one that is made for it by another must not outlive. */
function ownLifetime({ sub, sub_kind: kind }: Subject, engine: Engine): number {
  return (kind === 'service' ? engine.services.get(sub)?.token.maxTtlSeconds : undefined) ?? Infinity;
}

/**
 * The thumbprint of the certificate by which the requester authenticated, which the token is bound to.
 *
 * @throws SecurityError `unauthorized_client` for any other method, whatever certificate is shown beside it
 */
function requireOwnCertificate({ method, certificateThumbprint }: AuthenticatedClient): string {
  if (method !== 'tls_client_auth' || certificateThumbprint === undefined)
    throw new SecurityError('unauthorized_client', { detail: `an exchange with ${method}` });
  return certificateThumbprint;
}

/** A foreign token that is bound to a certificate is accepted beside that certificate alone (RFC 8705 section 3). */
function requireHolder({ boundTo }: Subject, actor: Subject | undefined): void {
  if (boundTo === undefined) return;
  const thumbprint =
    typeof boundTo === 'object' && boundTo !== null && 'x5t#S256' in boundTo
      ? boundTo['x5t#S256']
      : undefined;
  if (thumbprint === undefined || thumbprint !== actor?.certificateThumbprint)
    throw new SecurityError('invalid_request', {
      detail: 'the subject token is bound to what was not shown',
    });
}

interface ExchangeTypes {
  readonly subjectToken: string;
  readonly subjectType: string;
  readonly actor: { readonly token: string; readonly type: string } | undefined;
}

function readTypes(form: TokenForm): ExchangeTypes {
  const [subjectToken, subjectType] = [form.get('subject_token'), form.get('subject_token_type')];
  const [actorToken, actorType] = [form.get('actor_token'), form.get('actor_token_type')];
  const requested = form.get('requested_token_type') ?? TOKEN_TYPE_ACCESS_TOKEN;
  if (subjectToken === undefined || subjectType === undefined)
    throw new SecurityError('invalid_request', {
      detail: 'subject_token and subject_token_type are required',
    });
  if ((actorToken === undefined) !== (actorType === undefined))
    throw new SecurityError('invalid_request', {
      detail: 'actor_token and actor_token_type belong together',
    });
  if (requested !== TOKEN_TYPE_ACCESS_TOKEN)
    throw new SecurityError('invalid_request', { detail: 'requested_token_type is not supported' });
  const actor =
    actorToken === undefined || actorType === undefined ? undefined : { token: actorToken, type: actorType };
  return { subjectToken, subjectType, actor };
}

/** `scope`, or nothing at all with `no_scope=true`: an absent `scope` stands for all that there is. */
function readAskedScope(form: TokenForm, rights: ExchangeRights): readonly string[] | undefined {
  const asked = form.get('no_scope') === 'true' ? [] : parseScope(form.get('scope'));
  if (asked?.some((scope) => !isCovered(scope, rights)) === true)
    throw new SecurityError('invalid_scope', { detail: 'outside the exchange entry of the requester' });
  return asked;
}

function isCovered(scope: string, rights: ExchangeRights): boolean {
  return rights.scopes.some((pattern) => permissionMatches(pattern, scope));
}

/** The deployment's own parameters `policies` and `join`: names between spaces. */
function readExtensions(
  form: TokenForm,
  rights: ExchangeRights,
): { readonly policies: readonly string[] | undefined; readonly join: readonly string[] | undefined } {
  const read = (name: 'policies' | 'join'): readonly string[] | undefined => {
    const names = form
      .get(name)
      ?.split(' ')
      .filter((one) => one !== '');
    if (names === undefined || names.length === 0) return undefined;
    if (!rights[name])
      throw new SecurityError('invalid_request', { detail: `the requester may not send ${name}` });
    if (names.length > MOST_NAMES || !names.every((one) => /^[\w.:-]{1,256}$/.test(one)))
      throw new SecurityError('invalid_request', { detail: `${name} is malformed` });
    return names;
  };
  return { policies: read('policies'), join: read('join') };
}

/** The chain of actors with the current one outermost (RFC 8693 section 4.1); who acts already is not named twice. */
function actFor(subject: Subject, actor: string, issuer: string): Actor {
  const { act } = subject;
  if (act?.sub === actor && act.iss === issuer) return act;
  if (actorsOf(act).length >= MAX_ACTOR_DEPTH)
    throw new SecurityError('invalid_request', { detail: 'the chain of actors is too deep' });
  return { sub: actor, iss: issuer, ...(act === undefined ? {} : { act }) };
}
