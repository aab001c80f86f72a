import { beforeAll, describe, expect, test } from '@jest/globals';
import type { AccessTokenClaims } from '@aduana/core/tokens/access-token';
import type { Engine } from '@aduana/server-kit/iam/compile';
import type { AuthorizationMode } from '../../gateway/authorize/create-authorizer.ts';
import { openAnsweringGateway, START } from '../support/answering-gateway.ts';
import { engineOf } from '../support/policy-folder.ts';

const SECONDS = START / 1000;

let engine: Engine;
beforeAll(async () => {
  engine = await engineOf(`permissions: [strong, none]
conditions:
  strong: { acr: [phr, mfa] }
  recent: { max_age_seconds: 300 }
roles:
  r: { permissions: [{ allow: strong, when: [strong] }] }
policies:
  recent: { when: [recent] }
`);
});

const open = (login: Partial<AccessTokenClaims>, mode: AuthorizationMode = 'filter', refusals = 'errors') =>
  openAnsweringGateway(engine, login, { mode, refusals });

const STRONGER =
  'Bearer error="insufficient_user_authentication", error_description="A stronger or more recent login is required", acr_values="phr mfa"';
const LATER =
  'Bearer error="insufficient_user_authentication", error_description="A stronger or more recent login is required", max_age="300"';
const refused = (path: string[], stepUp?: object) => ({
  message: 'Unauthorized field or type',
  path,
  extensions: { code: 'UNAUTHORIZED_FIELD_OR_TYPE', ...(stepUp && { stepUp }) },
});

describe('a refusal that a stronger login would cure', () => {
  test('is null with what the login has to be, in the header and in the answer', async () => {
    expect(await open({ acr: 'pwd' }).ask('{ item { n secret never } }')).toEqual({
      status: 200,
      challenge: [STRONGER],
      data: { item: { n: 1, secret: null, never: null } },
      errors: [refused(['item', 'secret'], { acr_values: ['phr', 'mfa'] }), refused(['item', 'never'])],
      extensions: { stepUp: { acr_values: ['phr', 'mfa'] } },
    });
  });

  test('with the login there is no refusal and no challenge', async () => {
    expect(await open({ acr: 'mfa', auth_time: SECONDS }).ask('{ item { secret either recent } }')).toEqual({
      status: 200,
      challenge: [],
      data: { item: { secret: 1, either: 1, recent: 1 } },
    });
  });

  test('the age of the login is asked for where that is what is missing, and both where both are', async () => {
    expect((await open({ acr: 'mfa' }).ask('{ item { secret recent } }')).challenge).toEqual([LATER]);
    expect((await open({}).ask('{ item { secret recent } }')).challenge).toEqual([
      `${STRONGER}, max_age="300"`,
    ]);
  });

  test('one of several ways to a field is enough', async () => {
    expect((await open({}).ask('{ item { either } }')).challenge).toEqual([STRONGER]);
  });

  test('no login is asked for where it would not help', async () => {
    expect(await open({}).ask('{ item { never } }')).toMatchObject({
      challenge: [],
      data: { item: { never: null } },
    });
    expect((await open({ scope: '' }).ask('{ item { secret } }')).challenge).toEqual([]);
  });

  test('a client with a DPoP-bound token is challenged in its scheme', async () => {
    const { challenge } = await open({}).ask('{ item { secret } }', 'DPoP a.b.c');
    expect(challenge).toEqual([STRONGER.replace('Bearer', 'DPoP')]);
  });

  test('nothing is reported where refusals are not', async () => {
    expect(await open({}, 'filter', 'none').ask('{ item { secret } }')).toEqual({
      status: 200,
      challenge: [],
      data: { item: { secret: null } },
    });
  });

  test('in reject mode the request is a 401 that runs nothing, and stays a 403 where a login would not do', async () => {
    const { ask, asked, records } = open({}, 'reject');
    expect(await ask('mutation { change }')).toMatchObject({
      status: 401,
      challenge: [STRONGER],
      data: null,
      errors: [refused(['change'], { acr_values: ['phr', 'mfa'] })],
    });
    expect(records.at(-1)).toMatchObject({
      outcome: 'DENIED',
      detail: { code: 'INSUFFICIENT_USER_AUTHENTICATION' },
    });
    expect(await ask('{ item { secret never } }')).toMatchObject({ status: 403, challenge: [] });
    expect(asked).toEqual([]);
  });
});

test('a decision that was made while the login was fresh is not used when it is no more', async () => {
  const { ask, clock } = open({ acr: 'mfa', auth_time: SECONDS });
  await clock.advance(300_000);
  expect(await ask('{ item { recent } }')).toMatchObject({ challenge: [], data: { item: { recent: 1 } } });
  await clock.advance(1);
  expect(await ask('{ item { recent } }')).toMatchObject({
    challenge: [LATER],
    data: { item: { recent: null } },
  });
});
