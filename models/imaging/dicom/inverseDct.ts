/** The 8 × 8 inverse cosine transform of JPEG in integers: the factorisation of Loeffler, Ligtenberg and Moschytz with 13-bit constants. */

const fraction = 13;
const fixed = (x: number): number => Math.round(x * (1 << fraction));

// Sums and differences of √2·cos(kπ/16), named by what they multiply in the even and odd halves.
const c0298 = fixed(0.298631336);
const c0390 = fixed(0.390180644);
const c0541 = fixed(0.541196100);
const c0765 = fixed(0.765366865);
const c0899 = fixed(0.899976223);
const c1175 = fixed(1.175875602);
const c1501 = fixed(1.501321110);
const c1847 = fixed(1.847759065);
const c1961 = fixed(1.961570560);
const c2053 = fixed(2.053119869);
const c2562 = fixed(2.562915447);
const c3072 = fixed(3.072711026);

const work = new Int32Array(64);

/**
 * Transforms dequantised coefficients (natural order) and writes 8 rows of samples, levels shifted and clamped to `maximum`.
 * `extraBits` more bits are kept between the passes: 2 for 8-bit samples, 1 for 12-bit ones, so that 32 bits suffice.
 */
export function inverseDct(
  coefficients: Int32Array, out: Uint8Array | Uint16Array, offset: number, stride: number, { maximum, extraBits }: { maximum: number; extraBits: number },
): void {
  const centre = (maximum + 1) >> 1;
  const firstShift = fraction - extraBits;
  const firstRound = 1 << (firstShift - 1);
  for (let x = 0; x < 8; x++) {
    const s0 = coefficients[x]!, s1 = coefficients[x + 8]!, s2 = coefficients[x + 16]!, s3 = coefficients[x + 24]!;
    const s4 = coefficients[x + 32]!, s5 = coefficients[x + 40]!, s6 = coefficients[x + 48]!, s7 = coefficients[x + 56]!;
    if ((s1 | s2 | s3 | s4 | s5 | s6 | s7) === 0) {
      const level = s0 << extraBits;
      for (let y = x; y < 64; y += 8) work[y] = level;
      continue;
    }
    const turn = Math.imul(s2 + s6, c0541);
    const e2 = turn - Math.imul(s6, c1847);
    const e3 = turn + Math.imul(s2, c0765);
    const e0 = (s0 + s4) << fraction;
    const e1 = (s0 - s4) << fraction;
    const t0 = e0 + e3 + firstRound, t3 = e0 - e3 + firstRound, t1 = e1 + e2 + firstRound, t2 = e1 - e2 + firstRound;

    const z5 = Math.imul(s7 + s3 + s5 + s1, c1175);
    const z1 = -Math.imul(s7 + s1, c0899);
    const z2 = -Math.imul(s5 + s3, c2562);
    const z3 = z5 - Math.imul(s7 + s3, c1961);
    const z4 = z5 - Math.imul(s5 + s1, c0390);
    const o0 = Math.imul(s7, c0298) + z1 + z3;
    const o1 = Math.imul(s5, c2053) + z2 + z4;
    const o2 = Math.imul(s3, c3072) + z2 + z3;
    const o3 = Math.imul(s1, c1501) + z1 + z4;

    work[x] = (t0 + o3) >> firstShift;
    work[x + 56] = (t0 - o3) >> firstShift;
    work[x + 8] = (t1 + o2) >> firstShift;
    work[x + 48] = (t1 - o2) >> firstShift;
    work[x + 16] = (t2 + o1) >> firstShift;
    work[x + 40] = (t2 - o1) >> firstShift;
    work[x + 24] = (t3 + o0) >> firstShift;
    work[x + 32] = (t3 - o0) >> firstShift;
  }

  const shift = fraction + extraBits + 3;
  const round = (1 << (shift - 1)) + (centre << shift);
  for (let y = 0, row = offset; y < 64; y += 8, row += stride) {
    const s0 = work[y]!, s1 = work[y + 1]!, s2 = work[y + 2]!, s3 = work[y + 3]!;
    const s4 = work[y + 4]!, s5 = work[y + 5]!, s6 = work[y + 6]!, s7 = work[y + 7]!;
    const turn = Math.imul(s2 + s6, c0541);
    const e2 = turn - Math.imul(s6, c1847);
    const e3 = turn + Math.imul(s2, c0765);
    const e0 = (s0 + s4) << fraction;
    const e1 = (s0 - s4) << fraction;
    const t0 = e0 + e3 + round, t3 = e0 - e3 + round, t1 = e1 + e2 + round, t2 = e1 - e2 + round;

    const z5 = Math.imul(s7 + s3 + s5 + s1, c1175);
    const z1 = -Math.imul(s7 + s1, c0899);
    const z2 = -Math.imul(s5 + s3, c2562);
    const z3 = z5 - Math.imul(s7 + s3, c1961);
    const z4 = z5 - Math.imul(s5 + s1, c0390);
    const o0 = Math.imul(s7, c0298) + z1 + z3;
    const o1 = Math.imul(s5, c2053) + z2 + z4;
    const o2 = Math.imul(s3, c3072) + z2 + z3;
    const o3 = Math.imul(s1, c1501) + z1 + z4;

    // Sums may pass 32 bits where a stream is hostile; the shift brings them back, and the clamp into range.
    out[row] = clampTo((t0 + o3) >> shift, maximum);
    out[row + 7] = clampTo((t0 - o3) >> shift, maximum);
    out[row + 1] = clampTo((t1 + o2) >> shift, maximum);
    out[row + 6] = clampTo((t1 - o2) >> shift, maximum);
    out[row + 2] = clampTo((t2 + o1) >> shift, maximum);
    out[row + 5] = clampTo((t2 - o1) >> shift, maximum);
    out[row + 3] = clampTo((t3 + o0) >> shift, maximum);
    out[row + 4] = clampTo((t3 - o0) >> shift, maximum);
  }
}

const clampTo = (value: number, maximum: number): number => (value < 0 ? 0 : value > maximum ? maximum : value);
