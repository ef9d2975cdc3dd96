/** Text in DICOM's character sets, among them ISO 2022 with its escape sequences and multi-byte sets. */

/** A coded set as ISO 2022 designates it: `label` is the WHATWG name of an encoding that holds it, `lead` what turns its bytes into that encoding. */
interface CodedSet {
  readonly label: string;
  /** Two bytes a character. */
  readonly wide?: boolean;
  /** How bytes of the set become bytes of the encoding: JIS in G0 lies in EUC-JP with the high bit set, JIS X 0212 behind 0x8F. */
  readonly lead?: 'high' | 'high8F';
}

const ascii: CodedSet = { label: 'ascii' };

/** What stands after ESC, and the set that it designates to G0 or G1. */
const escapes: readonly { readonly sequence: string; readonly half: 0 | 1; readonly set: CodedSet }[] = [
  { sequence: '(B', half: 0, set: ascii },
  { sequence: '(J', half: 0, set: ascii },
  { sequence: ')I', half: 1, set: { label: 'shift_jis' } },
  { sequence: '-A', half: 1, set: { label: 'iso-8859-1' } },
  { sequence: '-B', half: 1, set: { label: 'iso-8859-2' } },
  { sequence: '-C', half: 1, set: { label: 'iso-8859-3' } },
  { sequence: '-D', half: 1, set: { label: 'iso-8859-4' } },
  { sequence: '-L', half: 1, set: { label: 'iso-8859-5' } },
  { sequence: '-G', half: 1, set: { label: 'iso-8859-6' } },
  { sequence: '-F', half: 1, set: { label: 'iso-8859-7' } },
  { sequence: '-H', half: 1, set: { label: 'iso-8859-8' } },
  { sequence: '-M', half: 1, set: { label: 'windows-1254' } },
  { sequence: '-b', half: 1, set: { label: 'iso-8859-15' } },
  { sequence: '-T', half: 1, set: { label: 'windows-874' } },
  { sequence: '$B', half: 0, set: { label: 'euc-jp', wide: true, lead: 'high' } },
  { sequence: '$(D', half: 0, set: { label: 'euc-jp', wide: true, lead: 'high8F' } },
  { sequence: '$)C', half: 1, set: { label: 'euc-kr', wide: true } },
  { sequence: '$)A', half: 1, set: { label: 'gb18030', wide: true } },
];

/** The upper half that a defined term gives to text before any escape. */
const upperHalf: Readonly<Record<string, string>> = {
  '13': 'shift_jis', '100': 'iso-8859-1', '101': 'iso-8859-2', '109': 'iso-8859-3', '110': 'iso-8859-4', '144': 'iso-8859-5',
  '127': 'iso-8859-6', '126': 'iso-8859-7', '138': 'iso-8859-8', '148': 'windows-1254', '203': 'iso-8859-15', '166': 'windows-874',
  '149': 'euc-kr', '58': 'gb18030',
};

/** Sets that fill the whole code space and know no escapes. */
const wholeSpace: Readonly<Record<string, string>> = { 'ISO_IR 192': 'utf-8', GB18030: 'gb18030', GBK: 'gbk' };

type Decoder = InstanceType<typeof TextDecoder>;
const decoders = new Map<string, Decoder>();

function decoder(label: string): Decoder {
  const known = decoders.get(label);
  if (known) return known;
  const made = new TextDecoder(label);
  decoders.set(label, made);
  return made;
}

/** Latin-1 by code point: `TextDecoder` would read 0x80–0x9F as Windows-1252. */
export function latin1(bytes: Uint8Array): string {
  let text = '';
  for (let start = 0; start < bytes.length; start += 8192) text += String.fromCharCode(...bytes.subarray(start, start + 8192));
  return text;
}

/** '100' of 'ISO_IR 100' and of 'ISO 2022 IR 100', spelling slips (ISO IR 100, ISO-IR 100) included. */
const registration = (term: string): string | undefined => /IR[ _-]?(\d+)\s*$/i.exec(term)?.[1];

/**
 * Decodes text whose Specific Character Set (0008,0005) has these values; none means the default repertoire.
 * Bytes that the set does not hold become U+FFFD, bytes above 0x7F in the default repertoire are read as Latin-1.
 */
export function decodeText(bytes: Uint8Array, characterSets: readonly string[], { personName = false } = {}): string {
  const first = characterSets[0]?.trim() ?? '';
  const whole = wholeSpace[first.toUpperCase()];
  if (whole) return decoder(whole).decode(bytes);
  const number = registration(first);
  const initial: CodedSet = { label: (number && upperHalf[number]) ?? 'iso-8859-1' };
  if (number === '192') return decoder('utf-8').decode(bytes);
  if (!bytes.includes(0x1b)) return decodeRun(bytes, initial);

  let text = '';
  let lower: CodedSet = ascii;
  let upper: CodedSet = initial;
  let start = 0;
  let at = 0;
  const flush = (): void => {
    if (at > start) text += decodeRun(bytes.subarray(start, at), lower.wide ? lower : upper);
    start = at;
  };
  while (at < bytes.length) {
    const byte = bytes[at] as number;
    if (byte === 0x1b) {
      const found = escapes.find(({ sequence }) => [...sequence].every((c, i) => bytes[at + 1 + i] === c.charCodeAt(0)));
      flush();
      if (found) {
        if (found.half === 0) lower = found.set;
        else upper = found.set;
        at += 1 + found.sequence.length;
        start = at;
      } else {
        at += 1;
      }
    } else if (lower.wide && byte > 0x20) {
      at += 2;
    } else if (isDelimiter(byte) || (personName && (byte === 0x5e || byte === 0x3d))) {
      // Each value, name component group and line begins again in the initial sets (PS3.5, 6.1.2.5.3).
      flush();
      lower = ascii;
      upper = initial;
      at += 1;
    } else {
      at += 1;
    }
  }
  at = Math.min(at, bytes.length);
  flush();
  return text;
}

/** Backslash, tab, line feed, form feed, carriage return; ^ and = part a person's name besides. */
const isDelimiter = (byte: number): boolean => byte === 0x5c || byte === 0x09 || byte === 0x0a || byte === 0x0c || byte === 0x0d;

/** A run of bytes under one designation. */
function decodeRun(bytes: Uint8Array, set: CodedSet): string {
  if (!set.lead) return set.label === 'iso-8859-1' || set.label === 'ascii' ? latin1(bytes) : decoder(set.label).decode(bytes);
  const shifted: number[] = [];
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number;
    if (byte <= 0x20 || i + 1 >= bytes.length) {
      shifted.push(byte);
      continue;
    }
    if (set.lead === 'high8F') shifted.push(0x8f);
    shifted.push(byte | 0x80, (bytes[++i] as number) | 0x80);
  }
  return decoder(set.label).decode(Uint8Array.from(shifted));
}
