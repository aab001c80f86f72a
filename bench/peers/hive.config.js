// Hive Gateway as it comes; `PLANNER=rust` takes its Rust planner, `JWT_KEY` checks the caller's token.
import { createInlineSigningKeyProvider, defineConfig, extractFromHeader } from '@graphql-hive/gateway';
import { unifiedGraphHandler } from '@graphql-hive/router-runtime';

const { PLANNER, JWT_KEY } = process.env;

export const gatewayConfig = defineConfig({
  logging: false,
  ...(PLANNER === 'rust' && { unifiedGraphHandler }),
  ...(JWT_KEY && {
    jwt: {
      signingKeyProviders: [createInlineSigningKeyProvider(JWT_KEY)],
      tokenLookupLocations: [extractFromHeader({ name: 'authorization', prefix: 'Bearer' })],
      tokenVerification: { algorithms: ['ES256'] },
      reject: { missingToken: true, invalidToken: true },
    },
  }),
});
