import { createHash } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { writeJob } from '#training/cluster/job.ts';
import { ClusterJob } from '#training/records/clusterJob.ts';
import { partsFor, policyRecipe, temporary, writeResult, writeStart } from '#tests/support/clusterJobs.ts';

const folder = temporary('job');
afterAll(() => rmSync(folder, { recursive: true }));
const start = writeStart(join(folder, 'start'));
const filesOf = (job: string): string[] => readdirSync(job, { recursive: true, encoding: 'utf8' }).filter((name) => statSync(join(job, name)).isFile()).map((name) => name.replaceAll('\\', '/')).sort();
const sha256 = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');
const json = (path: string): Record<string, unknown> => JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;

describe('a job', () => {
  const trl = join(folder, 'trl');
  const verl = join(folder, 'verl');
  const job = writeJob(trl, partsFor('trl', start));
  writeJob(verl, partsFor('verl', start));

  test('for TRL holds everything that a run needs', () => {
    expect(filesOf(trl).map((name) => name.replace(/[0-9a-f]{32}/, 'HASH'))).toEqual([
      'README.md', 'checkpoint/chat_template.jinja', 'checkpoint/config.json', 'checkpoint/generation_config.json', 'checkpoint/model.safetensors', 'checkpoint/preprocessor_config.json',
      'checkpoint/tokenizer.json', 'checkpoint/tokenizer_config.json', 'data/train.jsonl', 'data/val.jsonl', 'grpo.yaml', 'images/HASH.png', 'images/HASH.png', 'images/HASH.png', 'job.json',
      'loupe_return.py', 'loupe_rewards.py', 'parent/lineage.json', 'recipe.json', 'rewards.json', 'rewards.mjs', 'scope.json', 'train_trl.py', 'weights.json',
    ]);
  });

  test('for verl holds its rows as parquet and a script to start it', () => {
    expect(filesOf(verl)).toEqual([
      'README.md', 'checkpoint/chat_template.jinja', 'checkpoint/config.json', 'checkpoint/generation_config.json', 'checkpoint/model.safetensors', 'checkpoint/preprocessor_config.json',
      'checkpoint/tokenizer.json', 'checkpoint/tokenizer_config.json', 'data/train.parquet', 'data/val.parquet', 'job.json', 'loupe_return.py', 'loupe_rewards.py', 'parent/lineage.json', 'recipe.json',
      'rewards.json', 'rewards.mjs', 'scope.json', 'train_verl.sh', 'verl.yaml',
    ]);
    expect(statSync(join(verl, 'train_verl.sh')).mode & 0o111).toBe(0o111);
  });

  test('names every file by its hash', () => {
    const read = ClusterJob.parse(json(join(trl, 'job.json')));
    expect(read).toEqual(job);
    const named = [...read.files.map(({ path, sha256: hash }) => [path, hash]), ...read.start.files.map(({ path, sha256: hash }) => [`checkpoint/${path}`, hash])];
    expect(named.map(([path]) => path).sort()).toEqual(filesOf(trl).filter((name) => name !== 'job.json'));
    for (const [path, hash] of named) expect(sha256(join(trl, path!))).toBe(hash);
  });

  test('puts a question with its gold, its size and its picture on each line', () => {
    const lines = readFileSync(join(trl, 'data/train.jsonl'), 'utf8').trim().split('\n').map((line) => JSON.parse(line) as { image: string });
    expect(lines).toMatchObject([
      { index: 0, question: 'Is there an abnormality (0)?', target: '{"kind":"yesNo","value":true}', question_type: 'abnormality_yes_no', width: 56, height: 28 },
      { index: 1, target: '{"kind":"yesNo","value":false}', height: 56 }, { index: 2 },
    ]);
    expect(lines[0]!.image).toBe(lines[1]!.image);
    for (const { image } of lines) expect(sha256(join(trl, image)).slice(0, 32)).toBe(/images\/(\w+)\.png/.exec(image)![1]);
  });

  test('keeps every picture at its size, and the chat template where transformers looks for it', () => {
    expect(json(join(trl, 'checkpoint/preprocessor_config.json'))).toEqual({ min_pixels: 56 * 28, max_pixels: 56 * 56, patch_size: 14 });
    expect(readFileSync(join(trl, 'checkpoint/chat_template.jinja'), 'utf8')).toBe('TEMPLATE');
  });

  test('says no path of this machine and no name of a case', () => {
    for (const name of filesOf(trl)) expect(readFileSync(join(trl, name), 'latin1')).not.toMatch(/\/somewhere|\/tmp\/|loupe-job/);
    expect(json(join(trl, 'recipe.json')).start).toEqual({ folder: 'checkpoint' });
  });

  test('can leave the weights behind and still knows them', () => {
    const light = join(folder, 'light');
    const { start: begun } = writeJob(light, partsFor('trl', start, policyRecipe('grpo/vlmR1'), false));
    expect(existsSync(join(light, 'checkpoint/model.safetensors'))).toBe(false);
    expect(begun.weights).toBe(false);
    expect(begun.files).toContainEqual(expect.objectContaining({ path: 'model.safetensors', sha256: sha256(join(start, 'model.safetensors')) }));
  });

  test('is not written over another folder, and not in part', () => {
    expect(() => writeJob(trl, partsFor('trl', start))).toThrowError(expect.objectContaining({ code: 'cluster.folder' }));
    const torn = join(folder, 'torn');
    expect(() => writeJob(torn, { ...partsFor('trl', start), templates: join(folder, 'nowhere') })).toThrowError(expect.objectContaining({ code: 'cluster.write' }));
    writeFileSync(join(folder, 'a-file'), '');
    expect(() => writeJob(join(folder, 'a-file', 'below'), partsFor('trl', start))).toThrowError(expect.objectContaining({ code: 'cluster.write' }));
    expect(readdirSync(folder).filter((name) => name.startsWith('torn') || name.endsWith('.part'))).toEqual([]);
  });
});

