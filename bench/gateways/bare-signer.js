// The floor of token issuance: a bare node:https server that signs the same claims with jose, and does nothing else.
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { join } from 'node:path';
import { generateKeyPair, SignJWT } from 'jose';

const { CERTS_DIR, PORT, CLAIMS } = process.env;
const claims = JSON.parse(CLAIMS);
const { privateKey } = await generateKeyPair('ES256');

const server = createServer(
  {
    cert: readFileSync(join(CERTS_DIR, 'sts.crt')),
    key: readFileSync(join(CERTS_DIR, 'sts.key')),
    minVersion: 'TLSv1.3',
  },
  async (request, response) => {
    for await (const chunk of request) void chunk;
    const now = Math.floor(Date.now() / 1000);
    const token = await new SignJWT({ ...claims, jti: randomUUID(), iat: now, exp: now + 900 })
      .setProtectedHeader({ alg: 'ES256', kid: claims.jti, typ: 'at+jwt' })
      .sign(privateKey);
    response.setHeader('content-type', 'application/json');
    response.end(
      JSON.stringify({ access_token: token, token_type: 'Bearer', expires_in: 900, scope: claims.scope }),
    );
  },
);
server.listen(Number(PORT), '127.0.0.1');
