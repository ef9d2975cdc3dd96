/** Between float32 and its two 16-bit forms: IEEE half (F16) and the upper half of a float32 (BF16). Rounding is to the nearest, ties to even. */

/** The float32 bits of each of the 65,536 halves; made on first use. */
let table: Uint32Array | undefined;

function halfTable(): Uint32Array {
  if (table) return table;
  table = new Uint32Array(65536);
  for (let half = 0; half < 65536; half++) table[half] = bitsOfHalf(half);
  return table;
}

function bitsOfHalf(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >>> 10) & 31;
  const fraction = half & 1023;
  if (exponent === 31) return (sign | 0x7f800000 | (fraction << 13)) >>> 0;
  if (exponent !== 0) return (sign | ((exponent + 112) << 23) | (fraction << 13)) >>> 0;
  if (fraction === 0) return sign >>> 0;
  const shift = Math.clz32(fraction) - 21;
  return (sign | ((113 - shift) << 23) | (((fraction << shift) & 1023) << 13)) >>> 0;
}

/** Writes the float32 value of each half into `target`, from `at` on. */
export function widenHalves(source: Uint16Array, target: Float32Array, at = 0): void {
  const bits = new Uint32Array(target.buffer, target.byteOffset, target.length);
  const wide = halfTable();
  for (let i = 0; i < source.length; i++) bits[at + i] = wide[source[i] as number] as number;
}

/** Writes the float32 value of each bfloat16 into `target`, from `at` on. */
export function widenBrains(source: Uint16Array, target: Float32Array, at = 0): void {
  const bits = new Uint32Array(target.buffer, target.byteOffset, target.length);
  for (let i = 0; i < source.length; i++) bits[at + i] = (source[i] as number) << 16;
}

/** The nearest half of each value. A finite value of 65,520 or more becomes an infinity, as IEEE 754 says; NaN stays NaN. */
export function toHalves(source: Float32Array): Uint16Array {
  const bits = new Uint32Array(source.buffer, source.byteOffset, source.length);
  const result = new Uint16Array(source.length);
  for (let i = 0; i < source.length; i++) result[i] = halfOfBits(bits[i] as number);
  return result;
}

function halfOfBits(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const rest = bits & 0x7fffffff;
  if (rest > 0x7f800000) return sign | 0x7e00;
  if (rest >= 0x477ff000) return sign | 0x7c00;
  if (rest >= 0x38800000) return sign | ((rest - 0x38000000 + 0xfff + ((rest >>> 13) & 1)) >>> 13);
  // Below 2^-14 the result counts steps of 2^-24; a value of half a step or less is zero.
  if (rest <= 0x33000000) return sign;
  const shift = 126 - (rest >>> 23);
  const fraction = (rest & 0x7fffff) | 0x800000;
  const kept = fraction >>> shift;
  const lost = fraction & ((1 << shift) - 1);
  const middle = 1 << (shift - 1);
  return sign | (kept + (lost > middle || (lost === middle && (kept & 1) === 1) ? 1 : 0));
}

/** The nearest bfloat16 of each value; NaN stays NaN. */
export function toBrains(source: Float32Array): Uint16Array {
  const bits = new Uint32Array(source.buffer, source.byteOffset, source.length);
  const result = new Uint16Array(source.length);
  for (let i = 0; i < source.length; i++) {
    const b = bits[i] as number;
    const isNaN = (b & 0x7fffffff) > 0x7f800000;
    result[i] = isNaN ? (b >>> 16) | 0x40 : (b + 0x7fff + ((b >>> 16) & 1)) >>> 16;
  }
  return result;
}
