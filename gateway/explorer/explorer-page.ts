import { readFile } from 'node:fs/promises';

/** In what the two explorers differ. */
export interface ExplorerPage {
  readonly title: string;
  /** The link to the other explorer. */
  readonly other: { readonly path: string; readonly label: string };
  readonly styles: readonly string[];
  /** In their order; the last is a module, the page's own. */
  readonly scripts: readonly string[];
}

/** The HTML of an explorer: a head that asks who calls, and room for the explorer. */
export async function explorerPage({ title, other, styles, scripts }: ExplorerPage): Promise<string> {
  const frame = await readFile(new URL('explorer.html', import.meta.url), 'utf8');
  const parts = {
    title,
    other: `<a href="${other.path}">${other.label}</a>`,
    styles: styles.map((path) => `<link rel="stylesheet" href="${path}" />`).join('\n    '),
    scripts: scripts
      .map((path, index) => {
        const kind = index === scripts.length - 1 ? ' type="module"' : '';
        return `<script${kind} src="${path}"></script>`;
      })
      .join('\n    '),
  };
  return frame.replaceAll(/\{(title|other|styles|scripts)\}/g, (_, name: keyof typeof parts) => parts[name]);
}
