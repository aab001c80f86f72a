import { createRequire } from 'node:module';
import type * as Middleware from 'graphql-middleware';
import type * as Shield from 'graphql-shield';

export interface ShieldModules {
  readonly shield: typeof Shield;
  readonly middleware: typeof Middleware;
}

/**
 * Loads graphql-shield's CommonJS build: its ES modules import `isUndefined` of `node:util`, which Node 23 removed.
 * Only its `chain` and `race` call that function, and the guard uses neither.
 */
export function loadShield(): ShieldModules {
  const require = createRequire(import.meta.url);
  return {
    shield: require('graphql-shield') as typeof Shield,
    middleware: require('graphql-middleware') as typeof Middleware,
  };
}