const python = process.env.LOUPE_PYTHON ?? 'python3';
const hasPython = spawnSync(python, ['-c', 'import sys; sys.exit(sys.version_info < (3, 9))']).status === 0;
describe.skipIf(!hasPython)('the programs of a job (skipped where there is no Python)', () => {
  const job = join(folder, 'checked');
  writeJob(job, partsFor('trl', start));
  const run = (...words: string[]): { status: number | null; text: string } => {
    const { status, stdout, stderr } = spawnSync(python, words, { cwd: job, encoding: 'utf8', env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' } });
    return { status, text: stdout + stderr };
  };

  test('find every file as it was exported, and seal what was made', () => {
    writeResult(job);
    writeFileSync(join(job, 'result/model/optimizer.pt'), 'no pickle is sealed');
    expect(run('loupe_return.py', '6')).toMatchObject({ status: 0, text: expect.stringContaining('sealed') });
    expect(json(join(job, 'result/returned.json'))).toMatchObject({ job: sha256(join(job, 'job.json')), steps: 6, kind: 'checkpoint', files: [{ path: 'config.json' }, { path: 'model.safetensors' }] });
  });

  test('score a batch by the program of the job, and end where nothing can be scored', () => {
    writeFileSync(join(job, 'rewards.mjs'), [
      `import { createInterface } from 'node:readline';`,
      `for await (const line of createInterface({ input: process.stdin })) {`,
      `  const { id, uses, rows } = JSON.parse(line);`,
      `  const fault = { reward: uses[0].name, what: 'What.', why: 'Why.' };`,
      `  console.log(JSON.stringify({ id, results: rows.map(({ completion, target, tokens, finished }) => completion === 'bad' ? { reward: null, scores: [null], faults: [fault] } : { reward: target.value ? 1 : 0, scores: [tokens ?? 7], parts: { finished: Number(finished) } }) }));`,
      `}`,
    ].join('\n'));
    const script = [
      'import json, loupe_rewards as r',
      'print(json.dumps(r.compute_score("loupe", "x", json.dumps({"value": True}), {"width": 3, "height": 4, "question": "q"})))',
      '(f,) = r.reward_functions({9}, 32, 6)',
      'print(f.__name__, f(prompts=None, completions=[[{"role": "assistant", "content": "x"}], "y"], completion_ids=[[1, 9], [1, 2, 3]], question=["q"] * 2, target=["{}"] * 2, width=[1, 1], height=[1, 1]))',
      'try: r.score([{"completion": "bad"}])',
      'except r.RewardError as error: print(error)',
    ].join('\n');
    expect(run('-c', script).text.trim().split('\n').filter((line) => !line.startsWith('loupe:'))).toEqual([
      '{"score": 1, "reward_accuracy": 7}', 'accuracy [2, 3]', 'No row of the batch could be scored: What. Why.',
    ]);
  });

  test('refuse to start from a job that was changed or is not complete', () => {
    appendFileSync(join(job, 'recipe.json'), ' ');
    expect(run('loupe_return.py', '6')).toMatchObject({ status: 1, text: expect.stringContaining('recipe.json is not as it was exported') });
    rmSync(join(job, 'data'), { recursive: true });
    mkdirSync(join(job, 'data'));
    expect(run('loupe_return.py', '6')).toMatchObject({ status: 1, text: expect.stringContaining('data/train.jsonl is missing') });
  });
});
