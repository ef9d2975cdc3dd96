import { readFileSync, readdirSync } from 'node:fs';
import { zlibSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import { decodePicture, encodePng } from '#models/imaging/picture.ts';
import { Random } from '#models/base/random.ts';
import { expectations, faultCode, fixture, pattern, sha256, sharedPath } from '#tests/support/pictures.ts';

describe('decoding equals the libraries that made the fixtures', () => {
  for (const [name, expected] of Object.entries(expectations.files)) {
    test(name, async () => {
      const { width, height, data } = await decodePicture(fixture(name), name);
      expect({ width, height, sha256: sha256(data) }).toEqual({ width: expected.width, height: expected.height, sha256: expected.sha256 });
    });
  }
});

describe('what is not decoded is refused in words', () => {
  const check = async (bytes: Uint8Array, code: string): Promise<void> => expect(await faultCode(() => decodePicture(bytes))).toBe(code);

  test('an empty file', () => check(new Uint8Array(0), 'picture.kind'));
  test('a text', () => check(new TextEncoder().encode('not a picture at all'), 'picture.kind'));
  test('printing inks', () => check(fixture('inks.jpg'), 'picture.unsupported'));
  test('floating point', () => check(fixture('float.tif'), 'picture.unsupported'));
  test('Zstandard', () => check(fixture('zstd.tif'), 'picture.unsupported'));
  test('WebP', () => check(fixture('webp.tif'), 'picture.unsupported'));

  test('the fault opens with the name that the caller gave', async () => {
    await expect(decodePicture(fixture('inks.jpg'), 'hand.jpg')).rejects.toMatchObject({ what: 'hand.jpg cannot be decoded.' });
  });
});

describe('PNG', () => {
  test('what is encoded is decoded to the same pixels', async () => {
    for (const [width, height] of [[1, 1], [7, 3], [61, 47], [3, 400]] as const) {
      const picture = pattern(width, height);
      expect(await decodePicture(encodePng(picture))).toEqual(picture);
    }
  });

  test('an all-grey picture is written as grey and comes back the same', async () => {
    const grey = { width: 16, height: 16, data: Uint8Array.from({ length: 768 }, (_, i) => Math.floor(i / 3)) };
    const bytes = encodePng(grey);
    expect(bytes[25]).toBe(0);
    expect(await decodePicture(bytes)).toEqual(grey);
  });

  test('the interlaced form gives the same pixels', async () => {
    // Seven passes, each row unfiltered.
    const picture = pattern(13, 9);
    const raw: number[] = [];
    for (const [x0, y0, dx, dy] of [[0, 0, 8, 8], [4, 0, 8, 8], [0, 4, 4, 8], [2, 0, 4, 4], [0, 2, 2, 4], [1, 0, 2, 2], [0, 1, 1, 2]] as const) {
      for (let y = y0; y < 9; y += dy) {
        if (x0 < 13) raw.push(0);
        for (let x = x0; x < 13; x += dx) raw.push(...picture.data.subarray((y * 13 + x) * 3, (y * 13 + x) * 3 + 3));
      }
    }
    expect(await decodePicture(png({ width: 13, height: 9, interlace: 1, data: zlibSync(Uint8Array.from(raw)) }))).toEqual(picture);
  });

  test('a transparent colour and a transparent palette entry lie over black', async () => {
    const colour = png({ width: 2, height: 1, data: zlibSync(Uint8Array.from([0, 9, 8, 7, 1, 2, 3])), before: [['tRNS', [0, 9, 0, 8, 0, 7]]] });
    expect([...(await decodePicture(colour)).data]).toEqual([0, 0, 0, 1, 2, 3]);
    const palette = png({
      width: 2,
      height: 1,
      depth: 1,
      colour: 3,
      before: [['PLTE', [200, 100, 50, 10, 20, 30]], ['tRNS', [128]]],
      data: zlibSync(Uint8Array.from([0, 0b01000000])),
    });
    expect([...(await decodePicture(palette)).data]).toEqual([100, 50, 25, 10, 20, 30]);
  });

  test('a wrong check sum is found out', async () => {
    const bytes = fixture('rgb.png').slice();
    bytes[60]! ^= 1;
    expect(await faultCode(() => decodePicture(bytes))).toBe('picture.damaged');
  });

  const zeros = zlibSync(new Uint8Array(50_000_000));

  test('a small file that would unpack to fifty megabytes stops after its only row', async () => {
    const bomb = png({ width: 2, height: 1, data: zeros });
    const before = process.memoryUsage().arrayBuffers;
    const { data } = await decodePicture(bomb);
    expect([...data]).toEqual([0, 0, 0, 0, 0, 0]);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(100e6);
  });

  test('a header that asks for two billion pixels a side is refused before anything is allocated', async () => {
    expect(await faultCode(() => decodePicture(png({ width: 2 ** 31 - 1, height: 2 ** 31 - 1, data: zeros })))).toBe('picture.size');
    expect(await faultCode(() => decodePicture(png({ width: 100_000, height: 1001, data: zeros })))).toBe('picture.size');
  });

  test('a header of impossible depth or colour is refused', async () => {
    expect(await faultCode(() => decodePicture(png({ width: 2, height: 2, depth: 3, data: zeros.subarray(0, 99) })))).toBe('picture.damaged');
    expect(await faultCode(() => decodePicture(png({ width: 2, height: 2, colour: 5, data: zeros.subarray(0, 99) })))).toBe('picture.damaged');
  });
});

describe('JPEG', () => {
  test('a header that asks for more than a hundred megapixels is refused before the decoder sees it', async () => {
    const bytes = fixture('rgb.jpg').slice();
    const frame = bytes.findIndex((byte, i) => byte === 0xff && bytes[i + 1] === 0xc0);
    bytes.set([0xff, 0xff, 0xff, 0xff], frame + 5);
    expect(await faultCode(() => decodePicture(bytes))).toBe('picture.size');
  });

  test('a header that asks for more pixels than its bytes could ever hold is refused before the decoder sees it', async () => {
    for (const [name, marker] of [['rgb.jpg', 0xc0], ['progressive.jpg', 0xc2]] as const) {
      const bytes = fixture(name).slice();
      const frame = bytes.findIndex((byte, i) => byte === 0xff && bytes[i + 1] === marker);
      bytes.set([0x17, 0x70, 0x17, 0x70], frame + 5);
      expect(await faultCode(() => decodePicture(bytes))).toBe('picture.truncated');
    }
  });

  test('a progressive picture of thousands of scans is refused before the decoder sees it', async () => {
    const bytes = fixture('progressive.jpg').slice();
    const frame = bytes.findIndex((byte, i) => byte === 0xff && bytes[i + 1] === 0xc2);
    bytes.set([0x17, 0x70, 0x17, 0x70], frame + 5);
    const scan = bytes.findIndex((byte, i) => byte === 0xff && bytes[i + 1] === 0xda);
    const scans = bytes.subarray(scan, bytes.length - 2);
    const bomb = new Uint8Array(scan + scans.length * 500 + 2);
    bomb.set(bytes.subarray(0, scan));
    for (let i = 0; i < 500; i++) bomb.set(scans, scan + i * scans.length);
    expect(await faultCode(() => decodePicture(bomb))).toBe('picture.size');
  });

  test('two pictures decoded at once do not disturb each other', async () => {
    const [a, b] = await Promise.all([decodePicture(fixture('rgb.jpg')), decodePicture(fixture('full.jpg'))]);
    expect([sha256(a.data), sha256(b.data)]).toEqual([expectations.files['rgb.jpg']!.sha256, expectations.files['full.jpg']!.sha256]);
  });

  test('after a damaged picture the next one is decoded as ever', async () => {
    expect(await faultCode(() => decodePicture(fixture('rgb.jpg').subarray(0, 800)))).toBe('picture.truncated');
    expect(sha256((await decodePicture(fixture('rgb.jpg'))).data)).toBe(expectations.files['rgb.jpg']!.sha256);
  });
});

describe('hostile files end in a fault or a picture, never in a crash', () => {
  const names = readdirSync('tests/fixtures/imaging').filter((name) => /\.(png|jpg|tif)$/.test(name));

  for (const name of names) {
    test(`${name}, cut at twenty places`, async () => {
      const bytes = fixture(name);
      for (let i = 0; i < 20; i++) {
        const code = await faultCode(() => decodePicture(bytes.subarray(0, Math.floor((bytes.length * i) / 20))));
        expect(code).toMatch(/^(picture\.\w+|none)$/);
        if (!name.endsWith('.tif')) expect(code).not.toBe('none');
      }
    });

    test(`${name}, with one to eight flipped bits, thirty times`, async () => {
      const random = Random.named(1, name);
      const whole = fixture(name);
      for (let i = 0; i < 30; i++) {
        const bytes = whole.slice();
        for (let k = random.below(8); k >= 0; k--) bytes[random.below(bytes.length)]! ^= 1 << random.below(8);
        expect(await faultCode(() => decodePicture(bytes))).toMatch(/^(picture\.\w+|none)$/);
      }
    });
  }
});

describe('against the shared pictures', () => {
  const folder = sharedPath('parity');
  test.skipIf(!folder)(`a grey-looking PNG decodes${folder ? '' : ' (skipped: the shared data are absent)'}`, async () => {
    const { width, height } = await decodePicture(new Uint8Array(readFileSync(`${folder}/qwen2_vl-a/image.png`)));
    expect([width, height]).toEqual([150, 97]);
  });
});

interface PngParts {
  readonly width: number;
  readonly height: number;
  readonly depth?: number;
  readonly colour?: number;
  readonly interlace?: number;
  readonly data: Uint8Array;
  readonly before?: readonly (readonly [type: string, body: readonly number[]])[];
}

/** A PNG put together by hand, with right check sums. */
function png({ width, height, depth = 8, colour = 2, interlace = 0, data, before = [] }: PngParts): Uint8Array {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([depth, colour, 0, 0, interlace], 8);
  const extra = before.map(([type, body]) => [type, Uint8Array.from(body)] as const);
  const chunks = [['IHDR', header], ...extra, ['IDAT', data], ['IEND', new Uint8Array(0)]] as const;
  return new Uint8Array(Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    ...chunks.map(([type, body]) => {
      const typed = Buffer.concat([Buffer.from(type, 'latin1'), body as Uint8Array]);
      const frame = Buffer.alloc(typed.length + 8);
      frame.writeUInt32BE(typed.length - 4, 0);
      frame.set(typed, 4);
      frame.writeUInt32BE(crc32(typed), typed.length + 4);
      return frame;
    }),
  ]));
}

function crc32(bytes: Uint8Array): number {
  let c = 0xffffffff;
  for (const byte of bytes) {
    c ^= byte;
    for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  }
  return (c ^ 0xffffffff) >>> 0;
}
