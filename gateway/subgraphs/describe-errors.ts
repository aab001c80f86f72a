/** What the log says of a subgraph's errors. */
export interface DescribedErrors {
  readonly count: number;
  readonly first: readonly { readonly message?: string; readonly code?: string }[];
}

const SHOWN = 5;
const LONGEST_MESSAGE = 200;
const LONGEST_CODE = 64;

/** How many errors a subgraph sent, with code and message of the first: it may send any number, of any size and depth. */
export function describeErrors(errors: unknown): DescribedErrors {
  const all: readonly unknown[] = Array.isArray(errors) ? errors : [errors];
  return { count: all.length, first: all.slice(0, SHOWN).map(describe) };
}

function describe(error: unknown): DescribedErrors['first'][number] {
  const { message, extensions } = membersOf(error);
  const { code } = membersOf(extensions);
  return {
    ...(typeof message === 'string' ? { message: message.slice(0, LONGEST_MESSAGE) } : {}),
    ...(typeof code === 'string' ? { code: code.slice(0, LONGEST_CODE) } : {}),
  };
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}
