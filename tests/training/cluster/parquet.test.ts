import { createHash } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { encodeParquet, type Columns } from '#training/cluster/parquet.ts';

const columns = {
  name: 'text', talk: { list: { record: { role: 'text', content: 'text' } } }, images: { list: { record: { bytes: 'bytes' } } }, right: 'boolean',
  about: { record: { index: 'int64', share: 'double', note: 'text' } },
} as const satisfies Columns;
const rows = Array.from({ length: 300 }, (_, i) => ({
  name: `lö${i}`, talk: Array.from({ length: i % 3 }, (_, k) => ({ role: 'user', content: `c${i}.${k}` })), images: [{ bytes: Uint8Array.of(1, 2, i & 255) }], right: i % 2 === 0,
  about: { index: i * 1e10, share: i / 7, note: '' },
}));

describe('a parquet file', () => {
  test('has the bytes that another reader has read back value by value', () => {
    expect(createHash('sha256').update(encodeParquet(columns, rows)).digest('hex')).toMatchInlineSnapshot(`"adb348861e6dff17a09f02e548eee1103cd1f14a0b404a490f552872aa4ccb18"`);
  });

  test('opens and closes with its mark, and says how long its metadata is', () => {
    const bytes = encodeParquet(columns, []);
    const text = new TextDecoder('latin1').decode(bytes);
    expect([text.slice(0, 4), text.slice(-4)]).toEqual(['PAR1', 'PAR1']);
    const length = new DataView(bytes.buffer).getUint32(bytes.length - 8, true);
    expect(length).toBeGreaterThan(100);
    expect(length).toBeLessThan(bytes.length - 12);
  });

  test.each([
    [{ n: 'int64' }, { n: 1.5 }], [{ n: 'int64' }, { n: 2 ** 60 }], [{ n: 'text' }, { n: null }], [{ n: 'bytes' }, { n: 'x' }], [{ n: { list: 'text' } }, { n: 'x' }],
    [{ n: { record: { a: 'text' } } }, { n: {} }], [{ n: 'boolean' }, { n: 1 }], [{ n: 'double' }, {}],
  ] as [Columns, Record<string, unknown>][])('refuses a value of another type: %j %j', (types, row) => {
    expect(() => encodeParquet(types, [row])).toThrowError(expect.objectContaining({ code: 'parquet.value' }));
  });

  const python = process.env.LOUPE_PYTHON ?? 'python3';
  const hasReader = spawnSync(python, ['-c', 'import pyarrow.parquet']).status === 0;
  test.skipIf(!hasReader)('is read back by pyarrow (skipped where Python has none)', () => {
    const folder = mkdtempSync(join(tmpdir(), 'loupe-parquet-'));
    writeFileSync(join(folder, 'x.parquet'), encodeParquet(columns, rows));
    const script = 'import sys, json, pyarrow.parquet as p; print(json.dumps([{**r, "images": [list(i["bytes"]) for i in r["images"]]} for r in p.read_table(sys.argv[1]).to_pylist()]))';
    const { stdout } = spawnSync(python, ['-c', script, join(folder, 'x.parquet')], { encoding: 'utf8', maxBuffer: 1 << 26 });
    rmSync(folder, { recursive: true });
    expect(JSON.parse(stdout)).toEqual(rows.map((row) => ({ ...row, images: row.images.map(({ bytes }) => [...bytes]) })));
  });
});
