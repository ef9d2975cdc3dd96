/** Codes of what is seen and where, from published terminologies: only terms of this table are stored, each under its own meaning. */
export interface Code {
  /** SCT: SNOMED CT. */
  readonly scheme: 'SCT';
  readonly value: string;
  readonly meaning: string;
}

const sct = (value: string, meaning: string): Code => ({ scheme: 'SCT', value, meaning });

export const codes: readonly Code[] = [
  sct('39607008', 'Lung structure'), sct('3341006', 'Right lung structure'), sct('44029006', 'Left lung structure'), sct('80891009', 'Heart structure'), sct('10200004', 'Liver structure'),
  sct('12738006', 'Brain structure'), sct('64033007', 'Kidney structure'), sct('76752008', 'Breast structure'), sct('39937001', 'Skin structure'), sct('5665001', 'Retinal structure'), sct('51185008', 'Thoracic structure'),
  sct('233604007', 'Pneumonia'), sct('60046008', 'Pleural effusion'), sct('36118008', 'Pneumothorax'), sct('8186001', 'Cardiomegaly'), sct('4147007', 'Mass'), sct('27925004', 'Nodule'), sct('108369006', 'Neoplasm'),
  sct('4855003', 'Retinopathy due to diabetes mellitus'), sct('24028007', 'Right'), sct('7771000', 'Left'), sct('51440002', 'Right and left'), sct('17621005', 'Normal'), sct('263654008', 'Abnormal'), sct('52101004', 'Present'), sct('2667000', 'Absent'),
];

/** The table's own entry; undefined where the code is not in it, or stands there with another meaning. */
export const findCode = ({ scheme, value, meaning }: { readonly scheme: string; readonly value: string; readonly meaning: string }): Code | undefined =>
  codes.find((code) => code.scheme === scheme && code.value === value && code.meaning === meaning);
