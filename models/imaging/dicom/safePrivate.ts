/** Private elements that hold measures of the machine and name nobody: a part of PS3.15, Table E.3.10-1, what diffusion, uptake and speed are computed from. */

/** Group, private creator, the element's low bytes; each a number, a code word or a count. */
const table: readonly (readonly [group: string, creator: string, elements: readonly string[]])[] = [
  ['7053', 'Philips PET Private Group', ['00', '09']],
  ['00e1', 'ELSCINT1', ['21', '50']],
  ['01e1', 'ELSCINT1', ['26']],
  ['01f1', 'ELSCINT1', ['01', '07', '26', '27']],
  ['0019', 'GEMS_ACQU_01', ['23', '24', '27']],
  ['0043', 'GEMS_PARM_01', ['27', '39']],
  ['0045', 'GEMS_HELIOS_01', ['01', '02']],
  ['0025', 'GEMS_SERS_01', ['07']],
  ['2001', 'Philips Imaging DD 001', ['03', '04']],
  ['2005', 'Philips MR Imaging DD 001', ['0d', '0e', 'b0', 'b1', 'b2']],
  ['0019', 'SIEMENS MR HEADER', ['0a', '0b', '0c', '0d', '0e', '27', '28', '29']],
];

const known = new Set(table.flatMap(([group, creator, elements]) => elements.map((element) => `${group} ${creator.toLowerCase()} ${element}`)));

/** Whether the private element (`x0019100c` under `SIEMENS MR HEADER`) is on the list. */
export const isSafePrivate = (tag: string, creator: string): boolean => known.has(`${tag.slice(1, 5)} ${creator.trim().toLowerCase()} ${tag.slice(7)}`);
