/** The stand-alone verifier: bundled to one file that needs nothing but Node. */
import { parseArgs } from 'node:util';
import { Fault } from '#models/base/fault.ts';
import { kinds, verdictText } from './verdict.ts';
import { verifyFile } from './verify.ts';

const help = `node loupe-verify.mjs FILE [--key FINGERPRINT] [--model DIR] [--known FILE] [--json]

  FILE     an evidence capsule (ZIP), an audit journal (journal.jsonl, with journal.head beside it), or a signed report (report.json)
  --key    the fingerprint that the key must have
  --model  a model folder whose files must be those that answered
  --known  a capsule or a signed checkpoint that the journal must contain
  --json   one JSON value

It reads, and opens no connection. Exit status: 0 whole, 1 cannot be read, 2 wrong usage,
${Object.entries(kinds).map(([name, { status, what }]) => `  ${status} ${name.padEnd(10)} ${what}`).join('\n')}
`;

async function run(): Promise<number> {
  let words: ReturnType<typeof read>;
  try {
    words = read();
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${help}`);
    return 2;
  }
  const { values: { key, model, known, json, help: isHelp }, positionals: [path, ...rest] } = words;
  if (isHelp === true || path === undefined || rest.length > 0) {
    (isHelp === true ? process.stdout : process.stderr).write(help);
    return isHelp === true ? 0 : 2;
  }
  try {
    const verdict = await verifyFile(path, { ...(key === undefined ? {} : { fingerprint: key }), ...(model === undefined ? {} : { model }), ...(known === undefined ? {} : { known }) });
    const { format, isWhole, status, findings, notes, log, entries, signed, fingerprint, root } = verdict;
    process.stdout.write(json === true ? `${JSON.stringify({ format, isWhole, status, findings, notes, log, entries, signed, fingerprint, root })}\n` : verdictText(verdict));
    return status;
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    process.stderr.write(`${error.what}\n${error.why}\n${error.mend}\n`);
    return 1;
  }
}

function read() {
  return parseArgs({
    allowPositionals: true,
    options: { key: { type: 'string' }, model: { type: 'string' }, known: { type: 'string' }, json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
  });
}

process.exitCode = await run();
