import type { Code } from '@aduana/core/errors/error-codes';
import type { Requirements } from '@aduana/subgraph/graphql/requirements';
import type { UnguardedFields } from '@aduana/subgraph/graphql/deny-unguarded';

/** What a thread is started with. */
export interface ThreadStart {
  readonly sdl: string;
  readonly unguardedFields: UnguardedFields | undefined;
  /** Whether the schemas are wanted, or have been sent by another thread. */
  readonly sendsSchemas: boolean;
}

/** A thread's first message. */
export type ThreadReady =
  | { readonly kind: 'ready'; readonly schemas: ThreadSchemas | undefined }
  | { readonly kind: 'failed'; readonly code: Code | undefined; readonly detail: string };

export interface ThreadSchemas {
  readonly hash: string;
  /** Without the security features. */
  readonly sdl: string;
  readonly apiSdl: string;
  readonly supergraphSdl: string;
  readonly requirements: Requirements;
  readonly urls: ReadonlyMap<string, string>;
}

/** What a thread is asked, one at a time. */
export type ThreadJob =
  | { readonly kind: 'plan'; readonly text: string; readonly overrides: readonly string[] }
  | {
      readonly kind: 'validate';
      readonly text: string;
      readonly maxErrors: number;
      /** Another schema than the one for clients. */
      readonly viewSdl: string | undefined;
    };

/** What a thread answers, with the CPU that it took. */
export type ThreadAnswer =
  | { readonly kind: 'done'; readonly value: unknown; readonly milliseconds: number }
  | {
      readonly kind: 'refused';
      readonly code: Code | undefined;
      readonly detail: string;
      readonly milliseconds: number;
    };
