/**
 * `npm test`: types in three environments, lint, then the tests, in this order, and one last line that says how it went.
 * `npm test -- rewards` runs only the tests whose path contains the word.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const filters = process.argv.slice(2);
const counts = { passed: 0, failed: 0, skipped: 0 };

/** Runs a tool of ours to its end; its output is the terminal's, or is given back when `quiet`. */
function run(tool, words, { quiet = false } = {}) {
  const script = join(root, 'node_modules', ...tool);
  return spawnSync(process.execPath, [script, ...words], {
    cwd: root,
    stdio: quiet ? ['ignore', 'pipe', 2] : ['ignore', 1, 2],
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
}

/** One check: passed when there is no error, otherwise each error counts as a failure. */
function count(name, errors) {
  counts[errors === 0 ? 'passed' : 'failed'] += Math.max(1, errors);
  console.log(`${errors === 0 ? 'passed' : 'FAILED'}  ${name}${errors === 0 ? '' : ` (${errors})`}`);
}

function typecheck(config) {
  const { status, stdout } = run(['typescript', 'bin', 'tsc'], ['-p', config, '--pretty', 'false'], { quiet: true });
  process.stdout.write(stdout);
  const errors = stdout.match(/error TS\d+/g)?.length ?? 0;
  count(`types: ${config}`, status === 0 ? 0 : Math.max(1, errors));
}

function lint() {
  const { status, stdout } = run(['eslint', 'bin', 'eslint.js'], ['.', '--format', 'json'], { quiet: true });
  const results = stdout.startsWith('[') ? JSON.parse(stdout) : [];
  let errors = 0;
  for (const { filePath, messages } of results) {
    for (const { severity, line, column, message, ruleId } of messages) {
      if (severity < 2) continue;
      errors += 1;
      console.log(`${filePath.slice(root.length + 1)}:${line ?? 0}:${column ?? 0} ${message} (${ruleId ?? 'syntax'})`);
    }
  }
  count('lint', status === 0 ? 0 : Math.max(1, errors));
}

function test() {
  const folder = mkdtempSync(join(tmpdir(), 'loupe-tests-'));
  const report = join(folder, 'report.json');
  const { status } = run(['vitest', 'vitest.mjs'], ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...filters]);
  try {
    const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults } = JSON.parse(readFileSync(report, 'utf8'));
    // A file that cannot even be loaded has no tests of its own to fail.
    const unloadable = testResults.filter((file) => file.status === 'failed' && file.assertionResults.every((one) => one.status !== 'failed')).length;
    counts.passed += numPassedTests;
    counts.failed += numFailedTests + unloadable;
    counts.skipped += numPendingTests + numTodoTests;
    if (status !== 0 && numFailedTests + unloadable === 0) counts.failed += 1;
  } catch (error) {
    console.log(`The tests ended without a report: ${error.message}`);
    counts.failed += 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (filters.length === 0) {
  typecheck('tsconfig.pure.json');
  typecheck('tsconfig.node.json');
  typecheck('tsconfig.dom.json');
  typecheck('tests/app/tsconfig.json');
  typecheck('tests/renderer/tsconfig.json');
  lint();
}
test();

if (counts.skipped > 0) console.log(`${counts.skipped} skipped`);
console.log(`${counts.passed} passed, ${counts.failed} failed`);
process.exitCode = counts.failed === 0 ? 0 : 1;
