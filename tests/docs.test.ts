/** The documents are true: paths exist, commands run, quoted code is still there, decisions keep their form. */

import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
const squeeze = (code: string): string => code.replace(/\s+/g, ' ').trim();
const cli = readFileSync('electron/cli.ts', 'utf8');
const commands = [...cli.matchAll(/^ {2}(\w+): \(\) => import/gm)].map((match) => match[1]!);

const folders = ['models', 'training', 'electron', 'renderer', 'tests', 'docs'];
const pages = [
  ...readdirSync('.').filter((file) => file.endsWith('.md')),
  ...folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.md'))
      .map((file) => `${folder}/${file}`),
  ),
].sort();

describe.each(pages)('%s', (page) => {
  const text = readFileSync(page, 'utf8');

  test('names only files and folders that exist', () => {
    const named = [...text.matchAll(/`((?:models|training|electron|renderer|tests|docs)\/[\w./-]*)`/g)].map((match) => match[1]!);
    const linked = [...text.matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)].map(
      (match) => `${page.includes('/') ? page.slice(0, page.lastIndexOf('/') + 1) : ''}${match[1]!}`,
    );
    expect([...named, ...linked].filter((path) => !existsSync(path))).toEqual([]);
  });

  test('names only npm commands that package.json has', () => {
    const named = [...text.matchAll(/npm run (?:-s )?([\w:-]+)/g)].map((match) => match[1]!);
    expect(named.filter((name) => !(name in scripts))).toEqual([]);
  });

  test('names only terminal commands that electron/cli.ts has', () => {
    const named = [...text.matchAll(/`loupe ([a-z]+)\b/g), ...text.matchAll(/npm run -s loupe -- ([a-z]+)\b/g)].map((match) => match[1]!);
    expect(named.filter((name) => !commands.includes(name))).toEqual([]);
  });

  test('quotes code that is still in its file', () => {
    for (const [, file, code] of text.matchAll(/^```ts (\S+)\n([\s\S]*?)^```/gm)) {
      expect(squeeze(readFileSync(file!, 'utf8'))).toContain(squeeze(code!));
    }
  });
});

test('the README has a row for every terminal command', () => {
  const readme = readFileSync('README.md', 'utf8');
  expect(commands.length).toBeGreaterThan(5);
  expect(commands.filter((name) => !readme.includes(`\`loupe ${name}`))).toEqual([]);
});

test('every command is a file of its own, and every such file is a command', () => {
  const files = readdirSync('electron/commands').filter(
    (file) => file.endsWith('.ts') && /export const command\b/.test(readFileSync(`electron/commands/${file}`, 'utf8')),
  );
  expect(files.map((file) => file.replace('.ts', '')).sort()).toEqual([...commands].sort());
});

test('every top-level folder opens with a README', () => {
  expect(folders.filter((folder) => folder !== 'docs' && !existsSync(`${folder}/README.md`))).toEqual([]);
});

describe('a decision', () => {
  const decisions = readdirSync('docs/decisions').sort();

  test('has the next number', () =>
    decisions.forEach((file, at) => expect(file).toMatch(new RegExp(`^${String(at + 1).padStart(4, '0')}-[a-z0-9-]+\\.md$`))));

  test.each(decisions)('%s says situation, decision, reason, price, and when to look again', (file) => {
    const headings = [...readFileSync(`docs/decisions/${file}`, 'utf8').matchAll(/^## (.+)$/gm)].map((match) => match[1]!);
    expect(headings).toEqual(['Situation', 'Decision', 'Because', 'Price', 'Look again when']);
  });
});
