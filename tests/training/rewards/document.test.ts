/** docs/rewards.md is what the table of rewards says: every reward, its source, its modes, what it reads, the holes of its published mode. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { rewards } from '#training/rewards/table.ts';
import type { NamedReward } from '#training/rewards/reward.ts';

const page = 'docs/rewards.md';
const begin = '<!-- From here on written from the table in training/rewards/table.ts by `npm run golden`. -->';

/** Text that Markdown shows as it is: tags, pipes, stars and underscores among it. */
const shown = (text: string): string => text.replace(/[\\<>|*_[\]`$]/g, (sign) => (sign === '<' ? '&lt;' : sign === '>' ? '&gt;' : `\\${sign}`));

const modesOf = ({ modes }: NamedReward): string => ['published', 'strict'].filter((mode) => mode in modes).join(', ');

const row = (reward: NamedReward): string => `| [\`${reward.name}\`](#${reward.name.toLowerCase()}) | ${shown(reward.source)} | ${modesOf(reward)} |`;

function section(reward: NamedReward): string {
  const lines = [`### ${reward.name}`, '', `${shown(reward.summary)}`, '', `- Source: ${shown(reward.source)}`, `- Modes: ${modesOf(reward)}`];
  lines.push(`- Reads: the completion${reward.reads.map((field) => `; ${shown(field)}`).join('')}`);
  if ('published' in reward.modes) lines.push('- Holes of the published mode:', ...holesOf(reward).map((hole) => `  - ${shown(hole)}`));
  return lines.join('\n');
}

const holesOf = ({ holes }: NamedReward): readonly string[] => (holes && holes.length > 0 ? holes : ['none known']);

const table = ['| Reward | Source | Modes |', '|---|---|---|', ...rewards.map(row)].join('\n');
const written = `${begin}\n\n${table}\n\n${rewards.map(section).join('\n\n')}\n`;

it('shows every reward of the table as it is', async () => {
  const text = readFileSync(page, 'utf8');
  expect(text).toContain(begin);
  await expect(`${text.slice(0, text.indexOf(begin))}${written}`).toMatchFileSnapshot(`../../../${page}`);
});

it('says the holes of every published mode, or that there are none', () => {
  const silent = rewards.filter((reward) => 'published' in reward.modes && reward.holes === undefined).map(({ name }) => name);
  expect(silent).toEqual([]);
});
