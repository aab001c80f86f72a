import { readdirSync, readFileSync } from 'node:fs';

export interface CodeBlock {
  /** `file:line` of the block. */
  readonly at: string;
  readonly language: string;
  /** What follows the language: `runnable`, or the name of a file. */
  readonly label: string;
  readonly code: string;
}

/** The fenced blocks of a Markdown file that carry a label. */
export function codeBlocks(file: string): readonly CodeBlock[] {
  const text = readFileSync(file, 'utf8');
  return [...text.matchAll(/^```(\w+) (\S+)\n(.*?)^```$/gms)].map((match) => {
    const [, language = '', label = '', code = ''] = match;
    const line = text.slice(0, match.index).split('\n').length;
    return { at: `${file}:${String(line)}`, language, label, code };
  });
}

/** README and guides. */
export function documents(): readonly string[] {
  const guides = readdirSync('docs', { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.md'),
  );
  return ['README.md', 'README.es.md', ...guides.map((name) => `docs/${name}`)];
}
