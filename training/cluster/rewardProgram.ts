/**
 * The rewards as a program by itself, bundled into every job: `node rewards.mjs` answers lines, `node rewards.mjs --serve [PORT]` answers HTTP.
 * The token of the latter is read from LOUPE_REWARD_TOKEN, or drawn; address and token are the first line that it writes.
 */
import { randomBytes } from 'node:crypto';
import { Fault } from '#models/base/fault.ts';
import { answerLines, serveRewards } from './rewardService.ts';

const [mode, port = '0'] = process.argv.slice(2);
try {
  if (mode === '--serve') {
    const token = process.env.LOUPE_REWARD_TOKEN ?? randomBytes(24).toString('hex');
    const { url } = await serveRewards({ token, port: Number(port) });
    process.stdout.write(`${JSON.stringify({ url, token })}\n`);
  } else {
    await answerLines(process.stdin as AsyncIterable<Uint8Array>, (line) => process.stdout.write(line));
  }
} catch (thrown) {
  process.stderr.write(`${thrown instanceof Fault ? JSON.stringify({ fault: thrown }) : String(thrown)}\n`);
  process.exitCode = 1;
}
