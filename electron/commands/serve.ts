/** `loupe serve`: the table of rewards for another program on this machine, over HTTP or through a pipe, until it is stopped. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Fault } from '#models/base/fault.ts';
import { answerLines, serveRewards } from '#training/cluster/rewardService.ts';
import { flag, numberOption, textOption, UsageError, type Command } from './command.ts';

export const command: Command = {
  name: 'serve',
  summary: 'the rewards as a service of this machine, for a training engine',
  usage: 'serve [--port N] [--token-file FILE], or serve --lines < REQUESTS',
  options: {
    port: { type: 'string', help: 'on 127.0.0.1 (default: any that is free)' },
    'token-file': { type: 'string', help: 'holds what callers have to know (default: LOUPE_REWARD_TOKEN, or drawn and printed)' },
    lines: { type: 'boolean', help: 'no HTTP: one request on each line of the input, one answer on each line of the output' },
  },
  async run(context) {
    if (context.positionals.length > 0) throw new UsageError(`serve takes no '${context.positionals[0]}'.`);
    if (flag(context, 'lines')) return answerLines(process.stdin as AsyncIterable<Uint8Array>, (line) => process.stdout.write(line));
    const { signal } = context;
    const token = tokenOf(textOption(context, 'token-file'));
    const service = await serveRewards({ token, port: numberOption(context, 'port', { least: 0, most: 65_535, whole: true }) ?? 0 });
    context.print({ url: service.url, token }, `LOUPE_REWARD_URL=${service.url}\nLOUPE_REWARD_TOKEN=${token}`);
    context.progress('POST /score, GET /rewards, GET /health; Ctrl-C ends it.');
    await new Promise<void>((resolve) => (signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve(), { once: true })));
    await service.close();
  },
};

function tokenOf(file: string | undefined): string {
  if (file === undefined) return process.env.LOUPE_REWARD_TOKEN ?? randomBytes(24).toString('hex');
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (cause) {
    throw new Fault({
      code: 'reward.token', what: 'The reward service does not start.',
      why: `The token file cannot be read: ${(cause as Error).message}.`,
      mend: 'Name a file that holds the token.',
    }, { cause });
  }
}
