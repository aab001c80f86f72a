import { printableLines } from '@aduana/audit-verifier/printable';

/** Where lines go, such as standard output. */
export interface LineTarget {
  /** Whether a person looks at it. */
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

/** Prints lines: on a terminal nothing of them is obeyed, while a program gets every byte. */
export function createPrinter(target: LineTarget): (line: string) => void {
  return (line) => {
    target.write(`${target.isTTY === true ? printableLines(line) : line}\n`);
  };
}
